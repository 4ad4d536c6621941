//! How a host is to be.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use crate::console::{Console, ConsoleLine};
use crate::handler::HandlerCommand;
use crate::keys::AskForKeys;
use crate::strict::Conduct;

/// Where orchestrations are kept.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum StateLocation {
    /// In a temporary folder that goes when the host does.
    #[default]
    Temporary,
    /// In memory.
    Memory,
    /// In this folder, for the next run to find.
    Folder(PathBuf),
}

impl StateLocation {
    /// The folder that is there for the next run, if there is one.
    pub(super) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder(folder) => Some(folder),
            Self::Temporary | Self::Memory => None,
        }
    }
}

/// Where to listen.
#[derive(Clone, Copy, Debug)]
pub(super) enum Port {
    Given(u16),
    /// `Host.LocalHttpPort` of local.settings.json, and this one without it.
    OfSettings(u16),
}

/// How to start a [`LocalHost`](crate::LocalHost).
#[derive(Debug)]
pub struct LocalHostBuilder {
    pub(super) app: PathBuf,
    pub(super) address: IpAddr,
    pub(super) port: Port,
    pub(super) allowed_hosts: Vec<String>,
    pub(super) state: StateLocation,
    pub(super) handler: Option<HandlerCommand>,
    pub(super) console: Console,
    pub(super) manual_time: bool,
    pub(super) keys: AskForKeys,
    pub(super) conduct: Conduct,
}

impl LocalHostBuilder {
    pub(super) fn new() -> Self {
        Self {
            app: PathBuf::from("."),
            address: Ipv4Addr::LOCALHOST.into(),
            port: Port::Given(0),
            allowed_hosts: Vec::new(),
            state: StateLocation::default(),
            handler: None,
            console: Console::log(),
            manual_time: false,
            keys: AskForKeys::default(),
            conduct: Conduct::default(),
        }
    }

    /// Folder with host.json.
    #[must_use]
    pub fn app(mut self, folder: impl Into<PathBuf>) -> Self {
        self.app = folder.into();
        self
    }

    /// Port to listen on; 0 takes a free one.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = Port::Given(port);
        self
    }

    /// The port of local.settings.json, and this one when it names none.
    #[must_use]
    pub(crate) fn port_of_settings(mut self, otherwise: u16) -> Self {
        self.port = Port::OfSettings(otherwise);
        self
    }

    /// Address to listen on; 127.0.0.1 unless it is called. Without [`enable_auth`](Self::enable_auth)
    /// no key is asked for: whoever reaches another address can read, start and change everything.
    #[must_use]
    pub fn bind(mut self, address: IpAddr) -> Self {
        self.address = address;
        self
    }

    /// Asks callers for keys as the real host does: `?code=KEY` or the header `x-functions-key`.
    /// Functions ask for what their `authLevel` says, the management API and the dashboard for the
    /// key of the extension. The keys are made when the host starts and shown on the console;
    /// with [`StateLocation::Folder`] the folder keeps them in `keys.json`.
    #[must_use]
    pub fn enable_auth(mut self) -> Self {
        if matches!(self.keys, AskForKeys::No) {
            self.keys = AskForKeys::Yes(None);
        }
        self
    }

    /// [`enable_auth`](Self::enable_auth) with this master key, which opens everything.
    #[must_use]
    pub fn master_key(mut self, key: impl Into<String>) -> Self {
        self.keys = AskForKeys::Yes(Some(key.into()));
        self
    }

    /// Does exactly what the real host does where this one is kinder: empty answers hang, a lost
    /// connection fails the orchestration for good, the third crash of the handler stops the host.
    /// See `docs/local-host.md` for all of it.
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.conduct = Conduct::Strict;
        self
    }

    /// Answers to requests for this host name too, such as that of a tunnel or proxy. Without it
    /// only `localhost`, names below it and IP addresses may stand in `Host`, so that a web page
    /// can't reach the host under a name of its own (DNS rebinding).
    #[must_use]
    pub fn allow_host(mut self, name: impl Into<String>) -> Self {
        self.allowed_hosts.push(name.into());
        self
    }

    /// Where orchestrations are kept.
    #[must_use]
    pub fn state(mut self, state: StateLocation) -> Self {
        self.state = state;
        self
    }

    /// Keeps orchestrations in memory: the short form of [`state`](Self::state) for tests.
    #[must_use]
    pub fn memory(self) -> Self {
        self.state(StateLocation::Memory)
    }

    /// The handler to start: a program, or a whole command. Otherwise it is the one that host.json
    /// names. In a test of an app written in Rust it is `env!("CARGO_BIN_EXE_name")`.
    #[must_use]
    pub fn handler(mut self, command: impl Into<HandlerCommand>) -> Self {
        self.handler = Some(command.into());
        self
    }

    /// Takes the lines for the developer; otherwise they go to the log.
    #[must_use]
    pub fn console(mut self, sink: impl Fn(ConsoleLine) + Send + Sync + 'static) -> Self {
        self.console = Console::new(sink);
        self
    }

    pub(crate) fn console_to(mut self, console: Console) -> Self {
        self.console = console;
        self
    }

    /// Lets time stand still until it is moved with [`LocalHost::advance`](crate::LocalHost::advance), so that a test need not
    /// wait for timers. Time begins with the machine's. Activities and the handler run in real time.
    #[must_use]
    pub fn manual_time(mut self) -> Self {
        self.manual_time = true;
        self
    }
}

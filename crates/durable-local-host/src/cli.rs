//! The command line.

use std::io::IsTerminal;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::ExitCode;

use crate::console::{Console, Form, Options, Writer};
use crate::display::Paint;
use crate::error::Error;
use crate::handler::HandlerCommand;
use crate::local_host::{LocalHost, StateLocation};
use crate::signals::StopSignals;

/// The port of `func start`.
const DEFAULT_PORT: u16 = 7071;

/// In which form the host prints what happens.
#[derive(clap::ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogForm {
    /// Lines for people
    #[default]
    Text,
    /// One JSON object a line, everything on standard output
    Json,
}

/// How to start the host.
#[derive(clap::Args, Debug, Clone)]
#[non_exhaustive]
pub struct StartArgs {
    /// Port to listen on [default: Host.LocalHttpPort of local.settings.json, or 7071]
    #[arg(long, value_name = "N")]
    pub port: Option<u16>,
    /// Address to listen on; whoever reaches another one than this machine's own can do everything
    #[arg(long, value_name = "ADDRESS", default_value_t = Ipv4Addr::LOCALHOST.into())]
    pub bind: IpAddr,
    /// Host name to answer to besides localhost and addresses, such as that of a tunnel (repeatable)
    #[arg(long, value_name = "NAME")]
    pub allow_host: Vec<String>,
    /// Folder of the function app, with its host.json [default: the current directory]
    #[arg(long, value_name = "DIR")]
    pub app: Option<PathBuf>,
    /// Folder to keep orchestrations in; without it they go when the host ends
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Keep orchestrations in memory only
    #[arg(long, conflicts_with = "state")]
    pub memory: bool,
    /// Say more: requests to the management API, and what each turn asks for
    #[arg(long)]
    pub verbose: bool,
    /// In which form to print what happens
    #[arg(long, value_enum, value_name = "FORM", default_value = "text")]
    pub log: LogForm,
    /// Whether to use colours; `auto` does on a terminal unless NO_COLOR is set
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    pub color: clap::ColorChoice,
    /// Ask for keys as on Azure; they are shown at the start, and stay the same with --state
    #[arg(long)]
    pub enable_auth: bool,
    /// Punish what the real host punishes: hangs, altered values and lasting failures included
    #[arg(long)]
    pub strict: bool,
    /// The master key, instead of one made at the start; better in the environment, since other users of
    /// this machine can see the arguments of a command [env: DURABLE_LOCAL_HOST_MASTER_KEY]
    #[arg(long, value_name = "KEY", requires = "enable_auth")]
    pub master_key: Option<String>,
}

impl Default for StartArgs {
    fn default() -> Self {
        Self {
            port: None,
            bind: Ipv4Addr::LOCALHOST.into(),
            allow_host: Vec::new(),
            app: None,
            state: None,
            memory: false,
            verbose: false,
            log: LogForm::default(),
            color: clap::ColorChoice::Auto,
            enable_auth: false,
            strict: false,
            master_key: None,
        }
    }
}

impl StartArgs {
    fn console(&self) -> Options {
        let form = match self.log {
            LogForm::Json => Form::Json,
            LogForm::Text => Form::Text(
                Paint::standard_output(self.color),
                Paint::standard_error(self.color),
            ),
        };
        Options {
            form,
            begins: self.verbose,
            summarise: self.log == LogForm::Text
                && !self.verbose
                && std::io::stdout().is_terminal(),
        }
    }
}

/// Runs the host until it is stopped with Ctrl-C, SIGTERM or the end of its terminal. `handler` is the program to start;
/// without one it is what host.json names. Errors are printed for people.
pub fn run(args: StartArgs, handler: Option<HandlerCommand>) -> ExitCode {
    start_log();
    let writing = match Writer::start(args.console()) {
        Ok(writing) => writing,
        Err(source) => {
            tracing::error!("the console could not be started: {source}");
            return ExitCode::FAILURE;
        }
    };
    let console = Console::writer(writing.writer(), args.verbose);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run_until_stopped(args, handler, &console)),
        Err(cause) => Err(Error::System {
            what: "the runtime could not be started",
            cause,
        }),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console.fatal(error.to_string());
            ExitCode::FAILURE
        }
    }
}

async fn run_until_stopped(
    args: StartArgs,
    handler: Option<HandlerCommand>,
    console: &Console,
) -> Result<(), Error> {
    let state = match (args.state, args.memory) {
        (Some(folder), _) => StateLocation::Folder(folder),
        (None, true) => StateLocation::Memory,
        (None, false) => StateLocation::Temporary,
    };
    let mut builder = LocalHost::builder()
        .app(args.app.unwrap_or_else(|| PathBuf::from(".")))
        .bind(args.bind)
        .state(state)
        .console_to(console.clone());
    builder = match args.port {
        Some(port) => builder.port(port),
        None => builder.port_of_settings(DEFAULT_PORT),
    };
    for name in args.allow_host {
        builder = builder.allow_host(name);
    }
    if args.strict {
        builder = builder.strict();
    }
    if args.enable_auth {
        builder = builder.enable_auth();
        let variable = || std::env::var("DURABLE_LOCAL_HOST_MASTER_KEY").ok();
        if let Some(key) = args.master_key.or_else(variable) {
            builder = builder.master_key(key);
        }
    }
    if let Some(command) = handler {
        builder = builder.handler(command);
    }
    let mut stop = StopSignals::listen();
    let host = tokio::select! {
        started = builder.start() => started?,
        () = stop.next() => return Ok(()),
    };
    console.say(format!(
        "Listening on {}. Ctrl-C stops.",
        host.authority().url()
    ));
    let outcome = tokio::select! {
        () = stop.next() => Ok(()),
        error = host.given_up() => Err(error),
    };
    console.say("Stopping.");
    tokio::select! {
        () = host.shutdown() => {}
        // Asked twice: at once.
        () = stop.next() => {}
    }
    outcome
}

/// What the host does inside goes to standard error when RUST_LOG asks for it.
fn start_log() {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    // The program may have a log of its own already.
    drop(
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .try_init(),
    );
}

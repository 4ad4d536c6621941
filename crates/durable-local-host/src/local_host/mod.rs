//! The host as a whole.

mod builder;
mod listing;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::authority::{Authority, reachable};
use crate::clock::Clock;
use crate::config::AppConfig;
use crate::console::Console;
use crate::dashboard::Dashboard;
use crate::engine::{Engine, EngineOptions, FunctionTable};
use crate::error::Error;
use crate::grpc::{self, Sidecar};
use crate::handler::{Handler, HandlerOptions};
use crate::invocation::ClientSettings;
use crate::keys::AskForKeys;
use crate::management::Management;
use crate::server::{self, Access, App, Guard, Services};
use crate::store::Store;
use crate::timer_trigger::{TimerFunctions, TimerServices, Zone};

pub use builder::{LocalHostBuilder, StateLocation};

use builder::Port;
use listing::{print_functions, print_timers};

/// A running host.
///
/// ```no_run
/// use std::time::Duration;
///
/// use durable_local_host::LocalHost;
///
/// # async fn example() -> Result<(), durable_local_host::Error> {
/// let host = LocalHost::builder().app("my-app").memory().manual_time().start().await?;
/// println!("listening on {}", host.url());
/// // ... start an orchestration that waits for ten days, with any HTTP client
/// host.advance(Duration::from_secs(10 * 86_400)).await?;
/// // ... and see what it has come to
/// host.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct LocalHost {
    address: SocketAddr,
    rpc_url: String,
    handler: Arc<Handler>,
    engine: Arc<Engine>,
    timers: Arc<TimerFunctions>,
    stop: CancellationToken,
    servers: Vec<JoinHandle<()>>,
    // Deleted last.
    _folder: Option<TempDir>,
}

impl LocalHost {
    /// A host for the app in the current directory, on a free port, with temporary state.
    pub fn builder() -> LocalHostBuilder {
        LocalHostBuilder::new()
    }

    /// Where it is reached: `http://127.0.0.1:PORT`, unless it listens on
    /// [another address](LocalHostBuilder::bind).
    pub fn url(&self) -> String {
        format!("http://{}", reachable(self.address))
    }

    /// Where people reach it: `localhost:PORT` if that leads here.
    pub(crate) fn authority(&self) -> Authority {
        Authority::of(self.address)
    }

    /// Where it speaks gRPC, for clients of the app: `http://127.0.0.1:PORT`.
    pub fn rpc_url(&self) -> &str {
        &self.rpc_url
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// What the host's clock shows.
    pub fn time(&self) -> SystemTime {
        self.engine.clock().now().to_system()
    }

    /// Moves the clock of a host with [`manual_time`](LocalHostBuilder::manual_time) on, and comes
    /// back when all is done that was due by then. It goes from one due time to the next: a timer
    /// that is set on the way fires on the way, and histories show the times at which things were
    /// due. Timer triggers run, too.
    ///
    /// It waits for activities and for the handler, but not for what comes to nothing again and
    /// again, such as a turn of a version that does not match, nor for a call that a strict host
    /// leaves hanging.
    ///
    /// # Errors
    ///
    /// [`Error::TimeRuns`] without `manual_time`.
    pub async fn advance(&self, by: Duration) -> Result<(), Error> {
        if self.engine.advance(by).await {
            Ok(())
        } else {
            Err(Error::TimeRuns)
        }
    }

    /// Waits until the host has to stop by itself, which a [strict](LocalHostBuilder::strict) one does
    /// when its handler crashes for the third time; why. It still has to be
    /// [shut down](Self::shutdown).
    pub async fn given_up(&self) -> Error {
        self.handler.given_up().await
    }

    /// Stops: no more requests, the handler ends, what was decided is written. Clients that do not
    /// finish their requests are cut off after a few seconds.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        self.handler.stop().await;
        self.timers.stop().await;
        self.engine.stop().await;
        for server in self.servers.drain(..) {
            drop(server.await);
        }
    }
}

impl Drop for LocalHost {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl LocalHostBuilder {
    /// Starts the handler and listens. It comes back when functions can be called.
    ///
    /// # Errors
    ///
    /// When a file of the app can't be used, the port is taken, the state can't be opened or the
    /// handler does not get ready.
    pub async fn start(self) -> Result<LocalHost, Error> {
        let console = self.console;
        let app = AppConfig::load(&self.app)?;
        if let Some(fault) = &app.host.version_fault {
            let fault = Error::Setting {
                path: app.root.join("host.json"),
                setting: "version".to_owned(),
                message: fault.clone(),
            };
            if self.conduct.refuses_wrong_versions() {
                return Err(fault);
            }
            console.problem(fault.to_string());
        }
        app.problems
            .iter()
            .for_each(|problem| console.problem(problem));
        let port = match self.port {
            Port::Given(port) => port,
            Port::OfSettings(otherwise) => app.settings.port.unwrap_or(otherwise),
        };
        let listener = listen(self.address, port).await?;
        if !self.address.is_loopback() && matches!(self.keys, AskForKeys::No) {
            console.problem(format!(
                "listening on {}: everybody who reaches it can read, start and change orchestrations, no key is asked for (--enable-auth asks)",
                self.address
            ));
        }
        let address = address_of(&listener)?;
        let authority = Authority::of(address);
        let rpc_listener = listen(Ipv4Addr::LOCALHOST.into(), 0).await?;
        let rpc_url = format!("http://{}", address_of(&rpc_listener)?);
        let durable = app.host.durable.clone();
        let (access, key) = Access::open(self.state.folder(), self.keys, &app.functions)?;
        let (store, folder) = open_state(self.state, &durable.hub_name, &console)?;
        let client = ClientSettings {
            task_hub: durable.hub_name.clone(),
            key,
            authority: authority.clone(),
            rpc_url: rpc_url.clone(),
            max_message_size: durable.max_grpc_message_size,
        };
        let (functions, problems) = FunctionTable::new(&app.functions, &client);
        problems.iter().for_each(|problem| console.problem(problem));
        let options = HandlerOptions {
            authority: authority.clone(),
            command: self.handler,
            conduct: self.conduct,
        };
        let handler = Handler::start(&app, options, console.clone()).await?;
        let task_hub = durable.hub_name.clone();
        print_functions(&console, &app, &authority);
        if let Access::Keys(keys) = &access {
            console.say(format!(
                "{}\nThe dashboard with its key: http://{authority}/dashboard#key={}\n",
                keys.list(),
                keys.extension()
            ));
        }
        let options = EngineOptions {
            durable,
            functions,
            handler: Arc::clone(&handler),
            store,
            console: console.clone(),
            clock: if self.manual_time {
                Clock::manual()
            } else {
                Clock::system()
            },
            conduct: self.conduct,
        };
        let engine = Engine::start(options).await?;
        let stop = CancellationToken::new();
        let sidecar = Sidecar::new(Arc::clone(&engine), task_hub.clone(), stop.clone());
        let dashboard = Dashboard::new(Arc::clone(&engine), task_hub.clone());
        let management = Management::new(Arc::clone(&engine), task_hub, client.key.clone());
        let (zone, problem) = Zone::of(&app.settings);
        if let Some(problem) = problem {
            console.problem(problem);
        }
        print_timers(&console, &app, &zone, engine.clock().now());
        let timer_services = TimerServices {
            handler: Arc::clone(&handler),
            engine: Arc::clone(&engine),
            client: client.clone(),
            zone,
            console: console.clone(),
        };
        let timers = Arc::new(TimerFunctions::start(&app.functions, &timer_services));
        let serving = App::new(
            app.functions,
            (app.host.route_prefix.as_str(), app.host.forwarding),
            Services {
                handler: Arc::clone(&handler),
                engine: Arc::clone(&engine),
                management,
                dashboard,
                timers: Arc::clone(&timers),
                guard: Guard::new(self.allowed_hosts),
                access,
                cors: app.settings.cors.clone(),
            },
            client,
            console,
        );
        let servers = vec![
            tokio::spawn(server::serve(listener, Arc::new(serving), stop.clone())),
            tokio::spawn(grpc::serve(rpc_listener, Arc::new(sidecar), stop.clone())),
        ];
        Ok(LocalHost {
            address,
            rpc_url,
            handler,
            engine,
            timers,
            stop,
            servers,
            _folder: folder,
        })
    }
}

fn address_of(listener: &TcpListener) -> Result<SocketAddr, Error> {
    listener.local_addr().map_err(|source| Error::System {
        what: "the address that is listened on",
        source,
    })
}

async fn listen(address: IpAddr, port: u16) -> Result<TcpListener, Error> {
    let address = SocketAddr::from((address, port));
    TcpListener::bind(address).await.map_err(|source| {
        if source.kind() == std::io::ErrorKind::AddrInUse {
            Error::PortInUse { address }
        } else {
            Error::Listen { address, source }
        }
    })
}

fn open_state(
    location: StateLocation,
    hub: &str,
    console: &Console,
) -> Result<(Store, Option<TempDir>), Error> {
    match location {
        StateLocation::Memory => Ok((Store::memory()?, None)),
        StateLocation::Folder(folder) => {
            let store = Store::open(&folder, hub)?;
            console.say(format!("Orchestrations are kept in {}", folder.display()));
            Ok((store, None))
        }
        StateLocation::Temporary => {
            let folder = tempfile::Builder::new()
                .prefix("durable-local-host-")
                .tempdir();
            let folder = folder.map_err(|source| Error::System {
                what: "no temporary folder for the state",
                source,
            })?;
            let store = Store::open(folder.path(), hub)?;
            console.say(format!(
                "Orchestrations are kept in {} until the host ends; --state DIR keeps them longer",
                folder.path().display()
            ));
            Ok((store, Some(folder)))
        }
    }
}

//! Puts the host together.

use std::sync::Arc;

use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::LocalHost;
use super::builder::{LocalHostBuilder, Port, StateLocation};
use super::listeners::Listeners;
use super::listing::{print_functions, print_keys, print_timers};
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

impl LocalHostBuilder {
    /// Starts the handler and listens. It comes back when functions can be called.
    ///
    /// # Errors
    ///
    /// When a file of the app can't be used, the port is taken, the state can't be opened or the
    /// handler does not get ready.
    pub async fn start(self) -> Result<LocalHost, Error> {
        let app = self.load_app()?;
        let listeners = self.listen(&app).await?;
        let (access, key) = Access::open(self.state.folder(), self.keys.clone(), &app.functions)?;
        let (store, folder) = open_state(&self.state, &app.host.durable.hub_name, &self.console)?;
        let client = ClientSettings {
            task_hub: app.host.durable.hub_name.clone(),
            key,
            authority: listeners.authority(),
            rpc_url: listeners.rpc_url.clone(),
            max_message_size: app.host.durable.max_grpc_message_size,
        };
        let (functions, problems) = FunctionTable::new(&app.functions, &client);
        self.tell(&problems);
        let handler = self.start_handler(&app, &client).await?;
        print_functions(&self.console, &app, &client.authority);
        print_keys(&self.console, &access, &client.authority);
        let engine = Engine::start(EngineOptions {
            durable: app.host.durable.clone(),
            functions,
            handler: Arc::clone(&handler),
            store,
            console: self.console.clone(),
            clock: self.clock(),
            conduct: self.conduct,
        })
        .await?;
        let timers = self.start_timers(&app, &handler, &engine, &client);
        let running = Running {
            handler: Arc::clone(&handler),
            engine: Arc::clone(&engine),
            timers: Arc::clone(&timers),
            client,
            access,
        };
        let (address, rpc_url) = (listeners.address, listeners.rpc_url.clone());
        let stop = CancellationToken::new();
        let servers = self.serve(listeners, app, running, &stop);
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

    /// Reads the app's files and tells what is wrong with them.
    fn load_app(&self) -> Result<AppConfig, Error> {
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
            self.console.problem(fault.to_string());
        }
        self.tell(&app.problems);
        Ok(app)
    }

    fn tell(&self, problems: &[String]) {
        for problem in problems {
            self.console.problem(problem);
        }
    }

    async fn listen(&self, app: &AppConfig) -> Result<Listeners, Error> {
        let port = match self.port {
            Port::Given(port) => port,
            Port::OfSettings(otherwise) => app.settings.port.unwrap_or(otherwise),
        };
        let listeners = Listeners::open(self.address, port).await?;
        if !self.address.is_loopback() && matches!(self.keys, AskForKeys::No) {
            self.console.problem(format!(
                "listening on {}: everybody who reaches it can read, start and change orchestrations, no key is asked for (--enable-auth asks)",
                self.address
            ));
        }
        Ok(listeners)
    }

    async fn start_handler(
        &self,
        app: &AppConfig,
        client: &ClientSettings,
    ) -> Result<Arc<Handler>, Error> {
        let options = HandlerOptions {
            authority: client.authority.clone(),
            command: self.handler.clone(),
            conduct: self.conduct,
        };
        Handler::start(app, options, self.console.clone()).await
    }

    fn clock(&self) -> Arc<Clock> {
        if self.manual_time {
            Clock::manual()
        } else {
            Clock::system()
        }
    }

    fn start_timers(
        &self,
        app: &AppConfig,
        handler: &Arc<Handler>,
        engine: &Arc<Engine>,
        client: &ClientSettings,
    ) -> Arc<TimerFunctions> {
        let (zone, problem) = Zone::of(&app.settings);
        if let Some(problem) = problem {
            self.console.problem(problem);
        }
        print_timers(&self.console, app, &zone, engine.clock().now());
        let services = TimerServices {
            handler: Arc::clone(handler),
            engine: Arc::clone(engine),
            client: client.clone(),
            zone,
            console: self.console.clone(),
        };
        Arc::new(TimerFunctions::start(&app.functions, &services))
    }

    /// Answers requests from now on.
    fn serve(
        self,
        listeners: Listeners,
        app: AppConfig,
        running: Running,
        stop: &CancellationToken,
    ) -> Vec<JoinHandle<()>> {
        let Running {
            handler,
            engine,
            timers,
            client,
            access,
        } = running;
        let hub = client.task_hub.clone();
        let sidecar = Sidecar::new(Arc::clone(&engine), hub.clone(), stop.clone());
        let services = Services {
            management: Management::new(Arc::clone(&engine), hub.clone(), client.key.clone()),
            dashboard: Dashboard::new(Arc::clone(&engine), hub),
            handler,
            engine,
            timers,
            guard: Guard::new(self.allowed_hosts),
            access,
            cors: app.settings.cors,
        };
        let serving = App::new(
            app.functions,
            (app.host.route_prefix.as_str(), app.host.forwarding),
            services,
            client,
            self.console,
        );
        vec![
            tokio::spawn(server::serve(
                listeners.http,
                Arc::new(serving),
                stop.clone(),
            )),
            tokio::spawn(grpc::serve(listeners.rpc, Arc::new(sidecar), stop.clone())),
        ]
    }
}

/// What runs once the host has started, and serves requests.
struct Running {
    handler: Arc<Handler>,
    engine: Arc<Engine>,
    timers: Arc<TimerFunctions>,
    client: ClientSettings,
    access: Access,
}

/// Opens the state; a folder that goes with the host comes along.
fn open_state(
    location: &StateLocation,
    hub: &str,
    console: &Console,
) -> Result<(Store, Option<TempDir>), Error> {
    match location {
        StateLocation::Memory => Ok((Store::memory()?, None)),
        StateLocation::Folder(folder) => {
            let store = Store::open(folder, hub)?;
            console.say(format!("Orchestrations are kept in {}", folder.display()));
            Ok((store, None))
        }
        StateLocation::Temporary => {
            let folder = tempfile::Builder::new()
                .prefix("durable-local-host-")
                .tempdir();
            let folder = folder.map_err(|cause| Error::System {
                what: "no temporary folder for the state",
                cause,
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

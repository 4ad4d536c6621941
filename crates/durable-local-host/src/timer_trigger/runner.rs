//! Runs timer functions when they are due, one run of a function at a time.

use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Zone, status};
use crate::clock::{AtWork, Clock};
use crate::config::{Function, Timer, Trigger};
use crate::console::{Console, Invocation, Kind, Outcome};
use crate::engine::Engine;
use crate::handler::{CallError, Handler, RawAnswer};
use crate::invocation::{
    Answer, ClientOutputs, ClientSettings, Exception, TimerRun, call_exception, timer_envelope,
};
use crate::store::TimerStatus;
use crate::time::Ticks;

/// What timer functions are run with.
#[derive(Clone, Debug)]
pub(crate) struct TimerServices {
    /// Who serves them.
    pub(crate) handler: Arc<Handler>,
    /// Whose store has their status.
    pub(crate) engine: Arc<Engine>,
    /// What durable clients among their bindings are told.
    pub(crate) client: ClientSettings,
    /// The clocks that they go by.
    pub(crate) zone: Zone,
    /// For the developer.
    pub(crate) console: Console,
}

/// The timer functions of an app.
#[derive(Debug)]
pub(crate) struct TimerFunctions {
    /// Names, and who wakes them before their time.
    by_hand: Vec<(String, UnboundedSender<AtWork>)>,
    clock: Arc<Clock>,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

/// Why a function runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Due,
    Missed,
    Startup,
    ByHand,
}

struct Runner {
    function: Function,
    timer: Timer,
    services: TimerServices,
    stopping: CancellationToken,
}

impl TimerFunctions {
    /// Sets all of them going.
    pub(crate) fn start(functions: &[Function], services: &TimerServices) -> Self {
        let mut started = Self {
            by_hand: Vec::new(),
            clock: Arc::clone(services.engine.clock()),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
        };
        for function in functions {
            let Trigger::Timer(timer) = &function.trigger else {
                continue;
            };
            let (sender, by_hand) = unbounded_channel();
            started.by_hand.push((function.name.clone(), sender));
            let runner = Runner {
                function: function.clone(),
                timer: timer.clone(),
                services: services.clone(),
                stopping: started.stopping.clone(),
            };
            let work = started.clock.at_work();
            started.tasks.spawn(runner.run(work, by_hand));
        }
        started
    }

    /// Runs a function now; false when there is none of that name.
    pub(crate) fn run_now(&self, name: &str) -> bool {
        let found = self
            .by_hand
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name));
        // A function that never runs has nobody who listens.
        found.is_some_and(|(_, by_hand)| by_hand.send(self.clock.at_work()).is_ok())
    }

    /// Stops; the handler has to be stopped before.
    pub(crate) async fn stop(&self) {
        self.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Runner {
    async fn run(self, mut work: AtWork, mut by_hand: UnboundedReceiver<AtWork>) {
        let clock = self.services.engine.clock();
        let start = clock.now();
        let monitored =
            self.timer.use_monitor && !self.timer.schedule.is_too_frequent_to_monitor(start);
        let Some(mut status) = self.first_status(monitored, start).await else {
            self.services.console.problem(format!(
                "{}: the schedule `{}` has no next time: the function never runs",
                self.function.name, self.timer.schedule
            ));
            return;
        };
        let mut cause = if monitored && start > status.next {
            Some(Cause::Missed)
        } else {
            self.timer.run_on_startup.then_some(Cause::Startup)
        };
        loop {
            let cause = match cause.take() {
                Some(cause) => cause,
                None => tokio::select! {
                    awake = clock.sleep_until(status.next, work) => {
                        work = awake;
                        Cause::Due
                    }
                    Some(asked) = by_hand.recv() => {
                        work = asked;
                        Cause::ByHand
                    }
                    () = self.stopping.cancelled() => return,
                },
            };
            let began = clock.now();
            self.invoke(cause, monitored.then_some(status)).await;
            if cause == Cause::ByHand {
                continue;
            }
            // Run a little before its time, it would be due a second time.
            let run = match cause {
                Cause::Due => began.max(status.next),
                _ => began,
            };
            let zone = self.services.zone.as_jiff();
            match status::after_run(&self.timer.schedule, zone, run) {
                Some(next) => status = next,
                None => return,
            }
            if monitored {
                self.write(status).await;
            }
        }
    }

    async fn first_status(&self, monitored: bool, now: Ticks) -> Option<TimerStatus> {
        let (schedule, zone) = (&self.timer.schedule, self.services.zone.as_jiff());
        if !monitored {
            return status::initial(schedule, zone, now);
        }
        let stored = match self
            .services
            .engine
            .store()
            .timer(&self.function.name)
            .await
        {
            Ok(stored) => stored,
            Err(error) => {
                self.services.console.problem(format!(
                    "{}: when it ran last can't be read, missed runs are not made up for: {error}",
                    self.function.name
                ));
                None
            }
        };
        let status = match stored {
            None => status::initial(schedule, zone, now)?,
            Some(stored) => status::adapt(stored, schedule, zone, now)?,
        };
        if stored != Some(status) {
            self.write(status).await;
        }
        Some(status)
    }

    async fn write(&self, status: TimerStatus) {
        let store = self.services.engine.store();
        if let Err(error) = store.put_timer(&self.function.name, status).await {
            self.services.console.problem(format!(
                "{}: that it ran can't be written down: {error}",
                self.function.name
            ));
        }
    }

    async fn invoke(&self, cause: Cause, status: Option<TimerStatus>) {
        let (name, console) = (&self.function.name, &self.services.console);
        if cause == Cause::Missed {
            console.say(format!("{name}: a run was missed and is made up for"));
        }
        let body = self.request(cause, status);
        let invocation = console.begin(Kind::Timer, name, None);
        let handler = &self.services.handler;
        let clock = self.services.engine.clock();
        let id = invocation.id();
        let answer = handler.call_at_work(clock, name, &id, body.into());
        let outcome = match answer.await {
            Ok(raw) => match self.take(&invocation, &raw).await {
                Ok(()) => Outcome::GOOD,
                Err(fault) => {
                    console.problem(format!("{name}: {}", fault.to_line()));
                    Outcome::FAILED
                }
            },
            Err(CallError::Stopping) => return,
            Err(error) => {
                let fault = call_exception(&error, name);
                console.problem(format!("{name}: {error} ({})", fault.to_line()));
                Outcome::FAILED
            }
        };
        console.executed(invocation, outcome);
    }

    async fn take(&self, invocation: &Invocation, raw: &RawAnswer) -> Result<(), Exception> {
        let answer = Answer::read(raw)?;
        self.services.console.logged(invocation, &answer.logs);
        let outputs = ClientOutputs::of(&self.function);
        self.services.engine.start_outputs(&outputs, &answer).await
    }

    fn request(&self, cause: Cause, status: Option<TimerStatus>) -> String {
        let zone = &self.services.zone;
        let times = status
            .map(|status| [status.last, status.next, status.updated].map(|time| zone.dotnet(time)));
        let run = TimerRun {
            adjusts_for_dst: self.timer.schedule.adjusts_for_dst(),
            status: times
                .as_ref()
                .map(|times| times.each_ref().map(String::as_str)),
            is_past_due: cause == Cause::Missed,
        };
        let binding = self
            .function
            .trigger_binding()
            .map_or("timer", |binding| binding.name.as_str());
        let inputs = self.services.client.inputs(&self.function);
        timer_envelope(&self.function.name, binding, run, &inputs)
    }
}

//! What an orchestrator does everything with.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use durable_functions_protocol::proto::{
    ActionType, CreateSubOrchestrationAction, ExecutionStartedEvent, OrchestrationInstance,
    ScheduleTaskAction, SendEventAction,
};
use durable_functions_protocol::{time, value};
use prost_types::value::Kind;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::combinators::Members;
use super::timer::timestamp;
use super::{
    All, Any, Call, ContinueAsNew, ContinueAsNewOptions, DurableHttpRequest, EitherOf, EventWait,
    HttpCall, OrchestrationRng, Orchestrator, OrchestratorFn, Race, Sleep, SubOrchestration,
    compare_versions,
};
use crate::activity::{Activity, ActivityFn};
use crate::input::{AnyInput, Encode, IntoInput};
use crate::replay::{Continuation, Core, EventKind, Fault};

/// The first argument of every orchestrator: everything an orchestrator does, it does with this.
///
/// A clone is the same context. It can't leave the orchestrator's thread.
#[derive(Clone)]
pub struct OrchestrationContext {
    core: Rc<Core>,
    started: Rc<ExecutionStartedEvent>,
}

impl OrchestrationContext {
    pub(crate) fn new(core: Rc<Core>, started: ExecutionStartedEvent) -> Self {
        Self {
            core,
            started: Rc::new(started),
        }
    }

    pub(super) fn core(&self) -> &Rc<Core> {
        &self.core
    }

    /// Calls an activity.
    ///
    /// The call is made right here; awaiting it waits for its result. Two calls that are made
    /// before either is awaited run at the same time, and a call that is dropped still runs.
    ///
    /// ```
    /// use durable_functions::prelude::*;
    ///
    /// #[activity]
    /// async fn hello(name: String) -> String {
    ///     format!("Hello {name}!")
    /// }
    ///
    /// #[orchestrator]
    /// async fn both(ctx: OrchestrationContext) -> Result<String> {
    ///     let seoul = ctx.call(hello, "Seoul");
    ///     let oslo = ctx.call(hello, "Oslo");
    ///     Ok(format!("{} {}", seoul.await?, oslo.await?))
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The future ends with an error if the activity fails, or if its result can't be read as the
    /// activity's output; [`Error::task`](crate::Error::task) tells which.
    pub fn call<Marker, F: ActivityFn<Marker>>(
        &self,
        activity: F,
        input: impl IntoInput<<F::Activity as Activity>::Input>,
    ) -> Call<<F::Activity as Activity>::Output> {
        let _ = activity;
        self.call_activity(<F::Activity as Activity>::NAME.into(), input.into_input())
    }

    /// Calls an activity that is known by name alone, such as one of another language's app.
    ///
    /// ```
    /// use durable_functions::prelude::*;
    ///
    /// #[orchestrator]
    /// async fn pick(ctx: OrchestrationContext, activity: String) -> Result<u64> {
    ///     ctx.call_by_name::<u64>(activity, ("a pair", 7)).await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`call`](Self::call).
    pub fn call_by_name<Output: DeserializeOwned>(
        &self,
        name: impl Into<Cow<'static, str>>,
        input: impl IntoInput<AnyInput>,
    ) -> Call<Output> {
        self.call_activity(name.into(), input.into_input())
    }

    fn call_activity<Output: DeserializeOwned>(
        &self,
        name: Cow<'static, str>,
        input: impl Encode,
    ) -> Call<Output> {
        let id = self.core.schedule(EventKind::TaskScheduled, &name, || {
            let input = input
                .encode()
                .map_err(|error| Fault::input_not_json(EventKind::TaskScheduled, &name, &error))?;
            Ok(ActionType::ScheduleTask(ScheduleTaskAction {
                name: name.clone().into_owned(),
                input: Some(value::to_input(input)),
                ..ScheduleTaskAction::default()
            }))
        });
        Call::new(Rc::clone(&self.core), id, name)
    }

    /// Calls another orchestrator as a sub-orchestration: an instance of its own, whose output this
    /// one waits for.
    ///
    /// ```
    /// use durable_functions::prelude::*;
    ///
    /// #[orchestrator]
    /// async fn line(_ctx: OrchestrationContext, item: String) -> String {
    ///     item
    /// }
    ///
    /// #[orchestrator]
    /// async fn order(ctx: OrchestrationContext, items: Vec<String>) -> Result<Vec<String>> {
    ///     let lines: Vec<_> = items.into_iter().map(|item| ctx.call_sub_orchestrator(line, item)).collect();
    ///     let mut done = Vec::new();
    ///     for line in lines {
    ///         done.push(line.await?);
    ///     }
    ///     Ok(done)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The future ends with an error if the sub-orchestration fails or is terminated, or if its
    /// output can't be read.
    pub fn call_sub_orchestrator<Marker, F: OrchestratorFn<Marker>>(
        &self,
        orchestrator: F,
        input: impl IntoInput<<F::Orchestrator as Orchestrator>::Input>,
    ) -> SubOrchestration<<F::Orchestrator as Orchestrator>::Output> {
        let _ = orchestrator;
        self.sub_orchestration(
            <F::Orchestrator as Orchestrator>::NAME.into(),
            input.into_input(),
        )
    }

    /// Calls a sub-orchestration that is known by name alone.
    ///
    /// # Errors
    ///
    /// As for [`call_sub_orchestrator`](Self::call_sub_orchestrator).
    pub fn call_sub_orchestrator_by_name<Output: DeserializeOwned>(
        &self,
        name: impl Into<Cow<'static, str>>,
        input: impl IntoInput<AnyInput>,
    ) -> SubOrchestration<Output> {
        self.sub_orchestration(name.into(), input.into_input())
    }

    fn sub_orchestration<Output>(
        &self,
        name: Cow<'static, str>,
        input: impl Encode,
    ) -> SubOrchestration<Output> {
        const KIND: EventKind = EventKind::SubOrchestrationCreated;
        if self.core.is_in_section() {
            self.core.fail(Fault::sub_orchestration_in_section(&name));
        }
        let id = self.core.schedule(KIND, &name, || {
            let input = input
                .encode()
                .map_err(|error| Fault::input_not_json(KIND, &name, &error))?;
            Ok(ActionType::CreateSubOrchestration(
                CreateSubOrchestrationAction {
                    name: name.clone().into_owned(),
                    input: Some(input),
                    ..CreateSubOrchestrationAction::default()
                },
            ))
        });
        SubOrchestration::new(Rc::clone(&self.core), id, name)
    }

    /// Waits for a time that begins now; see [`now`](Self::now).
    ///
    /// ```
    /// use durable_functions::prelude::*;
    /// use std::time::Duration;
    ///
    /// #[orchestrator]
    /// async fn remind(ctx: OrchestrationContext) -> String {
    ///     ctx.sleep(Duration::from_secs(30 * 24 * 60 * 60)).await;
    ///     "a month is over".into()
    /// }
    /// ```
    pub fn sleep(&self, duration: Duration) -> Sleep {
        let until = time::saturating_add(&self.core.now(), duration);
        Sleep::until(Rc::clone(&self.core), until)
    }

    /// Waits until a point in time. One that is over already is waited for as well, for a moment:
    /// the history has a timer for it.
    pub fn sleep_until(&self, until: DateTime<Utc>) -> Sleep {
        let until = timestamp(until);
        Sleep::until(Rc::clone(&self.core), until)
    }

    /// Waits for an event that is raised from outside. Names compare without case. An event that
    /// came before anybody waited for it is kept; of several waiters the first comes first.
    ///
    /// ```
    /// use durable_functions::TaskError;
    /// use durable_functions::prelude::*;
    /// use std::time::Duration;
    ///
    /// #[orchestrator]
    /// async fn approval(ctx: OrchestrationContext) -> Result<bool> {
    ///     let day = Duration::from_secs(24 * 60 * 60);
    ///     match ctx.wait_for_event::<bool>("Approval").timeout(day).await {
    ///         Ok(approved) => Ok(approved),
    ///         Err(error) if matches!(error.task(), Some(TaskError::Timeout { .. })) => Ok(false),
    ///         Err(error) => Err(error),
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The future ends with an error if the payload can't be read, or the time limit is over.
    pub fn wait_for_event<Payload: DeserializeOwned>(
        &self,
        name: impl Into<String>,
    ) -> EventWait<Payload> {
        EventWait::new(Rc::clone(&self.core), name.into())
    }

    /// Raises an event for another instance. Nobody learns whether it arrives.
    pub fn send_event(
        &self,
        instance_id: impl Into<String>,
        name: impl Into<String>,
        payload: impl Serialize,
    ) {
        const KIND: EventKind = EventKind::EventSent;
        let (instance_id, name) = (instance_id.into(), name.into());
        let id = self.core.schedule(KIND, &name, || {
            let data = serde_json::to_string(&payload)
                .map_err(|error| Fault::input_not_json(KIND, &name, &error))?;
            Ok(ActionType::SendEvent(SendEventAction {
                instance: Some(OrchestrationInstance {
                    instance_id: instance_id.clone(),
                    execution_id: None,
                }),
                name: name.clone(),
                data: Some(data),
            }))
        });
        self.core.compare_target(id, &instance_id);
    }

    /// Lets the host send an HTTP request, at no cost to this app while the answer is awaited. An
    /// answer 202 that names a place where the result will be is followed: after the time that it
    /// names, or `defaultAsyncRequestSleepTimeMilliseconds` of host.json (30 s), that place is
    /// asked, and so on until it answers something else. To another origin no header but `Accept`,
    /// `Accept-Language` and `User-Agent` goes along, and no token.
    ///
    /// The first request is sent right here; the later ones are sent while the call is awaited.
    ///
    /// ```
    /// use durable_functions::DurableHttpRequest;
    /// use durable_functions::prelude::*;
    ///
    /// #[orchestrator]
    /// async fn price(ctx: OrchestrationContext, item: u32) -> Result<f64> {
    ///     let request = DurableHttpRequest::get(format!("https://shop.example/prices/{item}"));
    ///     ctx.call_http(request).await?.error_for_status()?.json()
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The future ends with an error if the request makes no sense, could not be sent or was not
    /// answered in time. An answer is a success, whatever its status code says.
    pub fn call_http(&self, request: DurableHttpRequest) -> HttpCall {
        HttpCall::new(self.clone(), request)
    }

    /// How long to wait before asking for the result of an HTTP call, if its answer does not say.
    pub(super) fn http_poll_interval(&self) -> Duration {
        const DEFAULT: Duration = Duration::from_secs(30);
        match self
            .core
            .property("HttpDefaultAsyncRequestSleepTimeMilliseconds")
        {
            Some(Kind::NumberValue(millis)) => {
                Duration::try_from_secs_f64(millis / 1e3).unwrap_or(DEFAULT)
            }
            _ => DEFAULT,
        }
    }

    /// Waits for all of several tasks, and gives their values in the order of the tasks.
    ///
    /// ```
    /// use durable_functions::prelude::*;
    ///
    /// #[activity]
    /// async fn square(n: i64) -> i64 {
    ///     n * n
    /// }
    ///
    /// #[orchestrator]
    /// async fn sum_of_squares(ctx: OrchestrationContext, count: i64) -> Result<i64> {
    ///     let squares = ctx.all((0..count).map(|n| ctx.call(square, n))).await?;
    ///     Ok(squares.iter().sum())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The future ends with the first error that any of them ends with; the others go on, and
    /// nobody waits for them any more. To have every outcome, wait with `futures::future::join_all`.
    pub fn all<I, T, E>(&self, tasks: I) -> All<I::Item, T>
    where
        I: IntoIterator<Item: Future<Output = Result<T, E>> + Unpin>,
    {
        All::new(Members::new(Rc::clone(&self.core), tasks))
    }

    /// Waits for the first of several tasks that succeeds.
    ///
    /// ```
    /// use durable_functions::prelude::*;
    ///
    /// #[activity]
    /// async fn ask(mirror: String) -> Result<String> {
    ///     Ok(format!("answer of {mirror}"))
    /// }
    ///
    /// #[orchestrator]
    /// async fn fastest(ctx: OrchestrationContext, mirrors: Vec<String>) -> Result<String> {
    ///     ctx.any(mirrors.into_iter().map(|mirror| ctx.call(ask, mirror))).await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The future ends with the error of the last one, if all of them fail. To await it without
    /// any task ends the orchestration with a failure.
    pub fn any<I, T, E>(&self, tasks: I) -> Any<I::Item>
    where
        I: IntoIterator<Item: Future<Output = Result<T, E>> + Unpin>,
    {
        Any::new(Members::new(Rc::clone(&self.core), tasks))
    }

    /// Lets several tasks race: gives the first that ends, successfully or not, and its place among
    /// them; or one after another with [`Race::next`]. Of tasks that ended between two turns the
    /// one whose end stands first in the history is first.
    ///
    /// ```
    /// use durable_functions::prelude::*;
    ///
    /// #[activity]
    /// async fn fetch(page: u32) -> Result<u64> {
    ///     Ok(u64::from(page))
    /// }
    ///
    /// #[orchestrator]
    /// async fn rows(ctx: OrchestrationContext, pages: u32) -> Result<u64> {
    ///     let mut rows = 0;
    ///     let mut fetched = ctx.race((0..pages).map(|page| ctx.call(fetch, page)));
    ///     while let Some((_page, count)) = fetched.next().await {
    ///         rows += count?;
    ///         ctx.set_custom_status(format!("{} to go", fetched.len()));
    ///     }
    ///     Ok(rows)
    /// }
    /// ```
    ///
    /// To await a race without any task ends the orchestration with a failure.
    pub fn race<I>(&self, tasks: I) -> Race<I::Item>
    where
        I: IntoIterator<Item: Future + Unpin>,
    {
        Race::new(Members::new(Rc::clone(&self.core), tasks))
    }

    /// Waits for the first of two tasks of different kinds. If both have ended, the first counts.
    ///
    /// ```
    /// use durable_functions::Either;
    /// use durable_functions::prelude::*;
    /// use std::time::Duration;
    ///
    /// #[orchestrator]
    /// async fn offer(ctx: OrchestrationContext) -> Result<bool> {
    ///     let answer = ctx.wait_for_event::<bool>("Answer");
    ///     match ctx.either(answer, ctx.sleep(Duration::from_secs(86_400))).await {
    ///         Either::First(answer) => answer,
    ///         Either::Second(()) => Ok(false),
    ///     }
    /// }
    /// ```
    pub fn either<A, B>(&self, first: A, second: B) -> EitherOf<A, B>
    where
        A: Future + Unpin,
        B: Future + Unpin,
    {
        EitherOf::new(first, second)
    }

    /// Shows a status to whoever asks for the instance: any value, of at most 16 KB as JSON in
    /// UTF-16. It stays until it is set anew.
    ///
    /// A status that is too large or can't be written ends the orchestration with a failure, as it
    /// would on the host.
    pub fn set_custom_status(&self, status: impl Serialize) {
        const LIMIT: usize = 16 * 1024;
        match serde_json::to_string(&status) {
            Err(error) => self.core.fail(Fault::custom_status(error)),
            Ok(status) => match status.encode_utf16().count() * 2 {
                size if size > LIMIT => self.core.fail(Fault::custom_status(format!(
                    "it has {size} bytes in UTF-16, and the host takes at most {LIMIT}"
                ))),
                _ => self.core.set_custom_status(status),
            },
        }
    }

    /// Ends this run of the instance and begins it anew with another input and an empty history:
    /// how an orchestration goes on for ever.
    ///
    /// ```
    /// use durable_functions::prelude::*;
    /// use std::time::Duration;
    ///
    /// #[orchestrator]
    /// async fn heartbeat(ctx: OrchestrationContext, count: u64) -> Result<u64> {
    ///     ctx.sleep(Duration::from_secs(60)).await;
    ///     return ctx.continue_as_new(count + 1);
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Always: the error is what makes the orchestrator return.
    pub fn continue_as_new<T, E: From<ContinueAsNew>>(
        &self,
        input: impl Serialize,
    ) -> Result<T, E> {
        self.continue_as_new_with(input, ContinueAsNewOptions::new())
    }

    /// [`continue_as_new`](Self::continue_as_new) with options.
    ///
    /// # Errors
    ///
    /// Always: the error is what makes the orchestrator return.
    pub fn continue_as_new_with<T, E: From<ContinueAsNew>>(
        &self,
        input: impl Serialize,
        options: ContinueAsNewOptions,
    ) -> Result<T, E> {
        match serde_json::to_string(&input) {
            Ok(input) => self.core.continue_as_new(Continuation {
                input,
                version: options.version,
                discard_events: options.discard_events,
            }),
            Err(error) => self.core.fail(Fault::input_not_json(
                EventKind::Other,
                "the next run",
                &error,
            )),
        }
        Err(ContinueAsNew::new().into())
    }

    /// Names of the events that the orchestrator waits for, in lower case.
    pub(crate) fn awaited_events(&self) -> Vec<String> {
        self.core.awaited_events()
    }

    /// Id of this instance.
    pub fn instance_id(&self) -> &str {
        self.core.instance_id()
    }

    /// Name of this orchestrator, as the host knows it.
    pub fn name(&self) -> &str {
        &self.started.name
    }

    /// Version that the instance was started with.
    pub fn version(&self) -> Option<&str> {
        self.started
            .version
            .as_deref()
            .filter(|version| !version.is_empty())
    }

    /// How the instance's version compares to another; see [`compare_versions`]. An instance
    /// without a version comes before every version.
    ///
    /// ```
    /// use durable_functions::prelude::*;
    ///
    /// #[orchestrator]
    /// async fn order(ctx: OrchestrationContext) -> String {
    ///     let way = if ctx.compare_version("2.0").is_ge() { "new" } else { "old" };
    ///     format!("the {way} way")
    /// }
    /// ```
    pub fn compare_version(&self, other: &str) -> Ordering {
        compare_versions(self.version().unwrap_or_default(), other)
    }

    /// Id of this run of the instance; it changes when the instance continues as new.
    pub fn execution_id(&self) -> Option<&str> {
        self.started
            .orchestration_instance
            .as_ref()?
            .execution_id
            .as_deref()
    }

    /// Id of the instance that called this one as a sub-orchestration.
    pub fn parent_instance_id(&self) -> Option<&str> {
        let parent = self.started.parent_instance.as_ref()?;
        Some(&parent.orchestration_instance.as_ref()?.instance_id)
    }

    /// Name of the orchestrator that called this one.
    pub fn parent_name(&self) -> Option<&str> {
        self.started.parent_instance.as_ref()?.name.as_deref()
    }

    /// The time of the current turn (UTC). It stands still between two awaits and is the same at
    /// every replay; a clock is not.
    pub fn now(&self) -> DateTime<Utc> {
        let now = self.core.now();
        // the engine takes no timestamp that chrono could not hold
        DateTime::from_timestamp(now.seconds, now.nanos.unsigned_abs()).unwrap_or_default()
    }

    /// Whether this part of the orchestrator ran in an earlier turn already. Its decisions must
    /// not depend on it.
    pub fn is_replaying(&self) -> bool {
        self.core.is_replaying()
    }

    /// A new GUID that is the same at every replay: version 5, made of the instance id, the time
    /// of the turn and a counter, as the .NET SDK makes it.
    pub fn new_uuid(&self) -> Uuid {
        self.core.new_guid()
    }

    /// A new generator of random numbers that gives the same ones at every replay. Each call gives
    /// a generator of its own.
    ///
    /// ```
    /// use durable_functions::prelude::*;
    ///
    /// #[orchestrator]
    /// async fn dice(ctx: OrchestrationContext) -> u64 {
    ///     ctx.rng().below(6) + 1
    /// }
    /// ```
    pub fn rng(&self) -> OrchestrationRng {
        let number = self.core.count_generator();
        let execution_id = self.execution_id().unwrap_or_default();
        OrchestrationRng::new(self.core.instance_id(), execution_id, number)
    }
}

impl fmt::Debug for OrchestrationContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OrchestrationContext")
            .field("instance_id", &self.core.instance_id())
            .finish_non_exhaustive()
    }
}

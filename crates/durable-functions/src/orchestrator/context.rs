//! What an orchestrator does everything with.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

use chrono::{DateTime, Utc};
use durable_functions_protocol::proto::{ActionType, ExecutionStartedEvent, ScheduleTaskAction};
use durable_functions_protocol::value;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::Call;
use crate::activity::{Activity, ActivityFn};
use crate::input::{AnyInput, Encode, IntoInput};
use crate::replay::{Core, EventKind, Fault};

/// The first argument of every orchestrator: everything an orchestrator does, it does with this.
///
/// A clone is the same context. It can't leave the orchestrator's thread.
#[derive(Clone)]
pub struct OrchestrationContext {
    core: Rc<Core>,
    instance: Rc<Instance>,
}

struct Instance {
    id: String,
    started: ExecutionStartedEvent,
}

impl OrchestrationContext {
    pub(crate) fn new(core: Rc<Core>, id: String, started: ExecutionStartedEvent) -> Self {
        Self {
            core,
            instance: Rc::new(Instance { id, started }),
        }
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

    /// Id of this instance.
    pub fn instance_id(&self) -> &str {
        &self.instance.id
    }

    /// Name of this orchestrator, as the host knows it.
    pub fn name(&self) -> &str {
        &self.instance.started.name
    }

    /// Version that the instance was started with.
    pub fn version(&self) -> Option<&str> {
        self.instance
            .started
            .version
            .as_deref()
            .filter(|version| !version.is_empty())
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
        self.core.new_guid(&self.instance.id)
    }
}

impl fmt::Debug for OrchestrationContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OrchestrationContext")
            .field("instance_id", &self.instance.id)
            .finish_non_exhaustive()
    }
}

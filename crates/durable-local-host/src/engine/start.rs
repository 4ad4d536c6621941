//! Orchestrations that clients start.

use std::collections::HashMap;
use std::sync::Arc;

use durable_functions_protocol::proto::{ExecutionStartedEvent, OrchestrationStatus};

use super::ids::Ids;
use super::service::Engine;
use super::turn::{NewExecution, new_instance};
use crate::newtonsoft::{Dates, compact};
use crate::store::{Commit, Created, InstanceRecord, Reuse, StatusSet, StoreError};
use crate::time::Ticks;

/// An orchestration to start.
#[derive(Clone, Debug, Default)]
pub(crate) struct StartRequest {
    /// Name of the orchestration.
    pub(crate) name: String,
    /// Instance id; made up when none is given.
    pub(crate) id: Option<String>,
    /// Input as JSON text.
    pub(crate) input: Option<String>,
    /// Version; else the app's default.
    pub(crate) version: Option<String>,
    /// Start time, if later.
    pub(crate) scheduled: Option<Ticks>,
    /// Tags.
    pub(crate) tags: HashMap<String, String>,
    /// The states in which an instance of that id is replaced; else those that are final.
    pub(crate) replaceable: Option<StatusSet>,
    /// How often the instance has been restarted before, plus one.
    pub(crate) generation: i64,
}

/// What came of a start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StartOutcome {
    /// The instance of this id is under way.
    Started(String),
    /// There is one already, in that state.
    Exists(OrchestrationStatus),
}

impl Engine {
    /// Starts an orchestration. An instance of the same id that runs and may be replaced is
    /// terminated first.
    pub(crate) async fn start_instance(
        self: &Arc<Self>,
        mut request: StartRequest,
    ) -> Result<StartOutcome, StoreError> {
        // A restart under the same id is refused while the instance runs.
        if self.options.overrides_any_state && request.generation == 0 {
            request.replaceable = request.replaceable.or(Some(StatusSet::all()));
        }
        loop {
            let outcome = self.try_start(&request).await?;
            let (StartOutcome::Exists(status), Some(id), Some(replaceable)) =
                (&outcome, &request.id, request.replaceable)
            else {
                return Ok(outcome);
            };
            // One that has ended was replaced already if it may be.
            if crate::store::has_ended(*status) || !replaceable.contains(*status) {
                return Ok(outcome);
            }
            let reason = "A new instance with the same id replaces this one.";
            self.terminate(id, Some(reason.to_owned())).await?;
            self.end_of(id).await?;
            request.replaceable = Some(replaceable.with(OrchestrationStatus::Terminated));
        }
    }

    async fn try_start(
        self: &Arc<Self>,
        request: &StartRequest,
    ) -> Result<StartOutcome, StoreError> {
        let reuse = match (&request.id, request.replaceable) {
            (None, _) => Reuse::New,
            (Some(_), None) => Reuse::IfEnded,
            (Some(_), Some(statuses)) => Reuse::IfEndedIn(statuses),
        };
        let id = request.id.clone().unwrap_or_else(Ids::bare_guid);
        let started = ExecutionStartedEvent {
            name: request.name.clone(),
            version: request
                .version
                .clone()
                .or_else(|| self.options.default_version.clone()),
            input: request.input.clone(),
            tags: request.tags.clone(),
            ..Default::default()
        };
        let execution = NewExecution {
            id: id.as_str().into(),
            execution: if request.generation == 0 {
                Ids::client_execution()
            } else {
                Ids::bare_guid()
            }
            .into(),
            started,
            scheduled: request.scheduled,
            generation: Some(request.generation),
        };
        let new = new_instance(execution, reuse, &self.ids);
        let commit = Commit {
            instances: vec![new],
            ..Commit::default()
        };
        let engine = Arc::clone(self);
        let created = self.see_through(async move {
            let committed = engine.commit(commit).await?;
            let created = committed.created.first().copied();
            engine.send_out(committed);
            Ok(created)
        });
        Ok(match created.await? {
            Some(Created::Exists(status)) => StartOutcome::Exists(status),
            _ => StartOutcome::Started(id),
        })
    }

    /// Starts an instance with the name, input and version of another one, under its id or a new
    /// one.
    pub(crate) async fn restart(
        self: &Arc<Self>,
        record: InstanceRecord,
        new_id: bool,
    ) -> Result<StartOutcome, StoreError> {
        self.start_instance(StartRequest {
            name: record.name,
            id: (!new_id).then(|| record.id.to_string()),
            input: record
                .input
                .map(|input| compact(&input, Dates::Keep).unwrap_or(input)),
            version: record.version,
            generation: if new_id {
                0
            } else {
                record.generation.unwrap_or(0) + 1
            },
            ..StartRequest::default()
        })
        .await
    }
}

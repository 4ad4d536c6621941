//! The history of an instance.

use std::pin::Pin;
use std::task::{Context, Poll};

use chrono::{DateTime, Utc};
use durable_functions_protocol::failure::Failure;
use durable_functions_protocol::id;
use durable_functions_protocol::proto::{self, EventType};
use futures_util::stream::{self, BoxStream, Stream, StreamExt as _, TryStreamExt as _};

use super::state::{RuntimeStatus, instant};
use super::transport::HistoryChunks;
use super::{ClientError, DurableClient};

/// One event of an instance's history.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HistoryEvent {
    /// The number of the action that the event records, for the events that record one; else -1.
    pub id: i32,
    /// When it happened.
    pub timestamp: Option<DateTime<Utc>>,
    /// What happened.
    pub kind: HistoryEventKind,
}

/// What happened. Payloads are the JSON texts that the host keeps.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum HistoryEventKind {
    /// A turn began.
    TurnStarted,
    /// A turn ended.
    TurnCompleted,
    /// The orchestration was started.
    ExecutionStarted {
        /// The name.
        name: String,
        /// The version, if it has one.
        version: Option<String>,
        /// The input.
        input: Option<String>,
        /// The id of this run.
        execution_id: Option<String>,
        /// The id of the orchestration that called it.
        parent_instance_id: Option<String>,
        /// When it was to begin.
        scheduled_start_at: Option<DateTime<Utc>>,
    },
    /// The orchestration ended, or began anew.
    ExecutionCompleted {
        /// How it ended.
        status: RuntimeStatus,
        /// What it gave.
        result: Option<String>,
        /// Why it failed.
        failure: Option<Failure>,
    },
    /// It was terminated.
    ExecutionTerminated {
        /// The reason that was given.
        reason: Option<String>,
    },
    /// It was suspended.
    ExecutionSuspended {
        /// The reason that was given.
        reason: Option<String>,
    },
    /// It was resumed.
    ExecutionResumed {
        /// The reason that was given.
        reason: Option<String>,
    },
    /// It was rewound.
    ExecutionRewound {
        /// The reason that was given.
        reason: Option<String>,
    },
    /// It began anew with this input.
    ContinuedAsNew {
        /// The input.
        input: Option<String>,
    },
    /// An activity was called.
    ActivityScheduled {
        /// The name.
        name: String,
        /// The version, if it has one.
        version: Option<String>,
        /// The input.
        input: Option<String>,
    },
    /// An activity has ended; `scheduled_id` is the id of its [`ActivityScheduled`](Self::ActivityScheduled).
    ActivityCompleted {
        /// The id of the event that scheduled it.
        scheduled_id: i32,
        /// What it gave.
        result: Option<String>,
    },
    /// An activity has failed.
    ActivityFailed {
        /// The id of the event that scheduled it.
        scheduled_id: i32,
        /// Why it failed.
        failure: Failure,
    },
    /// A sub-orchestration was called.
    SubOrchestrationScheduled {
        /// The name.
        name: String,
        /// The id of the instance.
        instance_id: String,
        /// The version, if it has one.
        version: Option<String>,
        /// The input.
        input: Option<String>,
    },
    /// A sub-orchestration has ended.
    SubOrchestrationCompleted {
        /// The id of the event that scheduled it.
        scheduled_id: i32,
        /// What it gave.
        result: Option<String>,
    },
    /// A sub-orchestration has failed.
    SubOrchestrationFailed {
        /// The id of the event that scheduled it.
        scheduled_id: i32,
        /// Why it failed.
        failure: Failure,
    },
    /// A timer was set.
    TimerCreated {
        /// When it is to be over.
        fire_at: Option<DateTime<Utc>>,
    },
    /// A timer is over; `timer_id` is the id of its [`TimerCreated`](Self::TimerCreated).
    TimerFired {
        /// The id of the event that set it.
        timer_id: i32,
        /// When it is to be over.
        fire_at: Option<DateTime<Utc>>,
    },
    /// An event was sent to another instance; messages to entities are recorded so too.
    EventSent {
        /// The id of the instance.
        instance_id: String,
        /// The name.
        name: String,
        /// The input.
        input: Option<String>,
    },
    /// An event has arrived; answers of entities are recorded so too.
    EventRaised {
        /// The name.
        name: String,
        /// The input.
        input: Option<String>,
    },
    /// An event without a meaning to the orchestration, such as what a rewind leaves behind.
    Generic {
        /// Its data.
        data: Option<String>,
    },
    /// Anything else, by its name in the protocol.
    Other {
        /// The name.
        name: &'static str,
    },
}

impl HistoryEvent {
    pub(super) fn from_proto(event: proto::HistoryEvent) -> Result<Self, ClientError> {
        Ok(Self {
            id: event.event_id,
            timestamp: instant(event.timestamp)?,
            kind: match event.event_type {
                Some(event) => kind(event)?,
                None => HistoryEventKind::Other { name: "unknown" },
            },
        })
    }
}

fn kind(event: EventType) -> Result<HistoryEventKind, ClientError> {
    use HistoryEventKind as Kind;
    let failed =
        |details: Option<proto::TaskFailureDetails>| Failure::from_activity(details.as_ref());
    Ok(match event {
        EventType::OrchestratorStarted(_) => Kind::TurnStarted,
        EventType::OrchestratorCompleted(_) => Kind::TurnCompleted,
        EventType::ExecutionStarted(event) => Kind::ExecutionStarted {
            name: event.name,
            version: event.version.filter(|version| !version.is_empty()),
            input: event.input,
            execution_id: event
                .orchestration_instance
                .and_then(|instance| instance.execution_id),
            parent_instance_id: event
                .parent_instance
                .and_then(|parent| parent.orchestration_instance)
                .map(|instance| instance.instance_id),
            scheduled_start_at: instant(event.scheduled_start_timestamp)?,
        },
        EventType::ExecutionCompleted(event) => Kind::ExecutionCompleted {
            status: RuntimeStatus::from_proto(event.orchestration_status)?,
            result: event.result,
            failure: event.failure_details.as_ref().map(Failure::from_proto),
        },
        EventType::ExecutionTerminated(event) => Kind::ExecutionTerminated {
            reason: event.input,
        },
        EventType::ExecutionSuspended(event) => Kind::ExecutionSuspended {
            reason: event.input,
        },
        EventType::ExecutionResumed(event) => Kind::ExecutionResumed {
            reason: event.input,
        },
        EventType::ExecutionRewound(event) => Kind::ExecutionRewound {
            reason: event.reason,
        },
        EventType::ContinueAsNew(event) => Kind::ContinuedAsNew { input: event.input },
        EventType::TaskScheduled(event) => Kind::ActivityScheduled {
            name: event.name,
            version: event.version.filter(|version| !version.is_empty()),
            input: event.input,
        },
        EventType::TaskCompleted(event) => Kind::ActivityCompleted {
            scheduled_id: event.task_scheduled_id,
            result: event.result,
        },
        EventType::TaskFailed(event) => Kind::ActivityFailed {
            scheduled_id: event.task_scheduled_id,
            failure: failed(event.failure_details),
        },
        EventType::SubOrchestrationInstanceCreated(event) => Kind::SubOrchestrationScheduled {
            name: event.name,
            instance_id: event.instance_id,
            version: event.version.filter(|version| !version.is_empty()),
            input: event.input,
        },
        EventType::SubOrchestrationInstanceCompleted(event) => Kind::SubOrchestrationCompleted {
            scheduled_id: event.task_scheduled_id,
            result: event.result,
        },
        EventType::SubOrchestrationInstanceFailed(event) => Kind::SubOrchestrationFailed {
            scheduled_id: event.task_scheduled_id,
            failure: failed(event.failure_details),
        },
        EventType::TimerCreated(event) => Kind::TimerCreated {
            fire_at: instant(event.fire_at)?,
        },
        EventType::TimerFired(event) => Kind::TimerFired {
            timer_id: event.timer_id,
            fire_at: instant(event.fire_at)?,
        },
        EventType::EventSent(event) => Kind::EventSent {
            instance_id: event.instance_id,
            name: event.name,
            input: event.input,
        },
        EventType::EventRaised(event) => Kind::EventRaised {
            name: event.name,
            input: event.input,
        },
        EventType::GenericEvent(event) => Kind::Generic { data: event.data },
        EventType::HistoryState(_) => Kind::Other {
            name: "historyState",
        },
        EventType::EntityOperationSignaled(_) => Kind::Other {
            name: "entityOperationSignaled",
        },
        EventType::EntityOperationCalled(_) => Kind::Other {
            name: "entityOperationCalled",
        },
        EventType::EntityOperationCompleted(_) => Kind::Other {
            name: "entityOperationCompleted",
        },
        EventType::EntityOperationFailed(_) => Kind::Other {
            name: "entityOperationFailed",
        },
        EventType::EntityLockRequested(_) => Kind::Other {
            name: "entityLockRequested",
        },
        EventType::EntityLockGranted(_) => Kind::Other {
            name: "entityLockGranted",
        },
        EventType::EntityUnlockSent(_) => Kind::Other {
            name: "entityUnlockSent",
        },
    })
}

impl DurableClient {
    /// The history of an instance, in the order of its events.
    ///
    /// ```no_run
    /// # async fn shown(client: durable_functions::DurableClient) -> Result<(), durable_functions::ClientError> {
    /// for event in client.history("order-42").await? {
    ///     println!("{:?} {:?}", event.timestamp, event.kind);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); [`ClientError::NotFound`] if there is no such instance;
    /// [`ClientError::Unsupported`] over HTTP.
    pub async fn history(&self, instance_id: &str) -> Result<Vec<HistoryEvent>, ClientError> {
        let mut chunks = self.open_history(instance_id).await?;
        let mut events = Vec::new();
        while let Some(chunk) = self.next_chunk(instance_id, &mut chunks).await? {
            events.extend(chunk);
        }
        Ok(events)
    }

    /// [`history`](Self::history) as it arrives, for histories that are better not held in memory
    /// as a whole. The host sends about 2 MB at a time. The client's timeout holds for the whole
    /// transfer; dropping the stream ends it.
    pub fn history_stream(&self, instance_id: &str) -> HistoryStream {
        let begin = (self.clone(), instance_id.to_owned(), None);
        let chunks = stream::try_unfold(begin, |(client, id, chunks)| async move {
            let mut chunks = match chunks {
                Some(chunks) => chunks,
                None => client.open_history(&id).await?,
            };
            let events = client.next_chunk(&id, &mut chunks).await?;
            Ok(events.map(|events| (events, (client, id, Some(chunks)))))
        });
        let events = chunks
            .map_ok(|events| stream::iter(events.into_iter().map(Ok)))
            .try_flatten();
        HistoryStream(events.boxed())
    }

    async fn open_history(&self, instance_id: &str) -> Result<HistoryChunks, ClientError> {
        id::validate_instance_id(instance_id).map_err(ClientError::invalid)?;
        let why = "its history leaves out the turns and merges calls with their ends";
        let grpc = self.transport()?.grpc_only("the history", why)?;
        grpc.history(instance_id).await
    }

    async fn next_chunk(
        &self,
        instance_id: &str,
        chunks: &mut HistoryChunks,
    ) -> Result<Option<Vec<HistoryEvent>>, ClientError> {
        let grpc = self.transport()?.grpc_only("the history", "")?;
        let Some(chunk) = grpc.next_chunk(instance_id, chunks).await? else {
            return Ok(None);
        };
        let events = chunk.events.into_iter().map(HistoryEvent::from_proto);
        events.collect::<Result<_, _>>().map(Some)
    }
}

/// A history on its way: what [`DurableClient::history_stream`] gives.
#[must_use = "nothing is read before this is polled"]
pub struct HistoryStream(BoxStream<'static, Result<HistoryEvent, ClientError>>);

impl std::fmt::Debug for HistoryStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HistoryStream")
    }
}

impl Stream for HistoryStream {
    type Item = Result<HistoryEvent, ClientError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(cx)
    }
}

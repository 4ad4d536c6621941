//! Replaying the history of an instance with today's code.

use durable_functions_protocol::failure::Failure;
use durable_functions_protocol::proto::{
    ActionType, EventType, ExecutionCompletedEvent, HistoryEvent, OrchestrationStatus,
    OrchestratorAction, OrchestratorRequest, OrchestratorResponse,
};
use prost::Message as _;

use super::exported;
use crate::error::Error;
use crate::orchestrator::{self, OrchestratorFn};
use crate::replay;

/// The history of an instance.
///
/// It comes from a turn of the real host, as a log of requests has it, or from the events that the
/// gRPC call `StreamInstanceHistory` gives. What the HTTP management API shows
/// (`showHistory=true`) can be replayed too, but lacks the ids of actions.
#[derive(Clone, Debug)]
pub struct History {
    request: OrchestratorRequest,
}

impl History {
    /// The history in an `OrchestratorRequest`, given as the base64 text in which the host sends
    /// it.
    ///
    /// # Errors
    ///
    /// When the text is no base64, or what it stands for is no such request.
    pub fn from_base64(text: &str) -> Result<Self, Error> {
        Self::from_request(&base64_simd::STANDARD.decode_to_vec(text.trim())?)
    }

    /// The history in the bytes of an `OrchestratorRequest`.
    ///
    /// # Errors
    ///
    /// When they are no such request.
    pub fn from_request(request: &[u8]) -> Result<Self, Error> {
        let request = OrchestratorRequest::decode(request)?;
        Ok(Self { request })
    }

    /// A history of these events.
    pub fn from_events(instance_id: impl Into<String>, events: Vec<HistoryEvent>) -> Self {
        Self {
            request: OrchestratorRequest {
                instance_id: instance_id.into(),
                past_events: events,
                entity_parameters: Some(super::entity_parameters()),
                ..OrchestratorRequest::default()
            },
        }
    }

    /// The answer of the HTTP management API to
    /// `GET /instances/{id}?showHistory=true&showHistoryOutput=true`.
    ///
    /// That form lacks the ids of the actions, the turns and the ids of sub-orchestrations. The
    /// ids of the actions are worked out from the times at which they were scheduled, so other
    /// names, kinds and counts of actions are found, but not the exchange of two actions of the
    /// same kind and name; `ctx.now()` is approximate. Without `showHistoryOutput=true` there are
    /// no results, and what needs them can't be replayed.
    ///
    /// # Errors
    ///
    /// When the text is no such answer, or the answer has no history.
    pub fn from_status_json(json: &str) -> Result<Self, Error> {
        let (instance_id, events) = exported::read(json)?;
        Ok(Self::from_events(instance_id, events))
    }

    fn events(&self) -> impl Iterator<Item = &HistoryEvent> {
        let past = self.request.past_events.iter();
        past.chain(&self.request.new_events)
    }

    /// The first action of the history that comes after the end of the code, in words.
    fn beyond(&self, response: &OrchestratorResponse) -> Option<String> {
        let end = response.actions.iter().find(|action| {
            matches!(
                action.orchestrator_action_type,
                Some(ActionType::CompleteOrchestration(_))
            )
        })?;
        self.events().find_map(|event| {
            let what = match event.event_type.as_ref()? {
                EventType::TaskScheduled(task) => format!("a call of activity '{}'", task.name),
                EventType::SubOrchestrationInstanceCreated(child) => {
                    format!("a call of sub-orchestration '{}'", child.name)
                }
                EventType::TimerCreated(_) => "a timer".into(),
                EventType::EventSent(sent) => format!("an event sent as '{}'", sent.name),
                _ => return None,
            };
            (event.event_id >= end.id).then_some(what)
        })
    }

    /// How many events it has.
    pub fn len(&self) -> usize {
        self.request.past_events.len() + self.request.new_events.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How the instance ended, if it did.
    fn ended(&self) -> Option<Ended> {
        let events = &self.request.past_events;
        let mut events = events.iter().chain(&self.request.new_events).rev();
        events.find_map(|event| match &event.event_type {
            Some(EventType::ExecutionCompleted(ended)) => Some(Ended::of(ended)),
            _ => None,
        })
    }
}

/// How an instance ended.
enum Ended {
    /// With this output.
    Completed(String),
    /// With this failure, in words.
    Failed(String),
    /// Not by its own code.
    FromOutside,
}

impl Ended {
    fn of(event: &ExecutionCompletedEvent) -> Self {
        let result = event.result.clone().unwrap_or_default();
        match (event.orchestration_status(), &event.failure_details) {
            (_, Some(details)) => Self::Failed(Failure::from_proto(details).to_string()),
            // the host keeps no details of the failures that it found itself
            (OrchestrationStatus::Failed, None) => Self::Failed(result),
            (OrchestrationStatus::Terminated | OrchestrationStatus::Canceled, None) => {
                Self::FromOutside
            }
            _ => Self::Completed(result),
        }
    }
}

/// What replaying a history came to.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Replayed {
    /// The output, as JSON text, if the orchestrator completes with this history.
    pub output: Option<String>,
    /// The failure, if it fails with this history.
    pub failure: Option<Failure>,
    /// What it asks for next, in words, if it goes on.
    pub next: Vec<String>,
}

/// The first thing in which today's code differs from the history.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{explanation}")]
pub struct Difference {
    /// What the history has, what the code does, and what to do about it.
    pub explanation: String,
}

/// Replays a history with today's code, as the host will when this code is deployed.
///
/// ```
/// use durable_functions::prelude::*;
/// use durable_functions::testing::{History, replay};
///
/// #[orchestrator]
/// async fn hello_orchestrator(ctx: OrchestrationContext) -> Result<String> {
///     ctx.call_by_name("hello", "Seoul").await
/// }
///
/// #[orchestrator]
/// async fn changed(ctx: OrchestrationContext) -> Result<String> {
///     ctx.call_by_name("greet", "Seoul").await
/// }
///
/// # fn main() -> Result<()> {
/// // the second turn of an instance
/// let history = "CgFpGhUI////////////ARIGCMqBkNgGcgAaVgj///////////8BEgYIy4GQ2AYaQQoSaGVsbG9fb3JjaGVzdHJhdG9yIisKAWkSJgokOGNkYWQwYzgtMGZiOC00YzIyLWFjYmQtMzU1NWM2Zjk0N2M3GhESBgjMgZDYBjIHCgVoZWxsbxoVCP///////////wESBgjNgZDYBnoAIhUI////////////ARIGCM6BkNgGcgA=";
/// let history = History::from_base64(history)?;
///
/// let replayed = replay(hello_orchestrator, &history)?;
/// assert_eq!(replayed.next, [""; 0], "it waits for the activity");
///
/// let difference = replay(changed, &history).unwrap_err();
/// assert!(difference.explanation.contains("'hello'"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// When the code asks for something else than the history has, or ends otherwise than it did.
pub fn replay<Marker, F: OrchestratorFn<Marker>>(
    orchestrator: F,
    history: &History,
) -> Result<Replayed, Difference> {
    let _ = orchestrator;
    let response = replay::run(
        history.request.encode_to_vec(),
        &orchestrator::start::<F::Orchestrator>,
    );
    let failure = replay::failure(&response);
    if let Some(failure) = &failure
        && failure.error_type == replay::NON_DETERMINISM
    {
        return Err(Difference {
            explanation: failure.message.clone(),
        });
    }
    let output = response.actions.iter().find_map(|action| {
        match action.orchestrator_action_type.as_ref()? {
            ActionType::CompleteOrchestration(complete) => match complete.orchestration_status() {
                OrchestrationStatus::Failed | OrchestrationStatus::Terminated => None,
                _ => Some(complete.result.clone().unwrap_or_default()),
            },
            _ => None,
        }
    });
    let replayed = Replayed {
        output,
        failure,
        next: response.actions.iter().filter_map(in_words).collect(),
    };
    // a failure is told as such, wherever it comes
    if replayed.failure.is_none()
        && let Some(what) = history.beyond(&response)
    {
        return Err(Difference {
            explanation: format!(
                "this instance's history has {what}, but the code has ended before it asks for that"
            ),
        });
    }
    if history.ended().is_some()
        && let Some(next) = replayed.next.first()
    {
        return Err(Difference {
            explanation: format!(
                "the instance has ended, and the code asks for more than its history has: {next}"
            ),
        });
    }
    match history.ended() {
        Some(ended) => replayed.compare(&ended).map(|()| replayed),
        None => Ok(replayed),
    }
}

impl Replayed {
    fn compare(&self, ended: &Ended) -> Result<(), Difference> {
        let now = match (ended, &self.output, &self.failure) {
            (Ended::FromOutside, ..) | (Ended::Failed(_), _, Some(_)) => return Ok(()),
            (Ended::Completed(recorded), Some(output), _) if same_json(recorded, output) => {
                return Ok(());
            }
            (_, Some(output), _) => format!("ends with {output}"),
            (_, None, Some(failure)) => format!("fails: {failure}"),
            (_, None, None) => "goes on".into(),
        };
        let then = match ended {
            Ended::Failed(failure) => format!("failed ({failure})"),
            Ended::Completed(output) => format!("ended with {output}"),
            Ended::FromOutside => "was ended".into(),
        };
        Err(Difference {
            explanation: format!("the instance {then}, and the code now {now}"),
        })
    }
}

/// Whether two texts are the same value, however they are spaced.
fn same_json(left: &str, right: &str) -> bool {
    let value = |text| serde_json::from_str::<serde_json::Value>(text).ok();
    left == right || (value(left).is_some() && value(left) == value(right))
}

fn in_words(action: &OrchestratorAction) -> Option<String> {
    Some(match action.orchestrator_action_type.as_ref()? {
        ActionType::ScheduleTask(task) => format!("call activity '{}'", task.name),
        ActionType::CreateSubOrchestration(sub) => {
            format!("call sub-orchestration '{}'", sub.name)
        }
        ActionType::CreateTimer(_) => "set a timer".into(),
        ActionType::SendEvent(event) => format!("send event '{}'", event.name),
        _ => return None,
    })
}

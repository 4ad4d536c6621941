//! Replaying the history of an instance with today's code.

use durable_functions_protocol::failure::Failure;
use durable_functions_protocol::proto::{
    ActionType, EventType, HistoryEvent, OrchestratorAction, OrchestratorRequest,
};
use prost::Message as _;

use crate::error::Error;
use crate::orchestrator::{self, OrchestratorFn};
use crate::replay;

/// The history of an instance.
///
/// It comes from a turn of the real host, as a log of requests has it, or from the events that the
/// gRPC call `StreamInstanceHistory` gives. The history that the HTTP management API shows
/// (`showHistory=true`) can't be replayed: it lacks the ids of actions and their order.
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
                ..OrchestratorRequest::default()
            },
        }
    }

    /// How many events it has.
    pub fn len(&self) -> usize {
        self.request.past_events.len() + self.request.new_events.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The output or failure with which the instance ended, if it did.
    fn ended(&self) -> Option<Result<String, Failure>> {
        let events = &self.request.past_events;
        let ended = events.iter().chain(&self.request.new_events).rev();
        ended.into_iter().find_map(|event| match &event.event_type {
            Some(EventType::ExecutionCompleted(ended)) => Some(match &ended.failure_details {
                Some(details) => Err(Failure::from_proto(details)),
                None => Ok(ended.result.clone().unwrap_or_default()),
            }),
            _ => None,
        })
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
            ActionType::CompleteOrchestration(complete) if complete.failure_details.is_none() => {
                Some(complete.result.clone().unwrap_or_default())
            }
            _ => None,
        }
    });
    let replayed = Replayed {
        output,
        failure,
        next: response.actions.iter().filter_map(in_words).collect(),
    };
    match history.ended() {
        Some(ended) => replayed.compare(&ended).map(|()| replayed),
        None => Ok(replayed),
    }
}

impl Replayed {
    fn compare(&self, ended: &Result<String, Failure>) -> Result<(), Difference> {
        let differs = |explanation: String| Err(Difference { explanation });
        match (ended, &self.output, &self.failure) {
            (Ok(recorded), Some(output), _) if recorded == output => Ok(()),
            (Ok(recorded), Some(output), _) => differs(format!(
                "the instance ended with {recorded}, and the code now ends with {output}"
            )),
            (Err(_), _, Some(_)) => Ok(()),
            (Err(recorded), ..) => differs(format!(
                "the instance failed ({recorded}), and the code now does not"
            )),
            (Ok(recorded), None, Some(failure)) => differs(format!(
                "the instance ended with {recorded}, and the code now fails: {failure}"
            )),
            (Ok(recorded), None, None) => differs(format!(
                "the instance ended with {recorded}, and the code now goes on"
            )),
        }
    }
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

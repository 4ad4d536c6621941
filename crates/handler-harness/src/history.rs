//! Histories, built by hand.

use durable_functions_protocol::proto::{
    ActionType, EventRaisedEvent, EventSentEvent, EventType, ExecutionStartedEvent, HistoryEvent,
    OrchestrationInstance, OrchestratorCompletedEvent, OrchestratorRequest, OrchestratorResponse,
    OrchestratorStartedEvent, SubOrchestrationInstanceCreatedEvent, TaskCompletedEvent,
    TaskFailedEvent, TaskFailureDetails, TaskScheduledEvent, TimerCreatedEvent, TimerFiredEvent,
    Timestamp,
};

/// A turn of an orchestration under construction. Events are added to the newest part of the
/// history; [`next`](Self::next) makes what is new so far the past.
#[derive(Clone, Debug)]
pub struct Turn {
    request: OrchestratorRequest,
    seconds: i64,
}

impl Turn {
    /// The first turn of an instance.
    pub fn first(name: &str, instance_id: &str, input: Option<&str>) -> Self {
        let request = OrchestratorRequest {
            instance_id: instance_id.to_owned(),
            ..OrchestratorRequest::default()
        };
        let started = ExecutionStartedEvent {
            name: name.to_owned(),
            input: input.map(str::to_owned),
            orchestration_instance: Some(OrchestrationInstance {
                instance_id: instance_id.to_owned(),
                execution_id: Some("8cdad0c8-0fb8-4c22-acbd-3555c6f947c7".into()),
            }),
            ..ExecutionStartedEvent::default()
        };
        Self {
            request,
            seconds: 1_795_424_457,
        }
        .event(
            -1,
            EventType::OrchestratorStarted(OrchestratorStartedEvent {}),
        )
        .event(-1, EventType::ExecutionStarted(started))
    }

    /// Adds any event.
    #[must_use]
    pub fn event(mut self, event_id: i32, event_type: EventType) -> Self {
        self.seconds += 1;
        self.request.new_events.push(HistoryEvent {
            event_id,
            timestamp: Some(Timestamp {
                seconds: self.seconds,
                nanos: 0,
            }),
            event_type: Some(event_type),
        });
        self
    }

    /// The orchestrator called an activity.
    #[must_use]
    pub fn scheduled(self, id: i32, name: &str) -> Self {
        let scheduled = TaskScheduledEvent {
            name: name.to_owned(),
            ..TaskScheduledEvent::default()
        };
        self.event(id, EventType::TaskScheduled(scheduled))
    }

    /// The turn was answered with these actions, which the history has now, and the next begins.
    #[must_use]
    pub fn answered(self, response: &OrchestratorResponse) -> Self {
        let recorded = response.actions.iter().fold(self, |turn, action| {
            let event = match action.orchestrator_action_type.clone() {
                Some(ActionType::ScheduleTask(task)) => {
                    EventType::TaskScheduled(TaskScheduledEvent {
                        name: task.name,
                        version: task.version,
                        ..TaskScheduledEvent::default()
                    })
                }
                Some(ActionType::CreateTimer(timer)) => {
                    EventType::TimerCreated(TimerCreatedEvent {
                        fire_at: timer.fire_at,
                    })
                }
                Some(ActionType::CreateSubOrchestration(sub)) => {
                    EventType::SubOrchestrationInstanceCreated(
                        SubOrchestrationInstanceCreatedEvent {
                            instance_id: sub.instance_id,
                            name: sub.name,
                            version: sub.version,
                            input: sub.input,
                            ..SubOrchestrationInstanceCreatedEvent::default()
                        },
                    )
                }
                Some(ActionType::SendEvent(sent)) => EventType::EventSent(EventSentEvent {
                    instance_id: sent.instance.unwrap_or_default().instance_id,
                    name: sent.name,
                    input: sent.data,
                }),
                _ => return turn,
            };
            turn.event(action.id, event)
        });
        recorded.next()
    }

    /// A timer fired.
    #[must_use]
    pub fn fired(self, timer_id: i32) -> Self {
        self.event(
            -1,
            EventType::TimerFired(TimerFiredEvent {
                timer_id,
                ..TimerFiredEvent::default()
            }),
        )
    }

    /// An event was raised, with a payload as JSON text.
    #[must_use]
    pub fn raised(self, name: &str, payload: &str) -> Self {
        self.event(
            -1,
            EventType::EventRaised(EventRaisedEvent {
                name: name.to_owned(),
                input: Some(payload.to_owned()),
            }),
        )
    }

    /// The turn ended and the next begins: everything so far is the past.
    #[must_use]
    pub fn next(self) -> Self {
        let mut turn = self.event(
            -1,
            EventType::OrchestratorCompleted(OrchestratorCompletedEvent {}),
        );
        turn.request
            .past_events
            .append(&mut turn.request.new_events);
        turn.event(
            -1,
            EventType::OrchestratorStarted(OrchestratorStartedEvent {}),
        )
    }

    /// An activity ended with a result, given as JSON text.
    #[must_use]
    pub fn completed(self, id: i32, result: &str) -> Self {
        let completed = TaskCompletedEvent {
            task_scheduled_id: id,
            result: Some(result.to_owned()),
        };
        self.event(-1, EventType::TaskCompleted(completed))
    }

    /// An activity failed.
    #[must_use]
    pub fn failed(self, id: i32, failure_details: Option<TaskFailureDetails>) -> Self {
        self.event(
            -1,
            EventType::TaskFailed(TaskFailedEvent {
                task_scheduled_id: id,
                failure_details,
            }),
        )
    }

    /// The message for the handler.
    pub fn request(&self) -> &OrchestratorRequest {
        &self.request
    }

    /// The message for the handler, to be changed.
    pub fn request_mut(&mut self) -> &mut OrchestratorRequest {
        &mut self.request
    }
}

//! Messages to instances that have not begun.

use std::sync::Arc;

use durable_functions_protocol::proto::EventType;

use super::dispatch::Fault;
use super::service::Engine;
use super::state::InstanceState;
use crate::store::Message;
use crate::strict::Punished;

impl Engine {
    /// Keeps messages until the instance begins, or drops them.
    pub(super) async fn come_early(
        &self,
        instance: &InstanceState,
        messages: &mut Vec<Message>,
    ) -> Result<(), Fault> {
        let id = &instance.record.id;
        let scheduled = instance.record.scheduled;
        let begins_later = scheduled.is_some_and(|due| due > self.clock.now());
        if begins_later && self.conduct.drops_early_messages() {
            for message in messages.iter() {
                self.tell_early(id, message, "was dropped");
            }
            return self.drop_messages(messages).await;
        }
        if begins_later {
            let told = self.instances.held_up_to(id);
            for message in messages.iter().filter(|message| Some(message.seq) > told) {
                self.tell_early(id, message, "waits");
            }
        }
        self.instances.hold(id, std::mem::take(messages));
        Ok(())
    }

    fn tell_early(&self, id: &Arc<str>, message: &Message, outcome: &str) {
        let what = match &message.content.event.event_type {
            Some(EventType::EventRaised(raised)) => format!("the event `{}`", raised.name),
            Some(EventType::ExecutionSuspended(_)) => "the request to suspend".to_owned(),
            Some(EventType::ExecutionResumed(_)) => "the request to resume".to_owned(),
            _ => return,
        };
        let what = format!("{id}: {what} {outcome}: the instance has not begun");
        self.console
            .problem(self.conduct.tell(&what, Punished::EarlyMessage));
    }
}

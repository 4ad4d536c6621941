//! Orchestrations that functions start by an output binding.

use std::sync::Arc;

use super::service::Engine;
use super::start::{StartOutcome, StartRequest};
use crate::invocation::{Answer, BoundStart, ClientOutputs, Exception};

impl Engine {
    /// Starts what the answer of a function holds for its durable clients; what the invocation
    /// fails with when that can't be done.
    pub(crate) async fn start_outputs(
        self: &Arc<Self>,
        outputs: &ClientOutputs,
        answer: &Answer,
    ) -> Result<(), Exception> {
        for start in outputs.starts(answer)? {
            self.start_output(start).await?;
        }
        Ok(())
    }

    async fn start_output(self: &Arc<Self>, start: BoundStart) -> Result<(), Exception> {
        let own = &self.options.hub_name;
        if let Some(hub) = start.task_hub
            && !hub.eq_ignore_ascii_case(own)
        {
            return Err(Exception::new(
                "System.InvalidOperationException",
                format!(
                    "This local host runs the task hub `{own}` and cannot start anything in `{hub}`: leave taskHub out of the binding."
                ),
            ));
        }
        if self.functions.orchestrator(&start.function).is_none() {
            return Err(Exception::new(
                "System.ArgumentException",
                self.functions.unknown_orchestrator(&start.function),
            ));
        }
        let request = StartRequest {
            name: start.function,
            id: start.id,
            input: start.input,
            ..StartRequest::default()
        };
        match self.start_instance(request).await {
            Ok(StartOutcome::Started(_)) => Ok(()),
            Ok(StartOutcome::Exists(status)) => Err(Exception::new(
                "DurableTask.Core.Exceptions.OrchestrationAlreadyExistsException",
                format!("An Orchestration instance with the status {status:?} already exists."),
            )),
            Err(error) => Err(Exception::new(
                "System.InvalidOperationException",
                format!("The state cannot be read or written: {error}"),
            )),
        }
    }
}

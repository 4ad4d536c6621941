//! How many calls are in the handler at once.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use durable_functions_protocol::proto::{
    ActionType, CompleteOrchestrationAction, OrchestrationStatus, OrchestratorAction,
    OrchestratorRequest, OrchestratorResponse,
};
use tokio::sync::Barrier;

/// Waits until that many calls are here at once, and tells how many there were when this one came.
pub async fn meet(together: u64) -> u32 {
    static HERE: AtomicU32 = AtomicU32::new(0);
    static DOOR: OnceLock<Barrier> = OnceLock::new();
    let here = HERE.fetch_add(1, Ordering::SeqCst) + 1;
    let together = usize::try_from(together).unwrap();
    DOOR.get_or_init(|| Barrier::new(together)).wait().await;
    // One call too many would come while these are at work.
    tokio::time::sleep(Duration::from_millis(30)).await;
    HERE.fetch_sub(1, Ordering::SeqCst);
    here
}

/// A turn that meets others and ends with their number.
pub async fn turn(request: &OrchestratorRequest) -> OrchestratorResponse {
    let input = crate::replay::View::of(request).input;
    let here = meet(input.as_u64().unwrap()).await;
    let end = CompleteOrchestrationAction {
        orchestration_status: OrchestrationStatus::Completed as i32,
        result: Some(here.to_string()),
        ..Default::default()
    };
    OrchestratorResponse {
        instance_id: request.instance_id.clone(),
        actions: vec![OrchestratorAction {
            id: 0,
            orchestrator_action_type: Some(ActionType::CompleteOrchestration(end)),
        }],
        ..Default::default()
    }
}

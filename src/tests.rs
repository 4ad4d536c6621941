//! The orchestration without a host: activities are answered by closures.

use durable_functions::testing::TestOrchestration;

use super::{hello, hello_orchestrator};

#[test]
fn seoul_is_greeted() {
    let run = TestOrchestration::new(hello_orchestrator)
        .activity(hello, |name| format!("Hello {name}!"))
        .run();
    assert_eq!(run.output().unwrap(), "Hello Seoul!");
    assert_eq!(run.inputs_of(hello).unwrap(), ["Seoul"]);
}

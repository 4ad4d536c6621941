//! The whole app in a test: the development host in this process, the app's executable as its
//! handler.

#![cfg(feature = "local-host")]

use std::error::Error;
use std::time::Duration;

use durable_functions::DurableClient;
use durable_functions::local_host::LocalHost;

#[tokio::test]
async fn seoul_is_greeted() -> Result<(), Box<dyn Error>> {
    let app = LocalHost::builder()
        .memory()
        .handler(env!("CARGO_BIN_EXE_handler"));
    let host = app.start().await?;
    let client = DurableClient::connect(host.rpc_url());
    let id = client.start_new("hello_orchestrator", ()).await?;
    let ended = client
        .wait_for_completion(&id, Duration::from_secs(30))
        .await?;
    assert_eq!(ended.output::<String>()?.as_deref(), Some("Hello Seoul!"));
    host.shutdown().await;
    Ok(())
}

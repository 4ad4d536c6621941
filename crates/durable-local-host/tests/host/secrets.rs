//! What local.settings.json holds is for the handler, and for nobody else to see.

use std::path::Path;

use crate::app::{BASE, write, write_app};
use crate::kills::host_json_of_handler;
use crate::process::HostProcess;

const SECRET: &str = "hunter2-and-more";

fn write_secret_app(folder: &Path) {
    write_app(folder, &host_json_of_handler());
    write(
        folder,
        "local.settings.json",
        &format!(
            r#"{{"Values":{{"FUNCTIONS_WORKER_RUNTIME":"custom","TEST_HANDLER":"1","AzureWebJobsStorage":"AccountKey={SECRET}","API_KEY":"{SECRET}"}}}}"#
        ),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_shown_nowhere() {
    for form in ["text", "json"] {
        let app = tempfile::tempdir().unwrap();
        write_secret_app(app.path());
        let host = HostProcess::start(app.path(), &["--memory", "--verbose", "--log", form]).await;
        let client = host.client();
        client.run("hello_orchestrator", "a", "\"x\"").await;
        client.begin("misbehave", "m", "\"die\"").await;
        client.until_status("m", "Completed").await;
        let pages = [
            format!("{BASE}/instances?showInput=true"),
            format!("{BASE}/instances/a?showHistory=true"),
            format!("{BASE}/entities"),
            "/dashboard".to_owned(),
            "/dashboard/api/overview".to_owned(),
            "/dashboard/api/instances".to_owned(),
            "/dashboard/api/instance?id=a".to_owned(),
            "/local.settings.json".to_owned(),
            "/dashboard/assets/../../local.settings.json".to_owned(),
            "/dashboard/assets/..%2f..%2flocal.settings.json".to_owned(),
        ];
        for page in pages {
            let answer = client.get(&page).await;
            assert!(!answer.text().contains(SECRET), "{page}");
        }
        let lines = host.lines.clone();
        assert!(host.terminate().await.success());
        let shown: Vec<String> = lines
            .all()
            .into_iter()
            .filter(|line| line.contains(SECRET))
            .collect();
        assert!(shown.is_empty(), "{shown:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_cannot_be_read_are_named_without_their_values() {
    for settings in [
        format!(r#"{{"Values":{{"API_KEY":["{SECRET}"]}}}}"#),
        format!(r#"{{"Values":{{"API_KEY":"{SECRET}" oops}}}}"#),
        format!(r#"{{"IsEncrypted":true,"Values":{{"API_KEY":"{SECRET}"}}}}"#),
    ] {
        let app = tempfile::tempdir().unwrap();
        write_secret_app(app.path());
        write(app.path(), "local.settings.json", &settings);
        let mut host = HostProcess::spawn(app.path(), &["--memory", "--port", "0"]);
        assert!(!host.wait().await.success());
        host.lines.wait_for("local.settings.json").await;
        let shown = host.lines.all().join("\n");
        assert!(!shown.contains(SECRET), "{shown}");
    }
}

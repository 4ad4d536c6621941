//! Command lines, and hosts that do not answer as they should.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::command::command;

/// A server that answers one request; gives the request's head.
async fn answering(response: &'static str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(response.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        String::from_utf8(head).unwrap()
    });
    (url, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_do_not_answer_are_told() {
    let free = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let url = format!("http://{free}");
    let ended = command(&["instances", "list", "--url", &url], &[], "").await;
    ended.fault(
        1,
        &[
            &format!("no host answers at {url}"),
            "durable-local-host start",
            "cargo run",
            "--url",
        ],
    );
    let ended = command(
        &[
            "entities",
            "list",
            "--url",
            "http://no-such-host.invalid?code=s3cret",
        ],
        &[],
        "",
    )
    .await;
    assert!(!ended.err.contains("s3cret"), "{ended:?}");
    ended.fault(
        1,
        &[
            "no host answers at http://no-such-host.invalid",
            "Check the URL",
        ],
    );
    let ended = command(&["instances", "list", "--url", "ftp://x"], &[], "").await;
    ended.fault(2, &["neither http:// nor https://"]);

    let (url, server) = answering("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
    let ended = command(&["instances", "list", "--url", &url], &[], "").await;
    ended.fault(1, &["no management API of Durable Functions", &url]);
    server.await.unwrap();
    let (url, server) =
        answering("HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n<html>\u{1b}[2J</").await;
    let ended = command(&["instances", "list", "--url", &url], &[], "").await;
    assert!(!ended.err.contains('\u{1b}'), "{ended:?}");
    ended.fault(1, &["can't read", "<html>\\u{1b}[2J"]);
    server.await.unwrap();
    let (url, server) = answering("HTTP/1.1 302 Found\r\nlocation: https://login.example.org/x?code=s3cret\r\ncontent-length: 0\r\n\r\n").await;
    let ended = command(&["instances", "list", "--url", &url], &[], "").await;
    assert!(!ended.err.contains("s3cret"), "{ended:?}");
    ended.fault(1, &["https://login.example.org/x", "own URL"]);
    server.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_asks_for_no_inputs() {
    const NOTHING: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]";
    for (form, asked) in [("table", true), ("json", false)] {
        let (url, server) = answering(NOTHING).await;
        let line = ["instances", "list", "--url", &url, "--output", form];
        command(&line, &[], "").await.good();
        let head = server.await.unwrap();
        assert_eq!(head.contains("showInput=false"), asked, "{head}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_sent_and_never_shown() {
    const REFUSED: &str = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n";
    let (url, server) = answering(REFUSED).await;
    let ended = command(&["instances", "list", "--url", &url], &[], "").await;
    ended.fault(
        1,
        &[
            "asks for a key",
            "durabletask_extension",
            "DURABLE_HOST_KEY",
            &url,
        ],
    );
    assert!(!server.await.unwrap().contains("x-functions-key"));

    let (url, server) = answering(REFUSED).await;
    let variables = [
        ("DURABLE_HOST_URL", url.as_str()),
        ("DURABLE_HOST_KEY", "s3cret"),
        ("DURABLE_HOST_TASK_HUB", "Other Hub"),
    ];
    let ended = command(&["instances", "show", "with blank/slash"], &variables, "").await;
    assert!(!format!("{ended:?}").contains("s3cret"), "{ended:?}");
    ended.fault(1, &["does not accept the key"]);
    let head = server.await.unwrap();
    assert!(head.contains("x-functions-key: s3cret\r\n"), "{head}");
    assert!(head.starts_with("GET /runtime/webhooks/durabletask/instances/with%20blank%2Fslash?taskHub=Other+Hub HTTP/1.1"), "{head}");

    let help = command(&["instances", "--help"], &variables, "")
        .await
        .good();
    assert!(
        help.out.contains("DURABLE_HOST_KEY") && !help.out.contains("s3cret"),
        "{help:?}"
    );
    let (url, server) = answering(REFUSED).await;
    let url = format!("{url}/runtime/webhooks/durabletask/instances/a?taskHub=H&code=fr0m-url");
    let ended = command(&["entities", "list", "--url", &url], &[], "").await;
    assert!(!ended.err.contains("fr0m-url"), "{ended:?}");
    let head = server.await.unwrap();
    assert!(
        head.contains("x-functions-key: fr0m-url\r\n") && !head.contains("code="),
        "{head}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn shells_complete_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = command(&["completions", shell], &[], "").await.good();
        for word in [
            "durable-local-host",
            "instances",
            "rewind",
            "--created-from",
            "entities",
            "signal",
            "--port",
        ] {
            // Some shells have long options without their dashes.
            assert!(
                script.out.contains(word.trim_start_matches('-')),
                "{shell}: {word}"
            );
        }
    }
    command(&["completions", "dos"], &[], "")
        .await
        .fault(2, &["bash"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_options_and_start_are_the_same() {
    let help = command(&["--help"], &[], "").await.good();
    for word in ["start", "instances", "entities", "completions", "--port"] {
        assert!(help.out.contains(word), "{help:?}");
    }
    let help = command(&["start", "--help"], &[], "").await.good();
    assert!(help.out.contains("--allow-host"), "{help:?}");
    command(&["--port", "0", "start"], &[], "")
        .await
        .fault(2, &["start"]);
    let folder = tempfile::tempdir().unwrap();
    let app = folder.path().to_str().unwrap();
    for line in [&["--app", app][..], &["start", "--app", app][..]] {
        command(line, &[], "")
            .await
            .fault(1, &["there is no host.json"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_the_host_is_an_error_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let app = folder.path().to_str().unwrap();
    let ended = command(&["start", "--log", "json", "--app", app], &[], "").await;
    assert_eq!(ended.code, 1, "{ended:?}");
    assert_eq!(ended.json()["level"], "error");
    assert_eq!(ended.json()["source"], "host");
}

/// The long options in a text.
fn options(text: &str) -> Vec<&str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
        .filter(|word| {
            word.strip_prefix("--")
                .is_some_and(|name| name.starts_with(char::is_alphabetic))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_about_the_terminal_has_every_option() {
    let page = include_str!("../../../../docs/terminal.md");
    let (mut commands, mut known) = (Vec::new(), Vec::new());
    for (group, names) in [
        (
            "instances",
            &[
                "list",
                "show",
                "history",
                "start",
                "raise",
                "terminate",
                "suspend",
                "resume",
                "rewind",
                "restart",
                "purge",
            ][..],
        ),
        ("entities", &["list", "show", "signal"]),
    ] {
        commands.extend(names.iter().map(|name| vec![group, name]));
    }
    for name in ["start", "completions"] {
        commands.push(vec![name]);
    }
    for command_line in commands {
        let name = command_line.last().unwrap().to_owned();
        let help = command(&[&command_line[..], &["--help"]].concat(), &[], "")
            .await
            .good();
        assert!(page.contains(name), "{command_line:?}");
        let start = command_line == ["start"];
        for option in options(&help.out) {
            // The page about the host has those of `start`.
            assert!(
                start || option == "--help" || page.contains(option),
                "{command_line:?} {option}"
            );
            known.push(option.to_owned());
        }
    }
    for option in options(page) {
        assert!(
            known.iter().any(|known| known == option),
            "{option} is no option"
        );
    }
}

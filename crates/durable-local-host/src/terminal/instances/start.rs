//! `instances start`.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde::Deserialize;
use tokio::time::{Instant, sleep_until};

use super::{show, unknown};
use crate::display::one_line;
use crate::display::style;
use crate::terminal::client::{Call, Host};
use crate::terminal::documents::{Status, value_text};
use crate::terminal::fault::Fault;
use crate::terminal::input::InputArgs;
use crate::terminal::output::{OutputArgs, print, remark, say};
use crate::terminal::progress::Progress;

/// The first pause between two looks at an instance; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What to start.
#[derive(clap::Args, Debug)]
pub(super) struct StartArgs {
    /// Name of the orchestrator
    name: String,
    /// Id of the new instance; without it the host makes one
    #[arg(long)]
    id: Option<String>,
    #[command(flatten)]
    input: InputArgs,
    /// Version of the orchestration
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Wait for its end, for so many seconds at most, and show how it ended; the exit code is 1
    /// unless it completed
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, value_parser = seconds)]
    wait: Option<Option<Duration>>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "a number of seconds is needed (options without a value go behind the name of the orchestrator)".to_owned())
}

/// The answer to a start.
#[derive(Deserialize)]
pub(super) struct Started {
    pub(super) id: String,
}

pub(super) async fn run(host: &Host, output: &OutputArgs, args: &StartArgs) -> Result<(), Fault> {
    let input = args.input.read()?;
    let mut path = vec!["orchestrators", args.name.as_str()];
    path.extend(args.id.as_deref());
    let query = args.version.clone().map(|version| ("version", version));
    let answer = host
        .send(
            Method::POST,
            Call {
                path,
                query: query.into_iter().collect(),
                body: input,
                continuation: None,
            },
        )
        .await?;
    match answer.status {
        StatusCode::NOT_FOUND => return Err(not_found(host, args.id.as_deref())),
        status if status.is_success() => {}
        _ => return Err(host.failed(&format!("starting {}", args.name), &answer)),
    }
    let started: Started =
        serde_json::from_str(&answer.body).map_err(|error| host.unreadable(&error, &answer))?;
    let Some(limit) = args.wait else {
        if output.is_json() {
            return print(&format!("{}\n", answer.body));
        }
        let id = one_line(&started.id).into_owned();
        return say(&format!(
            "Started {} with the id {}",
            args.name,
            output.paint().text(style::BOLD, &id)
        ));
    };
    remark(&one_line(&format!(
        "Started {} with the id {}",
        args.name, started.id
    )));
    let end = wait(host, output, &started.id, limit)
        .await
        .map_err(|fault| fault.about(&format!("the orchestration {}", started.id)))?;
    show::show(host, output, &started.id).await?;
    match end.as_str() {
        "Completed" => Ok(()),
        other => Err(Fault::failed(format!(
            "the orchestration {} ended as {other}",
            started.id
        ))),
    }
}

/// The fault for a start that is answered with 404.
fn not_found(host: &Host, id: Option<&str>) -> Fault {
    const IN_NO_ID: &[char] = &['/', '\\', '?', '#'];
    let unusable = |id: &&str| id.contains(IN_NO_ID) || id.contains(char::is_control);
    match id.filter(unusable) {
        Some(id) => Fault::failed(format!(
            "'{}' can't be the id of an instance: ids have no `/`, `\\`, `?`, `#` or control characters",
            one_line(id)
        )),
        None => host.no_api(),
    }
}

/// Waits for the end of an instance; its status then.
async fn wait(
    host: &Host,
    output: &OutputArgs,
    id: &str,
    limit: Option<Duration>,
) -> Result<String, Fault> {
    let begun = Instant::now();
    let deadline = limit.and_then(|limit| begun.checked_add(limit));
    let progress = Progress::start(id, output.error_paint());
    let mut pause = FIRST_PAUSE;
    loop {
        let call = Call {
            path: vec!["instances", id],
            query: vec![("showInput", "false".to_owned())],
            ..Call::default()
        };
        let answer = host.get(call).await?.ok_or_else(|| unknown(host, id))?;
        let status: Status<'_> =
            serde_json::from_str(&answer.body).map_err(|error| host.unreadable(&error, &answer))?;
        if status.has_ended() {
            return Ok(status.runtime_status);
        }
        progress.show(
            &status.runtime_status,
            value_text(status.custom_status).as_deref(),
        );
        let now = Instant::now();
        if let Some(deadline) = deadline.filter(|deadline| *deadline <= now) {
            return Err(Fault::failed(format!(
                "the orchestration {id} is still {} after {} seconds: it goes on, and `instances show {id}` shows it",
                status.runtime_status,
                deadline.duration_since(begun).as_secs_f64()
            )));
        }
        let next = now + pause;
        sleep_until(deadline.map_or(next, |deadline| next.min(deadline))).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

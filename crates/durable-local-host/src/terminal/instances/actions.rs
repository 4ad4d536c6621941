//! Requests that steer an instance: raise, terminate, suspend, resume, rewind, restart.

use reqwest::{Method, StatusCode};

use super::start::Started;
use super::unknown;
use crate::terminal::client::{Answer, Call, Host};
use crate::terminal::documents::Status;
use crate::terminal::fault::Fault;
use crate::terminal::input::InputArgs;
use crate::terminal::output::{OutputArgs, print, say};

/// Which event goes where.
#[derive(clap::Args, Debug)]
pub(super) struct RaiseArgs {
    /// Id of the instance
    id: String,
    /// Name of the event
    event: String,
    #[command(flatten)]
    input: InputArgs,
}

/// Which instance to steer.
#[derive(clap::Args, Debug)]
pub(super) struct SteerArgs {
    /// Id of the instance
    id: String,
    /// Why, for the history
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Which instance to start anew.
#[derive(clap::Args, Debug)]
pub(super) struct RestartArgs {
    /// Id of the instance
    id: String,
    /// Give the new instance the same id, and forget the old one
    #[arg(long)]
    same_id: bool,
}

/// A request with a reason and nothing else.
pub(super) struct Steering {
    route: &'static str,
    done: &'static str,
    /// Whether an instance of that status can be asked for it.
    fits: fn(&str) -> bool,
}

pub(super) const TERMINATE: Steering = Steering {
    route: "terminate",
    done: "will be terminated",
    fits: |_| true,
};
pub(super) const SUSPEND: Steering = Steering {
    route: "suspend",
    done: "will be suspended",
    fits: |status| status != "Suspended",
};
pub(super) const RESUME: Steering = Steering {
    route: "resume",
    done: "will go on",
    fits: |status| status == "Suspended",
};
pub(super) const REWIND: Steering = Steering {
    route: "rewind",
    done: "will run its failed calls again",
    fits: |status| status == "Failed",
};

impl Steering {
    pub(super) async fn run(
        &self,
        host: &Host,
        output: &OutputArgs,
        args: &SteerArgs,
    ) -> Result<(), Fault> {
        let call = Call {
            path: vec!["instances", &args.id, self.route],
            query: args
                .reason
                .clone()
                .map(|reason| ("reason", reason))
                .into_iter()
                .collect(),
            ..Call::default()
        };
        let answer = host.send(Method::POST, call).await?;
        // The API says no more than that something went wrong.
        if answer.status == StatusCode::INTERNAL_SERVER_ERROR
            && let Some(status) = status(host, &args.id).await
            && !(self.fits)(&status)
        {
            let fault = host.failed(&format!("{} of '{}'", self.route, args.id), &answer);
            return Err(Fault::failed(format!(
                "{}. The instance is {status}, which is probably why",
                fault.message().trim_end_matches('.')
            )));
        }
        accepted(host, &args.id, self.route, &answer).await?;
        told(output, &answer, &format!("{} {}.", args.id, self.done))
    }
}

pub(super) async fn raise(host: &Host, output: &OutputArgs, args: &RaiseArgs) -> Result<(), Fault> {
    // The API asks for JSON, so no input is null.
    let body = args.input.read()?.unwrap_or_else(|| "null".to_owned());
    let call = Call {
        path: vec!["instances", &args.id, "raiseEvent", &args.event],
        body: Some(body),
        ..Call::default()
    };
    let answer = host.send(Method::POST, call).await?;
    accepted(host, &args.id, "raising an event", &answer).await?;
    told(
        output,
        &answer,
        &format!("The event {} is on its way to {}.", args.event, args.id),
    )
}

pub(super) async fn restart(
    host: &Host,
    output: &OutputArgs,
    args: &RestartArgs,
) -> Result<(), Fault> {
    let call = Call {
        path: vec!["instances", &args.id, "restart"],
        query: vec![("restartWithNewInstanceId", (!args.same_id).to_string())],
        ..Call::default()
    };
    let answer = host.send(Method::POST, call).await?;
    // The real host says so in another way than elsewhere.
    if answer.status == StatusCode::BAD_REQUEST && answer.said().contains("No instance with ID") {
        return Err(unknown(host, &args.id));
    }
    accepted(host, &args.id, "restart", &answer).await?;
    let started: Started =
        serde_json::from_str(&answer.body).map_err(|error| host.unreadable(&error, &answer))?;
    told(
        output,
        &answer,
        &format!("Started {} anew with the id {}", args.id, started.id),
    )
}

/// Whether the host took the request; if not, why.
async fn accepted(host: &Host, id: &str, what: &str, answer: &Answer) -> Result<(), Fault> {
    match answer.status {
        status if status.is_success() => Ok(()),
        StatusCode::NOT_FOUND => Err(unknown(host, id)),
        StatusCode::GONE => Err(Fault::failed(format!(
            "the instance '{id}' at {} has ended{}, so nothing reaches it any more",
            host.shown(),
            status(host, id)
                .await
                .map_or_else(String::new, |status| format!(" as {status}"))
        ))),
        _ => Err(host.failed(&format!("{what} of '{id}'"), answer)),
    }
}

/// The status of an instance, as far as the host tells.
async fn status(host: &Host, id: &str) -> Option<String> {
    let call = Call {
        path: vec!["instances", id],
        query: vec![("showInput", "false".to_owned())],
        ..Call::default()
    };
    let answer = host.get(call).await.ok()??;
    let status: Status<'_> = serde_json::from_str(&answer.body).ok()?;
    Some(status.runtime_status)
}

/// Says what was done; for scripts, what the host answered, if anything.
fn told(output: &OutputArgs, answer: &Answer, text: &str) -> Result<(), Fault> {
    match (output.is_json(), answer.body.as_str()) {
        (true, "") => Ok(()),
        (true, body) => print(&format!("{body}\n")),
        (false, _) => say(&crate::display::one_line(text)),
    }
}

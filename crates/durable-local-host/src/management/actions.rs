//! What the requests do.

use std::time::Duration;

use durable_functions_protocol::proto::OrchestrationStatus;

use super::history::{Shown, history_events};
use super::request::{ManagementRequest, Reply, object, text};
use super::routes::Management;
use super::status::{check_status, status_by_name, status_document, status_name};
use crate::engine::{StartOutcome, StartRequest};
use crate::newtonsoft::{Dates, Json, json_or_text, parse, render};
use crate::store::{InstanceFilter, InstanceRecord, StoreError};
use crate::urls::MANAGEMENT_PATH;

pub(super) type Outcome = Result<Reply, StoreError>;

/// How many instances a page of a listing has.
pub(super) const PAGE: usize = 100;
/// The summary of every wrong argument of a restart.
const NO_INSTANCE: &str = "InstanceId does not match a valid orchestration instance.";
/// The summary of every error that nobody foresaw.
const WENT_WRONG: &str = "Something went wrong while processing your request";

impl Management {
    pub(super) async fn start(
        &self,
        request: &ManagementRequest,
        name: &str,
        id: Option<&str>,
    ) -> Outcome {
        let input = match json_body(request) {
            Ok(input) => input,
            Err(reply) => return Ok(reply),
        };
        if self.engine.functions().orchestrator(name).is_none() {
            return Ok(Reply::message(
                400,
                &self.engine.functions().unknown_orchestrator(name),
            ));
        }
        let start = StartRequest {
            name: name.to_owned(),
            id: id.map(str::to_owned),
            input,
            version: request.text("version"),
            ..StartRequest::default()
        };
        match self.engine.start_instance(start).await? {
            StartOutcome::Started(id) => {
                self.started(
                    request,
                    &id,
                    "One or more of the arguments submitted is incorrect",
                )
                .await
            }
            StartOutcome::Exists(status) => Ok(Reply::message(
                409,
                &format!(
                    "An Orchestration instance with the status {} already exists.",
                    status_name(status)
                ),
            )),
        }
    }

    /// The answer to a start: at once, or when the instance has ended. `wrong` is the summary of
    /// an error in what the caller asks for; the instance runs all the same.
    async fn started(&self, request: &ManagementRequest, id: &str, wrong: &str) -> Outcome {
        let seconds = |name: &str| {
            request
                .value(name)
                .and_then(|text| text.trim().parse::<f64>().ok())
        };
        let (timeout, interval) = (seconds("timeout"), seconds("pollingInterval"));
        if let (Some(timeout), Some(interval)) = (timeout, interval)
            && interval > timeout
        {
            return Ok(Reply::exception(
                400,
                wrong,
                "System.ArgumentException",
                &format!("Total timeout {timeout} should be bigger than retry timeout {interval}"),
            ));
        }
        // The real host polls in that interval; both have to be given, as there.
        if let (Some(timeout), Some(_)) = (timeout, interval)
            && let Ok(limit) = Duration::try_from_secs_f64(timeout)
            && let Some(record) = self.engine.wait_for_end(id, limit).await?
            && record.has_ended()
        {
            let body = match record.status {
                OrchestrationStatus::Completed => {
                    record.output.as_deref().map_or(Json::Null, json_or_text)
                }
                _ => status_document(&record, true, None),
            };
            return Ok(Reply::json(200, &body));
        }
        Ok(check_status(
            &format!("{}{MANAGEMENT_PATH}", request.origin),
            id,
            &self.query(),
        ))
    }

    pub(super) async fn status(&self, request: &ManagementRequest, id: &str) -> Outcome {
        let input = request.flag("showInput", true);
        let (record, history) = if request.flag("showHistory", false) {
            let Some(stored) = self.engine.store().history(id).await? else {
                return Ok(Reply::empty(404));
            };
            let mut events = Vec::new();
            for chunk in &stored.chunks {
                events.extend(
                    chunk
                        .decode()
                        .map_err(|error| StoreError::Unreadable(error.to_string()))?,
                );
            }
            let shown = Shown {
                output: request.flag("showHistoryOutput", false),
                input,
            };
            let history = history_events(&stored.record, &events, shown);
            (stored.record, Some(history))
        } else {
            let Some(record) = self.engine.store().instance(id).await? else {
                return Ok(Reply::empty(404));
            };
            (record, None)
        };
        let document = status_document(&record, input, history);
        if !record.has_ended() {
            return Ok(Reply::json(202, &document)
                .with("Location", request.url.clone())
                .with("Retry-After", "5"));
        }
        let as_error = request.flag("returnInternalServerErrorOnFailure", false);
        let status = if record.status == OrchestrationStatus::Failed && as_error {
            500
        } else {
            200
        };
        Ok(Reply::json(status, &document))
    }

    pub(super) async fn list(&self, request: &ManagementRequest) -> Outcome {
        let page = request
            .value("top")
            .and_then(|text| text.trim().parse().ok())
            .filter(|top| *top > 0)
            .unwrap_or(PAGE);
        let from_id = match page_start(request) {
            Ok(from_id) => from_id,
            Err(reply) => return Ok(reply),
        };
        let filter = InstanceFilter {
            prefix: request.text("instanceIdPrefix"),
            from_id,
            ..filter(request)
        };
        let (records, next) = self.engine.store().page(filter, page).await?;
        let show_input = request.flag("showInput", true);
        let documents = records
            .iter()
            .map(|record| status_document(record, show_input, None))
            .collect();
        let reply = Reply::json(200, &Json::Array(documents));
        Ok(match next {
            Some(token) => reply.with("x-ms-continuation-token", token),
            None => reply,
        })
    }

    pub(super) async fn purge(&self, id: &str) -> Outcome {
        let Some(record) = self.engine.store().instance(id).await? else {
            return Ok(Reply::empty(404));
        };
        if !record.has_ended() {
            return Ok(Reply::json(
                412,
                &text(&format!(
                    "Only orchestrations in a terminal state can be purged, but the orchestration with instance ID {id} has status {}",
                    status_name(record.status)
                )),
            ));
        }
        Ok(deleted(self.engine.purge(vec![id.to_owned()]).await?))
    }

    pub(super) async fn purge_many(&self, request: &ManagementRequest) -> Outcome {
        let filter = filter(request);
        if filter.created_from.is_none() {
            return Ok(Reply::json(
                400,
                &text("Please provide value for 'createdTimeFrom' parameter."),
            ));
        }
        let records = self.engine.store().list(filter).await?;
        let ids = records
            .into_iter()
            .filter(InstanceRecord::has_ended)
            .map(|record| record.id.to_string())
            .collect();
        Ok(deleted(self.engine.purge(ids).await?))
    }

    pub(super) async fn raise_event(
        &self,
        request: &ManagementRequest,
        id: &str,
        name: &str,
    ) -> Outcome {
        if let Err(reply) = self.live(id).await? {
            return Ok(reply);
        }
        if !request.is_json() {
            return Ok(Reply::message(
                400,
                "Only application/json request content is supported",
            ));
        }
        match parse(&String::from_utf8_lossy(&request.body), Dates::Keep) {
            Ok(data) => {
                self.engine
                    .raise_event(id, name.to_owned(), Some(render(&data)))
                    .await?;
                Ok(Reply::empty(202))
            }
            Err(fault) => Ok(invalid_json(&fault.to_string())),
        }
    }

    pub(super) async fn terminate(&self, request: &ManagementRequest, id: &str) -> Outcome {
        if let Err(reply) = self.live(id).await? {
            return Ok(reply);
        }
        self.engine.terminate(id, request.text("reason")).await?;
        Ok(Reply::empty(202))
    }

    pub(super) async fn suspend(&self, request: &ManagementRequest, id: &str) -> Outcome {
        match self.live(id).await? {
            Err(reply) => Ok(reply),
            Ok(record) if record.status == OrchestrationStatus::Suspended => {
                Ok(cannot("suspend", &record))
            }
            Ok(_) => {
                self.engine.suspend(id, request.text("reason")).await?;
                Ok(Reply::empty(202))
            }
        }
    }

    pub(super) async fn resume(&self, request: &ManagementRequest, id: &str) -> Outcome {
        match self.live(id).await? {
            Err(reply) => Ok(reply),
            Ok(record) if record.status != OrchestrationStatus::Suspended => {
                Ok(cannot("resume", &record))
            }
            Ok(_) => {
                self.engine.resume(id, request.text("reason")).await?;
                Ok(Reply::empty(202))
            }
        }
    }

    pub(super) async fn rewind(&self, request: &ManagementRequest, id: &str) -> Outcome {
        Ok(match self.engine.store().instance(id).await? {
            // The dollar sign is the real host's.
            None => Reply::json(
                404,
                &text(&format!(
                    "No orchestration with instance ID \"${id}\" found."
                )),
            ),
            Some(record) if record.status != OrchestrationStatus::Failed => Reply::json(
                412,
                &text(&format!(
                    "This orchestration has status {}, but only orchestrations in the \"Failed\" state can be rewound.",
                    status_name(record.status)
                )),
            ),
            Some(_) => {
                self.engine.rewind(id, request.text("reason")).await?;
                Reply::empty(202)
            }
        })
    }

    pub(super) async fn restart(&self, request: &ManagementRequest, id: &str) -> Outcome {
        let Some(record) = self.engine.store().instance(id).await? else {
            return Ok(Reply::exception(
                400,
                NO_INSTANCE,
                "System.ArgumentException",
                &format!("No instance with ID '{id}' was found. (Parameter 'instanceId')"),
            ));
        };
        let new_id = request.flag("restartWithNewInstanceId", true);
        match self.engine.restart(record, new_id).await? {
            StartOutcome::Started(id) => self.started(request, &id, NO_INSTANCE).await,
            StartOutcome::Exists(status) => Ok(Reply::exception(
                409,
                "A non-terminal instance with this instance ID already exists.",
                "DurableTask.Core.Exceptions.OrchestrationAlreadyExistsException",
                &format!(
                    "An Orchestration instance with the status {} already exists.",
                    status_name(status)
                ),
            )),
        }
    }

    /// The instance, as long as something can be done to it.
    async fn live(&self, id: &str) -> Result<Result<InstanceRecord, Reply>, StoreError> {
        Ok(match self.engine.store().instance(id).await? {
            None => Err(Reply::empty(404)),
            Some(record) if record.has_ended() => Err(Reply::empty(410)),
            Some(record) => Ok(record),
        })
    }
}

fn cannot(what: &str, record: &InstanceRecord) -> Reply {
    Reply::exception(
        500,
        WENT_WRONG,
        "System.InvalidOperationException",
        &format!(
            "Cannot {what} the orchestration instance {} because instance is in the {} state.",
            record.id,
            status_name(record.status)
        ),
    )
}

fn deleted(count: usize) -> Reply {
    if count == 0 {
        return Reply::empty(404);
    }
    Reply::json(
        200,
        &object([("instancesDeleted", Json::Number(count.to_string()))]),
    )
}

/// The body as JSON text, which is kept as it came; nothing when it is empty.
fn json_body(request: &ManagementRequest) -> Result<Option<String>, Reply> {
    let body = String::from_utf8_lossy(&request.body);
    if body.trim().is_empty() {
        return Ok(None);
    }
    match parse(&body, Dates::Keep) {
        Ok(_) => Ok(Some(body.into_owned())),
        Err(fault) => Err(invalid_json(&fault.to_string())),
    }
}

fn invalid_json(fault: &str) -> Reply {
    Reply::exception(
        400,
        "Invalid JSON content",
        "Newtonsoft.Json.JsonReaderException",
        fault,
    )
}

/// The id that a page begins with, if it is not the first one.
pub(super) fn page_start(request: &ManagementRequest) -> Result<Option<String>, Reply> {
    let token = request.continuation.as_deref().map(str::trim);
    let Some(token) = token.filter(|token| !token.is_empty()) else {
        return Ok(None);
    };
    InstanceFilter::from_token(token).map(Some).ok_or_else(|| {
        Reply::message(
            400,
            "The header x-ms-continuation-token holds no token of this host: send the one of the page before, or none for the first page.",
        )
    })
}

fn filter(request: &ManagementRequest) -> InstanceFilter {
    let statuses = request.values("runtimeStatus");
    InstanceFilter {
        created_from: request.time("createdTimeFrom"),
        created_to: request.time("createdTimeTo"),
        statuses: statuses
            .iter()
            .flat_map(|list| list.split(','))
            .filter_map(|name| status_by_name(name.trim()))
            .collect(),
        ..InstanceFilter::default()
    }
}

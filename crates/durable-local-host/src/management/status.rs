//! Status documents and the answers that point to them.

use durable_functions_protocol::proto::OrchestrationStatus;

use super::request::{Reply, object, text};
use crate::newtonsoft::{Json, json_or_text};
use crate::store::InstanceRecord;

/// The status of an instance, keys in the recorded order.
pub(super) fn status_document(
    record: &InstanceRecord,
    show_input: bool,
    history: Option<Json>,
) -> Json {
    let parsed = |value: &Option<String>| value.as_deref().map_or(Json::Null, json_or_text);
    let mut members = vec![
        ("name", text(&record.name)),
        ("instanceId", text(&record.id)),
        ("runtimeStatus", text(status_name(record.status))),
        (
            "input",
            if show_input {
                parsed(&record.input)
            } else {
                Json::Null
            },
        ),
        ("customStatus", parsed(&record.custom_status)),
        ("output", parsed(&record.output)),
        ("createdTime", text(&record.created.iso_seconds())),
        ("lastUpdatedTime", text(&record.updated.iso_seconds())),
    ];
    if let Some(history) = history {
        members.push(("historyEvents", history));
    }
    object(members)
}

/// A status in the API's words.
pub(crate) fn status_name(status: OrchestrationStatus) -> &'static str {
    match status {
        OrchestrationStatus::Running => "Running",
        OrchestrationStatus::Completed => "Completed",
        OrchestrationStatus::ContinuedAsNew => "ContinuedAsNew",
        OrchestrationStatus::Failed => "Failed",
        OrchestrationStatus::Canceled => "Canceled",
        OrchestrationStatus::Terminated => "Terminated",
        OrchestrationStatus::Pending => "Pending",
        OrchestrationStatus::Suspended => "Suspended",
    }
}

/// The status of a name; letters count, as for the real host.
pub(crate) fn status_by_name(name: &str) -> Option<OrchestrationStatus> {
    (0..8)
        .filter_map(|number| OrchestrationStatus::try_from(number).ok())
        .find(|status| status_name(*status) == name)
}

/// The answer with the URLs of an instance. `base` ends in the API's path, `query` is what every
/// URL carries.
pub(super) fn check_status(base: &str, id: &str, query: &str) -> Reply {
    let instance = format!("{base}/instances/{}", url_encode(id));
    let status = format!("{instance}?{query}");
    let document = object([
        ("id", text(id)),
        ("statusQueryGetUri", text(&status)),
        (
            "sendEventPostUri",
            text(&format!("{instance}/raiseEvent/{{eventName}}?{query}")),
        ),
        (
            "terminatePostUri",
            text(&format!("{instance}/terminate?reason={{text}}&{query}")),
        ),
        ("purgeHistoryDeleteUri", text(&status)),
        (
            "restartPostUri",
            text(&format!("{instance}/restart?{query}")),
        ),
        (
            "suspendPostUri",
            text(&format!("{instance}/suspend?reason={{text}}&{query}")),
        ),
        (
            "resumePostUri",
            text(&format!("{instance}/resume?reason={{text}}&{query}")),
        ),
    ]);
    Reply::json(202, &document)
        .with("Location", status)
        .with("Retry-After", "10")
}

/// As `WebUtility.UrlEncode` does it.
pub(super) fn url_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            byte if byte.is_ascii_alphanumeric() || b"-_.!*()".contains(&byte) => {
                out.push(char::from(byte))
            }
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_status_is_the_recorded_one() {
        let reply = check_status(
            "http://localhost:7071/runtime/webhooks/durabletask",
            "with blank@",
            "taskHub=RecHub&connection=Storage&code=KEY",
        );
        assert_eq!(
            reply.body,
            r#"{"id":"with blank@","statusQueryGetUri":"http://localhost:7071/runtime/webhooks/durabletask/instances/with+blank%40?taskHub=RecHub&connection=Storage&code=KEY","sendEventPostUri":"http://localhost:7071/runtime/webhooks/durabletask/instances/with+blank%40/raiseEvent/{eventName}?taskHub=RecHub&connection=Storage&code=KEY","terminatePostUri":"http://localhost:7071/runtime/webhooks/durabletask/instances/with+blank%40/terminate?reason={text}&taskHub=RecHub&connection=Storage&code=KEY","purgeHistoryDeleteUri":"http://localhost:7071/runtime/webhooks/durabletask/instances/with+blank%40?taskHub=RecHub&connection=Storage&code=KEY","restartPostUri":"http://localhost:7071/runtime/webhooks/durabletask/instances/with+blank%40/restart?taskHub=RecHub&connection=Storage&code=KEY","suspendPostUri":"http://localhost:7071/runtime/webhooks/durabletask/instances/with+blank%40/suspend?reason={text}&taskHub=RecHub&connection=Storage&code=KEY","resumePostUri":"http://localhost:7071/runtime/webhooks/durabletask/instances/with+blank%40/resume?reason={text}&taskHub=RecHub&connection=Storage&code=KEY"}"#
        );
    }

    #[test]
    fn names_go_both_ways() {
        assert_eq!(
            status_by_name("Suspended"),
            Some(OrchestrationStatus::Suspended)
        );
        assert_eq!(status_by_name("running"), None);
    }
}

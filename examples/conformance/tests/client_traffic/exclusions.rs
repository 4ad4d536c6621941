//! What may differ from the recordings, and why.

/// Something that need not be the same.
#[derive(Debug)]
pub struct Exclusion {
    /// Scenarios whose names begin with one of these.
    pub scenarios: &'static [&'static str],
    /// Requests that have this in method and path.
    pub request: &'static str,
    pub part: Part,
    pub reason: &'static str,
    /// It is different or the same by chance.
    pub chance: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It is not sent: what comes of it is known to be something else.
    Exchange,
    /// The status.
    Status,
    /// The body.
    Body,
    /// The header of this name.
    Header(&'static str),
    /// Members of this name, anywhere in the body.
    Member(&'static str),
}

impl Exclusion {
    pub fn applies(&self, scenario: &str, request: &str) -> bool {
        self.scenarios
            .iter()
            .any(|prefix| scenario.starts_with(prefix))
            && request.contains(self.request)
    }
}

const fn exclude(
    scenarios: &'static [&'static str],
    request: &'static str,
    part: Part,
    reason: &'static str,
) -> Exclusion {
    Exclusion {
        scenarios,
        request,
        part,
        reason,
        chance: false,
    }
}

const fn by_chance(
    scenarios: &'static [&'static str],
    request: &'static str,
    part: Part,
    reason: &'static str,
) -> Exclusion {
    Exclusion {
        chance: true,
        ..exclude(scenarios, request, part, reason)
    }
}

use Part::{Body, Exchange, Header, Member, Status};

const ALL: &[&str] = &[""];

/// Scenarios in which the app fails, in its own words.
const FAILING: &[&str] = &[
    "custom_status_too_big",
    "entity_calls",
    "fail_",
    "management_more",
    "nondeterministic",
    "retry_",
    "rewind_",
    "sub_failing_",
    "unknown_",
];
const OUR_FAILURES: &str =
    "our failures have type, message and chain; the recorded ones are .NET's";

/// Scenarios whose outputs show times or failures.
const DIFFERENT_OUTPUT: &[&str] = &[
    "custom_status_too_big",
    "entity_calls",
    "fail_",
    "management_more",
    "nondeterministic",
    "raw_results",
    "retry_",
    "rewind_",
    "sub_failing_",
    "timer_2s",
    "unknown_",
    "values",
];
const OUTPUT: &str = "shows failures, which are ours, times, or values, which come through exactly";

pub const EXCLUSIONS: &[Exclusion] = &[
    exclude(
        ALL,
        "/api/ops/",
        Member("trailers"),
        "shown by the recorded handler only",
    ),
    exclude(
        ALL,
        "/api/ops/",
        Member("detail"),
        "the client's words, not the host's",
    ),
    exclude(
        ALL,
        "/api/ops/history/",
        Member("chunks"),
        "shown by the recorded handler only",
    ),
    exclude(
        ALL,
        "/api/ops/history/",
        Member("orchestrationInstance"),
        "the client tells the execution's id only",
    ),
    exclude(ALL, "/runtime/", Member("StackTrace"), "a .NET stack trace"),
    exclude(FAILING, "", Member("FailureDetails"), OUR_FAILURES),
    exclude(FAILING, "", Member("failureDetails"), OUR_FAILURES),
    exclude(DIFFERENT_OUTPUT, "", Member("output"), OUTPUT),
    exclude(DIFFERENT_OUTPUT, "history/", Member("result"), OUTPUT),
    exclude(DIFFERENT_OUTPUT, "showHistory", Member("Result"), OUTPUT),
    exclude(
        &["sub_failing_", "rewind_sub"],
        "showHistory",
        Member("Reason"),
        "the .NET handler repeats its message as the result",
    ),
    exclude(
        &["unknown_"],
        "showHistory",
        Member("Reason"),
        "the list of known functions",
    ),
    exclude(
        &["sub_", "rewind_sub", "unknown_sub"],
        "history/",
        Member("version"),
        "the .NET handler sends an empty version",
    ),
    by_chance(
        &["fan_out_", "restart_running_children", "sub_parallel_ids"],
        "showHistory",
        Member("Result"),
        "parallel work ends in any order",
    ),
    by_chance(
        &["fan_out_", "sub_parallel_ids", "restart_running_children"],
        "ops/history/",
        Body,
        "which completions share a turn is chance",
    ),
    exclude(
        &["custom_status"],
        "showHistory",
        Member("Generation"),
        "an instance of this id had run before",
    ),
    exclude(
        &["nondeterministic"],
        "showHistory",
        Exchange,
        "the recorded handler used an action's id twice, which the host can't show",
    ),
    exclude(
        &["nondeterministic"],
        "ops/history/",
        Body,
        "the recorded handler used an action's id twice",
    ),
    exclude(
        &["retry_exhausted"],
        "istory",
        Body,
        "the .NET handler sets a timer after the last attempt",
    ),
    exclude(
        &["rewind_success"],
        "",
        Member("runtimeStatus"),
        "ours completes when it is rewound",
    ),
    exclude(
        &["rewind_success"],
        "",
        Member("orchestrationStatus"),
        "ours completes when it is rewound",
    ),
    exclude(
        &["rewind_success"],
        "istory",
        Body,
        "the .NET handler sets a timer after the last attempt",
    ),
    exclude(
        &["rewind_success"],
        "/rewind?",
        Status,
        "sent again after the recorded handler had failed again; ours has completed",
    ),
    exclude(
        &["rewind_success"],
        "/rewind?",
        Body,
        "sent again after the recorded handler had failed again; ours has completed",
    ),
    exclude(
        &["rewind_success"],
        "/rewind?",
        Header("content-type"),
        "sent again after the recorded handler had failed again; ours has completed",
    ),
    exclude(
        &["entity_client"],
        "/query_entities/",
        Body,
        "entities of other scenarios",
    ),
    exclude(
        &["entity_client"],
        "GET /runtime/webhooks/durabletask/entities?",
        Body,
        "entities of other scenarios",
    ),
    exclude(
        &["entity_client"],
        "GET /runtime/webhooks/durabletask/entities/counter?",
        Body,
        "entities of other scenarios",
    ),
    exclude(
        &["management"],
        "GET /runtime/webhooks/durabletask/instances?runtimeStatus=Running&top=2",
        Body,
        "instances of other scenarios",
    ),
    exclude(
        &["management"],
        "GET /runtime/webhooks/durabletask/instances?runtimeStatus=Running&top=2",
        Header("x-ms-continuation-token"),
        "instances of other scenarios",
    ),
    exclude(
        &["management"],
        "ops/query/-",
        Body,
        "instances of other scenarios",
    ),
    exclude(
        &["management"],
        "ops/suspend/nope",
        Member("grpcStatus"),
        "the client tells a missing instance apart",
    ),
    exclude(
        &["management"],
        "ops/resume/nope",
        Member("grpcStatus"),
        "the client tells a missing instance apart",
    ),
    exclude(
        &["management"],
        "ops/list_ids/",
        Body,
        "the client makes a list of pages",
    ),
    exclude(
        &["management"],
        "instanceId=management-b",
        Header("content-type"),
        "the app's own words",
    ),
    exclude(
        &["management"],
        "instanceId=management-b",
        Body,
        "the app's own words",
    ),
    exclude(
        &["management"],
        "DELETE /runtime/webhooks/durabletask/instances?createdTimeFrom",
        Body,
        "instances of other scenarios",
    ),
    exclude(
        &["management"],
        "ops/purge_filter/",
        Body,
        "instances of other scenarios",
    ),
    by_chance(
        &["management_more"],
        "top=1&",
        Body,
        "sorted by ids that are made anew",
    ),
    by_chance(
        &["management_more"],
        "top=1&",
        Header("x-ms-continuation-token"),
        "sorted by ids that are made anew",
    ),
    exclude(
        &["management_more"],
        "entities/nope/",
        Member("Message"),
        "the list of known functions",
    ),
    exclude(
        &["management_more"],
        "GET /runtime/webhooks/durabletask/entities/counter/management_more",
        Exchange,
        "read before and after the operation `delete` ran",
    ),
    by_chance(
        &["management_more"],
        "GET /runtime/webhooks/durabletask/instances",
        Member("input"),
        "read before the entity's operation `delete` ran",
    ),
    by_chance(
        &["management_more"],
        "GET /runtime/webhooks/durabletask/instances",
        Member("customStatus"),
        "read before the entity's operation `delete` ran",
    ),
    exclude(
        &["http_functions"],
        "plain",
        Exchange,
        "needs a handler that shows its envelope: `recorded_http` of durable-local-host",
    ),
    exclude(
        &["http_functions"],
        "PLAIN",
        Exchange,
        "needs a handler that shows its envelope: `recorded_http` of durable-local-host",
    ),
    exclude(
        &["http_functions"],
        "keyed",
        Exchange,
        "a function of the recorded app only: `recorded_http` of durable-local-host",
    ),
];

//! What the app and its client make of the host's answers.

use super::super::allowance::Allowance::{Absent, Becomes, Kind, Within};
use super::Part::{Exchange, Header};
use super::{ALL, EVENTS, Exclusion, at, part};

const WORDS: &str = "the client's words, not the host's";

pub const EXCLUSIONS: &[Exclusion] = &[
    at(
        ALL,
        &["POST /api/ops/*"],
        "trailers",
        Absent,
        "shown by the recorded handler only",
    ),
    at(
        ALL,
        EVENTS,
        "chunks",
        Absent,
        "shown by the recorded handler only",
    ),
    at(
        ALL,
        EVENTS,
        "result/events/*/executionStarted/orchestrationInstance/instanceId",
        Absent,
        "the client tells the execution's id only",
    ),
    at(
        &[
            "restart_running_children",
            "rewind_sub",
            "sub_*",
            "unknown_sub",
        ],
        EVENTS,
        "result/events/*/subOrchestrationInstanceCreated/version",
        Absent,
        "the .NET handler sends an empty version",
    ),
    at(
        &["management"],
        &[
            "POST /api/ops/terminate/nope",
            "POST /api/ops/rewind/nope",
            "POST /api/ops/restart/nope",
            "POST /api/ops/purge/management-b",
        ],
        "detail",
        Within,
        WORDS,
    ),
    at(
        &["management"],
        &[
            "POST /api/ops/raise/nope",
            "POST /api/ops/suspend/nope",
            "POST /api/ops/resume/nope",
        ],
        "detail",
        Becomes(r#""not found: there is no instance 'nope'""#),
        WORDS,
    ),
    at(
        &["management"],
        &["POST /api/ops/suspend/nope", "POST /api/ops/resume/nope"],
        "grpcStatus",
        Becomes(r#""NotFound""#),
        "the client tells a missing instance apart",
    ),
    at(
        &["management"],
        &["POST /api/ops/list_ids/-"],
        "",
        Becomes(
            r#"{"ok":true,"result":{"instanceIds":["ID","ID","management-a","management-b"]}}"#,
        ),
        "the client makes a list of pages",
    ),
    part(
        &["management"],
        &["POST /api/orchestrators/hello_orchestrator?instanceId=management-b"],
        Header(
            "content-type",
            Some("application/problem+json; charset=utf-8"),
        ),
        "the app's own words",
    ),
    at(
        &["management"],
        &["POST /api/orchestrators/hello_orchestrator?instanceId=management-b"],
        "",
        Becomes(
            r#"{"detail":"instance 'management-b' already exists: An Orchestration instance with the ID management-b already exists.","status":409,"title":"Conflict","type":"about:blank"}"#,
        ),
        "the app's own words",
    ),
    at(
        &["management", "management_more"],
        &["POST ~/*", "GET ~/entities?fetchState=false*"],
        "StackTrace",
        Kind,
        "a .NET stack trace",
    ),
    part(
        &["http_functions"],
        &["* /api/plain*", "* /API/PLAIN/*"],
        Exchange,
        "needs a handler that shows its envelope: `recorded_http` of durable-local-host",
    ),
    part(
        &["http_functions"],
        &["GET /api/keyed/*"],
        Exchange,
        "a function of the recorded app only: `recorded_http` of durable-local-host",
    ),
];

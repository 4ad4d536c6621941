//! Scenarios in which the app fails, in its own words.

use super::super::allowance::Allowance::{
    Absent, Becomes, Chain, Events, Failure, Kind, Text, UpTo, Without, Words,
};
use super::Part::{Exchange, Header, Status};
use super::{EVENTS, Exclusion, GET, HISTORY, Names, SEEN, SHOWN, at, part};

const OURS: &str = "our failures have type, message and chain; the recorded ones are .NET's";
const REPEATED: &str = "the .NET handler repeats its message as the result";
const READ: &str = "the client reads the failure out of the history or the output";
const KNOWN: &str = "the list of known functions";
const TIMER: &str = "the .NET handler sets a timer after the last attempt";
const REWOUND: &str = "ours completes when it is rewound";
const COMPLETED: &str =
    "sent again after the recorded handler had failed again; ours has completed";

/// An activity fails, once or for good.
const BY_ACTIVITY: Names = &[
    "fail_activity_caught_a",
    "fail_activity_caught_a64",
    "fail_activity_caught_c",
    "fail_activity_caught_d",
    "fail_activity_uncaught_a",
    "fail_activity_uncaught_a64",
    "fail_activity_uncaught_c",
    "fail_activity_uncaught_d",
    "retry_exhausted",
    "retry_reason",
    "rewind_failed",
    "rewind_success",
];
/// The orchestration fails with its activity.
const WITH_ACTIVITY: Names = &[
    "fail_activity_uncaught_a",
    "fail_activity_uncaught_a64",
    "fail_activity_uncaught_c",
    "fail_activity_uncaught_d",
    "retry_exhausted",
    "rewind_failed",
    "rewind_success",
];
const CAUGHT: Names = &[
    "fail_activity_caught_a",
    "fail_activity_caught_a64",
    "fail_activity_caught_c",
    "fail_activity_caught_d",
];
/// The orchestration fails by itself or with its child.
const BY_ITSELF: Names = &[
    "fail_activity_uncaught_b",
    "fail_orch",
    "sub_failing_uncaught",
    "rewind_sub",
];
/// All that end in a failure of the app.
const FAILED: Names = &[
    "fail_activity_uncaught_*",
    "fail_orch",
    "nondeterministic",
    "retry_exhausted",
    "rewind_*",
    "sub_failing_uncaught",
];
const WITH_CHILD: Names = &["sub_failing_caught", "sub_failing_uncaught", "rewind_sub"];
const MORE: Names = &[
    "POST ~/orchestrators/fail_orch/management_more-f?*",
    "GET ~/instances/management_more-f?*",
];
const AGAIN: Names = &["GET ~/instances/rewind_success?*#2"];

pub const EXCLUSIONS: &[Exclusion] = &[
    at(FAILED, SHOWN, "output", Text, OURS),
    at(FAILED, GET, "result/orchestrationState/output", Text, OURS),
    at(
        FAILED,
        GET,
        "result/orchestrationState/failureDetails",
        Failure,
        READ,
    ),
    at(
        FAILED,
        HISTORY,
        "historyEvents/ExecutionCompleted/Result",
        Becomes("null"),
        REPEATED,
    ),
    at(
        FAILED,
        EVENTS,
        "result/events/*/executionCompleted/result",
        Absent,
        REPEATED,
    ),
    at(
        BY_ACTIVITY,
        HISTORY,
        "historyEvents/TaskFailed/FailureDetails",
        Chain(3),
        OURS,
    ),
    at(
        BY_ACTIVITY,
        EVENTS,
        "result/events/*/taskFailed/failureDetails",
        Chain(1),
        OURS,
    ),
    at(
        WITH_ACTIVITY,
        HISTORY,
        "historyEvents/ExecutionCompleted/FailureDetails",
        Chain(2),
        OURS,
    ),
    at(
        WITH_ACTIVITY,
        EVENTS,
        "result/events/*/executionCompleted/failureDetails",
        Chain(2),
        OURS,
    ),
    at(
        BY_ITSELF,
        HISTORY,
        "historyEvents/ExecutionCompleted/FailureDetails",
        Words,
        OURS,
    ),
    at(
        BY_ITSELF,
        EVENTS,
        "result/events/*/executionCompleted/failureDetails",
        Words,
        OURS,
    ),
    at(
        WITH_CHILD,
        HISTORY,
        "historyEvents/SubOrchestrationInstanceFailed/FailureDetails",
        Words,
        OURS,
    ),
    at(
        WITH_CHILD,
        EVENTS,
        "result/events/*/subOrchestrationInstanceFailed/failureDetails",
        Words,
        OURS,
    ),
    at(
        WITH_CHILD,
        HISTORY,
        "historyEvents/SubOrchestrationInstanceFailed/Reason",
        Becomes("null"),
        REPEATED,
    ),
    at(
        CAUGHT,
        SEEN,
        "**/failure",
        Becomes(
            r#"{"exceptionMessage":"activity 'fail_activity' failed: conformance::activities::CardDeclinedException: card 4711 declined","details":{"ErrorType":"conformance::activities::CardDeclinedException","ErrorMessage":"card 4711 declined","Properties":{},"inner":null}}"#,
        ),
        OURS,
    ),
    at(
        &[
            "fail_activity_caught_b",
            "fail_activity_uncaught_b",
            "retry_envelope",
        ],
        HISTORY,
        "historyEvents/TaskCompleted/Result/error/stack",
        Absent,
        "a .NET stack trace",
    ),
    at(
        &[
            "fail_activity_caught_b",
            "fail_activity_uncaught_b",
            "retry_envelope",
        ],
        EVENTS,
        "result/events/*/taskCompleted/result/error/stack",
        Absent,
        "a .NET stack trace",
    ),
    at(
        &["sub_failing_caught"],
        SEEN,
        "**/0",
        Becomes(
            r#""sub-orchestration 'sub_child' failed: conformance::failing::OrderError: child 0 of sub_failing_caught fails on purpose""#,
        ),
        OURS,
    ),
    at(
        &["entity_calls"],
        SEEN,
        "**/ErrorType",
        Becomes(r#""conformance::entities::OnPurpose""#),
        OURS,
    ),
    at(
        &["entity_calls"],
        SEEN,
        "**/StackTrace",
        Becomes("null"),
        "a .NET stack trace",
    ),
    at(
        &["unknown_activity"],
        SEEN,
        "**/failure",
        Becomes(
            r#""activity 'no_such_activity' failed: TaskFailed: the activity failed and the Functions host gave no details, as it does when it knows no activity of that name or could not reach the handler: check that the function exists, has a function.json and is not disabled""#,
        ),
        OURS,
    ),
    at(
        &["unknown_sub"],
        SEEN,
        "**/failure",
        Becomes(
            r#""sub-orchestration 'no_such_orchestrator' failed: TaskFailed: the activity failed and the Functions host gave no details, as it does when it knows no activity of that name or could not reach the handler: check that the function exists, has a function.json and is not disabled""#,
        ),
        OURS,
    ),
    at(
        &["unknown_activity"],
        EVENTS,
        "result/events/*/taskFailed/failureDetails",
        Failure,
        "the client makes a failure where the host gave none",
    ),
    at(
        &["unknown_sub"],
        EVENTS,
        "result/events/*/subOrchestrationInstanceFailed/failureDetails",
        Failure,
        "the client makes a failure where the host gave none",
    ),
    at(
        &["unknown_orchestrator"],
        GET,
        "result/orchestrationState/failureDetails",
        Failure,
        READ,
    ),
    at(
        &["unknown_orchestrator"],
        SEEN,
        "**/message",
        UpTo("Additional info:"),
        KNOWN,
    ),
    at(
        &["unknown_activity"],
        HISTORY,
        "historyEvents/TaskFailed/Reason",
        UpTo("Additional info:"),
        KNOWN,
    ),
    at(
        &["unknown_sub"],
        HISTORY,
        "historyEvents/SubOrchestrationInstanceFailed/Reason/message",
        UpTo("Additional info:"),
        KNOWN,
    ),
    at(
        &["management_more"],
        &["POST ~/entities/nope/*"],
        "Message",
        UpTo("Additional info:"),
        KNOWN,
    ),
    at(&["management_more"], MORE, "output", Text, OURS),
    at(
        &["management_more"],
        &["GET ~/instances?*"],
        "management_more-f/output",
        Text,
        OURS,
    ),
    at(
        &["custom_status_too_big"],
        SHOWN,
        "output",
        Becomes(
            r#""InvalidCustomStatus: The custom status can't be set: it has 40004 bytes in UTF-16, and the host takes at most 16384""#,
        ),
        TOO_BIG,
    ),
    at(
        &["custom_status_too_big"],
        GET,
        "result/orchestrationState/output",
        Becomes(
            r#""InvalidCustomStatus: The custom status can't be set: it has 40004 bytes in UTF-16, and the host takes at most 16384""#,
        ),
        TOO_BIG,
    ),
    at(
        &["custom_status_too_big"],
        GET,
        "result/orchestrationState/failureDetails",
        Failure,
        READ,
    ),
    at(
        &["custom_status_too_big"],
        HISTORY,
        "historyEvents/ExecutionCompleted/Result",
        Becomes("null"),
        TOO_BIG,
    ),
    at(
        &["custom_status_too_big"],
        HISTORY,
        "historyEvents/ExecutionCompleted/FailureDetails",
        Failure,
        TOO_BIG,
    ),
    at(
        &["custom_status_too_big"],
        EVENTS,
        "result/events/*/executionCompleted/result",
        Absent,
        TOO_BIG,
    ),
    at(
        &["custom_status_too_big"],
        EVENTS,
        "result/events/*/executionCompleted/failureDetails",
        Failure,
        TOO_BIG,
    ),
    part(
        &["nondeterministic"],
        HISTORY,
        Exchange,
        "the recorded handler used an action's id twice, which the host can't show",
    ),
    at(
        &["nondeterministic"],
        EVENTS,
        "result/events",
        Without(&[6]),
        "the recorded handler used an action's id twice",
    ),
    at(
        &["nondeterministic"],
        EVENTS,
        "result/events/*/executionCompleted/failureDetails",
        Words,
        OURS,
    ),
    at(
        &["nondeterministic"],
        EVENTS,
        "result/events/*/executionCompleted/failureDetails/isNonRetriable",
        Becomes("true"),
        OURS,
    ),
    at(
        &["retry_exhausted"],
        EVENTS,
        "result/events/executionCompleted/eventId",
        Becomes("5"),
        TIMER,
    ),
    at(
        &["rewind_success"],
        &["POST /api/ops/history/*#1"],
        "result/events/executionCompleted/eventId",
        Becomes("1"),
        TIMER,
    ),
    at(
        &["retry_exhausted"],
        HISTORY,
        "historyEvents",
        Without(&[8, 9]),
        TIMER,
    ),
    at(
        &["retry_exhausted"],
        EVENTS,
        "result/events",
        Without(&[22, 23, 24, 25]),
        TIMER,
    ),
    at(
        &["rewind_success"],
        &["GET ~/instances/*?showHistory=*#1"],
        "historyEvents",
        Without(&[2, 3]),
        TIMER,
    ),
    at(
        &["rewind_success"],
        &["POST /api/ops/history/*#1"],
        "result/events",
        Without(&[6, 7, 8, 9]),
        TIMER,
    ),
    at(
        &["rewind_success"],
        AGAIN,
        "runtimeStatus",
        Becomes(r#""Completed""#),
        REWOUND,
    ),
    at(
        &["rewind_success"],
        AGAIN,
        "output",
        Becomes(r##"{"result":{"attempt":2,"key":"rewind_success"},"waitedMs":"#"}"##),
        REWOUND,
    ),
    at(
        &["rewind_success"],
        &["POST /api/ops/get/rewind_success#2"],
        "result/orchestrationState/output",
        Becomes(
            r##""{\"result\":{\"attempt\":2,\"key\":\"rewind_success\"},\"waitedMs\":\"#\"}""##,
        ),
        REWOUND,
    ),
    at(
        &["rewind_success"],
        &["POST /api/ops/get/rewind_success#2"],
        "result/orchestrationState/orchestrationStatus",
        Becomes(r#""ORCHESTRATION_STATUS_COMPLETED""#),
        REWOUND,
    ),
    at(
        &["rewind_success"],
        &["GET ~/instances/*?showHistory=*#2"],
        "historyEvents",
        Events(&[
            "ExecutionStarted",
            "GenericEvent",
            "GenericEvent",
            "GenericEvent",
            "GenericEvent",
            "TaskCompleted",
            "ExecutionCompleted",
        ]),
        REWOUND,
    ),
    at(
        &["rewind_success"],
        &["POST /api/ops/history/*#2"],
        "result/events",
        Events(&[
            "orchestratorStarted",
            "executionStarted",
            "genericEvent",
            "orchestratorCompleted",
            "orchestratorStarted",
            "genericEvent",
            "genericEvent",
            "orchestratorCompleted",
            "orchestratorStarted",
            "genericEvent",
            "taskScheduled",
            "orchestratorCompleted",
            "orchestratorStarted",
            "taskCompleted",
            "executionCompleted",
            "orchestratorCompleted",
        ]),
        REWOUND,
    ),
    part(
        &["rewind_success"],
        &["POST ~/instances/rewind_success/rewind?*#2"],
        Status(412),
        COMPLETED,
    ),
    part(
        &["rewind_success"],
        &["POST ~/instances/rewind_success/rewind?*#2"],
        Header("content-type", Some("application/json; charset=utf-8")),
        COMPLETED,
    ),
    at(
        &["rewind_success"],
        &["POST ~/instances/rewind_success/rewind?*#2"],
        "",
        Becomes(
            r#""This orchestration has status Completed, but only orchestrations in the \"Failed\" state can be rewound.""#,
        ),
        COMPLETED,
    ),
    at(
        &["timer_2s", "retry_envelope", "retry_reason"],
        SEEN,
        "**/waitedMs",
        Kind,
        "a time",
    ),
    at(&["timer_2s"], SEEN, "**/early", Kind, "a time"),
];

const TOO_BIG: &str = "the SDK refuses it already";

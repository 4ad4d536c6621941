//! Listings, orders and counts.

use super::super::allowance::Allowance::{AnyOrder, Becomes, Count, Kind, Only, Page, Sorted};
use super::Part::{Exchange, Header, Token};
use super::{EVENTS, Exclusion, HISTORY, Names, at, chance, part};

const OTHERS: &str = "instances of other scenarios";
const OTHER_ENTITIES: &str = "entities of other scenarios";
const ORDER: &str = "sorted by ids that are made anew";
const PARALLEL: &str = "parallel work ends in any order";
const BEFORE: &str = "read before the entity's operation `delete` ran";
const IN_PARALLEL: Names = &["fan_out_*", "restart_running_children", "sub_parallel_ids"];
const RUNNING: Names = &["GET ~/instances?runtimeStatus=Running&top=2&*"];
const ONE: Names = &[
    "GET ~/instances?top=1&*",
    "GET ~/instances?createdTimeFrom=nonsense&top=1&*",
    "GET ~/instances?lastUpdatedTimeFrom=2020-01-01&top=1&*",
];
const EVERY: Names = &["GET ~/instances?top=abc&*", "GET ~/instances"];

pub const EXCLUSIONS: &[Exclusion] = &[
    chance(at(
        IN_PARALLEL,
        HISTORY,
        "historyEvents",
        AnyOrder(&[]),
        PARALLEL,
    )),
    chance(at(
        IN_PARALLEL,
        EVENTS,
        "result/events",
        AnyOrder(&["orchestratorStarted", "orchestratorCompleted"]),
        PARALLEL,
    )),
    at(
        &["custom_status"],
        HISTORY,
        "historyEvents/ExecutionStarted/Generation",
        Becomes("0"),
        "an instance of this id had run before",
    ),
    at(
        &["entity_client"],
        &["POST /api/ops/query_entities/-"],
        "result/entities",
        Only("@counter@entity_client"),
        OTHER_ENTITIES,
    ),
    at(
        &["entity_client"],
        &["GET ~/entities?*", "GET ~/entities/counter?*"],
        "",
        Only(r#""key":"entity_client""#),
        OTHER_ENTITIES,
    ),
    at(
        &["management"],
        RUNNING,
        "",
        Becomes(
            r#"[{"name":"long_timer","instanceId":"management-b","runtimeStatus":"Running","input":{"seconds":600},"customStatus":{"waitingSince":"TIME.FZ"},"output":null,"createdTime":"TIMEZ","lastUpdatedTime":"TIMEZ"}]"#,
        ),
        OTHERS,
    ),
    part(
        &["management"],
        RUNNING,
        Header("x-ms-continuation-token", None),
        OTHERS,
    ),
    at(
        &["management"],
        &[r#"POST /api/ops/query/- {"size": "2"}"#],
        "",
        Becomes(
            r#"{"ok":true,"result":{"continuationToken":"bWFuYWdlbWVudC1i","orchestrationState":[{"createdTimestamp":"TIME.FZ","customStatus":"null","instanceId":"ID","lastUpdatedTimestamp":"TIME.FZ","name":"hello_orchestrator","orchestrationStatus":"ORCHESTRATION_STATUS_COMPLETED","output":"\"Hello Seoul!\""},{"createdTimestamp":"TIME.FZ","customStatus":"null","input":"\"Oslo\"","instanceId":"management-a","lastUpdatedTimestamp":"TIME.FZ","name":"hello_orchestrator","orchestrationStatus":"ORCHESTRATION_STATUS_COMPLETED","output":"\"Hello Oslo!\""}]}}"#,
        ),
        OTHERS,
    ),
    at(
        &["management"],
        &["DELETE ~/instances?createdTimeFrom=*&runtimeStatus=Terminated&*"],
        "",
        Count("instancesDeleted"),
        OTHERS,
    ),
    at(
        &["management"],
        &["POST /api/ops/purge_filter/-"],
        "result",
        Count("deletedInstanceCount"),
        OTHERS,
    ),
    chance(at(&["management_more"], ONE, "", Page, ORDER)),
    chance(part(&["management_more"], ONE, Token, ORDER)),
    chance(at(&["management_more"], EVERY, "", Sorted, ORDER)),
    part(
        &["management_more"],
        &["GET ~/entities/counter/management_more?*"],
        Exchange,
        "read before and after the operation `delete` ran",
    ),
    chance(at(
        &["management_more"],
        &["GET ~/instances"],
        "@counter@management_more/input",
        Kind,
        BEFORE,
    )),
    chance(at(
        &["management_more"],
        &["GET ~/instances"],
        "@counter@management_more/customStatus",
        Kind,
        BEFORE,
    )),
];

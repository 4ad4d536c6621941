//! The table of what each transport can do, in the guide, is what the client does.

use std::pin::Pin;

use futures::FutureExt as _;

use durable_functions_protocol::entity::EntityId;

use super::super::*;

type Outcome = Pin<Box<dyn Future<Output = Result<(), ClientError>>>>;

const GUIDE: &str = include_str!("../../../../../docs/guide/client.md");

/// Every operation, by its row in the table, as calls that nobody answers.
fn operations(client: &DurableClient) -> Vec<(&'static str, Vec<Outcome>)> {
    macro_rules! calls {
        ($($call:expr),* $(,)?) => {
            vec![$({
                let client = client.clone();
                let call = $call;
                async move { call(client).await }.boxed_local()
            }),*]
        };
    }
    let start = |client: &DurableClient| client.start_new("f", 1).instance_id("a").version("2");
    let wait = Duration::ZERO;
    let entity = || EntityId::new("counter", "a");
    vec![
        (
            "`start_new` with input, id, version",
            calls![async move |client: DurableClient| start(&client).await.map(drop)],
        ),
        (
            "`start_new(..).start_at(..)`",
            calls![async move |client: DurableClient| {
                start(&client).start_at(chrono::Utc::now()).await.map(drop)
            }],
        ),
        (
            "`start_new(..).tag(..)`",
            calls![async move |client: DurableClient| start(&client).tag("k", "v").await.map(drop)],
        ),
        (
            "`start_new(..).replace_if(..)`, `.only_once()`",
            calls![
                async move |client: DurableClient| start(&client).replace_if([]).await.map(drop),
                async move |client: DurableClient| start(&client).only_once().await.map(drop),
            ],
        ),
        (
            "`get`, `get_metadata`",
            calls![
                async |client: DurableClient| client.get("a").await.map(drop),
                async |client: DurableClient| client.get_metadata("a").await.map(drop),
            ],
        ),
        (
            "`wait_for_start`, `wait_for_completion`",
            calls![
                async move |client: DurableClient| client.wait_for_start("a", wait).await.map(drop),
                async move |client: DurableClient| {
                    client.wait_for_completion("a", wait).await.map(drop)
                },
            ],
        ),
        (
            "`history`, `history_stream`",
            calls![
                async |client: DurableClient| client.history("a").await.map(drop),
                async |client: DurableClient| {
                    let mut stream = client.history_stream("a");
                    let first = futures::StreamExt::next(&mut stream).await;
                    first.expect("an end").map(drop)
                },
            ],
        ),
        (
            "`query`, `list_ids`",
            calls![
                async |client: DurableClient| {
                    client
                        .query(InstanceQuery::new())
                        .next_page()
                        .await
                        .map(drop)
                },
                async |client: DurableClient| {
                    client
                        .list_ids(InstanceQuery::new())
                        .next_page()
                        .await
                        .map(drop)
                },
            ],
        ),
        (
            "`raise_event`",
            calls![async |client: DurableClient| client.raise_event("a", "go", 1).await],
        ),
        (
            "`terminate`",
            calls![async |client: DurableClient| client.terminate("a", "").await],
        ),
        (
            "`terminate_recursive`",
            calls![async |client: DurableClient| client.terminate_recursive("a", "").await],
        ),
        (
            "`suspend`, `resume`",
            calls![
                async |client: DurableClient| client.suspend("a", "").await,
                async |client: DurableClient| client.resume("a", "").await,
            ],
        ),
        (
            "`rewind`",
            calls![async |client: DurableClient| client.rewind("a", "").await],
        ),
        (
            "`restart`, `restart_in_place`",
            calls![
                async |client: DurableClient| client.restart("a").await.map(drop),
                async |client: DurableClient| client.restart_in_place("a").await,
            ],
        ),
        (
            "`purge`",
            calls![async |client: DurableClient| client.purge("a").await.map(drop)],
        ),
        (
            "`purge_where`",
            calls![async |client: DurableClient| {
                client
                    .purge_where(PurgeFilter::new(), |_| {})
                    .await
                    .map(drop)
            }],
        ),
        (
            "`signal_entity`, `delete_entity`",
            calls![
                async move |client: DurableClient| {
                    client.signal_entity(entity(), "add", 1).await
                },
                async move |client: DurableClient| client.delete_entity(entity()).await,
            ],
        ),
        (
            "`signal_entity(..).at(..)`, `.after(..)`",
            calls![
                async move |client: DurableClient| {
                    let signal = client.signal_entity(entity(), "add", 1);
                    signal.at(chrono::Utc::now()).await
                },
                async move |client: DurableClient| {
                    client.signal_entity(entity(), "add", 1).after(wait).await
                },
            ],
        ),
        (
            "`get_entity`, `get_entity_metadata`",
            calls![
                async move |client: DurableClient| client.get_entity(entity()).await.map(drop),
                async move |client: DurableClient| {
                    client.get_entity_metadata(entity()).await.map(drop)
                },
            ],
        ),
        (
            "`query_entities`",
            calls![async |client: DurableClient| {
                let query = EntityQuery::new().name("counter");
                client.query_entities(query).next_page().await.map(drop)
            }],
        ),
        (
            "`query_entities` with `key_prefix` or `with_transient`",
            calls![
                async |client: DurableClient| {
                    let query = EntityQuery::new().name("counter").key_prefix("a");
                    client.query_entities(query).next_page().await.map(drop)
                },
                async |client: DurableClient| {
                    let query = EntityQuery::new().with_transient();
                    client.query_entities(query).next_page().await.map(drop)
                },
            ],
        ),
        (
            "`clean_entity_storage`",
            calls![async |client: DurableClient| client.clean_entity_storage().await.map(drop)],
        ),
    ]
}

/// Rows of the table: operation, over gRPC, over HTTP.
fn table() -> Vec<(&'static str, bool, bool)> {
    let (_, table) = GUIDE.split_once("<!-- capabilities").unwrap();
    let rows = table.lines().skip_while(|line| !line.starts_with("|---"));
    let rows = rows.skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [operation, grpc, http] = cells[..] else {
            panic!("{row}");
        };
        let yes = |cell| match cell {
            "yes" => true,
            "no" => false,
            _ => panic!("{row}"),
        };
        (operation, yes(grpc), yes(http))
    })
    .collect()
}

#[tokio::test]
async fn the_table_in_the_guide_is_true() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let brief = Duration::from_millis(100);
    let grpc = DurableClient::connect(&nobody).with_timeout(brief);
    let http = DurableClient::http(&nobody, "").with_timeout(brief);
    let table = table();
    let names: Vec<_> = operations(&grpc)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let rows: Vec<_> = table.iter().map(|(name, ..)| *name).collect();
    assert_eq!(names, rows);
    for (client, column) in [(&grpc, 0), (&http, 1)] {
        for ((name, calls), row) in operations(client).into_iter().zip(&table) {
            let can = if column == 0 { row.1 } else { row.2 };
            for call in calls {
                let error = call.await.unwrap_err();
                let refused = matches!(error, ClientError::Unsupported { .. });
                assert_eq!(!refused, can, "{name}: {error}");
                assert!(refused || error.is_transient(), "{name}: {error}");
            }
        }
    }
}

//! A `Result` is taken apart whatever its name, and nothing else is.
#![deny(warnings)]

use durable_functions::macro_support::{Activity, Orchestrator};
use durable_functions::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct SearchResult {
    hits: u32,
}

type Answer<T> = std::result::Result<T, std::io::Error>;
type Found = Answer<SearchResult>;
type Maybe = Option<Result<u32, String>>;

#[activity]
async fn named(hits: u32) -> SearchResult {
    SearchResult { hits }
}

#[activity]
async fn hidden(hits: u32) -> Found {
    if hits == 0 {
        Err(std::io::Error::other("no hits"))
    } else {
        Ok(SearchResult { hits })
    }
}

#[activity]
async fn inside(hits: u32) -> Maybe {
    Some(Ok(hits))
}

#[orchestrator]
async fn search(ctx: OrchestrationContext) -> Answer<u32> {
    let hits = ctx.call(hidden, 1).await.map_err(std::io::Error::other)?;
    Ok(hits.hits)
}

#[orchestrator]
async fn nothing(_ctx: OrchestrationContext) {}

#[allow(clippy::unwrap_used, reason = "a test ends where it can't go on")]
fn main() {
    fn activity<A: Activity<Output = T>, T>() {}
    fn orchestrator<O: Orchestrator<Output = T>, T>() {}
    activity::<named, SearchResult>();
    activity::<hidden, SearchResult>();
    activity::<inside, Maybe>();
    orchestrator::<search, u32>();
    orchestrator::<nothing, ()>();

    let outcome = <named as Activity>::outcome(SearchResult { hits: 1 });
    assert_eq!(outcome.unwrap(), SearchResult { hits: 1 });
    let outcome = <hidden as Activity>::outcome(Ok(SearchResult { hits: 2 }));
    assert_eq!(outcome.unwrap(), SearchResult { hits: 2 });
    let outcome = <hidden as Activity>::outcome(Err(std::io::Error::other("no hits")));
    assert!(outcome.unwrap_err().to_string().contains("no hits"));

    let _ = FunctionApp::new()
        .register(named)
        .register(hidden)
        .register(inside)
        .register(search)
        .register(nothing);
}

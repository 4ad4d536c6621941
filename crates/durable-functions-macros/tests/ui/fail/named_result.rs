use durable_functions::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct SearchResult {
    hits: u32,
}

#[activity]
async fn search(words: String) -> SearchResult {
    SearchResult { hits: words.len() as u32 }
}

fn main() {}

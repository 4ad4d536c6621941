//! Finding instances.

use std::pin::Pin;
use std::task::{Context, Poll};

use chrono::{DateTime, Utc};
use futures_util::stream::{self, BoxStream, Stream, StreamExt as _, TryStreamExt as _};

use super::state::{InstanceState, RuntimeStatus};
use super::{ClientError, DurableClient};

const PAGE_SIZE: u32 = 100;

/// Which instances to find, and what to tell of them.
///
/// ```
/// use chrono::{TimeDelta, Utc};
/// use durable_functions::{InstanceQuery, RuntimeStatus};
///
/// let failed_today = InstanceQuery::new()
///     .status(RuntimeStatus::Failed)
///     .created_from(Utc::now() - TimeDelta::days(1))
///     .prefix("order-")
///     .page_size(500);
/// ```
#[derive(Clone, Debug)]
pub struct InstanceQuery {
    pub(super) statuses: Vec<RuntimeStatus>,
    pub(super) prefix: Option<String>,
    pub(super) created_from: Option<DateTime<Utc>>,
    pub(super) created_to: Option<DateTime<Utc>>,
    pub(super) page_size: u32,
    pub(super) payloads: bool,
    pub(super) continuation_token: Option<String>,
}

impl InstanceQuery {
    /// All instances, without payloads.
    pub fn new() -> Self {
        Self {
            statuses: Vec::new(),
            prefix: None,
            created_from: None,
            created_to: None,
            page_size: PAGE_SIZE,
            payloads: false,
            continuation_token: None,
        }
    }

    /// Only instances in this state; call it again for each further one.
    #[must_use]
    pub fn status(mut self, status: RuntimeStatus) -> Self {
        self.statuses.push(status);
        self
    }

    /// Only instances whose id begins so.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Only instances that were created then or later.
    #[must_use]
    pub fn created_from(mut self, time: DateTime<Utc>) -> Self {
        self.created_from = Some(time);
        self
    }

    /// Only instances that were created then or earlier.
    #[must_use]
    pub fn created_to(mut self, time: DateTime<Utc>) -> Self {
        self.created_to = Some(time);
        self
    }

    /// How many instances a page has at most: 100 unless said otherwise, at least 1. A page may
    /// have fewer, or none, and yet not be the last one.
    #[must_use]
    pub fn page_size(mut self, instances: u32) -> Self {
        self.page_size = instances.max(1);
        self
    }

    /// Lets input, output and custom status come with each instance. Large ones need smaller pages.
    #[must_use]
    pub fn payloads(mut self) -> Self {
        self.payloads = true;
        self
    }

    /// Goes on behind the page that had this token.
    #[must_use]
    pub fn continue_from(mut self, token: impl Into<String>) -> Self {
        self.continuation_token = Some(token.into());
        self
    }
}

impl Default for InstanceQuery {
    fn default() -> Self {
        Self::new()
    }
}

/// A part of what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page<T> {
    /// What was found.
    pub items: Vec<T>,
    /// Where to go on; `None` if this is the last page.
    pub continuation_token: Option<String>,
}

/// What was found, page by page. Each page is asked for when it is polled for.
#[must_use = "nothing is asked before this is polled"]
pub struct Pages<T>(BoxStream<'static, Result<Page<T>, ClientError>>);

impl<T: Send + 'static> Pages<T> {
    /// Asks for pages with `fetch` until one has no token.
    pub(super) fn new<F>(
        first: Option<String>,
        fetch: impl Fn(Option<String>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Page<T>, ClientError>> + Send + 'static,
    {
        let begin = Some((first, fetch));
        let pages = stream::try_unfold(begin, |next| async move {
            let Some((token, fetch)) = next else {
                return Ok(None);
            };
            let page = fetch(token).await?;
            let next = page.continuation_token.clone();
            Ok(Some((page, next.map(|token| (Some(token), fetch)))))
        });
        Self(pages.boxed())
    }

    /// The next page; `None` behind the last one.
    ///
    /// # Errors
    ///
    /// As [`DurableClient::get`].
    pub async fn next_page(&mut self) -> Result<Option<Page<T>>, ClientError> {
        self.0.try_next().await
    }

    /// All that is left, in one list.
    ///
    /// # Errors
    ///
    /// As [`DurableClient::get`].
    pub async fn collect_all(mut self) -> Result<Vec<T>, ClientError> {
        let mut all = Vec::new();
        while let Some(page) = self.next_page().await? {
            all.extend(page.items);
        }
        Ok(all)
    }

    fn map<U: Send + 'static>(self, convert: fn(T) -> U) -> Pages<U> {
        let pages = self.0.map_ok(move |page| Page {
            items: page.items.into_iter().map(convert).collect(),
            continuation_token: page.continuation_token,
        });
        Pages(pages.boxed())
    }
}

impl<T> std::fmt::Debug for Pages<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pages")
    }
}

impl<T> Stream for Pages<T> {
    type Item = Result<Page<T>, ClientError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(cx)
    }
}

impl DurableClient {
    /// Finds instances; entities are none.
    ///
    /// ```no_run
    /// use durable_functions::{ClientError, DurableClient, InstanceQuery};
    ///
    /// async fn count(client: &DurableClient) -> Result<usize, ClientError> {
    ///     let mut pages = client.query(InstanceQuery::new().prefix("order-"));
    ///     let mut count = 0;
    ///     while let Some(page) = pages.next_page().await? {
    ///         count += page.items.len();
    ///     }
    ///     Ok(count)
    /// }
    /// ```
    pub fn query(&self, query: InstanceQuery) -> Pages<InstanceState> {
        let first = query.continuation_token.clone();
        let client = self.clone();
        Pages::new(first, move |token| {
            let (client, query) = (client.clone(), query.clone());
            async move { client.transport()?.query(&query, token).await }
        })
    }

    /// Finds the ids of instances.
    pub fn list_ids(&self, query: InstanceQuery) -> Pages<String> {
        let query = InstanceQuery {
            payloads: false,
            ..query
        };
        self.query(query).map(|state| state.instance_id)
    }
}

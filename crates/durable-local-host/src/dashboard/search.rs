//! What the page's queries ask for.

use crate::management::status_by_name;
use crate::store::Search;
use crate::time::Ticks;
use crate::urls::decode_query;

/// The parameters of a query.
pub(super) struct Query<'a>(pub(super) &'a str);

/// Instances on a page, and how many there may be.
const PAGE: usize = 50;
const LARGEST_PAGE: usize = 500;

impl Query<'_> {
    /// The last value of a parameter, unless it is empty.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        let value = |pair: &str| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode_query(key) == name).then(|| decode_query(value))
        };
        self.0
            .split('&')
            .filter_map(value)
            .next_back()
            .filter(|value| !value.is_empty())
    }

    /// A number.
    pub(super) fn number(&self, name: &str) -> Option<usize> {
        self.value(name)?.parse().ok()
    }

    /// How many there are on a page.
    pub(super) fn page(&self) -> usize {
        self.number("top").unwrap_or(PAGE).clamp(1, LARGEST_PAGE)
    }

    /// The instances that are asked for: one more than the page has.
    ///
    /// # Errors
    ///
    /// What can't be read, by name: a filter that is left out would show what nobody asked for.
    pub(super) fn search(&self) -> Result<Search, String> {
        let time = |name: &str| {
            self.value(name)
                .map(|text| Ticks::parse(&text).ok_or_else(|| unreadable(name, &text)))
                .transpose()
        };
        let mut statuses = Vec::new();
        for name in self.value("status").unwrap_or_default().split(',') {
            if !name.is_empty() {
                let status = status_by_name(name).ok_or_else(|| unreadable("status", name))?;
                statuses.push(status as i32);
            }
        }
        let after = self
            .value("after")
            .map(|text| from_token(&text).ok_or_else(|| unreadable("after", &text)))
            .transpose()?;
        Ok(Search {
            statuses,
            name: self.value("name"),
            prefix: self.value("prefix"),
            from: time("from")?,
            to: time("to")?,
            after,
            limit: self.page() + 1,
        })
    }
}

fn unreadable(name: &str, text: &str) -> String {
    format!("`{name}` cannot be read: {text:?}")
}

/// The token of a page that follows an instance.
pub(super) fn token(created: Ticks, id: &str) -> String {
    format!("{}.{id}", created.0)
}

fn from_token(token: &str) -> Option<(Ticks, String)> {
    let (time, id) = token.split_once('.')?;
    Some((Ticks(time.parse().ok()?), id.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read_or_refused() {
        let search = Query("status=Failed,Running&name=a%20b&top=7&from=2026-01-01&prefix=")
            .search()
            .unwrap();
        assert_eq!(search.statuses, [3, 0]);
        assert_eq!(search.name.as_deref(), Some("a b"));
        assert_eq!((search.limit, search.prefix, search.to), (8, None, None));
        assert!(search.from.is_some());
        for bad in ["status=failed", "from=x", "to=1", "after=x"] {
            assert!(Query(bad).search().is_err(), "{bad}");
        }
        assert_eq!(Query("top=999999").search().unwrap().limit, 501);
        assert_eq!(Query("").search().unwrap().limit, 51);
    }

    #[test]
    fn tokens_keep_any_id() {
        let id = "a.b&c=%1 ü";
        assert_eq!(
            from_token(&token(Ticks(-5), id)),
            Some((Ticks(-5), id.to_owned()))
        );
    }
}

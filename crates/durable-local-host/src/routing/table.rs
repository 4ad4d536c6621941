//! The routes of all HTTP functions.

use super::template::{RouteTemplate, RouteValues};
use crate::urls;

/// The routes, the more exact ones first.
#[derive(Debug, Default)]
pub(crate) struct RouteTable {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    template: RouteTemplate,
    methods: Vec<String>,
    function: usize,
}

/// The function that a request is for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Match {
    /// Index of the function.
    pub(crate) function: usize,
    /// Its route values.
    pub(crate) values: RouteValues,
}

impl RouteTable {
    /// Adds a route; no methods stand for all of them.
    pub(crate) fn add(&mut self, template: RouteTemplate, methods: Vec<String>, function: usize) {
        self.entries.push(Entry {
            template,
            methods,
            function,
        });
        // Stable, so that equal ones stay in the order of the functions.
        self.entries
            .sort_by_cached_key(|entry| entry.template.precedence());
    }

    /// Finds the function for a method and the path below the prefix, still percent-encoded.
    pub(crate) fn find(&self, method: &str, path: &str) -> Option<Match> {
        let trimmed = path.strip_suffix('/').unwrap_or(path);
        let decoded: Vec<String> = if trimmed.is_empty() {
            Vec::new()
        } else {
            trimmed.split('/').map(urls::decode_segment).collect()
        };
        if decoded.iter().any(String::is_empty) {
            return None;
        }
        let segments: Vec<&str> = decoded.iter().map(String::as_str).collect();
        self.entries
            .iter()
            .filter(|entry| {
                entry.methods.is_empty() || entry.methods.iter().any(|allowed| allowed == method)
            })
            .find_map(|entry| {
                let values = entry.template.matches(&segments)?;
                Some(Match {
                    function: entry.function,
                    values,
                })
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(routes: &[(&str, &[&str])]) -> RouteTable {
        let mut table = RouteTable::default();
        for (function, (template, methods)) in routes.iter().enumerate() {
            let methods = methods.iter().map(|method| (*method).to_owned()).collect();
            table.add(RouteTemplate::parse(template).unwrap(), methods, function);
        }
        table
    }

    #[test]
    fn the_more_exact_route_wins() {
        let table = table(&[
            ("{*all}", &[]),
            ("a/{x}", &[]),
            ("a/{x:int}", &[]),
            ("a/list", &[]),
        ]);
        let found = |path| table.find("GET", path).map(|found| found.function);
        assert_eq!(found("a/list"), Some(3));
        assert_eq!(found("a/5"), Some(2));
        assert_eq!(found("a/b"), Some(1));
        assert_eq!(found("a/b/c"), Some(0));
        assert_eq!(found(""), Some(0));
    }

    #[test]
    fn methods_choose_among_routes() {
        let table = table(&[("x", &["GET"]), ("x", &["POST"]), ("{y}", &["PUT"])]);
        let found = |method| table.find(method, "x").map(|found| found.function);
        assert_eq!(
            (found("GET"), found("POST"), found("PUT"), found("DELETE")),
            (Some(0), Some(1), Some(2), None)
        );
    }

    #[test]
    fn segments_are_decoded() {
        let table = table(&[("p/{id}", &[])]);
        let value = |path| {
            table
                .find("GET", path)
                .map(|found| found.values[0].1.clone().unwrap())
        };
        assert_eq!(value("p/a%20b/").as_deref(), Some("a b"));
        assert_eq!(value("P/Z%C3%BCrich").as_deref(), Some("Zürich"));
        assert_eq!(value("p/a%2Fb").as_deref(), Some("a%2Fb"));
        assert_eq!(value("p//x"), None);
        assert_eq!(value("p/100%").as_deref(), Some("100%"));
    }
}

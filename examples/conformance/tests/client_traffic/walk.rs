//! Compares two documents, place by place.

use std::collections::BTreeSet;

use super::allowance::{Allowance, event_name};
use super::node::Node;
use super::words::Words;

/// Where in a document. An item of a list goes by its number, its instance's id or its event's type.
#[derive(Clone, Debug, Default)]
pub struct Path(Vec<Vec<String>>);

impl Path {
    fn then(&self, names: Vec<String>) -> Self {
        let mut steps = self.0.clone();
        steps.push(names);
        Self(steps)
    }

    fn member(&self, name: &str) -> Self {
        self.then(vec![name.to_owned()])
    }

    /// An item whose number says nothing.
    pub fn item(&self, item: &Node) -> Self {
        let id = item.member("instanceId").and_then(Node::text);
        let names = id.into_iter().chain(event_name(item));
        self.then(names.map(str::to_owned).collect())
    }

    fn numbered(&self, number: usize, item: &Node) -> Self {
        let mut path = self.item(item);
        if let Some(names) = path.0.last_mut() {
            names.push(number.to_string());
        }
        path
    }

    /// `*` is any step, `**` at the beginning any number of them.
    pub fn is(&self, pattern: &str) -> bool {
        let steps: Vec<&str> = pattern.split('/').filter(|step| !step.is_empty()).collect();
        let (anywhere, steps) = match steps.as_slice() {
            ["**", steps @ ..] => (true, steps),
            steps => (false, steps),
        };
        let Some(skipped) = self.0.len().checked_sub(steps.len()) else {
            return false;
        };
        (anywhere || skipped == 0)
            && steps
                .iter()
                .zip(&self.0[skipped..])
                .all(|(step, names)| *step == "*" || names.iter().any(|name| name == step))
    }

    fn shown(&self) -> String {
        let steps = self.0.iter().map(|names| names.join("|"));
        steps.collect::<Vec<_>>().join("/")
    }
}

/// A place that may differ, and the number of the exclusion that says so.
#[derive(Clone, Copy, Debug)]
pub struct Allowed {
    pub number: usize,
    pub path: &'static str,
    pub how: Allowance,
}

#[derive(Clone, Debug)]
pub struct Walk<'a> {
    pub words: Words,
    pub allowed: &'a [Allowed],
    /// Instances on the recorded pages.
    pub pages: &'a [Node],
    /// The id in the token that was sent.
    pub begins: Option<&'a str>,
    /// Whether the app has written the answer, after the messages that it got.
    pub by_the_app: bool,
    /// Numbers of the exclusions that were needed.
    pub needed: BTreeSet<usize>,
    pub differences: Vec<String>,
}

/// Members that hold what the app has written. The order of members in them is the app's.
const PAYLOADS: [&str; 4] = ["input", "output", "customstatus", "result"];

impl Walk<'_> {
    pub fn page_begins_with(&self) -> Option<&str> {
        self.begins
    }

    pub fn is_protobuf(&self) -> bool {
        self.by_the_app
    }

    pub fn on_a_recorded_page(&mut self, path: &Path, ours: &Node) -> bool {
        let pages = self.pages;
        let mut pages = pages.iter();
        pages.any(|recorded| self.finds_the_same(&path.item(recorded), recorded, ours))
    }

    pub fn compare(&mut self, recorded: &Node, ours: &Node) {
        let ordered = !self.by_the_app;
        self.place(&Path::default(), Some(recorded), Some(ours), ordered);
    }

    /// Keeps what it has learnt only if there is no difference.
    pub fn finds_the_same(&mut self, path: &Path, recorded: &Node, ours: &Node) -> bool {
        let mut trial = self.clone();
        trial.values(path, recorded, ours, !self.by_the_app);
        let same = trial.differences.len() == self.differences.len();
        if same {
            *self = trial;
        }
        same
    }

    fn place(&mut self, path: &Path, recorded: Option<&Node>, ours: Option<&Node>, ordered: bool) {
        let allowed = self.allowed;
        let allowed: Vec<_> = allowed
            .iter()
            .filter(|allowed| path.is(allowed.path))
            .collect();
        if allowed.is_empty() {
            return self.strictly(path, recorded, ours, ordered);
        }
        let mut strict = self.clone();
        strict.strictly(path, recorded, ours, ordered);
        if strict.differences.len() > self.differences.len() {
            for allowed in allowed {
                let mut trial = self.clone();
                if allowed.how.permits(&mut trial, path, recorded, ours) {
                    trial.needed.insert(allowed.number);
                    *self = trial;
                    return;
                }
            }
        }
        *self = strict;
    }

    fn strictly(
        &mut self,
        path: &Path,
        recorded: Option<&Node>,
        ours: Option<&Node>,
        ordered: bool,
    ) {
        match (recorded, ours) {
            (Some(recorded), Some(ours)) => self.values(path, recorded, ours, ordered),
            (recorded, ours) => self.differ(path, recorded, ours),
        }
    }

    fn values(&mut self, path: &Path, recorded: &Node, ours: &Node, ordered: bool) {
        match (recorded, ours) {
            (Node::Object(_), Node::Object(_)) => self.members(path, recorded, ours, ordered),
            (Node::List(theirs), Node::List(items)) if theirs.len() == items.len() => {
                for (number, (theirs, item)) in theirs.iter().zip(items).enumerate() {
                    let path = path.numbered(number, theirs);
                    self.place(&path, Some(theirs), Some(item), ordered);
                }
            }
            (Node::Text(theirs), Node::Text(text)) => {
                if self.words.same(theirs, text) {
                    return;
                }
                // texts of the app, which may be spaced and ordered differently
                let json = |text: &str| match text.starts_with(['{', '[', '"']) {
                    true => serde_json::from_str::<Node>(text).ok(),
                    false => None,
                };
                match (json(theirs), json(text)) {
                    (Some(theirs), Some(node)) => self.values(path, &theirs, &node, false),
                    _ => self.differ(path, Some(recorded), Some(ours)),
                }
            }
            _ if recorded == ours => {}
            _ => self.differ(path, Some(recorded), Some(ours)),
        }
    }

    fn members(&mut self, path: &Path, recorded: &Node, ours: &Node, ordered: bool) {
        let (theirs, names) = (recorded.names(), ours.names());
        let only = |names: &[&str], others: &[&str]| {
            let both = names.iter().filter(|name| others.contains(name));
            both.map(|name| (*name).to_owned()).collect::<Vec<_>>()
        };
        let (mut common, mut our_common) = (only(&theirs, &names), only(&names, &theirs));
        if !ordered {
            common.sort();
            our_common.sort();
        }
        if common != our_common {
            self.differences.push(format!(
                "{}: names in another order\n    recorded {common:?}\n    ours     {our_common:?}",
                path.shown()
            ));
        }
        let added = names.iter().filter(|name| !theirs.contains(name));
        for name in theirs.iter().chain(added) {
            let payload = PAYLOADS.contains(&name.to_ascii_lowercase().as_str());
            let (recorded, ours) = (recorded.member(name), ours.member(name));
            self.place(&path.member(name), recorded, ours, ordered && !payload);
        }
    }

    fn differ(&mut self, path: &Path, recorded: Option<&Node>, ours: Option<&Node>) {
        let shown = |node: Option<&Node>| node.map_or("nothing".to_owned(), Node::to_string);
        self.differences.push(format!(
            "{}\n    recorded {}\n    ours     {}",
            path.shown(),
            shown(recorded),
            shown(ours)
        ));
    }
}

//! How something may differ.

use super::node::Node;
use super::walk::{Path, Walk};
use super::words::masked;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Allowance {
    /// Another value of the same type.
    Kind,
    /// Another text, not empty, and JSON if the recorded one is.
    Text,
    /// A text that has the recorded one in it.
    Within,
    /// The same text up to and with this.
    UpTo(&'static str),
    /// Ours is this JSON, where `ID`, `TIME` and `TIME.F` stand for what is made anew and `"#"`
    /// for a number.
    Becomes(&'static str),
    /// Ours doesn't have the member.
    Absent,
    /// Ours has a failure, where the recorded answer has none.
    Failure,
    /// A failure of other words whose chain is as long.
    Words,
    /// A failure of other words whose chain is this long.
    Chain(usize),
    /// Items in any order but for the first and the last, without those of these names.
    AnyOrder(&'static [&'static str]),
    /// Instances whose ids, made anew, sort otherwise: ours are sorted as well.
    Sorted,
    /// Of the items, those that have this in them.
    Only(&'static str),
    /// Ours doesn't have the items of these numbers.
    Without(&'static [usize]),
    /// Items of these names, in this order.
    Events(&'static [&'static str]),
    /// The page begins with another instance, one of those on the recorded pages.
    Page,
    /// `{"name":number}`, where a 0 may be left out.
    Count(&'static str),
}

impl Allowance {
    /// Whether the values may differ as they do. `None` stands for a member that isn't there.
    pub fn permits(
        self,
        walk: &mut Walk<'_>,
        path: &Path,
        recorded: Option<&Node>,
        ours: Option<&Node>,
    ) -> bool {
        let (recorded, ours) = match (recorded, ours) {
            (Some(recorded), Some(ours)) => (recorded, ours),
            (None, Some(ours)) => {
                return match self {
                    Self::Failure => depth(ours).is_some(),
                    Self::Becomes(json) => becomes(json, ours),
                    _ => false,
                };
            }
            _ => return self == Self::Absent,
        };
        let texts = recorded.text().zip(ours.text());
        let lists = recorded.items().zip(ours.items());
        match self {
            Self::Absent => false,
            Self::Kind => recorded.same_type(ours),
            Self::Text => texts.is_some_and(|(recorded, ours)| {
                !ours.is_empty() && is_json(recorded) == is_json(ours)
            }),
            Self::Within => texts.is_some_and(|(recorded, ours)| ours.contains(recorded)),
            Self::UpTo(mark) => {
                let head = |text: &str| text.split_once(mark).map(|(head, _)| head.to_owned());
                texts.is_some_and(|(recorded, ours)| {
                    head(recorded).is_some() && head(recorded) == head(ours)
                })
            }
            Self::Becomes(json) => becomes(json, ours),
            Self::Failure => *recorded == Node::Null && depth(ours).is_some(),
            Self::Words => {
                depth(recorded) == depth(ours) && other_words(walk, path, recorded, ours)
            }
            Self::Chain(length) => {
                depth(recorded).is_some()
                    && depth(ours) == Some(length)
                    && other_words(walk, path, recorded, ours)
            }
            Self::AnyOrder(ignored) => lists.is_some_and(|(recorded, ours)| {
                let counts = |item: &&Node| !item.names().iter().any(|name| ignored.contains(name));
                let recorded: Vec<_> = recorded.iter().filter(counts).collect();
                let ours: Vec<_> = ours.iter().filter(counts).collect();
                let ends = ends(&recorded).zip(ends(&ours));
                ends.is_some_and(|((first, last), (our_first, our_last))| {
                    walk.finds_the_same(&path.item(first), first, our_first)
                        && walk.finds_the_same(&path.item(last), last, our_last)
                }) && in_any_order(walk, path, &recorded, ours)
            }),
            Self::Sorted => lists.is_some_and(|(recorded, ours)| {
                let recorded: Vec<_> = recorded.iter().collect();
                let ids = ours.iter().map(id);
                ids.is_sorted() && in_any_order(walk, path, &recorded, ours.iter().collect())
            }),
            Self::Only(word) => lists.is_some_and(|(recorded, ours)| {
                let own = |items: &[Node]| {
                    let own = items.iter().filter(|item| item.to_string().contains(word));
                    Node::List(own.cloned().collect())
                };
                let (recorded, ours) = (own(recorded), own(ours));
                ours.items() != Some(&[]) && walk.finds_the_same(path, &recorded, &ours)
            }),
            Self::Without(numbers) => lists.is_some_and(|(recorded, _)| {
                let items = recorded.iter().enumerate();
                let left = items.filter(|(number, _)| !numbers.contains(number));
                let recorded = Node::List(left.map(|(_, item)| item.clone()).collect());
                walk.finds_the_same(path, &recorded, ours)
            }),
            Self::Events(names) => lists.is_some_and(|(_, ours)| {
                let ours = ours.iter().map(event_name);
                ours.eq(names.iter().map(|name| Some(*name)))
            }),
            Self::Page => lists.is_some_and(|(recorded, ours)| {
                let [first] = ours else { return false };
                let begins = walk.page_begins_with();
                recorded.len() == 1
                    && begins.is_none_or(|begins| id(first) == Some(begins))
                    && walk.on_a_recorded_page(path, first)
            }),
            Self::Count(name) => {
                let counts = |node: &Node, may_miss: bool| match node.names().as_slice() {
                    [only] if *only == name => {
                        matches!(node.member(name), Some(Node::Number(_)))
                    }
                    [] => may_miss && matches!(node, Node::Object(_)),
                    _ => false,
                };
                // the JSON form of protobuf has no zeros
                counts(recorded, false) && counts(ours, walk.is_protobuf())
            }
        }
    }
}

fn ends<'a>(items: &[&'a Node]) -> Option<(&'a Node, &'a Node)> {
    Some((items.first()?, items.last()?))
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<Node>(text).is_ok()
}

fn id(item: &Node) -> Option<&str> {
    item.member("instanceId")?.text()
}

/// The name of a history's event.
pub fn event_name(item: &Node) -> Option<&str> {
    if let Some(name) = item.member("EventType") {
        return name.text();
    }
    item.member("timestamp")?;
    let mut names = item.names().into_iter();
    names.find(|name| !matches!(*name, "eventId" | "timestamp"))
}

fn becomes(json: &str, ours: &Node) -> bool {
    is(&serde_json::from_str(json).unwrap(), ours)
}

fn is(wanted: &Node, ours: &Node) -> bool {
    match (wanted, ours) {
        (Node::Text(wanted), Node::Number(_)) => wanted == "#",
        (Node::Text(wanted), Node::Text(ours)) => {
            let json = |text: &str| serde_json::from_str::<Node>(text).ok();
            *wanted == masked(ours)
                || json(wanted)
                    .zip(json(ours))
                    .is_some_and(|(wanted, ours)| is(&wanted, &ours))
        }
        (Node::List(wanted), Node::List(ours)) => {
            wanted.len() == ours.len()
                && wanted
                    .iter()
                    .zip(ours)
                    .all(|(wanted, ours)| is(wanted, ours))
        }
        (Node::Object(wanted), Node::Object(members)) => {
            wanted.len() == members.len()
                && wanted
                    .iter()
                    .all(|(name, wanted)| ours.member(name).is_some_and(|ours| is(wanted, ours)))
        }
        _ => wanted == ours,
    }
}

fn named<'a>(failure: &'a Node, names: [&str; 2]) -> Option<&'a Node> {
    names.into_iter().find_map(|name| failure.member(name))
}

const TYPE: [&str; 2] = ["ErrorType", "errorType"];
const MESSAGE: [&str; 2] = ["ErrorMessage", "errorMessage"];
const STACK: [&str; 2] = ["StackTrace", "stackTrace"];
const INNER: [&str; 2] = ["InnerFailure", "innerFailure"];

/// How long the chain of a failure is.
fn depth(failure: &Node) -> Option<usize> {
    named(failure, TYPE)?.text()?;
    named(failure, MESSAGE)?.text()?;
    let stack = named(failure, STACK).unwrap_or(&Node::Null);
    if *stack != Node::Null {
        stack.text()?;
    }
    match named(failure, INNER) {
        None | Some(Node::Null) => Some(1),
        Some(inner) => Some(1 + depth(inner)?),
    }
}

/// Failures that differ in type, message and stack only, as far as both chains go.
fn other_words(walk: &mut Walk<'_>, path: &Path, recorded: &Node, ours: &Node) -> bool {
    let rest = |failure: &Node| {
        let Node::Object(members) = failure else {
            return Node::Null;
        };
        let words = [TYPE, MESSAGE, STACK, INNER].concat();
        let rest = members
            .iter()
            .filter(|(name, _)| !words.contains(&name.as_str()));
        Node::Object(rest.cloned().collect())
    };
    // the HTTP API shows every member of a failure, in one order
    let shown = |failure: &Node| {
        let names = failure.names().into_iter().map(str::to_owned);
        names.collect::<Vec<_>>()
    };
    if recorded.member("ErrorType").is_some() && shown(recorded) != shown(ours) {
        return false;
    }
    if !walk.finds_the_same(path, &rest(recorded), &rest(ours)) {
        return false;
    }
    match (named(recorded, INNER), named(ours, INNER)) {
        (Some(recorded @ Node::Object(_)), Some(ours @ Node::Object(_))) => {
            other_words(walk, path, recorded, ours)
        }
        _ => true,
    }
}

/// Each recorded item is one of ours, and none of ours is left.
fn in_any_order(
    walk: &mut Walk<'_>,
    path: &Path,
    recorded: &[&Node],
    mut ours: Vec<&Node>,
) -> bool {
    recorded.len() == ours.len()
        && recorded.iter().all(|recorded| {
            let same = ours
                .iter()
                .position(|ours| walk.finds_the_same(&path.item(recorded), recorded, ours));
            same.map(|number| ours.remove(number)).is_some()
        })
}

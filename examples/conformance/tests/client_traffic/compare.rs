//! Compares answers with recorded ones.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::allowance::Allowance;
use super::exchange::{Answer, Exchange, Scenario};
use super::exclusions::{Asked, EXCLUSIONS, Part};
use super::node::Node;
use super::walk::{Allowed, Walk};
use super::words::{Ids, Place, Words, token};

/// What came of one exchange.
pub struct Compared {
    pub sent: bool,
    /// Numbers of the exclusions that it needed.
    pub needed: BTreeSet<usize>,
    /// Numbers of those that were for it.
    pub applicable: Vec<usize>,
    pub differences: Vec<String>,
}

/// Compares the answers of a scenario, in their order: ids go by pairs throughout.
#[derive(Clone)]
pub struct Comparer<'a> {
    scenario: &'a Scenario,
    words: Words,
    /// Instances on pages that show one each.
    pages: Vec<Node>,
    /// Numbers and parts of the exclusions for each exchange.
    parts: Arc<[Vec<(usize, Part)>]>,
}

impl<'a> Comparer<'a> {
    pub fn new(scenario: &'a Scenario, ours: Place) -> Self {
        let words = Words {
            theirs: Place::recorded(),
            ours,
            ids: Ids::default(),
        };
        let numbers = 0..scenario.exchanges.len();
        let parts: Vec<_> = numbers.map(|number| parts(scenario, number)).collect();
        let of_pages = |parts: &Vec<(usize, Part)>| {
            let mut parts = parts.iter();
            parts.any(|(_, part)| matches!(part, Part::At(_, Allowance::Page)))
        };
        let exchanges = scenario.exchanges.iter().zip(&parts);
        let pages = exchanges.filter(|(_, parts)| of_pages(parts));
        let pages = pages.flat_map(|(exchange, _)| {
            let page = Node::of_body(&exchange.recorded.body);
            page.items().unwrap_or_default().to_vec()
        });
        Self {
            scenario,
            words,
            pages: pages.collect(),
            parts: parts.into(),
        }
    }

    /// The exclusions for an exchange.
    pub fn parts(&self, number: usize) -> &[(usize, Part)] {
        &self.parts[number]
    }

    /// An exchange that is not sent.
    pub fn left_out(&self, number: usize) -> Option<Compared> {
        let parts = self.parts(number).iter();
        let out = parts.filter(|(_, part)| *part == Part::Exchange);
        let out: Vec<_> = out.map(|(number, _)| *number).collect();
        (!out.is_empty()).then(|| Compared {
            sent: false,
            needed: out.iter().copied().collect(),
            applicable: out,
            differences: Vec::new(),
        })
    }

    /// `sent` is the continuation token that went with the request.
    pub fn compare(&mut self, number: usize, ours: &Answer, sent: Option<&str>) -> Compared {
        let exchange = &self.scenario.exchanges[number];
        let parts = self.parts(number).to_vec();
        let allowed: Vec<_> = parts
            .iter()
            .filter_map(|(number, part)| match part {
                Part::At(path, how) => Some(Allowed {
                    number: *number,
                    path,
                    how: *how,
                }),
                _ => None,
            })
            .collect();
        let begins = sent.and_then(token);
        let mut walk = Walk {
            words: self.words.clone(),
            allowed: &allowed,
            pages: &self.pages,
            begins: begins.as_deref(),
            by_the_app: exchange.path.starts_with("/api/ops/"),
            needed: BTreeSet::new(),
            differences: Vec::new(),
        };
        let recorded = &exchange.recorded;
        status(&mut walk, &parts, recorded, ours);
        headers(&mut walk, &parts, recorded, ours);
        walk.compare(&Node::of_body(&recorded.body), &Node::of_body(&ours.body));

        let Walk {
            words,
            needed,
            differences,
            ..
        } = walk;
        self.words = words;
        Compared {
            sent: true,
            needed,
            applicable: parts.iter().map(|(number, _)| *number).collect(),
            differences: differences
                .into_iter()
                .map(|difference| self.told(exchange, &difference))
                .collect(),
        }
    }

    fn told(&self, exchange: &Exchange, difference: &str) -> String {
        let Exchange { method, path, .. } = exchange;
        format!(
            "{}: {method} {path}\n  {difference}",
            self.scenario.scenario
        )
    }
}

fn parts(scenario: &Scenario, number: usize) -> Vec<(usize, Part)> {
    let exchanges = &scenario.exchanges;
    let exchange = &exchanges[number];
    let equal = exchanges[..=number].iter().filter(|other| {
        (&other.method, &other.path, &other.body)
            == (&exchange.method, &exchange.path, &exchange.body)
    });
    let asked = Asked {
        line: format!("{} {}", exchange.method, exchange.path),
        body: exchange.body.clone().unwrap_or_default(),
        number: equal.count(),
    };
    let exclusions = EXCLUSIONS.iter().enumerate();
    exclusions
        .filter(|(_, exclusion)| exclusion.applies(&scenario.scenario, &asked))
        .map(|(number, exclusion)| (number, exclusion.part))
        .collect()
}

fn status(walk: &mut Walk<'_>, parts: &[(usize, Part)], recorded: &Answer, ours: &Answer) {
    if recorded.status == ours.status {
        return;
    }
    let wanted = Part::Status(ours.status);
    match parts.iter().find(|(_, part)| *part == wanted) {
        Some((number, _)) => {
            walk.needed.insert(*number);
        }
        None => walk.differences.push(format!(
            "status\n    recorded {}\n    ours     {} {}",
            recorded.status, ours.status, ours.body
        )),
    }
}

fn headers(walk: &mut Walk<'_>, parts: &[(usize, Part)], recorded: &Answer, ours: &Answer) {
    let names: BTreeSet<_> = recorded.headers.keys().chain(ours.headers.keys()).collect();
    for name in names {
        let value = |answer: &Answer| answer.headers.get(name).cloned();
        let (theirs, our_value) = (value(recorded), value(ours));
        let decoded = |value: &Option<String>| {
            let tokens = name == "x-ms-continuation-token";
            value.as_deref().filter(|_| tokens).and_then(token)
        };
        let tokens = decoded(&theirs).zip(decoded(&our_value));
        let both = tokens
            .clone()
            .or_else(|| theirs.clone().zip(our_value.clone()));
        if both.is_some_and(|(theirs, ours)| walk.words.same(&theirs, &ours)) {
            continue;
        }
        let exclusion = parts.iter().find(|(_, part)| match part {
            Part::Header(header, wanted) => header == name && *wanted == our_value.as_deref(),
            Part::Token => tokens.is_some(),
            _ => false,
        });
        match exclusion {
            Some((number, _)) => {
                walk.needed.insert(*number);
            }
            None => walk.differences.push(format!(
                "{name}\n    recorded {theirs:?}\n    ours     {our_value:?}"
            )),
        }
    }
}

//! What may differ from the recordings, and why.
//!
//! An exclusion is for one place in the answers to certain requests. It says how the place may
//! differ: what may have other words is a text still, and null stays null.

mod client;
mod failures;
mod listings;
mod values;

use std::sync::LazyLock;

use super::allowance::Allowance;

/// Something that need not be the same.
#[derive(Clone, Copy, Debug)]
pub struct Exclusion {
    /// Names of scenarios. At the end of a name, `*` stands for anything.
    pub scenarios: &'static [&'static str],
    /// Methods and paths; with the body, where a blank and a brace are in it. `~` stands for the base
    /// of the management API, `*` for anything, `#2` at the end for the second of equal requests.
    pub requests: &'static [&'static str],
    pub part: Part,
    pub reason: &'static str,
    /// It is different or the same by chance.
    pub chance: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// It is not sent: what comes of it is known to be something else.
    Exchange,
    /// Ours has this status.
    Status(u16),
    /// Ours has this header, or none.
    Header(&'static str, Option<&'static str>),
    /// Both have a continuation token, for another instance.
    Token,
    /// A place in the body.
    At(&'static str, Allowance),
}

/// A request, as exclusions see it.
pub struct Asked {
    pub line: String,
    pub body: String,
    /// How many equal requests the scenario had up to this one.
    pub number: usize,
}

impl Exclusion {
    pub fn applies(&self, scenario: &str, asked: &Asked) -> bool {
        self.scenarios.iter().any(|name| like(name, scenario))
            && self.requests.iter().any(|request| asked.is(request))
    }

    pub fn shown(&self) -> String {
        let Self {
            scenarios,
            requests,
            part,
            reason,
            ..
        } = self;
        format!("{scenarios:?} {requests:?} {part:?}: {reason}")
    }
}

impl Asked {
    fn is(&self, request: &str) -> bool {
        let (request, number) = match request.rsplit_once('#') {
            Some((request, number)) => (request, number.parse().ok()),
            None => (request, None),
        };
        let request = request.replace('~', "/runtime/webhooks/durabletask");
        let whole = format!("{} {}", self.line, self.body);
        let asked = match request.contains(" {") {
            true => whole.as_str(),
            false => self.line.as_str(),
        };
        number.is_none_or(|number: usize| number == self.number) && like(&request, asked)
    }
}

/// `*` stands for anything.
fn like(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, rest)) => text.strip_prefix(head).is_some_and(|text| {
            let ends = text.char_indices().map(|(index, _)| index);
            ends.chain([text.len()]).any(|end| like(rest, &text[end..]))
        }),
    }
}

pub static EXCLUSIONS: LazyLock<Vec<Exclusion>> = LazyLock::new(|| {
    [
        client::EXCLUSIONS,
        failures::EXCLUSIONS,
        listings::EXCLUSIONS,
        values::EXCLUSIONS,
    ]
    .concat()
});

type Names = &'static [&'static str];

const fn part(scenarios: Names, requests: Names, part: Part, reason: &'static str) -> Exclusion {
    Exclusion {
        scenarios,
        requests,
        part,
        reason,
        chance: false,
    }
}

const fn at(
    scenarios: Names,
    requests: Names,
    path: &'static str,
    how: Allowance,
    reason: &'static str,
) -> Exclusion {
    part(scenarios, requests, Part::At(path, how), reason)
}

const fn chance(exclusion: Exclusion) -> Exclusion {
    Exclusion {
        chance: true,
        ..exclusion
    }
}

const ALL: Names = &["*"];
const SHOWN: Names = &[
    "GET ~/instances/*?code=KEY",
    "GET ~/instances/*?showHistory=*",
];
const HISTORY: Names = &["GET ~/instances/*?showHistory=*"];
const GET: Names = &["POST /api/ops/get/*"];
const EVENTS: Names = &["POST /api/ops/history/*"];
/// All four ways to see an instance.
const SEEN: Names = &[
    "GET ~/instances/*?code=KEY",
    "GET ~/instances/*?showHistory=*",
    "POST /api/ops/get/*",
    "POST /api/ops/history/*",
];

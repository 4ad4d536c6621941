//! A failure as base64 of JSON, cut to what fits a header.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::wire::{MAX_PROPERTY_DEPTH, flattened, shortened};
use super::{Failure, MAX_CHAIN, MAX_HEADER};

/// How many bytes of JSON give [`MAX_HEADER`] bytes of base64.
const MAX_JSON: usize = MAX_HEADER / 4 * 3;

/// What a text ends with that was cut.
const CUT: &str = " [cut]";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Out<'a> {
    error_type: &'a str,
    error_message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    stack_trace: Option<&'a str>,
    is_non_retriable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    inner_failure: Option<Box<Out<'a>>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    properties: &'a BTreeMap<String, serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct In {
    error_type: String,
    error_message: String,
    #[serde(default)]
    stack_trace: Option<String>,
    #[serde(default)]
    is_non_retriable: bool,
    #[serde(default)]
    inner_failure: Option<Box<In>>,
    #[serde(default)]
    properties: BTreeMap<String, serde_json::Value>,
}

impl Failure {
    /// The failure as the value of a header: base64 of a JSON object with `errorType`,
    /// `errorMessage`, `stackTrace`, `isNonRetriable`, `innerFailure` and `properties`.
    ///
    /// At most [`MAX_HEADER`] bytes. What is longer is cut: first stack traces, beginning with that
    /// of the root cause, then properties, then long messages, then the number of causes. The
    /// outermost type and whether it can be retried are always there.
    pub fn to_header(&self) -> String {
        let mut links = shortened(self, MAX_CHAIN);
        for link in &mut links {
            for value in link.properties.values_mut() {
                *value = flattened(value, MAX_PROPERTY_DEPTH);
            }
        }
        let mut json = cut(links);
        // Padding with blanks instead of `=`: texts of the form `name=value` are what the host takes
        // for secrets, which it masks in messages.
        while !json.len().is_multiple_of(3) {
            json.push(b' ');
        }
        base64_simd::STANDARD.encode_to_string(json)
    }

    /// The failure in the value of a header, or `None` if it is none.
    pub fn from_header(value: &str) -> Option<Failure> {
        let json = base64_simd::STANDARD.decode_to_vec(value.trim()).ok()?;
        let wire: In = serde_json::from_slice(&json).ok()?;
        let mut links = Vec::new();
        let mut next = Some(Box::new(wire));
        while let Some(wire) = next {
            let wire = *wire;
            links.push(Failure {
                error_type: wire.error_type,
                message: wire.error_message,
                stack_trace: wire.stack_trace,
                cause: None,
                non_retriable: wire.is_non_retriable,
                properties: wire.properties,
            });
            next = wire.inner_failure;
        }
        Failure::from_links(links)
    }
}

/// A chain and how many bytes each of its failures takes.
struct Chain {
    links: Vec<Failure>,
    sizes: Vec<usize>,
}

impl Chain {
    fn new(links: Vec<Failure>) -> Self {
        let sizes = links.iter().map(size).collect();
        Self { links, sizes }
    }

    /// How many bytes have to go.
    fn excess(&self) -> usize {
        let names = self.links.len().saturating_sub(1) * ",\"innerFailure\":".len();
        (self.sizes.iter().sum::<usize>() + names).saturating_sub(MAX_JSON)
    }

    /// Offers each failure to be cut, the innermost first, as long as there is too much.
    fn cut(&mut self, mut cut: impl FnMut(usize, &mut Failure, usize)) {
        for index in (0..self.links.len()).rev() {
            let excess = self.excess();
            if excess == 0 {
                return;
            }
            if let (Some(link), Some(known)) =
                (self.links.get_mut(index), self.sizes.get_mut(index))
            {
                cut(index, link, excess);
                *known = size(link);
            }
        }
    }
}

/// The JSON of a chain, cut to [`MAX_JSON`] bytes.
fn cut(links: Vec<Failure>) -> Vec<u8> {
    let mut chain = Chain::new(links);
    chain.cut(|_, link, excess| {
        let stack = link.stack_trace.take();
        link.stack_trace = stack.and_then(|stack| shorter_by(stack, excess));
    });
    chain.cut(|_, link, _| {
        if !link.properties.is_empty() {
            let note = format!("{} properties were cut", link.properties.len());
            link.properties = BTreeMap::from([("cut".to_owned(), note.into())]);
        }
    });
    for most in [16 * 1024, 8 * 1024, 4 * 1024, 2 * 1024, 1024, 512] {
        chain.cut(|index, link, _| {
            limit(&mut link.message, most);
            if index > 0 {
                limit(&mut link.error_type, most);
            }
        });
    }
    while chain.excess() > 0 && chain.links.len() > 1 {
        chain.links.truncate(chain.links.len() / 2);
        chain.sizes.truncate(chain.links.len());
    }
    // A type of tens of kilobytes: its beginning still says which it is.
    chain.cut(|_, link, _| {
        link.properties.clear();
        limit(&mut link.error_type, MAX_JSON / 2);
    });
    json(&chain.links)
}

fn json(links: &[Failure]) -> Vec<u8> {
    let out = links.iter().rev().fold(None, |inner, link| {
        Some(Box::new(Out {
            error_type: &link.error_type,
            error_message: &link.message,
            stack_trace: link.stack_trace.as_deref(),
            is_non_retriable: link.non_retriable,
            inner_failure: inner,
            properties: &link.properties,
        }))
    });
    // Texts and JSON values under text keys: there is nothing that could fail to serialize.
    serde_json::to_vec(&out).unwrap_or_default()
}

fn size(link: &Failure) -> usize {
    json(std::slice::from_ref(link)).len()
}

/// How many bytes of JSON a character takes inside a string.
fn json_len(c: char) -> usize {
    match c {
        '"' | '\\' | '\u{8}' | '\t' | '\n' | '\u{c}' | '\r' => 2,
        c if c < ' ' => 6,
        c => c.len_utf8(),
    }
}

/// The beginning of a text with the mark, taking at least `excess` bytes of JSON less; `None` if
/// nothing worth having would be left.
fn shorter_by(text: String, excess: usize) -> Option<String> {
    let length: usize = text.chars().map(json_len).sum();
    let most = length.checked_sub(excess)?;
    if most < CUT.len() + 16 {
        return None;
    }
    let mut text = text;
    limit(&mut text, most);
    Some(text)
}

/// Cuts a text so that it takes at most `most` bytes of JSON, the mark included.
fn limit(text: &mut String, most: usize) {
    let length: usize = text.chars().map(json_len).sum();
    if length <= most {
        return;
    }
    let mut room = most.saturating_sub(CUT.len());
    let mut end = 0;
    for c in text.chars() {
        match room.checked_sub(json_len(c)) {
            Some(rest) => room = rest,
            None => break,
        }
        end += c.len_utf8();
    }
    text.truncate(end);
    text.push_str(CUT);
}

//! Failures as protobuf messages, and those of activities as the host reports them.

use std::collections::{BTreeMap, HashMap};

use prost_types::value::Kind;
use prost_types::{ListValue, NullValue, Struct};

use super::{Failure, HEADER, MAX_CHAIN, NO_DETAILS, RESULT_KEY};
use crate::proto;

/// How deeply properties may be nested; what is deeper becomes its JSON text. Protobuf readers give
/// up after 100 nested messages, and each level of JSON takes three.
pub(super) const MAX_PROPERTY_DEPTH: usize = 12;

/// The largest integer up to which a double has all of them.
const MAX_EXACT: i64 = 1 << 53;

impl Failure {
    /// The failure that a protobuf message holds, as it is.
    pub fn from_proto(details: &proto::TaskFailureDetails) -> Failure {
        let chain = std::iter::successors(Some(details), |it| it.inner_failure.as_deref());
        let links = chain.map(link_from_proto).collect();
        Failure::from_links(links).unwrap_or_else(|| link_from_proto(details))
    }

    /// The protobuf message for this failure.
    ///
    /// The chain is cut to [`MAX_CHAIN`] failures (the middle ones go, the root cause stays) and
    /// properties that are nested more than 12 levels deep become JSON texts, because readers of
    /// protobuf messages refuse deeper nesting.
    pub fn to_proto(&self) -> proto::TaskFailureDetails {
        let mut links = shortened(self, MAX_CHAIN).into_iter().rev();
        let innermost = links.next().map(|it| link_to_proto(&it));
        let innermost = innermost.unwrap_or_else(|| link_to_proto(self));
        links.fold(innermost, |cause, link| proto::TaskFailureDetails {
            inner_failure: Some(Box::new(cause)),
            ..link_to_proto(&link)
        })
    }

    /// The failure of an activity, from what the host reports to the orchestration.
    ///
    /// If the host quotes the header in which the activity's failure travelled (see the
    /// [module](super)), it is that failure. Else it is the host's own chain, which is all there is
    /// if the process was lost, or the activity was written with another SDK. `None`, which the host
    /// sends for activities it does not know, gives a failure of type [`NO_DETAILS`].
    pub fn from_activity(details: Option<&proto::TaskFailureDetails>) -> Failure {
        let Some(details) = details else {
            return Failure::new(
                NO_DETAILS,
                "the activity failed and the Functions host gave no details, as it does when it \
                 knows no activity of that name or could not reach the handler: check that the \
                 function exists, has a function.json and is not disabled",
            );
        };
        let mut chain = std::iter::successors(Some(details), |it| it.inner_failure.as_deref());
        chain
            .find_map(|it| quoted(&it.error_message))
            .unwrap_or_else(|| Failure::from_proto(details))
    }

    /// The failure in an activity's result, `{"durable-failure":"<base64>"}`; `None` if the result
    /// is anything else.
    ///
    /// [`crate::value::to_result`] never lets an ordinary result look so. If what the mark carries
    /// cannot be read, the failure says that.
    pub fn from_result(json: &str) -> Option<Failure> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Marked {
            #[serde(rename = "durable-failure")]
            failure: String,
        }
        let inner = json.trim_start_matches(crate::binding::JSON_BLANKS);
        let inner = inner.strip_prefix('{')?;
        let inner = inner.trim_start_matches(crate::binding::JSON_BLANKS);
        inner.strip_prefix('"')?.strip_prefix(RESULT_KEY)?;
        let marked: Marked = serde_json::from_str(json).ok()?;
        Some(Failure::from_header(&marked.failure).unwrap_or_else(|| {
            Failure::new(
                NO_DETAILS,
                "the activity failed and what it said about it cannot be read",
            )
        }))
    }
}

/// Whether an activity failed only because the handler's process went away while it ran, or was not
/// there: not the activity's own fault, and calling it again may well work.
///
/// Azure Functions host behaviour: a connection that ends without an answer is reported with a chain
/// that ends in `System.Net.Http.HttpIOException` "The response ended prematurely", a refused one
/// with `System.Net.Sockets.SocketException` "Connection refused" (or without any details, like an
/// unknown activity, which is not recognised here). A failure that the activity itself reported
/// never counts, whatever it is called.
pub fn is_lost_worker(details: &proto::TaskFailureDetails) -> bool {
    let chain = || std::iter::successors(Some(details), |it| it.inner_failure.as_deref());
    let by_host = details
        .error_type
        .ends_with("WebJobs.Host.FunctionInvocationException");
    let Some(root) = chain().last().filter(|_| by_host) else {
        return false;
    };
    let message = &root.error_message;
    let lost = match root.error_type.as_str() {
        "System.Net.Http.HttpIOException" => message.starts_with("The response ended prematurely"),
        "System.Net.Sockets.SocketException" => message.starts_with("Connection refused"),
        _ => false,
    };
    lost && !chain().any(|it| quoted(&it.error_message).is_some())
}

/// The first failure that a text of the host quotes as `durable-failure: <base64>`, as it does with
/// headers, or as `"durable-failure":"<base64>"`, should it quote nothing but the body.
fn quoted(text: &str) -> Option<Failure> {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(':') {
        rest = after;
        let name = before.trim_end_matches(['"', '\\']).as_bytes();
        // Header names have no case.
        let begin = name.len().checked_sub(HEADER.len());
        let marked = begin
            .and_then(|begin| name.get(begin..))
            .is_some_and(|name| name.eq_ignore_ascii_case(HEADER.as_bytes()));
        if !marked {
            continue;
        }
        let value = after.trim_start_matches([' ', '\t', '"', '\\']);
        let end = value.find(|c| !is_base64(c)).unwrap_or(value.len());
        if let Some(failure) = value.get(..end).and_then(Failure::from_header) {
            return Some(failure);
        }
    }
    None
}

/// The links of a chain, at most `most`: the outermost ones and the root cause.
pub(super) fn shortened(failure: &Failure, most: usize) -> Vec<Failure> {
    let length = failure.chain().count();
    if length <= most || most < 2 {
        return failure
            .chain()
            .take(most.max(1))
            .map(Failure::link)
            .collect();
    }
    let mut links: Vec<_> = failure.chain().take(most - 1).map(Failure::link).collect();
    let mut root = failure.root_cause().link();
    root.message = format!(
        "{} [{} causes before this one were cut]",
        root.message,
        length - most
    );
    links.push(root);
    links
}

fn link_from_proto(details: &proto::TaskFailureDetails) -> Failure {
    Failure {
        error_type: details.error_type.clone(),
        message: details.error_message.clone(),
        stack_trace: details.stack_trace.clone(),
        cause: None,
        non_retriable: details.is_non_retriable,
        properties: details
            .properties
            .iter()
            .map(|(name, value)| (name.clone(), value_from_proto(value, 0)))
            .collect(),
    }
}

fn link_to_proto(failure: &Failure) -> proto::TaskFailureDetails {
    proto::TaskFailureDetails {
        error_type: failure.error_type.clone(),
        error_message: failure.message.clone(),
        stack_trace: failure.stack_trace.clone(),
        inner_failure: None,
        is_non_retriable: failure.non_retriable,
        properties: failure
            .properties
            .iter()
            .map(|(name, value)| (name.clone(), value_to_proto(value)))
            .collect::<HashMap<_, _>>(),
    }
}

/// A value with what is nested too deeply turned into JSON text.
pub(super) fn flattened(value: &serde_json::Value, depth: usize) -> serde_json::Value {
    match value {
        serde_json::Value::Array(_) | serde_json::Value::Object(_) if depth == 0 => {
            serde_json::Value::String(value.to_string())
        }
        serde_json::Value::Array(items) => {
            items.iter().map(|it| flattened(it, depth - 1)).collect()
        }
        serde_json::Value::Object(members) => members
            .iter()
            .map(|(name, it)| (name.clone(), flattened(it, depth - 1)))
            .collect(),
        plain => plain.clone(),
    }
}

fn value_to_proto(value: &serde_json::Value) -> proto::Value {
    convert(&flattened(value, MAX_PROPERTY_DEPTH))
}

fn convert(value: &serde_json::Value) -> proto::Value {
    let kind = match value {
        serde_json::Value::Null => Kind::NullValue(NullValue::NullValue as i32),
        serde_json::Value::Bool(it) => Kind::BoolValue(*it),
        serde_json::Value::String(it) => Kind::StringValue(it.clone()),
        serde_json::Value::Number(it) => match (it.as_i64(), it.as_f64()) {
            // A double would change larger integers.
            (Some(integer), _) if integer.unsigned_abs() > MAX_EXACT.unsigned_abs() => {
                Kind::StringValue(it.to_string())
            }
            (None, _) if it.is_u64() => Kind::StringValue(it.to_string()),
            (_, Some(number)) => Kind::NumberValue(number),
            (_, None) => Kind::StringValue(it.to_string()),
        },
        serde_json::Value::Array(items) => Kind::ListValue(ListValue {
            values: items.iter().map(convert).collect(),
        }),
        serde_json::Value::Object(members) => Kind::StructValue(Struct {
            fields: members
                .iter()
                .map(|(name, it)| (name.clone(), convert(it)))
                .collect::<BTreeMap<_, _>>(),
        }),
    };
    proto::Value { kind: Some(kind) }
}

fn value_from_proto(value: &proto::Value, depth: usize) -> serde_json::Value {
    // Decoded messages are never so deep; this is for those that somebody built.
    if depth > 100 {
        return serde_json::Value::String("[nested too deeply]".to_owned());
    }
    match &value.kind {
        None | Some(Kind::NullValue(_)) => serde_json::Value::Null,
        Some(Kind::BoolValue(it)) => (*it).into(),
        Some(Kind::StringValue(it)) => it.clone().into(),
        Some(Kind::NumberValue(it)) => number_from_proto(*it),
        Some(Kind::ListValue(list)) => list
            .values
            .iter()
            .map(|it| value_from_proto(it, depth + 1))
            .collect(),
        Some(Kind::StructValue(members)) => members
            .fields
            .iter()
            .map(|(name, it)| (name.clone(), value_from_proto(it, depth + 1)))
            .collect(),
    }
}

fn number_from_proto(number: f64) -> serde_json::Value {
    let exact = number.fract() == 0.0
        && number.abs() <= MAX_EXACT as f64
        && !(number == 0.0 && number.is_sign_negative());
    if exact {
        return (number as i64).into();
    }
    match serde_json::Number::from_f64(number) {
        Some(number) => number.into(),
        // Not a number, or infinite: JSON has no way to write it.
        None => number.to_string().into(),
    }
}

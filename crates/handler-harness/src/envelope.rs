//! The JSON envelopes of the host.

use prost::Message;
use serde_json::{Value, json};

fn sys(function: &str) -> Value {
    json!({
        "MethodName": function,
        "UtcNow": "2026-11-23T09:00:57.5533577Z",
        "RandGuid": "ab6d6eed-d2cc-4a6f-aa9d-54866111de1f",
    })
}

/// The request for a turn of an orchestration, or a batch of an entity: the message in base64, in
/// a JSON string, in a JSON string.
pub fn orchestration_request(function: &str, message: &impl Message) -> Vec<u8> {
    let message = base64_simd::STANDARD.encode_to_string(message.encode_to_vec());
    let context = format!("\"{message}\"");
    json!({ "Data": { "context": context }, "Metadata": { "sys": sys(function) } })
        .to_string()
        .into_bytes()
}

/// The request for an activity: the input's JSON text, in a JSON string, in a JSON string.
pub fn activity_request(function: &str, instance_id: &str, input: Option<&str>) -> Vec<u8> {
    let quote = |text: &str| Value::from(text).to_string();
    let data = input.map_or_else(|| "null".to_owned(), quote);
    json!({
        "Data": { "input": data },
        "Metadata": {
            "instanceId": quote(instance_id),
            "input": data,
            "data": input,
            "sys": sys(function),
        },
    })
    .to_string()
    .into_bytes()
}

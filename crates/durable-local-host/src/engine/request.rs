//! The request of a turn, encoded.

use durable_functions_protocol::proto::{
    Duration, HistoryEvent, OrchestratorEntityParameters, Value,
};
use prost_types::value::Kind;

use crate::config::DurableOptions;

/// The fields that are the same in every request.
#[derive(Clone, Debug)]
pub(crate) struct RequestTrailer(Vec<u8>);

impl RequestTrailer {
    /// The trailer for an app.
    pub(crate) fn new(options: &DurableOptions) -> Self {
        let mut out = Vec::new();
        let window = Duration {
            seconds: i64::try_from(options.entity_reorder_window.as_secs()).unwrap_or_default(),
            nanos: 0,
        };
        let parameters = OrchestratorEntityParameters {
            entity_message_reorder_window: Some(window),
        };
        prost::encoding::message::encode(5, &parameters, &mut out);
        let mut properties = vec![
            (
                "HttpDefaultAsyncRequestSleepTimeMilliseconds",
                Kind::NumberValue(f64::from(options.async_sleep_milliseconds)),
            ),
            ("IncludeState", Kind::BoolValue(true)),
            ("IsExtendedSession", Kind::BoolValue(false)),
            (
                "ExtendedSessionIdleTimeoutInSeconds",
                Kind::NumberValue(0.0),
            ),
        ];
        if let Some(version) = &options.default_version {
            properties.push(("defaultVersion", Kind::StringValue(version.clone())));
        }
        for (name, kind) in properties {
            // A map entry is a message of key and value; by hand, as the order shall be the host's.
            let mut entry = Vec::new();
            prost::encoding::string::encode(1, &name.to_owned(), &mut entry);
            prost::encoding::message::encode(2, &Value { kind: Some(kind) }, &mut entry);
            prost::encoding::bytes::encode(7, &entry, &mut out);
        }
        Self(out)
    }

    /// Encodes a request; `past` is framed already.
    pub(crate) fn encode<'a>(
        &self,
        instance: &str,
        past: &[u8],
        new: impl IntoIterator<Item = &'a HistoryEvent>,
    ) -> Vec<u8> {
        let mut out = Vec::with_capacity(instance.len() + past.len() + self.0.len() + 512);
        prost::encoding::string::encode(1, &instance.to_owned(), &mut out);
        out.extend_from_slice(past);
        for event in new {
            prost::encoding::message::encode(4, event, &mut out);
        }
        out.extend_from_slice(&self.0);
        out
    }
}

#[cfg(test)]
mod tests {
    use durable_functions_protocol::proto::OrchestratorRequest;
    use prost::Message;
    use serde_json::Value as Json;

    use super::*;
    use crate::config::{HostJson, Settings};
    use crate::store::frame_events;

    #[test]
    fn requests_are_the_recorded_bytes() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("host.json"), "{}").unwrap();
        let trailer = RequestTrailer::new(
            &HostJson::load(dir.path(), &Settings::default())
                .unwrap()
                .durable,
        );
        let recorded: Vec<Json> =
            serde_json::from_str(include_str!("../../tests/data/turn_requests.json")).unwrap();
        assert!(recorded.len() > 10);
        for text in recorded {
            let bytes = base64_simd::STANDARD
                .decode_to_vec(text.as_str().unwrap())
                .unwrap();
            let request = OrchestratorRequest::decode(bytes.as_slice()).unwrap();
            let mut past = Vec::new();
            frame_events(&request.past_events, &mut past);
            assert_eq!(
                trailer.encode(&request.instance_id, &past, &request.new_events),
                bytes
            );
        }
    }
}

//! Ids of instances, and the GUIDs that orchestrations make.

use prost_types::Timestamp;
use uuid::Uuid;

use crate::time;

/// An instance id that the Durable Task extension would not take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidInstanceId {
    /// The id has no characters.
    #[error("an instance id must not be empty")]
    Empty,
    /// Ids that begin with `@` are those of entities.
    #[error("the instance id {0:?} must not begin with '@': such ids are those of entities")]
    Entity(String),
    /// The id has a character that storage keys or URLs do not allow.
    #[error("the instance id {id:?} must not contain {character:?}")]
    Character {
        /// The id, cut to 200 characters.
        id: String,
        /// The first character of it that is not allowed.
        character: char,
    },
}

/// Checks an id that a client wants to start an orchestration with.
///
/// Durable Task extension behaviour: ids must not begin with `@` and must not contain `/`, `\`,
/// `#`, `?` or control characters.
///
/// # Errors
///
/// Which of the rules the id breaks.
pub fn validate_instance_id(id: &str) -> Result<(), InvalidInstanceId> {
    let shown = || id.chars().take(200).collect();
    if id.is_empty() {
        return Err(InvalidInstanceId::Empty);
    }
    if id.starts_with('@') {
        return Err(InvalidInstanceId::Entity(shown()));
    }
    let bad = |c: &char| matches!(c, '/' | '\\' | '#' | '?') || c.is_control();
    match id.chars().find(bad) {
        None => Ok(()),
        Some(character) => Err(InvalidInstanceId::Character {
            id: shown(),
            character,
        }),
    }
}

/// A random instance id: a GUID of 32 hexadecimal digits without dashes (.NET's format "N").
pub fn new_instance_id() -> String {
    Uuid::new_v4().simple().to_string()
}

/// The namespace of the GUIDs that orchestrations make, the same in all Durable Task SDKs for .NET.
pub const GUID_NAMESPACE: Uuid = Uuid::from_u128(0x9e952958_5e33_4daf_827f_2fa12937b875);

/// Makes the GUIDs of one orchestration's replay: the same ones each time it is replayed.
///
/// The algorithm is that of the Durable Task SDK for .NET: a version 5 UUID of
/// `<instance id>_<time of the turn>_<counter>`. One counter serves everything that needs an id and
/// begins at 0 in each replay.
///
/// ```
/// use durable_functions_protocol::id::GuidGenerator;
/// use durable_functions_protocol::time;
///
/// let now = time::parse("2024-01-01T00:00:00Z")?;
/// let guid = GuidGenerator::new().next("abc", &now);
/// assert_eq!(guid.to_string(), "80835b95-20cf-5cec-8922-92309c9a2bb6");
/// # Ok::<(), time::TimeError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GuidGenerator {
    counter: u32,
}

impl GuidGenerator {
    /// A generator at the beginning of a replay.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next GUID; `now` is the current time of the orchestration, the timestamp of the last
    /// `OrchestratorStarted` event. A time out of range counts as the nearest valid one.
    pub fn next(&mut self, instance_id: &str, now: &Timestamp) -> Uuid {
        let now = time::to_dotnet_saturating(now);
        let name = format!("{instance_id}_{now}_{}", self.counter);
        self.counter = self.counter.wrapping_add(1);
        Uuid::new_v5(&GUID_NAMESPACE, name.as_bytes())
    }

    /// How many GUIDs were made.
    pub fn count(&self) -> u32 {
        self.counter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guids_are_those_of_dotnet() {
        let now = time::parse("2024-01-01T00:00:00Z").unwrap();
        let mut guids = GuidGenerator::new();
        let first = guids.next("abc", &now);
        assert_eq!(first.to_string(), "80835b95-20cf-5cec-8922-92309c9a2bb6");
        let second = guids.next("abc", &now);
        let name = b"abc_2024-01-01T00:00:00.0000000Z_1";
        assert_eq!(second, Uuid::new_v5(&GUID_NAMESPACE, name));
        assert_eq!(guids.count(), 2);
        assert_eq!(GuidGenerator::new().next("abc", &now), first);
        // Times that no event has do not stop anything.
        let broken = Timestamp {
            seconds: i64::MAX,
            nanos: -1,
        };
        assert_ne!(GuidGenerator::new().next("abc", &broken), first);
    }

    #[test]
    fn instance_ids() {
        for id in [
            "a",
            "order-17",
            "with blank",
            "ümlaut",
            "a@b",
            "{guid}",
            ":;,.-_~+%&=\"'",
        ] {
            assert_eq!(validate_instance_id(id), Ok(()), "{id}");
        }
        assert_eq!(validate_instance_id(""), Err(InvalidInstanceId::Empty));
        let entity = validate_instance_id("@counter@x");
        assert_eq!(entity, Err(InvalidInstanceId::Entity("@counter@x".into())));
        for character in ['/', '\\', '#', '?', '\0', '\n', '\u{7f}', '\u{85}'] {
            let id = format!("a{character}b");
            let error = validate_instance_id(&id);
            assert_eq!(error, Err(InvalidInstanceId::Character { id, character }));
        }
    }

    #[test]
    fn new_ids_are_guids_without_dashes() {
        let id = new_instance_id();
        assert_eq!(id.len(), 32);
        assert!(id.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')));
        assert_ne!(id, new_instance_id());
        assert_eq!(validate_instance_id(&id), Ok(()));
    }
}

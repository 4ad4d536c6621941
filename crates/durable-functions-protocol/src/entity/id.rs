//! Ids of entities.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that is no entity id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidEntityId {
    /// The text does not begin with `@` and have another one after the name.
    #[error("{0:?} is no entity id: expected `@name@key`")]
    Shape(String),
    /// The name has no characters.
    #[error("the entity id {0:?} has no name: expected `@name@key`")]
    NoName(String),
    /// The key has no characters.
    #[error("the entity id {0:?} has no key: expected `@name@key`")]
    NoKey(String),
    /// The name has a character that it can't have.
    #[error("the name of the entity id {id:?} must not contain {character:?}")]
    Name {
        /// The id, cut to 200 characters.
        id: String,
        /// The first character that is not allowed.
        character: char,
    },
    /// The key has a control character.
    #[error("the key of the entity id {id:?} must not contain {character:?}")]
    Key {
        /// The id, cut to 200 characters.
        id: String,
        /// The first character that is not allowed.
        character: char,
    },
}

/// Which entity: the name of its function and a key of one's own choice.
///
/// Durable Task extension behaviour: the id of the instance is `@name@key`. The name has no case
/// and is written in lower case; the key keeps its case and may contain `@`.
///
/// ```
/// use durable_functions_protocol::entity::EntityId;
///
/// let id = EntityId::new("Counter", "Clicks");
/// assert_eq!(id.to_string(), "@counter@Clicks");
/// assert_eq!("@Counter@Clicks".parse(), Ok(id));
/// ```
///
/// As JSON it is that text. Ids are ordered by name, then key, both byte by byte.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityId {
    name: String,
    key: String,
}

impl EntityId {
    /// The id of an entity. Whether there can be such an entity says [`validate`](Self::validate).
    pub fn new(name: impl AsRef<str>, key: impl Into<String>) -> Self {
        Self {
            name: name.as_ref().to_lowercase(),
            key: key.into(),
        }
    }

    /// Name of the entity's function, in lower case.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key, as it was given.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Checks that name and key can be those of an entity.
    ///
    /// # Errors
    ///
    /// Which of the rules the id breaks.
    pub fn validate(&self) -> Result<(), InvalidEntityId> {
        let shown = || self.to_string().chars().take(200).collect();
        if self.name.is_empty() {
            return Err(InvalidEntityId::NoName(shown()));
        }
        if self.key.is_empty() {
            return Err(InvalidEntityId::NoKey(shown()));
        }
        let bad = |c: &char| matches!(c, '@' | '/' | '\\' | '#' | '?') || c.is_control();
        if let Some(character) = self.name.chars().find(bad) {
            let id = shown();
            return Err(InvalidEntityId::Name { id, character });
        }
        match self.key.chars().find(|c| c.is_control()) {
            None => Ok(()),
            Some(character) => Err(InvalidEntityId::Key {
                id: shown(),
                character,
            }),
        }
    }
}

impl FromStr for EntityId {
    type Err = InvalidEntityId;

    fn from_str(text: &str) -> Result<Self, InvalidEntityId> {
        let parts = text.strip_prefix('@').and_then(|rest| rest.split_once('@'));
        let (name, key) =
            parts.ok_or_else(|| InvalidEntityId::Shape(text.chars().take(200).collect()))?;
        let id = Self::new(name, key);
        id.validate().map(|()| id)
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}@{}", self.name, self.key)
    }
}

impl fmt::Debug for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<&EntityId> for EntityId {
    fn from(id: &EntityId) -> Self {
        id.clone()
    }
}

impl Serialize for EntityId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EntityId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

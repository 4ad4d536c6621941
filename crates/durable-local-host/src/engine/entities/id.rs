//! Ids of entities.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The two parts of `@name@key`. Names have no `@`, keys may.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct EntityId {
    /// Name of the entity function.
    pub(crate) name: String,
    /// Key among the entities of that name.
    pub(crate) key: String,
}

impl EntityId {
    /// The parts of an instance id.
    pub(crate) fn parse(id: &str) -> Option<Self> {
        let (name, key) = id.strip_prefix('@')?.split_once('@')?;
        if name.is_empty() {
            return None;
        }
        Some(Self {
            name: name.to_owned(),
            key: key.to_owned(),
        })
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}@{}", self.name, self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_two_parts() {
        let id = EntityId::parse("@counter@a@b").unwrap();
        assert_eq!((id.name.as_str(), id.key.as_str()), ("counter", "a@b"));
        assert_eq!(id.to_string(), "@counter@a@b");
        assert_eq!(EntityId::parse("@counter@").unwrap().key, "");
        for text in ["", "@", "@bad", "counter@a", "@@a"] {
            assert_eq!(EntityId::parse(text), None, "{text}");
        }
    }
}

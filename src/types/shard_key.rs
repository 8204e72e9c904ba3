//! What a caller asks the owner of.

use std::{borrow::Borrow, fmt, ops::Deref, sync::Arc};

use super::NameError;

/// Longest shard key, in bytes.
pub const MAX_SHARD_KEY_BYTES: usize = 1024;

/// A shard key: 1 to 1,024 bytes of text without control characters.
///
/// Lookups take `&str`, so that the hot path validates nothing; a `ShardKey` is made where a key is stored or sent.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardKey(Arc<str>);

impl ShardKey {
    /// Validates the key.
    pub fn new(key: impl AsRef<str>) -> Result<Self, NameError> {
        let key = key.as_ref();
        NameError::check("shard key", key, MAX_SHARD_KEY_BYTES, "text without control characters", |c| {
            !c.is_control()
        })?;
        Ok(Self(key.into()))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for ShardKey {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ShardKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ShardKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ShardKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShardKey({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_a_key_but_not_control_characters() {
        for good in ["0", "a/b", "schlüssel 🔑", &"k".repeat(1024)] {
            assert_eq!(ShardKey::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "a\0b", "line\nbreak", &"k".repeat(1025)] {
            assert!(ShardKey::new(bad).is_err(), "{bad:?} must be refused");
        }
    }
}

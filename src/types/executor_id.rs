//! Who may own shards.

use std::{borrow::Borrow, fmt, ops::Deref, sync::Arc};

use super::NameError;

/// Longest executor id, in bytes.
pub const MAX_EXECUTOR_ID_BYTES: usize = 256;

/// The name of an executor, a process that can own shards: 1 to 256 letters, digits and `._:@-`.
///
/// Such as `matching-0` or, as Go's executors call themselves, `hostname@uuid`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExecutorId(Arc<str>);

impl ExecutorId {
    /// Validates the id.
    pub fn new(id: impl AsRef<str>) -> Result<Self, NameError> {
        let id = id.as_ref();
        NameError::check("executor id", id, MAX_EXECUTOR_ID_BYTES, "letters, digits and ._:@-", |c| {
            c.is_ascii_alphanumeric() || "._:@-".contains(c)
        })?;
        Ok(Self(id.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for ExecutorId {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ExecutorId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ExecutorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ExecutorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExecutorId({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_hold_no_byte_that_a_store_key_or_a_log_line_could_misread() {
        for good in ["matching-0", "host.example:7933", "host@550e8400-e29b", &"i".repeat(256)] {
            assert_eq!(ExecutorId::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "a/b", "a b", "naïve", "a\nb", "a%b", &"i".repeat(257)] {
            assert!(ExecutorId::new(bad).is_err(), "{bad:?} must be refused");
        }
    }
}

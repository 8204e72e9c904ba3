//! The name of one independent set of shards.

use std::{borrow::Borrow, fmt, ops::Deref, sync::Arc};

use super::NameError;

/// Longest namespace name, in bytes.
pub const MAX_NAMESPACE_BYTES: usize = 256;

/// A namespace: its keys, members, policy and owners have nothing to do with any other namespace's.
///
/// 1 to 256 bytes of `A-Z a-z 0-9 . _ : @ -`. Cheap to clone.
///
/// ```
/// use shardway::types::Namespace;
///
/// assert_eq!(Namespace::new("matching").unwrap().as_str(), "matching");
/// let refused = Namespace::new("a/b").unwrap_err();
/// assert_eq!(refused.to_string(), r#"namespace "a/b" may contain only A-Z a-z 0-9 . _ : @ -, has '/'"#);
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(Arc<str>);

impl Namespace {
    /// Validates the name.
    pub fn new(name: impl AsRef<str>) -> Result<Self, NameError> {
        let name = name.as_ref();
        NameError::check("namespace", name, MAX_NAMESPACE_BYTES, "A-Z a-z 0-9 . _ : @ -", |c| {
            c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '@' | '-')
        })?;
        Ok(Self(name.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Namespace {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Namespace {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Namespace({})", self.0)
    }
}

impl std::str::FromStr for Namespace {
    type Err = NameError;
    fn from_str(name: &str) -> Result<Self, NameError> {
        Self::new(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_and_alphabet_are_checked() {
        assert!(Namespace::new("a").is_ok());
        assert!(Namespace::new("x".repeat(256)).is_ok());
        for bad in ["", &"x".repeat(257), "a b", "a/b", "ä", "a\n"] {
            assert!(Namespace::new(bad).is_err(), "{bad:?} must be refused");
        }
    }

    #[test]
    fn a_refused_value_is_cut_and_escaped() {
        let error = Namespace::new(format!("\u{1b}[31m{}", "y".repeat(100))).unwrap_err();
        assert!(!error.to_string().contains('\u{1b}'), "control characters never reach a terminal: {error}");
        assert!(error.value.ends_with('…'));
    }
}

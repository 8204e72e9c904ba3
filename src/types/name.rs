//! What is wrong with a name that was refused.

use std::fmt;

/// A name that breaks its rule. Says what kind of name, which value, and the rule, so that the message alone is
/// enough to mend the input.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NameError {
    /// The kind of name: "namespace", "shard key", ...
    pub what: &'static str,
    /// The refused value, cut at 64 characters and with control characters escaped.
    pub value: String,
    /// The rule it broke, as a sentence fragment: "must be 1 to 256 bytes, is 0".
    pub rule: String,
}

impl NameError {
    /// Cuts and escapes the value, because it may come from outside and end up in a log.
    pub(crate) fn new(what: &'static str, value: &str, rule: impl Into<String>) -> Self {
        const SHOWN: usize = 64;
        let mut shown: String = value.chars().take(SHOWN).flat_map(char::escape_debug).collect();
        if value.chars().nth(SHOWN).is_some() {
            shown.push('…');
        }
        Self { what, value: shown, rule: rule.into() }
    }

    /// Checks length in bytes, then every byte.
    pub(crate) fn check(
        what: &'static str,
        value: &str,
        max_bytes: usize,
        allowed: &'static str,
        is_allowed: impl Fn(char) -> bool,
    ) -> Result<(), Self> {
        if value.is_empty() || value.len() > max_bytes {
            let rule = format!("must be 1 to {max_bytes} bytes, is {}", value.len());
            return Err(Self::new(what, value, rule));
        }
        match value.chars().find(|c| !is_allowed(*c)) {
            Some(c) => Err(Self::new(what, value, format!("may contain only {allowed}, has {c:?}"))),
            None => Ok(()),
        }
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} \"{}\" {}", self.what, self.value, self.rule)
    }
}

impl std::error::Error for NameError {}

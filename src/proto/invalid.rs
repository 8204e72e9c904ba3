//! What is wrong with a message that was refused.

use std::{borrow::Cow, fmt};

use crate::types::NameError;

/// A field that breaks a rule. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Which field: `beat.loads[3].load`.
    pub field: String,
    /// What it was, shortened and escaped; empty if there is nothing to show.
    pub value: String,
    /// What it has to be like.
    pub rule: Cow<'static, str>,
}

impl Invalid {
    /// A field that breaks a rule.
    pub fn new(
        field: impl Into<String>,
        value: impl fmt::Display,
        rule: impl Into<Cow<'static, str>>,
    ) -> Self {
        /// More would fill logs and helps nobody.
        const SHOWN: usize = 64;
        let value = value.to_string();
        let mut shown: String = value.chars().take(SHOWN).flat_map(char::escape_debug).collect();
        if value.chars().nth(SHOWN).is_some() {
            shown.push('…');
        }
        Self { field: field.into(), value: shown, rule: rule.into() }
    }

    /// A field that has to be there and is not.
    pub fn missing(field: impl Into<String>) -> Self {
        Self::new(field, "", "must be set")
    }

    /// A name that breaks its rule.
    pub fn name(field: impl Into<String>, error: NameError) -> Self {
        Self { field: field.into(), value: error.value, rule: error.rule.into() }
    }

    /// The same, inside of a field.
    #[must_use]
    pub fn within(mut self, outer: &str) -> Self {
        self.field = if self.field.is_empty() { outer.into() } else { format!("{outer}.{}", self.field) };
        self
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.value.is_empty() {
            write!(f, "{} {}", self.field, self.rule)
        } else {
            write!(f, "{} \"{}\" {}", self.field, self.value, self.rule)
        }
    }
}

impl std::error::Error for Invalid {}

//! What is wrong with the settings of a policy.

use std::{convert::Infallible, fmt};

use crate::types::{NameError, nearest};

/// One setting of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// The lookup mode.
    Mode,
    /// The share of keys that are onboarded.
    Percentage,
    /// Whether keys that contain a UUID are excluded.
    ExcludeUuidKeys,
    /// The patterns of excluded keys.
    ExcludePatterns,
    /// What to answer when the distributor cannot.
    Fallback,
    /// The age past which the fallback applies.
    MaxAge,
    /// The share of lookups that a shadow mode compares.
    ShadowSample,
    /// Whether everything goes to the ring.
    KillSwitch,
}

impl Field {
    /// All settings, in the order in which they are listed.
    pub const ALL: [Self; 8] = [
        Self::Mode,
        Self::Percentage,
        Self::ExcludeUuidKeys,
        Self::ExcludePatterns,
        Self::Fallback,
        Self::MaxAge,
        Self::ShadowSample,
        Self::KillSwitch,
    ];

    /// The name in messages, logs and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mode => "mode",
            Self::Percentage => "percentage",
            Self::ExcludeUuidKeys => "exclude_uuid_keys",
            Self::ExcludePatterns => "exclude_patterns",
            Self::Fallback => "fallback",
            Self::MaxAge => "max_age",
            Self::ShadowSample => "shadow_sample",
            Self::KillSwitch => "kill_switch",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A setting that was refused: which, its value, the rule it broke, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    field: Field,
    value: Box<str>,
    quoted: bool,
    rule: Box<str>,
    suggestion: Option<&'static str>,
    origin: Option<Box<str>>,
}

impl PolicyError {
    /// For a value that is shown as it is: a number, a duration.
    pub(super) fn new(field: Field, value: impl fmt::Display, rule: impl Into<Box<str>>) -> Self {
        Self {
            field,
            value: value.to_string().into(),
            quoted: false,
            rule: rule.into(),
            suggestion: None,
            origin: None,
        }
    }

    /// For a text, which may be long, contain anything, and end up in a log.
    pub(super) fn of_text(field: Field, value: &str, rule: impl Into<Box<str>>) -> Self {
        let shown = NameError::new(field.as_str(), value, String::new()).value;
        Self { quoted: true, ..Self::new(field, shown, rule) }
    }

    pub(super) fn with_origin(self, origin: &str) -> Self {
        Self { origin: Some(origin.into()), ..self }
    }

    /// Which setting.
    pub const fn field(&self) -> Field {
        self.field
    }

    /// The refused value; a text is cut at 64 characters, its control characters escaped.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The rule that it broke, as a fragment: "must be a whole number from 0 to 100".
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// The word that was probably meant.
    pub const fn suggestion(&self) -> Option<&'static str> {
        self.suggestion
    }

    /// Where the value came from, if the builder was told.
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }
}

/// The one of `all` that is written as `word`.
pub(super) fn parse_word<T: Copy>(
    field: Field,
    word: &str,
    all: &[T],
    as_str: fn(T) -> &'static str,
) -> Result<T, PolicyError> {
    let words = || all.iter().map(|one| as_str(*one));
    all.iter().copied().find(|one| as_str(*one) == word).ok_or_else(|| {
        let rule = format!("must be one of {}", words().collect::<Vec<_>>().join(", "));
        PolicyError { suggestion: nearest(word, words()), ..PolicyError::of_text(field, word, rule) }
    })
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = if self.quoted { "\"" } else { "" };
        write!(f, "{} {quote}{}{quote} {}", self.field, self.value, self.rule)?;
        if let Some(suggestion) = self.suggestion {
            write!(f, "; did you mean \"{suggestion}\"?")?;
        }
        match &self.origin {
            Some(origin) => write!(f, " ({origin})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for PolicyError {}

/// Lets a builder's setter take a ready value as well as a word that may be wrong.
impl From<Infallible> for PolicyError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Everything that is wrong with the settings of a policy, at least one thing. No policy was made of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyErrors(Box<[PolicyError]>);

impl PolicyErrors {
    /// `errors` must not be empty.
    pub(super) fn new(errors: Vec<PolicyError>) -> Self {
        debug_assert!(!errors.is_empty(), "settings without a problem make a policy");
        Self(errors.into())
    }

    /// Each problem, in the order of [`Field::ALL`].
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &PolicyError> {
        self.0.iter()
    }
}

impl fmt::Display for PolicyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { "; " })?;
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for PolicyErrors {}

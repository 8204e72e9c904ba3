//! What is wrong in a file, where, and what was probably meant.

use std::{fmt, sync::Arc};

use crate::{
    types::Place,
    watch_file::FileReadError,
    yaml::{Fault, FaultKind, Faults, escaped},
};

/// Most problems kept of one file; the rest are counted. Nobody reads the hundredth.
pub const MAX_PROBLEMS: usize = 100;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    place: Place,
    key: Option<Box<str>>,
    kind: ProblemKind,
    suggestion: Option<Box<str>>,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProblemKind {
    /// More bytes than [`MAX_FILE_BYTES`](super::MAX_FILE_BYTES).
    TooLarge,
    /// Bytes that are no text.
    NotUtf8,
    /// Not YAML, or a part of YAML that is not understood, such as tags and merge keys.
    Yaml(Box<str>),
    /// Nothing but blanks and comments. A file that was cut off looks like this, so it is not taken for "set nothing".
    Empty,
    /// More of something than is allowed.
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// The same key again in one map.
    DuplicateKey {
        /// Where it stands first.
        first: Place,
    },
    /// A list where a map belongs, and the like.
    Shape {
        /// What belongs there.
        expected: &'static str,
        /// What stands there.
        found: &'static str,
    },
    /// A key that nobody reads.
    UnknownKey,
    /// Something in an entry beside `value` and `constraints`.
    UnknownField(Box<str>),
    /// An entry without `value`.
    NoValue,
    /// A constraint that nobody asks with.
    UnknownConstraint(Box<str>),
    /// A value of the wrong type.
    WrongType {
        /// The type and its range.
        expected: Box<str>,
        /// Type and value.
        found: Box<str>,
    },
    /// A value of the right type that breaks a rule.
    Refused {
        /// The value.
        found: Box<str>,
        /// The rule, as a fragment: "must be one of ...".
        rule: Box<str>,
    },
    /// A warning: the entry can never be chosen.
    NeverHolds(Box<str>),
    /// A warning: the key is ignored because unknown keys are allowed, but it is close to a known one.
    IgnoredKey,
    /// A warning: both the own key and Cadence's are given; the own one counts.
    Overridden {
        /// The key that counts.
        by: &'static str,
    },
}

impl Problem {
    pub(super) const fn new(place: Place, kind: ProblemKind) -> Self {
        Self { place, key: None, kind, suggestion: None }
    }

    pub(super) fn about(self, key: &str) -> Self {
        Self { key: Some(escaped(key)), ..self }
    }

    /// `suggestion` is what to write instead, with its quotes if it needs any.
    pub(super) fn suggesting(self, suggestion: Option<impl Into<Box<str>>>) -> Self {
        Self { suggestion: suggestion.map(Into::into), ..self }
    }

    /// Where.
    pub const fn place(&self) -> Place {
        self.place
    }

    /// The key that it is about.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// What is wrong.
    pub const fn kind(&self) -> &ProblemKind {
        &self.kind
    }

    /// What to write instead, as it would stand in the file.
    pub fn suggestion(&self) -> Option<&str> {
        self.suggestion.as_deref()
    }
}

impl fmt::Display for Problem {
    /// `line:column: key: what; did you mean this?`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if let Some(key) = &self.key {
            write!(f, "{key}: ")?;
        }
        self.kind.fmt(f)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, "; did you mean {suggestion}?"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(f, "larger than {} bytes", super::MAX_FILE_BYTES),
            Self::NotUtf8 => f.write_str("not UTF-8 text"),
            Self::Yaml(reason) => f.write_str(reason),
            Self::Empty => f.write_str("empty; a file that sets nothing holds {}"),
            Self::TooMany { what, max } => write!(f, "more than {max} {what}"),
            Self::DuplicateKey { first } => write!(f, "given twice, first at {first}"),
            Self::Shape { expected, found } => write!(f, "expected {expected}, found {found}"),
            Self::UnknownKey => f.write_str("unknown key"),
            Self::UnknownField(name) => {
                write!(f, "unknown field \"{}\"; an entry has value and constraints", escaped(name))
            }
            Self::NoValue => f.write_str("an entry without value"),
            Self::UnknownConstraint(name) => write!(f, "unknown constraint \"{}\"", escaped(name)),
            Self::WrongType { expected, found } => write!(f, "expected {expected}, found {found}"),
            Self::Refused { found, rule } => write!(f, "{found} {rule}"),
            Self::NeverHolds(reason) => write!(f, "this entry is never chosen: {reason}"),
            Self::IgnoredKey => f.write_str("unknown key, ignored"),
            Self::Overridden { by } => write!(f, "ignored, because {by} is given too"),
        }
    }
}

/// A file that was refused as a whole; nothing of it was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// It could not be read.
    Unreadable {
        /// One word: `not_found`, `not_a_file`, `too_large` or `unreadable`.
        cause: &'static str,
        /// Which file, and why.
        reason: Box<str>,
    },
    /// It was read, and is wrong.
    Refused(Refusal),
}

/// Everything that is wrong with one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    file: Arc<str>,
    problems: Problems,
}

impl Refusal {
    /// The name of the file, as it was given.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The first [`MAX_PROBLEMS`] problems in the order of the file; at least one.
    pub fn problems(&self) -> &[Problem] {
        &self.problems.kept
    }

    /// How many there are, counting those beyond [`MAX_PROBLEMS`].
    pub const fn count(&self) -> usize {
        self.problems.count
    }
}

impl fmt::Display for Refusal {
    /// The first problem, and how many more: one line of a log. [`Refusal::problems`] has them all.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some(first) = self.problems.kept.first() {
            write!(f, ":{first}")?;
        }
        match self.problems.count {
            0 | 1 => Ok(()),
            2 => f.write_str(" (and 1 more problem)"),
            n => write!(f, " (and {} more problems)", n - 1),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { reason, .. } => write!(f, "cannot read {reason}"),
            Self::Refused(refusal) => refusal.fmt(f),
        }
    }
}

impl std::error::Error for ConfigError {}

impl ConfigError {
    /// What kind of failure it is, as one word for metrics: the cause of one that could not be read, `syntax` for what
    /// is no YAML, `invalid` for what is and breaks a rule.
    pub fn label(&self) -> &'static str {
        let is_syntax = |problem: &Problem| {
            matches!(problem.kind, ProblemKind::NotUtf8 | ProblemKind::Yaml(_) | ProblemKind::Empty)
        };
        match self {
            Self::Unreadable { cause, .. } => cause,
            Self::Refused(refusal) if refusal.problems().iter().any(is_syntax) => "syntax",
            Self::Refused(_) => "invalid",
        }
    }

    pub(super) fn unreadable(error: &FileReadError) -> Self {
        Self::Unreadable { cause: error.label(), reason: error.to_string().into() }
    }
}

/// Problems as they are found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Problems {
    kept: Vec<Problem>,
    count: usize,
}

impl Problems {
    pub(super) fn add(&mut self, problem: Problem) {
        self.count += 1;
        if self.kept.len() < MAX_PROBLEMS {
            self.kept.push(problem);
        }
    }

    /// Takes what the reader of YAML found.
    pub(super) fn add_faults(&mut self, faults: Faults) {
        self.count += faults.count - faults.kept.len();
        for Fault { place, kind } in faults.kept {
            self.add(match kind {
                FaultKind::Empty => Problem::new(place, ProblemKind::Empty),
                FaultKind::DuplicateKey { key, first } => {
                    Problem { key: Some(key), ..Problem::new(place, ProblemKind::DuplicateKey { first }) }
                }
                other => Problem::new(place, ProblemKind::Yaml(other.to_string().into())),
            });
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// In the order of the file.
    pub(super) fn into_refusal(mut self, file: Arc<str>) -> ConfigError {
        self.kept.sort_by_key(Problem::place);
        ConfigError::Refused(Refusal { file, problems: self })
    }

    pub(super) fn into_warnings(mut self) -> Box<[Problem]> {
        self.kept.sort_by_key(Problem::place);
        self.kept.into()
    }
}

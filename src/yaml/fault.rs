//! What is wrong with a text before anybody asks what it means.

use std::fmt;

use crate::types::{NameError, Place};

/// Most faults kept of one text; the rest are counted. Nobody reads the hundredth.
const MAX_FAULTS: usize = 100;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) place: Place,
    pub(crate) kind: FaultKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// Not YAML; the parser's words. Nothing behind it was read.
    Syntax(Box<str>),
    /// Nothing but blanks and comments. A file that was cut off looks like this, so it never means "nobody" or "unset".
    Empty,
    /// A second document.
    SeveralDocuments,
    /// More nodes than allowed, where an alias counts as many as it stands for. Nothing behind it was read.
    TooManyNodes { max: usize },
    /// An alias that no anchor before it defines.
    UnknownAlias(Box<str>),
    /// An alias inside of what it stands for.
    AliasOfItself,
    /// A tag that is not one of YAML's own types.
    Tag(Box<str>),
    /// The merge key `<<`.
    MergeKey,
    /// A key that is a list or a map.
    KeyIsNoText,
    /// The same key again in one map.
    DuplicateKey { key: Box<str>, first: Place },
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(reason) => write!(f, "not YAML: {reason}"),
            Self::Empty => f.write_str("empty"),
            Self::SeveralDocuments => f.write_str("a second document starts here; only one is read"),
            Self::TooManyNodes { max } => {
                write!(f, "more than {max} values, counting what aliases stand for")
            }
            Self::UnknownAlias(name) => write!(f, "alias *{name} has no anchor before it"),
            Self::AliasOfItself => f.write_str("an alias inside of what it stands for"),
            Self::Tag(tag) => write!(f, "tag {tag} is not understood"),
            Self::MergeKey => f.write_str("merge keys (<<) are not understood; write the keys out"),
            Self::KeyIsNoText => f.write_str("a key must be text"),
            Self::DuplicateKey { key, first } => write!(f, "key \"{key}\" is given twice, first at {first}"),
        }
    }
}

/// Faults as they are found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    /// The first hundred.
    pub(crate) kept: Vec<Fault>,
    /// How many there are.
    pub(crate) count: usize,
}

impl Faults {
    pub(super) fn add(&mut self, place: Place, kind: FaultKind) {
        self.count += 1;
        if self.kept.len() < MAX_FAULTS {
            self.kept.push(Fault { place, kind });
        }
    }
}

/// Text from a file, fit for a log: cut, and without control characters.
pub(crate) fn escaped(text: &str) -> Box<str> {
    NameError::new("", text, String::new()).value.into()
}

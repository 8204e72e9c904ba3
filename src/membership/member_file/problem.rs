//! What is wrong with a member file, where, and what was probably meant.

use std::fmt;

use crate::{
    types::{MemberError, Place, nearest},
    yaml::{Body, Node, escaped},
};

/// Most problems kept of one file; the rest are counted. Nobody reads the hundredth.
const MAX_PROBLEMS: usize = 100;
const FIELDS: [&str; 4] = ["address", "identity", "weight", "ports"];

/// A member file that was refused as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberFileError {
    source: Box<str>,
    problems: Vec<MemberFileProblem>,
    count: usize,
}

impl MemberFileError {
    /// What the file was called.
    pub fn source_name(&self) -> &str {
        &self.source
    }

    /// What is wrong, in the order of the file; the first hundred problems.
    pub fn problems(&self) -> &[MemberFileProblem] {
        &self.problems
    }

    /// How many problems there are.
    pub const fn count(&self) -> usize {
        self.count
    }
}

impl fmt::Display for MemberFileError {
    /// `file:line:column: field: what`, and how many more: one line. [`problems`](Self::problems) has them all.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        if let Some(first) = self.problems.first() {
            write!(f, ":{first}")?;
        }
        match self.count {
            0 | 1 => Ok(()),
            2 => f.write_str(" (and 1 more problem)"),
            n => write!(f, " (and {} more problems)", n - 1),
        }
    }
}

impl std::error::Error for MemberFileError {}

/// One thing that is wrong with a member file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberFileProblem {
    place: Place,
    field: Option<Box<str>>,
    message: Box<str>,
}

impl MemberFileProblem {
    /// Where.
    pub const fn place(&self) -> Place {
        self.place
    }

    /// In which field of a member, if in one.
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// What is wrong.
    #[cfg(feature = "server")]
    pub(crate) fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for MemberFileProblem {
    /// `line:column: field: what`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if let Some(field) = &self.field {
            write!(f, "{field}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// Problems as they are found.
#[derive(Default)]
pub(super) struct Problems {
    kept: Vec<MemberFileProblem>,
    pub(super) count: usize,
}

impl Problems {
    pub(super) fn add(&mut self, place: Place, field: Option<&str>, message: impl Into<Box<str>>) {
        self.count += 1;
        if self.kept.len() < MAX_PROBLEMS {
            self.kept.push(MemberFileProblem {
                place,
                field: field.map(Into::into),
                message: message.into(),
            });
        }
    }

    pub(super) fn refused(&mut self, place: Place, field: &'static str, error: &MemberError) {
        self.add(place, Some(field), error.to_string());
    }

    /// A node that is not what belongs there. A broken one is told already.
    pub(super) fn misfit(&mut self, node: &Node, field: Option<&str>, rule: &str, hint: &str) {
        let found = match &node.body {
            Body::Broken => return,
            Body::Scalar { text, plain: false } => format!("\"{}\"", escaped(text)),
            Body::Scalar { text, .. } if !node.body.is_nothing() => escaped(text).into(),
            body => body.what().to_owned(),
        };
        self.add(node.place, field, format!("{rule}, is {found}{hint}"));
    }

    pub(super) fn unknown_field(&mut self, place: Place, name: &str) {
        let hint = nearest(name, FIELDS).map(|field| format!("; did you mean {field}?")).unwrap_or_default();
        let known = FIELDS.join(", ");
        self.add(place, Some(&escaped(name)), format!("unknown field, a member has {known}{hint}"));
    }

    pub(super) fn into_error(mut self, source: &str) -> MemberFileError {
        self.kept.sort_by_key(MemberFileProblem::place);
        MemberFileError { source: source.into(), problems: self.kept, count: self.count }
    }
}

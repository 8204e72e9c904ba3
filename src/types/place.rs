//! A place in a text file.

use std::fmt;

/// Line and column, both from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    line: u32,
    column: u32,
}

impl Place {
    /// The first character.
    pub const START: Self = Self { line: 1, column: 1 };

    /// Both from 1; a zero counts as 1.
    pub fn new(line: usize, column: usize) -> Self {
        let bounded = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).max(1);
        Self { line: bounded(line), column: bounded(column) }
    }

    /// From 1.
    pub const fn line(self) -> u32 {
        self.line
    }

    /// From 1, in characters.
    pub const fn column(self) -> u32 {
        self.column
    }
}

impl fmt::Display for Place {
    /// `line:column`, as editors and compilers write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

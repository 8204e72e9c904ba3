//! What is remembered of a run: a hash of all that happened and, when asked for, the story.

use std::fmt;

use crate::types::Mono;

/// Equal for two runs in which the same happened, in the same order, at the same times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TraceHash(u64);

/// What is remembered of a run.
#[derive(Debug, Default)]
pub(super) struct Record {
    hash: TraceHash,
    events: u64,
    /// `None`: nobody wants to read it.
    story: Option<Vec<Line>>,
}

/// Something that happened, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When, in true time.
    pub at: Mono,
    /// What.
    pub what: String,
}

/// Most lines of a story; a longer one loses its beginning.
const MAX_LINES: usize = 1_000_000;

impl Record {
    pub(super) fn new(tells_story: bool) -> Self {
        Self { story: tells_story.then(Vec::new), ..Self::default() }
    }

    pub(super) const fn happened(&mut self, at: Mono, digest: u64) {
        self.events += 1;
        self.hash.add(at.as_nanos());
        self.hash.add(digest);
    }

    pub(super) fn tell(&mut self, at: Mono, what: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            if story.len() == MAX_LINES {
                story.drain(..MAX_LINES / 2);
            }
            story.push(Line { at, what: what() });
        }
    }

    pub(super) const fn events(&self) -> u64 {
        self.events
    }

    pub(super) const fn hash(&self) -> TraceHash {
        self.hash
    }

    pub(super) fn into_story(self) -> Vec<Line> {
        self.story.unwrap_or_default()
    }
}

impl TraceHash {
    /// One multiplication a word: it tells runs apart, and is no match for anybody who tries.
    pub(super) const fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

impl TraceHash {
    /// The hash of several runs.
    #[must_use]
    pub const fn and(mut self, other: Self) -> Self {
        self.add(other.0);
        self
    }
}

impl fmt::Display for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>12.6} s  {}", self.at.as_nanos() as f64 / 1e9, self.what)
    }
}

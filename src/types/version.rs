//! Where in a namespace's history something happened.

use std::fmt;

/// A state of a namespace: which incarnation of the store it is of, and how many commits came before it there.
///
/// Ordered. Whoever has seen one version never goes back to a smaller one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// Incarnation of the store; raised when a backup is restored, so that nothing granted before counts afterwards.
    pub incarnation: u64,
    /// Generation of the namespace: raised by each commit.
    pub generation: u64,
}

/// How far another incarnation may be ahead, in milliseconds: ten years.
const MAX_LEAP: u64 = 10 * 365 * 24 * 3_600_000;
/// How far another generation may be ahead: a thousand commits a second for thirty years.
const MAX_COMMITS: u64 = 1 << 40;

impl Version {
    /// Whether it lies decades of commits, or years of incarnations, after another one. Incarnations begin with the clock's milliseconds, so nobody has seen it; and to
    /// believe it would leave no greater one to adopt a store with.
    pub const fn is_absurd_after(self, known: Self) -> bool {
        self.incarnation > known.incarnation.saturating_add(MAX_LEAP)
            || self.generation > known.generation.saturating_add(MAX_COMMITS)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.incarnation, self.generation)
    }
}

/// One uninterrupted stay of an executor with its namespace, named after the commit that began it.
///
/// A process that starts again under the same id gets another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId {
    /// The version of the commit.
    pub began: Version,
    /// Which of the sessions that began with it.
    pub ordinal: u32,
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.began, self.ordinal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incarnation_weighs_more_than_generation() {
        let before_restore = Version { incarnation: 1, generation: 900 };
        let after_restore = Version { incarnation: 2, generation: 3 };
        assert!(before_restore < after_restore);
        let session = |began, ordinal| SessionId { began, ordinal };
        assert!(session(before_restore, 9) < session(after_restore, 0));
        assert_eq!(session(after_restore, 1).to_string(), "2.3.1");
    }
}

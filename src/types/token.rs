//! Fencing tokens.

use std::fmt;

/// A fencing token: it strictly grows per shard on every change of owner, also across leader changes, restarts and
/// restores. A resource that refuses tokens smaller than the greatest it has seen is safe from former owners.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token {
    /// Incarnation of the store; the high part, raised by a restore.
    pub incarnation: u64,
    /// Generation of the commit that granted the shard.
    pub generation: u64,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.incarnation, self.generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incarnation_weighs_more_than_generation() {
        let before_restore = Token { incarnation: 1, generation: 900 };
        let after_restore = Token { incarnation: 2, generation: 3 };
        assert!(before_restore < after_restore);
    }
}

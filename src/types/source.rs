//! Who gave an answer.

use std::fmt;

/// Where an owner came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The local hash ring.
    Ring,
    /// The shard distributor's assignments, as last heard.
    Distributor,
}

impl Source {
    /// The word used in metrics, JSON and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ring => "ring",
            Self::Distributor => "distributor",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

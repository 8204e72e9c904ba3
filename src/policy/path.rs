//! The way that one lookup takes.

use std::fmt;

use crate::types::Source;

/// Who answers for a key, why, and who is compared: four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    source: Source,
    reason: Reason,
    is_compared: bool,
}

/// Why a key takes its path.
///
/// When several reasons hold, the first in this order is given; [`Explanation`](super::Explanation) has them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The kill switch is on.
    KillSwitch,
    /// The mode asks the ring alone.
    Mode,
    /// The key contains a UUID, and such keys are excluded.
    UuidKey,
    /// The key's bucket is not below the percentage.
    NotOnboarded,
    /// The key matches the exclusion pattern of this index.
    Pattern(u8),
    /// The key's bucket is below the percentage and nothing excludes it: the mode decides who answers.
    Onboarded,
}

impl Path {
    /// To the ring alone.
    pub(super) const fn ring(reason: Reason) -> Self {
        Self { source: Source::Ring, reason, is_compared: false }
    }

    /// As the mode says.
    pub(super) const fn onboarded(source: Source, is_compared: bool) -> Self {
        Self { source, reason: Reason::Onboarded, is_compared }
    }

    /// Who answers.
    pub const fn source(self) -> Source {
        self.source
    }

    /// Why.
    pub const fn reason(self) -> Reason {
        self.reason
    }

    /// The other source, when the mode compares it for this key. Whether this very lookup is compared is the
    /// [sample rate](super::RoutingPolicy::shadow_sample)'s question.
    pub const fn shadow(self) -> Option<Source> {
        match (self.is_compared, self.source) {
            (false, _) => None,
            (true, Source::Ring) => Some(Source::Distributor),
            (true, Source::Distributor) => Some(Source::Ring),
        }
    }
}

impl Reason {
    /// The word in metrics, JSON and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KillSwitch => "kill_switch",
            Self::Mode => "mode",
            Self::UuidKey => "uuid_key",
            Self::NotOnboarded => "not_onboarded",
            Self::Pattern(_) => "pattern",
            Self::Onboarded => "onboarded",
        }
    }
}

impl fmt::Display for Path {
    /// `ring (not_onboarded)`, `distributor (onboarded), ring compared`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.source, self.reason.as_str())?;
        match self.shadow() {
            Some(shadow) => write!(f, ", {shadow} compared"),
            None => Ok(()),
        }
    }
}

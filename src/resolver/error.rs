//! Why there is no owner.

use std::{fmt, sync::Arc};

use crate::policy::Silence;
use crate::types::{MAX_SHARD_KEY_BYTES, Namespace, nearest};

/// Namespaces that a message names.
const SHOWN_NAMESPACES: usize = 10;

/// A lookup without an owner. Nothing was changed by it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LookupError {
    /// The key is empty or longer than [`MAX_SHARD_KEY_BYTES`]. Asking again is useless.
    InvalidKey {
        /// The key's length.
        bytes: usize,
    },
    /// The ring answers for this key and has no member yet. Worth asking again once members are known.
    NoMembers {
        /// The namespace whose ring is empty.
        namespace: Namespace,
    },
    /// The distributor answers for this key and does not know it. `resolve` asks it.
    NotFound {
        /// The namespace that has no such shard.
        namespace: Namespace,
    },
    /// The distributor answers for this key and cannot at this moment; the fallback gave nothing either. Worth asking
    /// again.
    Unavailable {
        /// The namespace that was asked.
        namespace: Namespace,
        /// What the distributor's map lacks.
        reason: Silence,
    },
    /// No namespace of this name was configured.
    NamespaceNotFound {
        /// The name that was asked for, cut at 64 characters.
        asked: String,
        /// The namespaces that there are, sorted.
        known: Arc<[Namespace]>,
    },
}

impl LookupError {
    /// Whether the same question may have an answer a moment later.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::NoMembers { .. } | Self::Unavailable { .. } => true,
            Self::InvalidKey { .. } | Self::NotFound { .. } | Self::NamespaceNotFound { .. } => false,
        }
    }
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidKey { bytes } => {
                write!(f, "a shard key must be 1 to {MAX_SHARD_KEY_BYTES} bytes, this one is {bytes}")
            }
            Self::NoMembers { namespace } => write!(
                f,
                "the ring of namespace \"{namespace}\" has no members yet; check its membership source, then ask again"
            ),
            Self::NotFound { namespace } => write!(
                f,
                "the distributor knows no such shard in namespace \"{namespace}\"; resolve() asks it to look or create"
            ),
            Self::Unavailable { namespace, reason } => {
                let lacks = match reason {
                    Silence::NoMap => "no assignments have arrived from the distributor yet",
                    Silence::TooOld => "the distributor's assignments are older than max_age",
                    Silence::Unassigned => "nobody owns the shard at this moment",
                    Silence::NotFound => "the distributor knows no such shard",
                };
                write!(f, "namespace \"{namespace}\" cannot answer: {lacks}; ask again")
            }
            Self::NamespaceNotFound { asked, known } if known.is_empty() => {
                write!(f, "namespace \"{asked}\" was never configured, nor was any other")
            }
            Self::NamespaceNotFound { asked, known } => {
                write!(f, "namespace \"{asked}\" was never configured")?;
                if let Some(meant) = nearest(asked, known.iter().map(Namespace::as_str)) {
                    write!(f, "; did you mean \"{meant}\"?")?;
                }
                write!(f, "; there are")?;
                for (at, name) in known.iter().take(SHOWN_NAMESPACES).enumerate() {
                    write!(f, "{} {name}", if at == 0 { "" } else { "," })?;
                }
                match known.len().saturating_sub(SHOWN_NAMESPACES) {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
        }
    }
}

impl std::error::Error for LookupError {}

//! What an election wants done, or tells.

use std::time::Duration;

use crate::{journal::Term, store::Request, types::Namespace};

/// A call to the store that has not been answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub(super) u64);

/// What a replica wants done, or tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ask the store, and tell [`Election::answered`](super::Election::answered). Always: when it takes longer than `within`, the answer is
    /// [`StoreError::Unknown`](crate::store::StoreError::Unknown).
    Ask {
        /// To name in the answer.
        call: CallId,
        /// What to ask.
        request: Request,
        /// How long it may take.
        within: Duration,
    },
    /// We lead the namespace, whenever [`Election::leads`](super::Election::leads) says so.
    Won {
        /// Which.
        namespace: Namespace,
        /// What to commit under.
        term: Term,
    },
    /// We do not lead the namespace any more.
    Lost {
        /// Which.
        namespace: Namespace,
        /// The number of the term that is over.
        term: u64,
    },
    /// The term that was to be [renewed](super::Election::renew) is gone, and there is no new one.
    NotRenewed {
        /// Which.
        namespace: Namespace,
    },
    /// Another replica should rather lead the namespace. When it suits, finish what is under way and
    /// [`resign`](super::Election::resign). Nothing breaks if not.
    HandOver {
        /// Which.
        namespace: Namespace,
        /// Who should.
        to: String,
    },
}

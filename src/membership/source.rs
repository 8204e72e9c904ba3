//! The contract between whoever knows the members and whoever routes by them.

use std::{fmt, sync::Arc};

use crate::{telemetry::Recorder, types::Member};

/// Most members that a source delivers. A ring of this many members times 100 points takes about 20 MB; a longer
/// list is far more likely a broken source than a fleet.
pub const MAX_MEMBERS: usize = 10_000;

/// Finds out who is in the ring and tells a [`MemberSink`], until it is stopped.
///
/// One source serves one resolver; [`SharedMembers`](super::SharedMembers) lets many follow one.
///
/// The trait names no runtime, so a source may be a thread, a task, a callback of the embedder's own discovery, or
/// nothing but a list. Those of this crate that need tokio take the runtime that `start` is called in.
pub trait MemberSource: Send + Sync + 'static {
    /// What kind of source it is, as one lowercase word for metrics, logs and status: `static`, `file`, `dns`, ...
    fn kind(&self) -> &'static str;

    /// Begins to deliver to `sink`, which may be called before this returns.
    ///
    /// Does nothing when the source runs already, whatever the sink; works again after [`stop`](Self::stop). An
    /// error means that nothing was started. That the members cannot be found out *yet* (file missing, name server
    /// away) is not an error of `start`: the sink is told through [`MemberSink::failed`], and the source keeps trying.
    fn start(&self, sink: Arc<dyn MemberSink>) -> Result<(), MemberSourceError>;

    /// Stops delivering and lets go of the sink; does nothing when the source does not run.
    ///
    /// It does not wait: a delivery that is under way in another thread may still arrive, and its sink must expect it.
    /// So a sink may call this from within a delivery.
    fn stop(&self);

    /// Tells the other members that this process goes, where the source has a way to, so that they need not find
    /// out. The source keeps delivering until it is stopped. Does nothing by default.
    fn leave(&self) {}

    /// Gives the present value of every metric of its own to `recorder`; a resolver's
    /// [`record`](crate::resolver::Resolver::record) asks for them. Has none by default.
    fn record(&self, _recorder: &dyn Recorder) {}
}

/// Takes what a [`MemberSource`] finds out.
///
/// A source never makes two calls at once. A call must not block for long: it may run on a runtime's thread.
pub trait MemberSink: Send + Sync + 'static {
    /// The complete list of members, in any order, at most [`MAX_MEMBERS`]; it replaces the last one. A source whose
    /// list can change delivers an unchanged one again and again, each half minute unless told otherwise: that is the
    /// proof that it is fresh, from which a resolver's answers have their age. Duplicates are the sink's to judge: a
    /// source removes only the ones it made itself.
    fn members(&self, members: Vec<Member>);

    /// The list could not be refreshed. The last one stays; the source keeps trying.
    fn failed(&self, reason: MemberSourceError);
}

/// Why a source could not start or refresh. Its last good list still holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemberSourceError {
    /// `start` was called outside a tokio runtime.
    NoRuntime {
        /// The source's kind.
        kind: &'static str,
    },
    /// The file, name server, socket or peers could not be reached or read.
    Unreachable {
        /// What was asked: a path, a name, an address.
        what: String,
        /// What went wrong.
        reason: String,
    },
    /// The answer was understood and named nobody.
    Empty {
        /// What was asked.
        what: String,
    },
    /// The answer was not a list of members. Nothing of it was used.
    Invalid {
        /// What was asked.
        what: String,
        /// What is wrong with the answer.
        reason: String,
    },
    /// The answer named more than [`MAX_MEMBERS`] members. Nothing of it was used.
    TooMany {
        /// What was asked.
        what: String,
        /// How many it named.
        count: usize,
    },
}

impl MemberSourceError {
    /// What kind of failure it is, as one word for metrics.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::NoRuntime { .. } => "no_runtime",
            Self::Unreachable { .. } => "unreachable",
            Self::Empty { .. } => "empty",
            Self::Invalid { .. } => "invalid",
            Self::TooMany { .. } => "too_many",
        }
    }
}

impl fmt::Display for MemberSourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRuntime { kind } => {
                write!(f, "members from {kind} need a tokio runtime: call start from within one")
            }
            Self::Unreachable { what, reason } => write!(f, "cannot read members from {what}: {reason}"),
            Self::Empty { what } => write!(f, "{what} names no member"),
            Self::Invalid { what, reason } => write!(f, "{what} is not a list of members: {reason}"),
            Self::TooMany { what, count } => {
                write!(f, "{what} names {count} members, more than the {MAX_MEMBERS} allowed")
            }
        }
    }
}

impl std::error::Error for MemberSourceError {}

//! What etcd's refusals mean. Their texts are part of its API (`api/v3rpc/rpctypes`): the codes alone do not tell a
//! request that was never proposed from one that may yet be applied.

use std::error::Error;

use tonic::{Code, ConnectError, Status};

use crate::store::{Revision, StoreError, WatchError};

/// Longest reason that is passed on. What a server says is not ours to trust with more.
const MAX_REASON_BYTES: usize = 512;

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It was surely not executed, and another endpoint, or the same one a little later, may take it.
    NotDone(String),
    /// It may have been executed, and may yet be.
    Lost(String),
    /// It was not executed, because the token is no longer valid.
    Token(String),
    /// It was not executed, because it asks for a revision that is forgotten.
    Compacted,
    /// It was not executed, because it asks for a revision that is yet to come.
    Future,
    /// It was executed, but its answer is larger than we accept.
    LargeAnswer,
    /// It was not executed, because there are too many comparisons or writes in it.
    TooManyOperations,
    /// It was not executed, because it is too large.
    LargeRequest,
    /// It was not executed, because etcd's quota is used up.
    Full(String),
    /// It was not executed, and never will be.
    Denied(String),
    /// It is not to be believed.
    Corrupt(String),
    /// The store is behind what it was.
    WentBack {
        /// Where it was.
        seen: Revision,
        /// Where it is.
        now: Revision,
    },
}

impl Fault {
    pub(super) fn of(status: &Status) -> Self {
        let text = status.message();
        let reason = || shorten(&chain(status));
        let says = |part: &str| text.contains(part);
        match status.code() {
            _ if was_never_sent(status) => Self::NotDone(reason()),
            Code::Unavailable if says("etcdserver: no leader") => Self::NotDone(reason()),
            Code::Unavailable if says("not supported for learner") => Self::NotDone(reason()),
            Code::ResourceExhausted if says("database space exceeded") => Self::Full(reason()),
            Code::ResourceExhausted if says("too many requests") => Self::NotDone(reason()),
            Code::ResourceExhausted if says("larger than max") => Self::LargeRequest,
            Code::InvalidArgument if says("request is too large") => Self::LargeRequest,
            Code::InvalidArgument if says("too many operations") => Self::TooManyOperations,
            Code::OutOfRange if says("decoded message length too large") => Self::LargeAnswer,
            Code::OutOfRange if says("has been compacted") => Self::Compacted,
            Code::OutOfRange if says("is a future revision") => Self::Future,
            Code::Unauthenticated => Self::Token(reason()),
            // Users came, changed or were switched on since the token was made, or there was no use for one.
            _ if says("revision of auth store is old")
                || says("revision in header is old")
                || says("user name is empty") =>
            {
                Self::Token(reason())
            }
            Code::InvalidArgument
            | Code::PermissionDenied
            | Code::FailedPrecondition
            | Code::Unimplemented
            | Code::OutOfRange => Self::Denied(reason()),
            Code::DataLoss => Self::Corrupt(reason()),
            _ => Self::Lost(reason()),
        }
    }

    /// For what is asked on the way to a call: whether that happened does not matter, the call itself did not.
    pub(super) fn without_effect(self) -> Self {
        if let Self::Lost(reason) = self { Self::NotDone(reason) } else { self }
    }

    /// What the caller of a read is told: whether a lost one happened does not matter.
    pub(super) fn of_read(self) -> StoreError {
        match self {
            Self::Lost(reason) => StoreError::Unavailable { reason },
            other => other.of_write(),
        }
    }

    /// What the caller of a write is told. What only a transaction's or a page's own limits can explain is explained
    /// where they are known.
    pub(super) fn of_write(self) -> StoreError {
        let unexpected = |what: &str| StoreError::Unavailable { reason: format!("etcd {what}") };
        match self {
            Self::NotDone(reason) => StoreError::Unavailable { reason },
            Self::Lost(reason) => StoreError::Unknown { reason },
            Self::Full(reason) => {
                let advice =
                    "compact, defragment, raise --quota-backend-bytes, then disarm the alarm NOSPACE";
                StoreError::Full { reason: format!("{reason}; {advice}") }
            }
            Self::Token(reason) | Self::Denied(reason) => StoreError::Denied { reason },
            Self::Corrupt(reason) => StoreError::Corrupt { reason },
            Self::WentBack { seen, now } => {
                let reason = format!(
                    "etcd is at revision {}, behind {} that was seen before: another cluster, or an older copy of this one",
                    now.0, seen.0
                );
                StoreError::Corrupt { reason }
            }
            Self::Compacted => unexpected("has compacted the present revision"),
            Self::Future => unexpected("calls the present revision a future one"),
            Self::LargeAnswer => unexpected("answers with more than is accepted"),
            Self::LargeRequest => unexpected("calls a small request too large"),
            Self::TooManyOperations => unexpected("calls a single operation too many"),
        }
    }

    /// What a watcher is told.
    pub(super) fn of_watch(self) -> WatchError {
        match self {
            Self::WentBack { seen, now } => WatchError::WentBack { asked: seen, now },
            other => WatchError::Broken { reason: other.of_read().to_string() },
        }
    }
}

/// An error and what caused it, in one line.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let own = match error.downcast_ref::<Status>() {
        // Its own text holds all the metadata that came with it.
        Some(status) => format!("{:?}: {}", status.code(), status.message()),
        None => error.to_string(),
    };
    causes(error).fold(own, |text, cause| {
        let cause = cause.to_string();
        if text.ends_with(&cause) { text } else { format!("{text}: {cause}") }
    })
}

/// Whether some part of the error is that TLS did not come about, which trying again does not mend.
pub(super) fn is_about_certificates(error: &(dyn Error + 'static)) -> bool {
    // rustls wraps its errors so; nothing else on the way to a connection does.
    causes(error)
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == std::io::ErrorKind::InvalidData)
}

pub(super) fn shorten(reason: &str) -> String {
    match reason.char_indices().find(|(at, _)| *at >= MAX_REASON_BYTES) {
        None => reason.to_owned(),
        Some((end, _)) => format!("{}..", &reason[..end]),
    }
}

/// Connections are made once (`link`), so whoever finds one gone has sent nothing.
fn was_never_sent(status: &Status) -> bool {
    causes(status).any(|cause| cause.is::<ConnectError>())
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_etcd_refuses_before_it_proposes_counts_as_not_done() {
        let fault = |code, text: &str| Fault::of(&Status::new(code, text));
        let done = |fault: &Fault| matches!(fault, Fault::Lost(_));
        for (code, text) in [
            (Code::Unavailable, "etcdserver: request timed out"),
            (Code::Unavailable, "etcdserver: request timed out, possibly due to previous leader failure"),
            (Code::Unavailable, "etcdserver: leader changed"),
            (Code::Unavailable, "etcdserver: server stopped"),
            (Code::Unavailable, "error reading a body from connection"),
            (Code::Unknown, "raft proposal dropped"),
            (Code::Cancelled, "operation was canceled"),
            (Code::DeadlineExceeded, "context deadline exceeded"),
            (Code::Internal, "h2 protocol error"),
            (Code::Aborted, ""),
        ] {
            assert!(done(&fault(code, text)), "{code:?} {text}");
        }
        for (code, text) in [
            (Code::Unavailable, "etcdserver: no leader"),
            (Code::Unavailable, "etcdserver: rpc not supported for learner"),
            (Code::ResourceExhausted, "etcdserver: too many requests"),
        ] {
            assert!(matches!(fault(code, text), Fault::NotDone(_)), "{code:?} {text}");
        }
    }

    #[test]
    fn refusals_become_the_error_that_says_what_to_do() {
        let of = |code, text: &str| Fault::of(&Status::new(code, text)).of_write();
        let full = of(Code::ResourceExhausted, "etcdserver: mvcc: database space exceeded");
        assert!(matches!(&full, StoreError::Full { reason } if reason.contains("disarm")), "{full}");
        for (code, text) in [
            (Code::PermissionDenied, "etcdserver: permission denied"),
            (Code::Unauthenticated, "etcdserver: invalid auth token"),
            (Code::InvalidArgument, "etcdserver: authentication failed, invalid user ID or password"),
            (Code::InvalidArgument, "etcdserver: revision of auth store is old"),
            (Code::InvalidArgument, "etcdserver: duplicate key given in txn request"),
            (Code::Unimplemented, "unknown service etcdserverpb.KV"),
        ] {
            assert!(matches!(of(code, text), StoreError::Denied { .. }), "{code:?} {text}");
        }
        assert!(matches!(of(Code::DataLoss, "etcdserver: corrupt cluster"), StoreError::Corrupt { .. }));
        let lost = Fault::Lost("?".into());
        assert!(matches!(lost.clone().of_write(), StoreError::Unknown { .. }));
        assert!(matches!(lost.of_read(), StoreError::Unavailable { .. }));
    }

    #[test]
    fn a_connection_that_could_not_be_made_has_sent_nothing() {
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let status = Status::from_error(Box::new(ConnectError(Box::new(refused))));
        assert!(matches!(Fault::of(&status), Fault::NotDone(_)), "{status:?}");
    }

    #[test]
    fn reasons_are_short() {
        let long = "é".repeat(MAX_REASON_BYTES);
        assert!(shorten(&long).len() <= MAX_REASON_BYTES + 4);
        assert_eq!(shorten("short"), "short");
    }
}

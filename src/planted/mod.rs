//! Faults that tests plant on purpose, to see that they are found.
//!
//! A simulation that finds nothing is worth what it would find. Where a rule of the protocol is applied, the code asks
//! whether the fault that breaks it is planted; outside tests the answer is a constant, and nothing of it is compiled.

/// A rule of the protocol, broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Planted {
    /// A commit compares nothing.
    CommitUnguarded,
    /// The head is moved before the chunks that it names are written.
    HeadBeforeChunks,
    /// A commit whose answer was lost is taken for done.
    GuessLostCommit,
    /// A replica renews its liveness record without comparing.
    RenewUnguarded,
    /// A renewal counts from when its answer came.
    LeaseFromAnswer,
    /// Clocks are believed to run alike, and leases to end on the dot.
    NoRateMargin,
    /// A term is taken without comparing what it was.
    TakeUnguarded,
    /// A term is taken when its holder has been silent for half a lease.
    TakeFromTheLiving,
    /// A liveness record with our session is ours, however it came there.
    TrustAnyOwnRecord,
    /// Follows the head without asking whether the commits in between were seen.
    SkipMissedCommits,
    /// Removes the commits that the newest snapshot does not yet contain.
    CollectTooMuch,
}

#[cfg(not(test))]
pub(crate) const fn is(_: Planted) -> bool {
    false
}

#[cfg(test)]
pub(crate) use tests::{is, with};

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::Planted;

    thread_local! {
        static NOW: Cell<Option<Planted>> = const { Cell::new(None) };
    }

    pub(crate) fn is(planted: Planted) -> bool {
        NOW.with(|now| now.get() == Some(planted))
    }

    /// Runs something with a fault planted in this thread, or with none.
    pub(crate) fn with<T>(planted: Option<Planted>, run: impl FnOnce() -> T) -> T {
        struct Before(Option<Planted>);
        impl Drop for Before {
            fn drop(&mut self) {
                NOW.with(|now| now.set(self.0));
            }
        }
        let _before = Before(NOW.with(|now| now.replace(planted)));
        run()
    }
}

//! Faults that tests plant on purpose, to see that they are found.
//!
//! A simulation that finds nothing is worth what it would find. Where a rule of the protocol is applied, the code asks
//! whether the fault that breaks it is planted; outside tests the answer is a constant, and nothing of it is compiled.

/// A rule of the protocol, broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(all(test, feature = "core")), allow(dead_code, reason = "each feature has some of the rules"))]
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
    /// Others are taken for dead after our own leader lease, whatever theirs is.
    OwnLeaseForAll,
    /// A liveness record with our session is ours, however it came there.
    TrustAnyOwnRecord,
    /// Follows the head without asking whether the commits in between were seen.
    SkipMissedCommits,
    /// Removes the commits that the newest snapshot does not yet contain.
    CollectTooMuch,
    /// An executor believes in its lease for ever.
    NoSelfFence,
    /// A shard is granted to its next owner while the last one has it.
    GrantBeforeRelease,
    /// A shard that a beat does not name counts as released.
    ReleaseByAbsence,
    /// An answer to an older beat renews the lease.
    LateReplyAccepted,
    /// A beat of a session that is over is acknowledged.
    BeatRecreates,
    /// A beat counts for whichever session has its executor's id.
    IdInsteadOfSession,
    /// Clocks are those that operators set.
    WallClock,
    /// Clocks stand still while a machine is suspended.
    ClockMissesSuspend,
    /// A lease counts from the arrival of its acknowledgement.
    LeaseFromReply,
    /// A leader acknowledges beats although its own lease may be over.
    AcksPastLease,
    /// A new leader expires whoever it has not heard.
    ExpiresAtOnce,
    /// A reader of changes does not notice that it missed one.
    GapUnnoticed,
    /// A leader that could not answer does not listen anew.
    NoListeningAgain,
    /// Most sessions may expire at once.
    NoRestraint,
    /// A guard compares the token alone.
    GuardForgetsLapses,
    /// A reader of changes goes back to an older state.
    ViewGoesBack,
    /// Moves in flight are decided again.
    MovesRedecided,
    /// Which keys are below a percentage changes with each policy.
    SetsNotNested,
    /// Answers do not age.
    AgesForgotten,
    /// A released shard waits for the next round that has something else to do.
    ReleaseForgotten,
    /// A beat of a session whose end is decided is acknowledged until that end is stored.
    AcksTheEnding,
    /// The same process gets another session when it asks again.
    NonceForgotten,
    /// A late attempt to register counts as a sign of life.
    OldAttemptCounts,
    /// Whoever is replaced loses its shards at once.
    SupersededLetsGo,
    /// A shorter lease counts at once.
    ShorterAtOnce,
    /// An executor holds for as long as it was first promised, whatever an acknowledgement says.
    HoldIsGuessed,
    /// Assignments apply whatever version is in force.
    AppliesOlder,
    /// What was revoked and released is held again when a list has it.
    RevokedHeldAgain,
    /// A stop because the lease ran out counts as a release.
    LapseReleases,
    /// A release is said once.
    ReleaseSaidOnce,
    /// A revoke of what is not held is passed over.
    UnknownRevokeIgnored,
    /// A shard goes to its destination, whatever has become of that.
    DestinationStays,
    /// A shard is granted as often as it likes in one commit.
    GrantedTwice,
    /// Ownership becomes exclusive while shards are held without tokens.
    FenceTooSoon,
    /// An executor that goes on when its lease has run out says that it holds.
    LapsedHeld,
    /// An executor that goes on when its lease has run out goes on as well when it is told that its session is over.
    ServesOn,
    /// Adopting a restored store raises no incarnation.
    TokenReusedAfterRestore,
    /// Sessions that a restored store remembers go on.
    RestoredSessionsLive,
    /// Shards are granted before those have lost them who may hold them unknown to us.
    GrantsBeforeWait,
    /// An adoption waits for leases that the restored store knows of, and for none that its operator knows of.
    OperatorUnheard,
    /// A copy of a store is taken for that store.
    CopyBelieved,
    /// What was seen of a namespace is not held against what is stored.
    SeenForgotten,
    /// Two histories of one version are taken for one.
    ForkBelieved,
    /// Who resigns leads until that is stored.
    ResignsLate,
    /// Chunks are known by their generation alone.
    ChunksUnnamed,
    /// Chunks count whatever they hold.
    AnyChunkCounts,
    /// What dead attempts left stays for ever.
    OrphansStay,
    /// What was deleted leaves nothing behind that its successor would have to be above.
    TombstoneForgotten,
    /// A new store begins with the first incarnation, whatever the clock shows.
    FreshFromZero,
    /// A store that has moved takes commits.
    #[cfg_attr(not(feature = "server"), expect(dead_code, reason = "its rule is tested with a backup"))]
    SourceUnsealed,
    /// Whoever registers by beating is given shards at once.
    NoTrial,
    /// Executors that do not serve get a session.
    InactiveLetIn,
    /// Executors that know no leases are let in where ownership is exclusive.
    UnfencedLetIn,
    /// That an executor leaves is said once.
    LeaveSaidOnce,
    /// A leader panics when an operator asks something of it.
    Panics,
}

#[cfg(not(test))]
pub(crate) const fn is(_: Planted) -> bool {
    false
}

#[cfg(test)]
pub(crate) use tests::is;
#[cfg(all(test, feature = "core"))]
pub(crate) use tests::with;

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
    #[cfg(feature = "core")]
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

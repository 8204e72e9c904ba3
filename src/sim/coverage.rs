//! Which of the events that matter a run has met.

use std::fmt;

/// An event that a run is worth little without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Met {
    /// A shard went from a live owner to another one.
    Handover,
    /// A session expired.
    Expiry,
    /// A leader took over from another one.
    LeaderChange,
    /// There were shards in handover when it did.
    LeaderChangeMidHandover,
    /// Expiries were held back, because too many were late.
    Restraint,
    /// A leader could not answer for a while and listened anew.
    ListeningAgain,
    /// An executor's lease ran out while it lived.
    Fence,
    /// It held the same shards again afterwards.
    Resumption,
    /// A session was told everything, because it had missed something.
    Resync,
    /// A router had missed something and was told everything.
    RouterResync,
    /// A process took over the id of another one that lived.
    Supersession,
    /// A shard did not stop in time.
    Stuck,
    /// The resource refused the write of a former owner.
    StaleWrite,
    /// A commit was repeated because nobody knew what had become of it.
    UnknownOutcome,
    /// A leader's commit was refused because another one led.
    Deposition,
    /// An executor was drained.
    Drain,
    /// A process left in good order.
    Departure,
    /// A shard was moved because an operator wanted it so.
    OperatorMove,
    /// A shard was quarantined.
    Quarantine,
    /// A shorter lease came into force.
    ShorterLease,
    /// An ephemeral shard was made.
    Creation,
    /// An ephemeral shard ended.
    Retirement,
    /// A policy came into force.
    PolicyFlip,
    /// A lookup found its map too old, and the policy's fallback answered.
    Fallback,
    /// A guard found that it had lost its hold.
    LostHold,
    /// A shard was moved for balance.
    Balance,
    /// All executors were alive and out of reach for longer than a lease.
    Outage,
    /// More than half of all executors died at once.
    MassFailure,
    /// A commit took several transactions.
    ChunkedCommit,
    /// A snapshot was written behind the commits.
    Snapshot,
    /// A restored store was adopted.
    Adoption,
    /// The store was restored while a leader lived that went on without it.
    StrandedLeader,
    /// A namespace began anew because an operator wanted it so.
    Reset,
    /// A deleted namespace was created again.
    Recreation,
    /// The store refused a write because it was full.
    DiskFull,
    /// The store's own leader was replaced while it was written to.
    StoreLeaderChange,
    /// A watch came too late: what it was to tell was forgotten.
    WatchLost,
    /// A replica that follows had to read everything anew.
    FollowerResync,
    /// An executor that goes on without a lease served what had been given to another one.
    Overlap,
}

/// How often each was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage([u64; Met::ALL.len()]);

impl Met {
    /// All of them, in their order.
    pub const ALL: [Self; 39] = [
        Self::Handover,
        Self::Expiry,
        Self::LeaderChange,
        Self::LeaderChangeMidHandover,
        Self::Restraint,
        Self::ListeningAgain,
        Self::Fence,
        Self::Resumption,
        Self::Resync,
        Self::RouterResync,
        Self::Supersession,
        Self::Stuck,
        Self::StaleWrite,
        Self::UnknownOutcome,
        Self::Deposition,
        Self::Drain,
        Self::Departure,
        Self::OperatorMove,
        Self::Quarantine,
        Self::ShorterLease,
        Self::Creation,
        Self::Retirement,
        Self::PolicyFlip,
        Self::Fallback,
        Self::LostHold,
        Self::Balance,
        Self::Outage,
        Self::MassFailure,
        Self::ChunkedCommit,
        Self::Snapshot,
        Self::Adoption,
        Self::StrandedLeader,
        Self::Reset,
        Self::Recreation,
        Self::DiskFull,
        Self::StoreLeaderChange,
        Self::WatchLost,
        Self::FollowerResync,
        Self::Overlap,
    ];

    /// The word in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Handover => "handover",
            Self::Expiry => "expiry",
            Self::LeaderChange => "leader_change",
            Self::LeaderChangeMidHandover => "leader_change_mid_handover",
            Self::Restraint => "restraint",
            Self::ListeningAgain => "listening_again",
            Self::Fence => "fence",
            Self::Resumption => "resumption",
            Self::Resync => "resync",
            Self::RouterResync => "router_resync",
            Self::Supersession => "supersession",
            Self::Stuck => "stuck",
            Self::StaleWrite => "stale_write",
            Self::UnknownOutcome => "unknown_outcome",
            Self::Deposition => "deposition",
            Self::Drain => "drain",
            Self::Departure => "departure",
            Self::OperatorMove => "operator_move",
            Self::Quarantine => "quarantine",
            Self::ShorterLease => "shorter_lease",
            Self::Creation => "creation",
            Self::Retirement => "retirement",
            Self::PolicyFlip => "policy_flip",
            Self::Fallback => "fallback",
            Self::LostHold => "lost_hold",
            Self::Balance => "balance",
            Self::Outage => "outage",
            Self::MassFailure => "mass_failure",
            Self::ChunkedCommit => "chunked_commit",
            Self::Snapshot => "snapshot",
            Self::Adoption => "adoption",
            Self::StrandedLeader => "stranded_leader",
            Self::Reset => "reset",
            Self::Recreation => "recreation",
            Self::DiskFull => "disk_full",
            Self::StoreLeaderChange => "store_leader_change",
            Self::WatchLost => "watch_lost",
            Self::FollowerResync => "follower_resync",
            Self::Overlap => "overlap",
        }
    }
}

impl Coverage {
    pub(super) const fn add(&mut self, met: Met) {
        self.0[met as usize] += 1;
    }

    pub(super) fn add_all(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }

    /// How often each was met.
    pub fn counts(&self) -> impl Iterator<Item = (Met, u64)> {
        Met::ALL.into_iter().zip(self.0)
    }

    /// What was never met.
    pub fn missing(&self) -> impl Iterator<Item = Met> {
        self.counts().filter(|(_, count)| *count == 0).map(|(met, _)| met)
    }
}

impl Default for Coverage {
    fn default() -> Self {
        Self([0; Met::ALL.len()])
    }
}

impl fmt::Display for Met {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

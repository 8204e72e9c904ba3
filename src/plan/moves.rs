//! What a plan says: the moves, why each, and what was left undone.

use super::{ExecutorSlot, ShardSlot};
use crate::types::Mono;

/// What one round decided. Leaves whoever carries it out no choice to make.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// What to do, in order. At most one move a shard.
    pub moves: Vec<Move>,
    /// Shards that are quarantined from now until then, or, with `None`, no longer.
    pub quarantine: Vec<(ShardSlot, Option<Mono>)>,
    /// How it went.
    pub report: Report,
}

/// One shard's change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// Which shard.
    pub shard: ShardSlot,
    /// What happens to it.
    pub action: Action,
    /// Why.
    pub reason: Reason,
}

const _: () = assert!(size_of::<Move>() <= 16);

/// What happens to a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nobody who is alive owns it: this executor does from now on.
    Grant(ExecutorSlot),
    /// Its owner is gone and nobody can take it: it has no owner from now on.
    Unassign,
    /// Its owner is to let go of it, for this executor.
    HandOver(ExecutorSlot),
    /// It is moving already, to a session that is lost to it: it goes here instead, or, until a later round, to nobody.
    Redirect(Option<ExecutorSlot>),
}

impl Action {
    /// Who is to have the shard.
    pub const fn to(self) -> Option<ExecutorSlot> {
        match self {
            Self::Grant(to) | Self::HandOver(to) | Self::Redirect(Some(to)) => Some(to),
            Self::Unassign | Self::Redirect(None) => None,
        }
    }

    /// The word used in traces and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Grant(_) => "grant",
            Self::Unassign => "unassign",
            Self::HandOver(_) => "hand over",
            Self::Redirect(_) => "redirect",
        }
    }
}

/// Why a shard's owner changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Nobody owned it.
    Unowned,
    /// Its owner is gone.
    OwnerLost,
    /// It was moving to a session that is gone, drains, or was superseded.
    DestinationLost,
    /// It is pinned elsewhere.
    Pinned,
    /// Its owner drains.
    Drain,
    /// The executor it goes to has far less than its share.
    Spread,
    /// The executor it leaves has far more than its share.
    Shed,
}

impl Reason {
    /// All of them, in the order of the phases that give them.
    pub const ALL: [Self; 7] = [
        Self::Unowned,
        Self::OwnerLost,
        Self::DestinationLost,
        Self::Pinned,
        Self::Drain,
        Self::Spread,
        Self::Shed,
    ];

    /// Whether the move could have been left undone without anybody missing it: only those have a budget and a cooldown,
    /// and only those are stopped by a freeze.
    pub const fn is_balance(self) -> bool {
        matches!(self, Self::Spread | Self::Shed)
    }

    /// The word used in traces, metrics and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unowned => "unowned",
            Self::OwnerLost => "owner_lost",
            Self::DestinationLost => "destination_lost",
            Self::Pinned => "pinned",
            Self::Drain => "drain",
            Self::Spread => "spread",
            Self::Shed => "shed",
        }
    }
}

/// Why a shard was given to nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoRoom {
    /// No session is active and may receive.
    NoExecutor,
    /// Those that are have as many shards or as much load as they may.
    Full,
    /// It is pinned to an executor that cannot take it now.
    Pinned,
    /// It is suspected of crashing its owners.
    Quarantined,
}

impl NoRoom {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::NoExecutor, Self::Full, Self::Pinned, Self::Quarantined];

    /// The word used in traces, metrics and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoExecutor => "no_executor",
            Self::Full => "full",
            Self::Pinned => "pinned",
            Self::Quarantined => "quarantined",
        }
    }
}

/// Most shards that a report names for each reason.
pub const MAX_NAMED: usize = 16;

/// How a round went, in numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// For each [`Reason`], how many moves.
    pub moves: [u32; Reason::ALL.len()],
    /// For each [`NoRoom`], how many shards nobody owns because of it.
    pub unplaced: [u32; NoRoom::ALL.len()],
    /// The first [`MAX_NAMED`] of each of them.
    pub unplaced_shards: Vec<(ShardSlot, NoRoom)>,
    /// Shards on draining executors that nobody has room for.
    pub undrained: u32,
    /// Moves to executors whose version is being replaced, for lack of room elsewhere.
    pub onto_retiring: u32,
    /// Shards that were placed where the ring has them, and those that found no room there.
    pub on_ring: u32,
    /// See `on_ring`.
    pub off_ring: u32,
    /// Load of the executor with most for its weight, relative to the mean, when the round began; 0 without executors.
    pub max_over_mean: f64,
    /// Coefficient of variation of the loads of executors for their weights, at the same time.
    pub cv: f64,
    /// Moves for balance's sake that the budget allowed.
    pub budget: u32,
}

impl Report {
    /// How many moves had this reason.
    pub const fn moved(&self, reason: Reason) -> u32 {
        self.moves[reason as usize]
    }

    /// How many shards nobody owns because of this.
    pub const fn unplaced(&self, why: NoRoom) -> u32 {
        self.unplaced[why as usize]
    }
}

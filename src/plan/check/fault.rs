//! What can be wrong with a plan.

use std::fmt;

use crate::plan::{ExecutorSlot, Reason, ShardSlot};

/// A rule that a plan breaks.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// A move names a shard that is not on the board.
    NoSuchShard(ShardSlot),
    /// A shard has two moves.
    MovedTwice(ShardSlot),
    /// The action cannot be done to a shard in this state, or not for this reason.
    WrongAction(ShardSlot),
    /// A shard goes to a session that is not active or may not receive.
    NotOpen(ShardSlot, ExecutorSlot),
    /// A move in flight, whose destination is still there, was decided again.
    MoveRedecided(ShardSlot),
    /// A superseded session was asked for a shard.
    SupersededAsked(ShardSlot),
    /// A pinned shard goes somewhere else.
    PinUndone(ShardSlot),
    /// A quarantined shard was given to somebody.
    QuarantineBroken(ShardSlot),
    /// A shard was quarantined without all signs, or not in spite of them, or not released in time.
    WrongQuarantine(ShardSlot),
    /// The owner is gone, and still has the shard.
    LostOwnerKept(ShardSlot),
    /// Nobody owns the shard although somebody has room.
    LeftUnowned(ShardSlot),
    /// A draining executor keeps the shard although somebody has room.
    LeftDraining(ShardSlot),
    /// A move leads to a session that is lost to it.
    LeftAdrift(ShardSlot),
    /// A shard stays where it is not pinned.
    LeftMisplaced(ShardSlot),
    /// An executor gets more shards than it may hold.
    TooManyShards(ExecutorSlot),
    /// An executor gets more load than it may have.
    TooMuchLoad(ExecutorSlot),
    /// A shard goes to a version that is being replaced although another has room.
    OntoRetiring(ShardSlot),
    /// The ring's owner has room within its bound, and somebody else gets the shard.
    NotOnRing(ShardSlot),
    /// Somebody less filled had room, and somebody else got the shard.
    NotLeastFilled(ShardSlot),
    /// A shard was moved for balance's sake in spite of a freeze, or in a round that had something to repair.
    BalancedAnyway(ShardSlot),
    /// More moves for this reason than there may be.
    OverBudget {
        /// For which reason.
        reason: Reason,
        /// How many there are.
        moves: usize,
        /// How many there may be.
        most: usize,
    },
    /// A shard was moved for balance's sake before it had cooled down.
    TooSoon(ShardSlot),
    /// An executor that is not above the upper band gives shards away.
    NotOverfull(ExecutorSlot),
    /// An executor is filled beyond its fair share.
    BeyondFairShare(ExecutorSlot),
    /// Balance fills somebody as full as those it relieves.
    BurdenPassedOn(ExecutorSlot),
    /// All moves together make balance no better.
    NothingGained,
    /// The report's numbers are not those of the plan.
    WrongReport,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchShard(shard) => write!(f, "shard {shard} is moved but not on the board"),
            Self::MovedTwice(shard) => write!(f, "shard {shard} has two moves"),
            Self::WrongAction(shard) => write!(f, "shard {shard} is in no state for its move"),
            Self::NotOpen(shard, to) => {
                write!(f, "shard {shard} goes to executor {to}, which may not receive")
            }
            Self::MoveRedecided(shard) => write!(f, "shard {shard} is moving, and its move is decided again"),
            Self::SupersededAsked(shard) => write!(f, "shard {shard} is asked of a superseded session"),
            Self::PinUndone(shard) => write!(f, "pinned shard {shard} goes elsewhere"),
            Self::QuarantineBroken(shard) => write!(f, "quarantined shard {shard} is given to somebody"),
            Self::WrongQuarantine(shard) => {
                write!(f, "the quarantine of shard {shard} does not follow the signs")
            }
            Self::LostOwnerKept(shard) => write!(f, "shard {shard} stays with an owner that is gone"),
            Self::LeftUnowned(shard) => write!(f, "shard {shard} has no owner although there is room"),
            Self::LeftDraining(shard) => {
                write!(f, "shard {shard} stays on a draining executor although there is room")
            }
            Self::LeftAdrift(shard) => write!(f, "shard {shard} moves to a session that is lost to it"),
            Self::LeftMisplaced(shard) => write!(f, "shard {shard} stays where it is not pinned"),
            Self::TooManyShards(to) => write!(f, "executor {to} gets more shards than it may hold"),
            Self::TooMuchLoad(to) => write!(f, "executor {to} gets more load than it may have"),
            Self::OntoRetiring(shard) => write!(f, "shard {shard} goes to a version that is being replaced"),
            Self::NotOnRing(shard) => {
                write!(f, "shard {shard} is not where the ring has it, although there is room")
            }
            Self::NotLeastFilled(shard) => {
                write!(f, "shard {shard} is not given to the least filled executor")
            }
            Self::BalancedAnyway(shard) => write!(f, "shard {shard} is balanced in a round that may not"),
            Self::OverBudget { reason, moves, most } => {
                write!(f, "{moves} moves to {}, of which there may be {most}", reason.as_str())
            }
            Self::TooSoon(shard) => write!(f, "shard {shard} is moved again before it has cooled down"),
            Self::NotOverfull(from) => {
                write!(f, "executor {from} sheds although it is not above the upper band")
            }
            Self::BeyondFairShare(to) => write!(f, "executor {to} is filled beyond its fair share"),
            Self::BurdenPassedOn(to) => write!(f, "executor {to} becomes as full as those that are relieved"),
            Self::NothingGained => f.write_str("the moves for balance's sake gain nothing"),
            Self::WrongReport => f.write_str("the report's numbers are not those of the plan"),
        }
    }
}

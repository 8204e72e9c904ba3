//! Why an engine refused something, in the words of the wire.

use crate::{
    engine::RequestError,
    proto::v1::wire::{Problem, problem::Reason},
};

/// What is told to whoever asked.
pub(super) fn problem(error: &RequestError) -> Problem {
    let (reason, subject) = match error {
        RequestError::NoSuchShard(key) => (Reason::NoSuchShard, key.to_string()),
        RequestError::NoSuchExecutor(id) => (Reason::NoSuchExecutor, id.to_string()),
        RequestError::Unassigned(key) => (Reason::Unassigned, key.to_string()),
        RequestError::ShardDrained(key) => (Reason::ShardDrained, key.to_string()),
        RequestError::NobodyAvailable => (Reason::Unassigned, String::new()),
        RequestError::NotReceiving(id) => (Reason::NotReceiving, id.to_string()),
        RequestError::NoRoom { executor, .. } => (Reason::NotReceiving, executor.to_string()),
        RequestError::InHandover(key) => (Reason::InHandover, key.to_string()),
        RequestError::TooManyShards { .. } => (Reason::TooMany, String::new()),
        RequestError::BadConfig(error) => (Reason::Invalid, format!("config.{}", error.setting)),
        RequestError::KindChange => (Reason::Invalid, "config.kind".into()),
        RequestError::NoSuchRound { .. } => (Reason::Invalid, "round".into()),
        RequestError::Rehashes => (Reason::Invalid, "config.keys".into()),
        RequestError::Shrinks { .. } => (Reason::Invalid, "config.shards".into()),
        RequestError::TooManyDrained { .. } => (Reason::TooMany, String::new()),
        RequestError::Frozen => (Reason::Frozen, String::new()),
        RequestError::Deleted => (Reason::NoSuchNamespace, String::new()),
        RequestError::StillUnfenced { shard } => (Reason::StillUnfenced, shard.to_string()),
        RequestError::NeedsAdoption { .. } => (Reason::NeedsAdoption, String::new()),
        RequestError::NotLeading => (Reason::NotLeading, String::new()),
        RequestError::Busy => (Reason::Busy, String::new()),
        RequestError::PolicyTooLong { .. } => (Reason::Invalid, "text".into()),
    };
    Problem::new(reason, subject, error.to_string())
}

//! A namespace's executors, as Go's tools show them.

use std::time::Duration;

use super::stand_ins::StandIns;
use crate::{
    clock::unix_millis,
    engine::{Kind, SessionRecord, ShardRecord, Standing, State},
    proto::cadence::wire::{
        AssignedShardState, AssignmentStatus, ExecutorStatus, NamespaceConfig, NamespaceExecutorState,
    },
    types::{Mono, Namespace},
};

/// All executors, in the order of their sessions.
pub(super) fn executors(state: &State) -> Vec<NamespaceExecutorState> {
    let known = state.sessions().filter(|record| record.standing != Standing::Pending);
    known.map(|record| executor(state, record)).collect()
}

/// One executor's session.
pub(super) fn executor(state: &State, record: &SessionRecord) -> NamespaceExecutorState {
    let status = match record.standing {
        Standing::Active => ExecutorStatus::Active,
        Standing::Pending | Standing::Draining { .. } => ExecutorStatus::Draining,
        Standing::Superseded | Standing::Removed => ExecutorStatus::Drained,
    };
    let mut shards: Vec<ShardRecord> = state.shards_of(record.id).collect();
    shards.sort_unstable_by(|one, other| one.key.cmp(&other.key));
    NamespaceExecutorState {
        executor_id: record.executor.to_string(),
        status: status.into(),
        last_heartbeat: None,
        metadata: record.profile.metadata.clone(),
        assigned_shards: shards.into_iter().map(assigned).collect(),
    }
}

fn assigned(shard: ShardRecord) -> AssignedShardState {
    let status = if shard.handover.is_none() { AssignmentStatus::Ready } else { AssignmentStatus::Invalid };
    AssignedShardState {
        shard_key: shard.key.to_string(),
        assignment_status: status.into(),
        // What grows with each change of the owner.
        assigned_state_mod_revision: i64::try_from(shard.token.generation).unwrap_or(i64::MAX),
    }
}

/// Adds when executors were heard last, as far as this replica has heard them.
pub(super) fn add_beats(
    executors: &mut [NamespaceExecutorState],
    namespace: &Namespace,
    stand_ins: &StandIns,
    now: Mono,
) {
    let unix = Duration::from_millis(unix_millis());
    for executor in executors {
        let heard = stand_ins.heard(namespace, &executor.executor_id);
        executor.last_heartbeat = heard.map(|heard| {
            let since = unix.saturating_sub(now.since(heard));
            prost_types::Timestamp {
                seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
                nanos: i32::try_from(since.subsec_nanos()).unwrap_or_default(),
            }
        });
    }
}

/// How a namespace is run.
pub(super) fn config(name: &Namespace, state: Option<&State>) -> NamespaceConfig {
    let (kind, shards) = match state.map(|state| state.config().kind) {
        Some(Kind::Fixed { shards }) => ("fixed", shards.into()),
        Some(Kind::Ephemeral) => ("ephemeral", 0),
        None => ("", 0),
    };
    NamespaceConfig {
        name: name.to_string(),
        r#type: kind.into(),
        mode: "onboarded".into(),
        shard_num: shards,
    }
}

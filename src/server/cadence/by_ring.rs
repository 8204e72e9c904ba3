//! Namespaces that a ring answers for, as Cadence's clients and tools are told of them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::sync::mpsc;
use tonic::{Status, Streaming};

use super::{Desk, api::until_gone, failure::of_problem};
use crate::{
    proto::{
        Invalid,
        cadence::{
            Failure, WatchNamespaceStateResponse,
            wire::{
                AssignedShardState, AssignmentStatus, ExecutorStatus, NamespaceConfig,
                NamespaceExecutorState, WatchNamespaceStateRequest,
            },
        },
    },
    server::{
        Watcher,
        grpc::{Office, delivery, not_placed},
        rings::{NotPlaced, Place, Placed, Ring},
        room::Room,
    },
    types::{Namespace, ShardKey},
};

impl Desk {
    /// The namespace of a request, and what answers for it.
    pub(super) fn place(&self, name: &str) -> Result<(Namespace, Place), Failure> {
        let namespace = Namespace::new(name).map_err(|error| Invalid::name("namespace", error))?;
        match self.office.answering(&namespace) {
            Some(place) => Ok((namespace, place)),
            None if self.office.rooms.is_complete() => Err(Failure::NoSuchNamespace(name.to_owned())),
            None => Err(Failure::Other(
                tonic::Code::Unavailable,
                "this replica has not read yet which namespaces there are; ask again".into(),
            )),
        }
    }

    /// The namespace of a request, and its room. One that a ring answers for has none: what is asked takes more.
    pub(super) fn namespace(&self, name: &str) -> Result<(Namespace, Arc<Room>), Failure> {
        match self.place(name)? {
            (namespace, Place::Room(room)) => Ok((namespace, room)),
            (namespace, Place::Ring(_)) => {
                let problem = self.office.is_ring(&namespace);
                Err(of_problem(&namespace, problem))
            }
        }
    }
}

/// The owner by the ring, and how to reach it.
pub(super) async fn owner(
    namespace: &Namespace,
    ring: &Ring,
    shard: &ShardKey,
    patience: Duration,
) -> Result<(String, BTreeMap<String, String>), Failure> {
    match ring.owners(shard, 1, patience).await {
        Ok((_, owners)) => {
            let owner = owners.first();
            Ok(owner.map_or_else(Default::default, |owner| (owner.identity().into(), ring.metadata(owner))))
        }
        Err(NotPlaced::NoSuchShard) => Err(Failure::NoSuchShard(namespace.to_string(), shard.to_string())),
        Err(why) => Err(of_problem(namespace, not_placed(namespace, shard, why))),
    }
}

/// Tells a watcher of a ring everything, and again whenever it has changed.
pub(super) async fn watch(
    office: Office,
    namespace: Namespace,
    ring: Arc<Ring>,
    _watcher: Watcher,
    frames: Streaming<WatchNamespaceStateRequest>,
    to: mpsc::Sender<Result<WatchNamespaceStateResponse, Status>>,
) {
    let since = |placed: &Placed, have: Option<u64>| {
        let is_told = have == Some(placed.serial());
        if is_told { Vec::new() } else { vec![placed.whole()] }
    };
    let told = tokio::select! {
        why = until_gone(frames) => Err(why),
        why = office.readiness.stopping() => Err(of_problem(&namespace, why.problem()).into()),
        told = office.tell_of_ring(&namespace, &ring, &to, since, None) => {
            told.map_err(|problem| of_problem(&namespace, problem).into())
        }
    };
    if let Err(status) = told {
        delivery::end(&to, status).await;
    }
}

/// All members with what they own, as executors.
pub(super) fn executors(ring: &Ring) -> Vec<NamespaceExecutorState> {
    let Some(placed) = ring.placed() else { return Vec::new() };
    let members = placed.ring().members().iter().zip(placed.shards_by_member());
    let assigned = |shard: u32| AssignedShardState {
        shard_key: shard.to_string(),
        assignment_status: AssignmentStatus::Ready.into(),
        // Of a ring nothing is stored.
        assigned_state_mod_revision: 0,
    };
    let executor = members.map(|(member, shards)| NamespaceExecutorState {
        executor_id: member.identity().into(),
        status: ExecutorStatus::Active.into(),
        last_heartbeat: None,
        metadata: ring.metadata(member),
        assigned_shards: shards.into_iter().map(assigned).collect(),
    });
    executor.collect()
}

/// How it is run.
pub(super) fn config(name: &Namespace, ring: &Ring) -> NamespaceConfig {
    NamespaceConfig {
        name: name.to_string(),
        r#type: "ring".into(),
        mode: "onboarded".into(),
        shard_num: ring.config().shards.unwrap_or_default().into(),
    }
}

//! Who has which shards, as frames of both watches.

use std::{collections::BTreeMap, sync::Arc};

use super::{Placed, ring::metadata};
use crate::{
    engine::Keying,
    proto::{
        cadence::{
            WatchNamespaceStateResponse,
            wire::{ExecutorInfo, Shard},
        },
        v1::{WatchFrame, WatchResponse, wire},
    },
    server::room::in_parts,
    types::Member,
};

/// Everything, in parts. Of a ring there are no versions, no sessions and no tokens.
pub(super) fn parts(placed: &Placed) -> Arc<[WatchResponse]> {
    let config = placed.config();
    let spec = placed.ring().spec();
    let shards = config.shards.unwrap_or_default();
    let first = wire::WatchPart {
        executors: placed.members().map(|(number, member)| executor(placed, number, member)).collect(),
        shard_count: shards.into(),
        hashed_keys: config.keys == Keying::Hashed,
        ring: Some(wire::WatchRing {
            flavour: spec.flavour().as_str().into(),
            points: spec.points_per_member().into(),
        }),
        ..wire::WatchPart::default()
    };
    let parts = in_parts(first, (0..shards).map(|shard| placed.shard(shard)));
    parts.into_iter().map(|part| WatchResponse::new(&WatchFrame::Part(part))).collect()
}

/// What is another than before.
pub(super) fn delta(before: &Placed, now: &Placed) -> WatchResponse {
    let old: BTreeMap<u32, &Member> = before.members().collect();
    let new: BTreeMap<u32, &Member> = now.members().collect();
    let changed = new.iter().filter(|(number, member)| old.get(number) != Some(member));
    let gone = old.keys().filter(|number| !new.contains_key(number));
    let shards = (0..now.config().shards.unwrap_or_default()).filter_map(|shard| {
        let shard_now = now.shard(shard);
        (before.shard(shard).owner != shard_now.owner).then_some(shard_now)
    });
    WatchResponse::new(&WatchFrame::Delta(wire::WatchDelta {
        executors: changed.map(|(number, member)| executor(now, *number, member)).collect(),
        gone_executors: gone.copied().collect(),
        shards: shards.collect(),
        ..wire::WatchDelta::default()
    }))
}

/// All members with what they own, in the order of their identities.
pub(super) fn whole(placed: &Placed) -> WatchNamespaceStateResponse {
    let members = placed.ring().members().iter().zip(placed.shards_by_member());
    let mut executors: Vec<_> = members
        .map(|(member, shards)| ExecutorInfo {
            executor_id: member.identity().into(),
            metadata: metadata(member, &placed.config().ports),
            shards: shards.iter().map(|shard| Shard { shard_key: shard.to_string() }).collect(),
        })
        .collect();
    executors.sort_unstable_by(|one, other| one.executor_id.cmp(&other.executor_id));
    WatchNamespaceStateResponse::new(executors)
}

fn executor(placed: &Placed, number: u32, member: &Member) -> wire::WatchExecutor {
    wire::WatchExecutor {
        number,
        executor: member.identity().into(),
        session: None,
        profile: Some(profile(member, metadata(member, &placed.config().ports))),
        standing: wire::ExecutorStanding::Active.into(),
    }
}

/// A member as an executor would describe itself.
pub(in crate::server) fn profile(member: &Member, metadata: BTreeMap<String, String>) -> wire::Profile {
    wire::Profile {
        identity: member.identity().into(),
        weight: member.weight().into(),
        metadata,
        ..wire::Profile::default()
    }
}

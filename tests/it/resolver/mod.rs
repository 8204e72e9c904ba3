//! The resolver's public face: what it answers, what it refuses, what it keeps when things go wrong.

mod agreement;
mod answers;
mod life;

use std::sync::Arc;

use shardway::policy::RoutingPolicy;
use shardway::resolver::{MapVersion, OwnerMap, Resolver};
use shardway::types::{Member, Namespace, ShardKey, Token};

pub(super) fn member(i: usize) -> Member {
    Member::new(format!("10.0.0.{i}:7933")).unwrap().with_identity(format!("host-{i}")).unwrap()
}

pub(super) fn members(n: usize) -> Vec<Member> {
    (0..n).map(member).collect()
}

pub(super) fn namespace(name: &str) -> Namespace {
    Namespace::new(name).unwrap()
}

pub(super) fn policy(mode: &str) -> RoutingPolicy {
    RoutingPolicy::builder().mode(mode).build().unwrap()
}

pub(super) fn resolver() -> Resolver {
    Resolver::builder(namespace("matching")).build()
}

/// Every shard `0..shards` at member `shard % executors`.
pub(super) fn owner_map(shards: usize, executors: usize, version: MapVersion) -> Arc<OwnerMap> {
    let mut edit = OwnerMap::empty().edit();
    for shard in 0..shards {
        let token = Token { incarnation: version.incarnation, generation: version.generation };
        edit.assign(ShardKey::new(shard.to_string()).unwrap(), &member(shard % executors), token);
    }
    Arc::new(edit.finish(version).unwrap())
}

//! Namespaces that rings answer for: told from what this replica knows, because each has its rings by itself.

use std::sync::Arc;

use tonic::{Response, Status};

use super::{AdminService, pages, shards::MAX_LOOKED_AT};
use crate::{
    proto::{
        Invalid,
        v1::wire::{
            self, AllowExpiryResponse, ExecutorStanding, ExecutorState, ListExecutorsRequest,
            ListExecutorsResponse, ListShardsRequest, ListShardsResponse, Problem, ShardState,
            problem::Reason,
        },
    },
    server::{
        rings::{Placed, Ring, profile},
        settings,
    },
    types::{Namespace, ShardKey},
};

impl AdminService {
    /// The namespaces that rings answer for.
    pub(super) fn ring_names(&self) -> Vec<Namespace> {
        self.0.rings.all_answering(&self.0.rooms).map(|(name, _)| name.clone()).collect()
    }
}

/// How a namespace is that a ring answers for.
pub(super) fn described(name: &Namespace, ring: &Ring) -> wire::Namespace {
    let (members, status) = (ring.resolver().member_count(), ring.status());
    let shards = ring.config().shards.unwrap_or_default().into();
    let no_members = (members == 0).then_some("no members");
    let held = status.held.map(|_| "members held");
    wire::Namespace {
        name: name.to_string(),
        config: Some(wire::NamespaceConfig { yaml: settings::ring_to_yaml(ring.config()) }),
        shards,
        unassigned_shards: if members == 0 { shards } else { 0 },
        executors: u32::try_from(members).unwrap_or(u32::MAX),
        watchers: u32::try_from(ring.watchers().len()).unwrap_or(u32::MAX),
        conditions: no_members.into_iter().chain(held).map(Into::into).collect(),
        trouble: ring.trouble().unwrap_or_default(),
        in_settings: true,
        ..wire::Namespace::default()
    }
}

/// Lets its held members go, at this replica: the others hold theirs by themselves.
pub(super) fn let_go(ring: &Ring) -> Result<Response<AllowExpiryResponse>, Status> {
    ring.let_go()
        .map_err(|error| Problem::new(Reason::Invalid, "members", error.to_string()).into_status())?;
    Ok(Response::new(AllowExpiryResponse { version: None }))
}

/// Its members, in the order of their identities.
pub(super) fn executors(
    ring: &Ring,
    request: &ListExecutorsRequest,
) -> Result<ListExecutorsResponse, Invalid> {
    let ListExecutorsRequest { executor, page_size, page, .. } = request;
    let size = pages::size(*page_size)?;
    let Some(placed) = ring.placed() else { return Ok(ListExecutorsResponse::default()) };
    let mut members: Vec<_> = placed.counted().collect();
    members.sort_unstable_by_key(|(member, _)| member.identity());
    let wanted = members.into_iter().filter(|(member, _)| {
        member.identity() > page.as_str() && (executor.is_empty() || *executor == *member.identity())
    });
    let (members, next_page) = pages::cut(wanted, size, |(member, _)| member.identity());
    let executors = members.into_iter().map(|(member, shards)| ExecutorState {
        executor: member.identity().into(),
        standing: ExecutorStanding::Active.into(),
        profile: Some(profile(member, ring.metadata(member))),
        shards: u32::try_from(shards).unwrap_or(u32::MAX),
        ..ExecutorState::default()
    });
    Ok(ListExecutorsResponse { executors: executors.collect(), next_page, version: None })
}

/// Its shards, if it says how many there are.
pub(super) fn shards(ring: &Ring, request: &ListShardsRequest) -> Result<ListShardsResponse, Invalid> {
    let ListShardsRequest { executor, only_troubled, page_size, page, .. } = request;
    let size = pages::size(*page_size)?;
    let after = pages::after(page, |page| ShardKey::new(page).ok())?;
    let Some(placed) = ring.placed() else { return Ok(ListShardsResponse::default()) };
    let (mut shards, mut next_page) = (Vec::new(), String::new());
    let mut last = None;
    for (looked_at, shard) in placed.shards_behind(after.as_deref().unwrap_or_default()).enumerate() {
        if shards.len() == size || looked_at == MAX_LOOKED_AT {
            next_page = last.map_or_else(String::new, |last: u32| last.to_string());
            break;
        }
        let state = shard_state(&placed, shard);
        let is_wanted = executor.is_empty() || *executor == state.executor;
        if is_wanted && (state.executor.is_empty() || !only_troubled) {
            shards.push(state);
        }
        last = Some(shard);
    }
    Ok(ListShardsResponse { shards, next_page, version: None })
}

fn shard_state(placed: &Arc<Placed>, shard: u32) -> ShardState {
    let owner = placed.owner(shard);
    ShardState {
        shard: shard.to_string(),
        executor: owner.map_or_else(String::new, |owner| owner.identity().into()),
        ..ShardState::default()
    }
}

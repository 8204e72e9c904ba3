//! Namespaces that rings answer for.

use axum::http::StatusCode;

use super::{
    AdminHttp,
    answers::{Executors, Shards},
    pages::Page,
    replies::{Executor, Namespace, Owner, Refusal, Shard},
};
use crate::{
    resolver::LookupError,
    server::rings::{Place, Placed, Ring},
    types::{self, ShardKey},
};

impl AdminHttp {
    /// The namespace of a path, and what answers for it.
    pub(super) fn place(&self, name: &str) -> Result<(types::Namespace, Place), Refusal> {
        let name = types::Namespace::new(name)
            .map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error.to_string()))?;
        match self.rings.place(&name, &self.rooms) {
            Some(place) => Ok((name, place)),
            // What is stored has not been read yet, and may have it.
            None if !self.rooms.is_complete() => {
                let text = "this replica has not read yet which namespaces there are; ask again";
                Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text.to_owned()))
            }
            None => Err(Refusal::new(StatusCode::NOT_FOUND, format!("there is no namespace \"{name}\""))),
        }
    }

    /// All namespaces, in the order of their names.
    pub(super) fn names(&self) -> Vec<types::Namespace> {
        let mut names = self.rooms.names();
        names.extend(self.rings.all_answering(&self.rooms).map(|(name, _)| name.clone()));
        names.sort_unstable();
        names
    }
}

pub(super) fn describe(name: &types::Namespace, ring: &Ring) -> Namespace {
    let (members, shards) =
        (ring.resolver().member_count(), ring.config().shards.unwrap_or_default() as usize);
    Namespace {
        name: name.to_string(),
        kind: Some("ring"),
        version: None,
        shards,
        unassigned_shards: if members == 0 { shards } else { 0 },
        moving_shards: 0,
        quarantined_shards: 0,
        executors: [("active", members)].into(),
        watchers: ring.watchers().len(),
        leader: None,
        trouble: ring.trouble(),
    }
}

pub(super) fn owner(ring: &Ring, key: &ShardKey, not_current: bool) -> Result<Owner, Refusal> {
    let no_such = || Refusal::new(StatusCode::NOT_FOUND, format!("there is no shard \"{key}\""));
    let shard = ring.shard_of(key).ok_or_else(no_such)?;
    let members = match ring.lookup(&shard, 1) {
        Ok(members) => members,
        Err(LookupError::NoMembers { .. }) => {
            let because = ring.status().last_failure.map_or_else(String::new, |why| format!(": {why}"));
            let text = format!("the ring has no members{because}");
            return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text));
        }
        Err(error) => return Err(Refusal::new(StatusCode::BAD_REQUEST, error.to_string())),
    };
    let placed = ring.placed();
    let shards = |identity: &str| {
        let counts = placed.as_deref().map(Placed::counted).into_iter().flatten();
        { counts }.find(|(member, _)| member.identity() == identity).map_or(0, |(_, shards)| shards)
    };
    let executor = members
        .first()
        .map(|member| Executor::of_ring(member, ring.metadata(member), shards(member.identity())));
    Ok(Owner { shard: shard.as_str().into(), version: None, not_current, executor, token: None })
}

/// Its members, in the order of their identities.
pub(super) fn executors(ring: &Ring, page: &Page) -> Executors {
    let placed = ring.placed();
    let mut members: Vec<_> = placed.as_deref().map(Placed::counted).into_iter().flatten().collect();
    members.sort_unstable_by_key(|(member, _)| member.identity());
    let behind = members.into_iter().filter(|(member, _)| member.identity() > page.behind());
    let (members, next_page) = page.take(behind, |(member, _)| member.identity().into());
    let executors =
        members.into_iter().map(|(member, shards)| Executor::of_ring(member, ring.metadata(member), shards));
    Executors { executors: executors.collect(), next_page, version: None }
}

/// Its shards, if it says how many there are, in the order of their names.
pub(super) fn shards(ring: &Ring, page: &Page) -> Shards {
    let placed = ring.placed();
    let behind = placed.iter().flat_map(|placed| placed.shards_behind(page.behind()));
    let (shards, next_page) = page.take(behind, u32::to_string);
    let owner = |shard| placed.as_deref()?.owner(shard);
    let shards = shards
        .into_iter()
        .map(|shard| Shard::of_ring(shard.to_string(), owner(shard).map(|member| member.identity().into())));
    Shards { shards: shards.collect(), next_page, version: None }
}

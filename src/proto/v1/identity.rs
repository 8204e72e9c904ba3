//! Versions, tokens, sessions, grants and profiles.

use std::sync::Arc;

use super::wire;
use crate::{
    proto::Invalid,
    session::{Grant, Profile},
    types::{ExecutorId, SessionId, ShardKey, Token, Version},
};

impl From<Version> for wire::Version {
    fn from(Version { incarnation, generation }: Version) -> Self {
        Self { incarnation, generation }
    }
}

impl From<wire::Version> for Version {
    fn from(wire::Version { incarnation, generation }: wire::Version) -> Self {
        Self { incarnation, generation }
    }
}

impl From<Token> for wire::Token {
    fn from(Token { incarnation, generation }: Token) -> Self {
        Self { incarnation, generation }
    }
}

impl From<wire::Token> for Token {
    fn from(wire::Token { incarnation, generation }: wire::Token) -> Self {
        Self { incarnation, generation }
    }
}

impl From<SessionId> for wire::SessionId {
    fn from(SessionId { began, ordinal }: SessionId) -> Self {
        Self { began: Some(began.into()), ordinal }
    }
}

impl From<&Grant> for wire::Grant {
    fn from(Grant { shard, token }: &Grant) -> Self {
        Self { shard: shard.as_str().into(), token: Some((*token).into()) }
    }
}

impl From<&Profile> for wire::Profile {
    fn from(profile: &Profile) -> Self {
        Self {
            identity: profile.identity.clone(),
            weight: profile.weight.into(),
            max_shards: profile.max_shards,
            max_load: profile.max_load,
            zone: profile.zone.clone(),
            build: profile.build.clone(),
            metadata: profile.metadata.clone(),
        }
    }
}

pub(super) fn session_id(field: &str, id: Option<wire::SessionId>) -> Result<SessionId, Invalid> {
    let id = id.ok_or_else(|| Invalid::missing(field))?;
    let began = id.began.ok_or_else(|| Invalid::missing(format!("{field}.began")))?;
    Ok(SessionId { began: began.into(), ordinal: id.ordinal })
}

/// A version that may be left out: then it is the least there is.
pub(super) fn version(version: Option<wire::Version>) -> Version {
    version.map_or_else(Version::default, Version::from)
}

pub(super) fn executor_id(field: &str, id: &str) -> Result<ExecutorId, Invalid> {
    ExecutorId::new(id).map_err(|error| Invalid::name(field, error))
}

pub(super) fn shard_key(field: &str, key: &str) -> Result<ShardKey, Invalid> {
    ShardKey::new(key).map_err(|error| Invalid::name(field, error))
}

pub(super) fn grants(field: &str, grants: Vec<wire::Grant>) -> Result<Vec<Grant>, Invalid> {
    let grant = |(at, grant): (usize, wire::Grant)| {
        let shard = shard_key(&format!("{field}[{at}].shard"), &grant.shard)?;
        let token = grant.token.ok_or_else(|| Invalid::missing(format!("{field}[{at}].token")))?;
        Ok(Grant { shard, token: token.into() })
    };
    grants.into_iter().enumerate().map(grant).collect()
}

pub(super) fn profile(field: &str, profile: Option<wire::Profile>) -> Result<Arc<Profile>, Invalid> {
    let wire::Profile { identity, weight, max_shards, max_load, zone, build, metadata } =
        profile.unwrap_or_default();
    let weight = u16::try_from(weight)
        .map_err(|_| Invalid::new(format!("{field}.weight"), weight, "must be at most 1000"))?;
    let profile = Profile { identity, weight, max_shards, max_load, zone, build, metadata };
    match profile.broken_bound() {
        Some((part, value, rule)) => Err(Invalid::new(format!("{field}.{part}"), value, rule)),
        None => Ok(Arc::new(profile)),
    }
}

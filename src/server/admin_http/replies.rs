//! What the admin port's answers look like. Fields are called as in `shardway.v1`.

use std::collections::BTreeMap;

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{
    engine::{SessionRecord, ShardRecord, Standing, State},
    types::{Member, SessionId, Token, Version},
};

/// An answer in JSON.
pub(super) struct Json<T>(pub(super) StatusCode, pub(super) T);

/// Why there is no other answer.
#[derive(Debug, Serialize)]
pub(super) struct Refusal {
    #[serde(skip)]
    status: StatusCode,
    error: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Readiness {
    pub(super) ready: bool,
    pub(super) reasons: Vec<Reason>,
}

#[derive(Debug, Serialize)]
pub(super) struct Reason {
    pub(super) reason: &'static str,
    pub(super) text: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Replica {
    pub(super) replica: String,
    pub(super) address: String,
    pub(super) leads: Vec<String>,
    pub(super) is_self: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Namespace {
    pub(super) name: String,
    /// Absent: nothing is known of it here yet.
    pub(super) kind: Option<&'static str>,
    /// Absent: nothing is known of it here yet, or a ring answers for it.
    pub(super) version: Option<VersionReply>,
    pub(super) shards: usize,
    pub(super) unassigned_shards: usize,
    pub(super) moving_shards: usize,
    pub(super) quarantined_shards: usize,
    pub(super) executors: BTreeMap<&'static str, usize>,
    pub(super) watchers: usize,
    /// Absent: nobody at the moment.
    pub(super) leader: Option<String>,
    /// Why it cannot be run, or what of its history it is run without; of a ring, why its members could not be found out
    /// last, or why some are kept that are gone.
    pub(super) trouble: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct VersionReply {
    incarnation: u64,
    generation: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct Session {
    began: VersionReply,
    ordinal: u32,
}

#[derive(Debug, Serialize)]
pub(super) struct Executor {
    pub(super) executor: String,
    /// Absent: it is a member of a ring.
    session: Option<Session>,
    standing: &'static str,
    identity: String,
    metadata: BTreeMap<String, String>,
    shards: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct Shard {
    pub(super) shard: String,
    /// Absent: nobody.
    executor: Option<String>,
    session: Option<Session>,
    /// Absent: a ring answers.
    token: Option<VersionReply>,
    revoking: bool,
    /// To whom, if that is decided.
    to: Option<String>,
    pin: Option<String>,
    quarantined: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Owner {
    pub(super) shard: String,
    /// Absent: a ring answers.
    pub(super) version: Option<VersionReply>,
    /// This replica has lost the store: the answer may be out of date.
    pub(super) not_current: bool,
    /// Absent: nobody at the moment.
    pub(super) executor: Option<Executor>,
    pub(super) token: Option<VersionReply>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status, error: error.into() }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        Json(self.status, self).into_response()
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let text = serde_json::to_vec(&self.1).expect("texts and numbers can be written");
        (self.0, [(header::CONTENT_TYPE, "application/json")], text).into_response()
    }
}

impl From<Version> for VersionReply {
    fn from(Version { incarnation, generation }: Version) -> Self {
        Self { incarnation, generation }
    }
}

impl From<Token> for VersionReply {
    fn from(Token { incarnation, generation }: Token) -> Self {
        Self { incarnation, generation }
    }
}

impl From<SessionId> for Session {
    fn from(SessionId { began, ordinal }: SessionId) -> Self {
        Self { began: began.into(), ordinal }
    }
}

impl Executor {
    pub(super) fn of_ring(member: &Member, metadata: BTreeMap<String, String>, shards: usize) -> Self {
        Self {
            executor: member.identity().into(),
            session: None,
            standing: "active",
            identity: member.identity().into(),
            metadata,
            shards,
        }
    }

    pub(super) fn new(record: &SessionRecord, shards: usize) -> Self {
        let standing = match record.standing {
            Standing::Pending => "pending",
            Standing::Active => "active",
            Standing::Draining { .. } => "draining",
            Standing::Superseded => "superseded",
            Standing::Removed => "removed",
        };
        Self {
            executor: record.executor.as_str().into(),
            session: Some(record.id.into()),
            standing,
            identity: record.profile.identity.clone(),
            metadata: record.profile.metadata.clone(),
            shards,
        }
    }
}

impl Shard {
    pub(super) fn of_ring(shard: String, executor: Option<String>) -> Self {
        Self {
            shard,
            executor,
            session: None,
            token: None,
            revoking: false,
            to: None,
            pin: None,
            quarantined: false,
        }
    }

    pub(super) fn new(record: &ShardRecord, state: &State) -> Self {
        let name = |id: SessionId| Some(state.session_record(id)?.executor.as_str().to_owned());
        Self {
            shard: record.key.as_str().into(),
            executor: record.owner.and_then(name),
            session: record.owner.map(Into::into),
            token: Some(record.token.into()),
            revoking: record.handover.is_some(),
            to: record.handover.and_then(|handover| name(handover.to?)),
            pin: record.pin.as_ref().map(|executor| executor.as_str().into()),
            quarantined: record.quarantined,
        }
    }
}

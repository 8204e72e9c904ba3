//! Who speaks the session's language for an executor that only beats.

use std::hash::{BuildHasher, RandomState};

use tonic::Code;

use super::told::Told;
use crate::{
    clock::Clock,
    engine::{SessionRecord, ShardRecord, State},
    proto::cadence::{Failure, Heartbeat, wire::HeartbeatResponse},
    server::{DeskHandle, Line, Room},
    session::{By, Refusal, Register, ToExecutor, ToLeader},
    types::{ExecutorId, Mono, Namespace, SessionId, Version},
};

/// Has the session of one executor, at the leader of its namespace.
#[derive(Debug, Default)]
pub(super) struct StandIn {
    line: Option<Line>,
    /// The nonce and the last attempt of a registration that was not answered yet.
    registering: Option<(u64, u32)>,
    session: Option<SessionId>,
    seq: u64,
    /// Since when the executor knows of the session: it has been answered. What was on its way before is an echo.
    answered: Option<Mono>,
    told: Told,
}

/// Why a beat came to nothing here.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Another replica leads, or is about to.
    NotLeading,
    /// The desk has too much to do.
    Busy,
    /// It is refused.
    Refused(Failure),
}

/// Where a beat is heard.
pub(super) struct Place<'a> {
    pub(super) desk: &'a DeskHandle,
    pub(super) clock: &'a dyn Clock,
    pub(super) namespace: &'a Namespace,
    pub(super) room: &'a Room,
}

/// What is stored of the executor's session.
struct Stored {
    record: Option<SessionRecord>,
    owned: Vec<ShardRecord>,
    version: Version,
}

impl StandIn {
    /// Whether anything would be lost with it.
    pub(super) const fn is_idle(&self) -> bool {
        self.session.is_none() && self.registering.is_none()
    }

    /// A beat that arrived then. Another one of the same executor is heard when this one was answered.
    pub(super) async fn hear(
        &mut self,
        place: &Place<'_>,
        arrived: Mono,
        beat: &Heartbeat,
    ) -> Result<HeartbeatResponse, Trouble> {
        let heard = self.hear_on_line(place, arrived, beat).await;
        if !matches!(heard, Err(Trouble::NotLeading)) || self.line.is_some() {
            return heard;
        }
        // The line was of an earlier term. What has happened since is not known.
        *self = Self::default();
        self.hear_on_line(place, arrived, beat).await
    }

    async fn hear_on_line(
        &mut self,
        place: &Place<'_>,
        arrived: Mono,
        beat: &Heartbeat,
    ) -> Result<HeartbeatResponse, Trouble> {
        if self.line.is_none() {
            self.line = Some(place.desk.line(place.namespace).await.map_err(|_| Trouble::NotLeading)?);
        }
        if self.session.is_none() && self.registering.is_none() {
            self.resume(place.room, &beat.executor);
        }
        match self.session {
            Some(session) => self.go_on(place, session, arrived, beat).await,
            None => self.begin(place, beat).await,
        }
    }

    /// Goes on with the session that another leader made.
    fn resume(&mut self, room: &Room, executor: &ExecutorId) {
        let found = room.read(|state| {
            let state = state?;
            let record = state.session_of(executor)?;
            let is_ours = record.unfenced && record.standing.is_current();
            is_ours.then(|| (record.id, state.owned_by(record.id) > 0))
        });
        let Some((session, owns)) = found else { return };
        self.session = Some(session);
        // Who was given something had beaten twice.
        self.answered = owns.then_some(Mono::ZERO);
    }

    /// Its first beat makes a session, if it serves, and is given nothing.
    async fn begin(&mut self, place: &Place<'_>, beat: &Heartbeat) -> Result<HeartbeatResponse, Trouble> {
        if beat.is_active {
            let random = || RandomState::new().hash_one(place.clock.now().as_nanos());
            let (nonce, attempt) = self.registering.unwrap_or_else(|| (random(), 0));
            self.registering = Some((nonce, attempt.saturating_add(1)));
            let session = self.register(beat, nonce, attempt.saturating_add(1)).await?;
            (self.registering, self.session, self.answered) = (None, Some(session), None);
        } else {
            self.registering = None;
        }
        Ok(self.answer(place, beat))
    }

    async fn go_on(
        &mut self,
        place: &Place<'_>,
        session: SessionId,
        arrived: Mono,
        beat: &Heartbeat,
    ) -> Result<HeartbeatResponse, Trouble> {
        let stored = Stored::of(place.room, session);
        if !beat.is_active && !stored.owned.iter().any(|shard| beat.reports.contains_key(&shard.key)) {
            // It has stopped everything, and this may be the last that is heard of it.
            self.leave(session).await?;
            return Ok(self.answer(place, beat));
        }
        if self.answered.is_none_or(|since| arrived <= since) {
            return Ok(self.answer(place, beat));
        }
        if let Some(record) = stored.record.filter(|record| record.profile != beat.profile) {
            self.register(beat, record.nonce, record.attempt.saturating_add(1)).await?;
        }
        self.seq = place.clock.now().as_nanos().max(self.seq + 1);
        let message = self.told.beat((session, self.seq), arrived, beat, &stored.owned);
        match self.ask(ToLeader::Beat(message)).await? {
            Reply::Ended => {
                self.session = None;
                self.begin(place, beat).await
            }
            _ => Ok(self.answer(place, beat)),
        }
    }

    fn answer(&mut self, place: &Place<'_>, beat: &Heartbeat) -> HeartbeatResponse {
        let now = place.clock.now();
        let stored = self.session.map(|session| Stored::of(place.room, session));
        let (version, owned) = stored.map_or_else(Default::default, |stored| (stored.version, stored.owned));
        self.answered.get_or_insert(now);
        self.told.answer(now, version, beat, &owned)
    }

    async fn register(&mut self, beat: &Heartbeat, nonce: u64, attempt: u32) -> Result<SessionId, Trouble> {
        let register = Register {
            executor: beat.executor.clone(),
            nonce,
            attempt,
            profile: beat.profile.clone(),
            seen: Version::default(),
            by: By::UnaryBeat { active: true },
        };
        match self.ask(ToLeader::Register(register)).await? {
            Reply::Registered(session) => Ok(session),
            Reply::Refused(why) => {
                self.registering = None;
                Err(Trouble::Refused(refusal(why)))
            }
            Reply::Acknowledged | Reply::Ended => unreachable!("not what was asked"),
        }
    }

    async fn leave(&mut self, session: SessionId) -> Result<(), Trouble> {
        self.ask(ToLeader::Leave(session)).await?;
        (self.session, self.answered) = (None, None);
        Ok(())
    }

    /// Says something, and waits for what answers it.
    async fn ask(&mut self, message: ToLeader) -> Result<Reply, Trouble> {
        let Some(line) = &mut self.line else { return Err(Trouble::NotLeading) };
        let asked = Asked::of(&message);
        line.say(message).map_err(|_| Trouble::Busy)?;
        while let Some(answer) = line.next().await {
            if let Some(reply) = asked.reply(&answer) {
                return Ok(reply);
            }
        }
        self.line = None;
        Err(Trouble::NotLeading)
    }
}

/// What was said, as far as its answer names it.
#[derive(Clone, Copy)]
enum Asked {
    Session { nonce: u64, attempt: u32 },
    Beat { session: SessionId, seq: u64 },
    End(SessionId),
}

enum Reply {
    Registered(SessionId),
    Refused(Refusal),
    Acknowledged,
    Ended,
}

impl Asked {
    const fn of(message: &ToLeader) -> Self {
        match message {
            ToLeader::Register(Register { nonce, attempt, .. }) => {
                Self::Session { nonce: *nonce, attempt: *attempt }
            }
            ToLeader::Beat(beat) => Self::Beat { session: beat.session, seq: beat.seq },
            ToLeader::Leave(session) => Self::End(*session),
        }
    }

    /// Late answers to what was given up are passed over.
    fn reply(self, answer: &ToExecutor) -> Option<Reply> {
        match (self, answer) {
            (
                Self::Session { nonce, attempt },
                ToExecutor::Registered { nonce: of, attempt: last, session, .. },
            ) if nonce == *of && attempt == *last => Some(Reply::Registered(*session)),
            (Self::Session { nonce, .. }, ToExecutor::Refused { nonce: of, why }) if nonce == *of => {
                Some(Reply::Refused(*why))
            }
            (Self::Beat { session, seq }, ToExecutor::Acknowledged { session: of, seq: last, .. })
                if session == *of && seq == *last =>
            {
                Some(Reply::Acknowledged)
            }
            (Self::Beat { session, .. } | Self::End(session), ToExecutor::Ended { session: of, .. })
                if session == *of =>
            {
                Some(Reply::Ended)
            }
            _ => None,
        }
    }
}

impl Stored {
    fn of(room: &Room, session: SessionId) -> Self {
        let read = |state: &State| Self {
            record: state.session_record(session).cloned(),
            owned: state.shards_of(session).collect(),
            version: state.version(),
        };
        let nothing = || Self { record: None, owned: Vec::new(), version: Version::default() };
        room.read(|state| state.map_or_else(nothing, read))
    }
}

fn refusal(why: Refusal) -> Failure {
    let (code, text) = match why {
        Refusal::NeedsSessions => (
            Code::FailedPrecondition,
            "ownership in this namespace is exclusive, which executors that only beat cannot keep to; set \
             its ownership to affinity, or allow_unfenced",
        ),
        Refusal::TooMany => {
            (Code::ResourceExhausted, "the namespace has as many executors as it may; raise max_executors")
        }
        // Checked before it was asked.
        Refusal::BadProfile => (Code::InvalidArgument, "metadata breaks a bound"),
        Refusal::Superseded | Refusal::NotActive => {
            (Code::Unavailable, "another process has registered under this executor_id; beat again")
        }
    };
    Failure::Other(code, text.into())
}

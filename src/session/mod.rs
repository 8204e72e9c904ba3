//! The executor's side of the ownership protocol, as a state machine: (now, what happened) -> what to do.
//!
//! It registers, beats, takes what it is granted and lets go of what is revoked. What it never does is believe longer
//! than it may: [`Session::holds`] is true only while the lease of the last acknowledged beat lasts, counted from when
//! that beat was *sent*. It knows no network and no clock; whoever drives it passes messages on, starts and stops what
//! it says, and calls [`Session::wake`] when [`Session::next_wake`] has come.
//!
//! Lost, late, repeated and reordered messages change nothing that is not so: a message for another session or beat is
//! ignored, assignments apply only on top of the version that they name, and whatever was sent without an answer is
//! sent again.

mod config;
mod effect;
mod holding;
mod message;
mod shards;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use config::{OnLeaseLoss, OnStuck, SessionConfig};
pub use effect::Effect;
pub use message::{
    Assigned, Beat, By, Ending, Grant, Pace, Profile, Refusal, Register, ToExecutor, ToLeader,
};
use shards::{Shards, Stopped};

use crate::{
    planted::{Planted, is},
    types::{Mono, SessionId, Version},
};

/// An executor's stay with one namespace.
#[derive(Debug)]
pub struct Session {
    config: SessionConfig,
    /// Differs for each session that is asked for.
    nonce: u64,
    standing: Standing,
    /// The greatest version that any message has shown.
    seen: Version,
    /// Until when shards may be held; none are when it is past.
    held_until: Mono,
    /// How often the lease has run out: guards compare it.
    lapses: u64,
    is_fenced: bool,
    draining: bool,
    shards: Shards,
    next_send: Mono,
    /// As the leader last said.
    pace: Option<Pace>,
}

#[derive(Debug)]
enum Standing {
    Registering {
        attempt: u32,
        sent: Mono,
    },
    Active(Active),
    /// It has nothing any more, and says that it goes until that is heard.
    Leaving {
        id: SessionId,
        /// When it began to, once it is known, and when it said so last.
        since: Option<Mono>,
        sent: Mono,
    },
    Over,
}

/// A session that the leader knows.
#[derive(Debug)]
struct Active {
    id: SessionId,
    seq: u64,
    applied: Version,
    outstanding: Option<Mono>,
    urgent: bool,
    /// Another process has the id: it holds nothing any more, and beats only to name what it has let go of, until then
    /// at most.
    is_past: Option<Mono>,
}

impl Session {
    /// A session that is yet to register. `nonce` must be random.
    pub fn new(config: SessionConfig, nonce: u64, now: Mono) -> Self {
        Self {
            config,
            nonce,
            standing: Standing::Registering { attempt: 0, sent: now },
            seen: Version::default(),
            held_until: Mono::ZERO,
            lapses: 0,
            is_fenced: true,
            draining: false,
            shards: Shards::default(),
            next_send: now,
            pace: None,
        }
    }

    /// The session's id, once registered.
    pub const fn id(&self) -> Option<SessionId> {
        match self.standing {
            Standing::Active(Active { id, .. }) => Some(id),
            _ => None,
        }
    }

    /// Whether it has left, or another process has the id: then it stays so.
    pub const fn is_over(&self) -> bool {
        matches!(self.standing, Standing::Over)
    }

    /// The version of the assignments in force.
    pub const fn applied(&self) -> Option<Version> {
        match self.standing {
            Standing::Active(Active { applied, .. }) => Some(applied),
            _ => None,
        }
    }

    /// When [`Session::wake`] is to be called next; `None` when the session is over.
    pub fn next_wake(&self) -> Option<Mono> {
        let send = match self.standing {
            Standing::Over => None,
            Standing::Leaving { since: None, .. } => Some(Mono::ZERO),
            Standing::Leaving { sent, .. } => Some(sent + self.answer_within()),
            Standing::Active(Active { outstanding: Some(sent), .. }) => Some(sent + self.answer_within()),
            _ => Some(self.next_send),
        };
        let fence = (!self.is_fenced).then_some(self.held_until);
        [send, fence, self.shards.next_deadline()].into_iter().flatten().min()
    }

    /// Does what time asks for.
    pub fn wake(&mut self, now: Mono, out: &mut Vec<Effect>) {
        self.fence_if_lapsed(now, out);
        self.give_up_if_late(now);
        let stuck = self.shards.take_stuck(now, self.config.on_stuck);
        if self.config.on_stuck == OnStuck::Release && !stuck.is_empty() {
            if !self.is_fenced {
                out.extend(self.shards.start_after_stuck(&stuck).into_iter().map(Effect::Start));
            }
            self.hurry(now);
        }
        if self.config.on_stuck == OnStuck::Abort {
            out.extend(stuck.into_iter().map(Effect::Abort));
        }
        self.send_if_due(now, out);
    }

    /// A message from the leader.
    pub fn hear(&mut self, now: Mono, message: ToExecutor, out: &mut Vec<Effect>) {
        self.fence_if_lapsed(now, out);
        match message {
            ToExecutor::Registered { nonce, attempt, session, pace } => {
                self.registered(now, nonce, attempt, session, pace);
            }
            ToExecutor::Refused { nonce, why } => {
                if nonce == self.nonce && matches!(self.standing, Standing::Registering { .. }) {
                    self.refused(now, why, out);
                }
            }
            ToExecutor::Acknowledged { session, seq, pace } => {
                self.acknowledged(now, session, seq, pace, out)
            }
            ToExecutor::Assigned(assigned) => self.assigned(now, assigned, out),
            ToExecutor::Ended { session, why } => {
                if matches!(self.standing, Standing::Leaving { id, .. } if id == session) {
                    self.standing = Standing::Over;
                } else if self.id() == Some(session) {
                    self.ended(now, why, out);
                }
            }
        }
        self.send_if_due(now, out);
    }

    /// The shard was told to stop, and has.
    pub fn stopped(&mut self, now: Mono, grant: &Grant, out: &mut Vec<Effect>) {
        self.fence_if_lapsed(now, out);
        match self.shards.stopped(grant, !self.is_fenced) {
            Stopped::Nothing => {}
            Stopped::Left => self.hurry(now),
            Stopped::Start(grant) => out.push(Effect::Start(grant)),
        }
        self.send_if_due(now, out);
    }

    /// A load was measured. Told with the next beat; of several, the last.
    pub fn measure(&mut self, shard: &str, load: f64) {
        self.shards.measure(shard, load);
    }

    /// An ephemeral shard that this process holds is of no use any more.
    pub fn done(&mut self, now: Mono, shard: &str, out: &mut Vec<Effect>) {
        self.fence_if_lapsed(now, out);
        if let Some(changes) = self.shards.finish(shard, now + self.config.stop_within) {
            out.extend(changes.stop.into_iter().map(Effect::Stop));
            self.hurry(now);
        }
        self.send_if_due(now, out);
    }

    /// Asks to be rid of all shards, or to be given some again.
    pub fn drain(&mut self, now: Mono, draining: bool, out: &mut Vec<Effect>) {
        if self.draining != draining {
            self.draining = draining;
            self.hurry(now);
        }
        self.send_if_due(now, out);
    }

    /// Whether nothing is left to stop or to release, so that it may [`leave`](Self::leave).
    pub fn is_empty(&self) -> bool {
        self.shards.is_empty()
    }

    /// Goes. Everything must have been stopped: what is still assigned may be another's at once.
    ///
    /// It says so until it is heard, or until its lease is over anyway: then it [is over](Self::is_over). A process that
    /// cannot wait for that may end at once.
    pub fn leave(&mut self, out: &mut Vec<Effect>) {
        self.standing = match self.id() {
            Some(id) => {
                out.push(Effect::Send(ToLeader::Leave(id)));
                Standing::Leaving { id, since: None, sent: Mono::ZERO }
            }
            None => Standing::Over,
        };
        self.held_until = Mono::ZERO;
        self.is_fenced = true;
        self.shards = Shards::default();
    }

    fn registered(&mut self, now: Mono, nonce: u64, attempt: u32, id: SessionId, pace: Pace) {
        let Standing::Registering { attempt: last, sent } = self.standing else { return };
        // Only the last attempt's send time is known, so only its answer starts a lease.
        if nonce != self.nonce || attempt != last {
            return;
        }
        self.see(id.began);
        self.standing = Standing::Active(Active {
            id,
            seq: 0,
            applied: Version::default(),
            outstanding: None,
            urgent: false,
            is_past: None,
        });
        self.renew(sent, pace);
        self.is_fenced = false;
        self.next_send = now;
    }

    fn refused(&mut self, now: Mono, why: Refusal, out: &mut Vec<Effect>) {
        match why {
            Refusal::Superseded => {
                self.standing = Standing::Over;
                out.push(Effect::Ended(Ending::Superseded));
            }
            // Worth asking again: others may leave, a limit may be raised.
            Refusal::TooMany | Refusal::BadProfile | Refusal::NotActive | Refusal::NeedsSessions => {
                self.next_send = now + self.answer_within();
                out.push(Effect::Refused(why));
            }
        }
    }

    fn acknowledged(&mut self, now: Mono, session: SessionId, seq: u64, pace: Pace, out: &mut Vec<Effect>) {
        let Standing::Active(active) = &mut self.standing else { return };
        if active.id != session
            || active.seq != seq && !is(Planted::LateReplyAccepted)
            || active.is_past.is_some()
        {
            return;
        }
        let Some(sent) = active.outstanding.take() else { return };
        let sent = if is(Planted::LeaseFromReply) { now } else { sent };
        self.next_send = if active.urgent { now } else { (sent + pace.beat_every).max(now) };
        self.shards.told_loads(seq);
        self.renew(sent, pace);
        if self.is_fenced && now < self.held_until {
            // The same session, the same tokens: nobody else had them meanwhile.
            self.is_fenced = false;
            out.extend(self.shards.start_again().into_iter().map(Effect::Start));
        }
    }

    fn assigned(&mut self, now: Mono, assigned: Assigned, out: &mut Vec<Effect>) {
        let Standing::Active(Active { id, applied, is_past: None, .. }) = &mut self.standing else { return };
        let applies = assigned.since.is_none_or(|since| since == *applied);
        let is_old = assigned.version <= *applied && !is(Planted::AppliesOlder);
        if *id != assigned.session || is_old || !applies {
            return;
        }
        let before = std::mem::replace(applied, assigned.version);
        self.see(assigned.version);
        let deadline = now + self.config.stop_within;
        let changes = self.shards.apply(&assigned, before, deadline, !self.is_fenced);
        out.extend(changes.stop.into_iter().map(Effect::Stop));
        out.extend(changes.start.into_iter().map(Effect::Start));
        // Whoever waits for a release, or to hear that this arrived, need not wait for the next beat.
        self.hurry(now);
    }

    fn ended(&mut self, now: Mono, why: Ending, out: &mut Vec<Effect>) {
        let Standing::Active(active) = &mut self.standing else { return };
        if active.is_past.is_some() {
            // The answer to a beat that named what was let go of. When that was all, it is over.
            active.outstanding = None;
            self.next_send = now + self.pace.map_or(self.config.answer_within, |pace| pace.beat_every);
            if self.shards.all_told(active.seq) {
                self.standing = Standing::Over;
            }
            return;
        }
        self.held_until = Mono::ZERO;
        if !std::mem::replace(&mut self.is_fenced, true) {
            self.lapses += 1;
        }
        let deadline = now + self.config.stop_within;
        // It is known to be over, whatever may be done about a lease that merely ran out.
        if why == Ending::Superseded || why == Ending::Removed {
            out.extend(self.shards.release_all(deadline).into_iter().map(Effect::Stop));
            out.push(Effect::Ended(why));
            if self.shards.is_empty() {
                self.standing = Standing::Over;
            } else {
                // Whoever waits longer than the shards' new owners would anyway helps nobody.
                let give_up = deadline + self.pace.map_or(Duration::ZERO, |pace| pace.hold);
                (active.is_past, active.outstanding, active.urgent) = (Some(give_up), None, true);
                self.next_send = now;
            }
        } else {
            let stops = self.shards.forget_all(deadline);
            let goes_on = is(Planted::ServesOn) && self.config.on_lease_loss == OnLeaseLoss::Hold;
            out.extend(stops.into_iter().filter(|_| !goes_on).map(Effect::Stop));
            out.push(Effect::Fenced);
            // Another session needs another nonce; it stays unlike any other process's by being random to begin with.
            self.nonce = self.nonce.wrapping_add(1);
            self.standing = Standing::Registering { attempt: 0, sent: now };
            self.next_send = now;
        }
    }

    fn answer_within(&self) -> Duration {
        self.pace.map_or(self.config.answer_within, |pace| pace.answer_within)
    }

    fn give_up_if_late(&mut self, now: Mono) {
        if let Standing::Active(Active { is_past: Some(until), .. }) = self.standing
            && now >= until
        {
            self.standing = Standing::Over;
        }
    }

    fn see(&mut self, version: Version) {
        self.seen = self.seen.max(version);
    }

    /// The next beat goes out as soon as none is outstanding.
    fn hurry(&mut self, now: Mono) {
        if let Standing::Active(active) = &mut self.standing {
            active.urgent = true;
            if active.outstanding.is_none() {
                self.next_send = now;
            }
        }
    }

    fn send_if_due(&mut self, now: Mono, out: &mut Vec<Effect>) {
        let answer_within = self.answer_within();
        let give_up_after = self.pace.map_or(answer_within, |pace| pace.hold);
        match &mut self.standing {
            Standing::Over => {}
            Standing::Leaving { id, since, sent } => {
                let began = *since.get_or_insert(now);
                if began == now {
                    // It was said just now.
                    *sent = now;
                } else if now >= began + give_up_after {
                    self.standing = Standing::Over;
                } else if now >= *sent + answer_within && !is(Planted::LeaveSaidOnce) {
                    *sent = now;
                    out.push(Effect::Send(ToLeader::Leave(*id)));
                }
            }
            Standing::Registering { attempt, sent } => {
                if now < self.next_send {
                    return;
                }
                *attempt += 1;
                *sent = now;
                self.next_send = now + answer_within;
                out.push(Effect::Send(ToLeader::Register(Register {
                    executor: self.config.executor.clone(),
                    nonce: self.nonce,
                    attempt: *attempt,
                    profile: self.config.profile.clone(),
                    seen: self.seen,
                    by: By::Request,
                })));
            }
            Standing::Active(active) => {
                let due = match active.outstanding {
                    Some(sent) => now >= sent + answer_within,
                    None => now >= self.next_send,
                };
                if !due {
                    return;
                }
                active.seq += 1;
                active.outstanding = Some(now);
                active.urgent = false;
                out.push(Effect::Send(ToLeader::Beat(Beat {
                    session: active.id,
                    seq: active.seq,
                    applied: active.applied,
                    seen: self.seen,
                    draining: self.draining,
                    loads: self.shards.loads(active.seq),
                    released: self.shards.released(active.seq),
                    done: self.shards.done(),
                })));
            }
        }
    }
}

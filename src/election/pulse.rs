//! A replica's own liveness record: made, renewed, and known to be lost.
//!
//! One rule carries the whole election: a renewal compares the revision that the one before it made. So as long as
//! renewals succeed, nobody has deleted the record, not even for a moment; and since nobody else touches our terms
//! before it is deleted, one renewal proves them all. It proves them from when it was *sent*, for as long as the others
//! wait before they delete a record that stands still.
//!
//! A renewal whose answer was lost is looked up. Each attempt writes another counter, so that the row tells which one
//! arrived, and with it when that one was sent. A row that is ours but that no renewal of ours can have made (a
//! duplicate of the transaction that made the record, arriving after its deletion) is as good as none.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    ElectionConfig,
    record::{ReplicaRecord, ReplicaSession},
};
use crate::{
    journal::Record,
    planted::{Planted, is},
    store::{Compare, Outcome, Reply, Request, Revision, Row, StoreError, Transaction, Write},
    types::Mono,
};

/// Renewals that may still arrive, at most; older ones count for nothing when they do.
const MAX_ATTEMPTS: usize = 16;

#[derive(Debug)]
pub(super) struct Pulse {
    config: ElectionConfig,
    key: Arc<str>,
    /// Rows that must not be there when the record is made.
    vacant: Vec<Arc<str>>,
    address: String,
    session: ReplicaSession,
    /// The session that this process began with: it has been all from there to the present one.
    first: ReplicaSession,
    state: State,
    asked: Option<Asked>,
    due: Mono,
}

#[derive(Debug)]
enum State {
    /// We have no record.
    Unborn {
        /// What is in its place, if that is known.
        there: There,
        /// When the first attempt to make it in this session was sent.
        since: Option<Mono>,
    },
    Alive {
        revision: Revision,
        counter: u64,
        /// When the renewal was sent that made this revision.
        sent: Mono,
        /// Renewals from this revision that may have arrived, and when they were sent.
        attempts: BTreeMap<u64, Mono>,
        /// Whether to look before the next renewal.
        unsure: bool,
    },
    /// On the way out, with the revision to delete.
    Leaving(Option<Revision>),
    Left,
}

#[derive(Clone, Copy, Debug)]
enum There {
    Unknown,
    Nothing,
    /// An earlier session of this very process.
    Past(Revision),
    /// Another process under our name, that may believe in this revision until then.
    Foreign {
        revision: Revision,
        until: Mono,
    },
}

#[derive(Clone, Copy, Debug)]
enum Asked {
    Look,
    Make { sent: Mono },
    Renew { counter: u64, sent: Mono },
    Delete,
}

/// What has happened to the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    Nothing,
    /// There is one, and it is ours.
    Born,
    /// It is gone, and whatever we held with it. We have a new session.
    Died,
}

impl Pulse {
    pub(super) fn new(
        config: ElectionConfig,
        key: Arc<str>,
        vacant: Vec<Arc<str>>,
        address: String,
        session: ReplicaSession,
    ) -> Self {
        Self {
            config,
            key,
            vacant,
            address,
            session,
            first: session,
            state: State::Unborn { there: There::Unknown, since: None },
            asked: None,
            due: Mono::ZERO,
        }
    }

    pub(super) fn session(&self) -> ReplicaSession {
        self.session
    }

    pub(super) fn is_alive(&self) -> bool {
        matches!(self.state, State::Alive { .. })
    }

    pub(super) fn has_left(&self) -> bool {
        matches!(self.state, State::Left)
    }

    /// Another process has our name.
    pub(super) fn is_foreign(&self) -> bool {
        matches!(self.state, State::Unborn { there: There::Foreign { .. }, .. })
    }

    /// Until when everything that we hold is surely ours.
    pub(super) fn until(&self) -> Option<Mono> {
        match self.state {
            State::Alive { sent, .. } => Some(sent + self.config.hold()),
            _ => None,
        }
    }

    /// When the last renewal that was confirmed had been sent.
    pub(super) fn confirmed(&self) -> Option<Mono> {
        match self.state {
            State::Alive { sent, .. } => Some(sent),
            _ => None,
        }
    }

    /// When to [`act`](Self::act).
    pub(super) fn due(&self) -> Option<Mono> {
        (self.asked.is_none() && !self.has_left()).then_some(self.due)
    }

    /// What to ask the store now.
    pub(super) fn act(&mut self, now: Mono) -> Request {
        let asked = match &mut self.state {
            State::Unborn { there: There::Unknown, .. } => Asked::Look,
            State::Unborn { there: There::Foreign { until, .. }, .. } if now < *until => Asked::Look,
            State::Unborn { since, .. } => {
                since.get_or_insert(now);
                Asked::Make { sent: now }
            }
            State::Alive { unsure: true, .. } | State::Leaving(None) | State::Left => Asked::Look,
            State::Alive { counter, attempts, .. } => {
                let last = attempts.last_key_value().map_or(*counter, |(last, _)| *last);
                Asked::Renew { counter: last + 1, sent: now }
            }
            State::Leaving(Some(_)) => Asked::Delete,
        };
        self.asked = Some(asked);
        self.request(asked)
    }

    /// Hears what the store said to the last [`act`](Self::act).
    pub(super) fn hear(&mut self, now: Mono, reply: Reply) -> News {
        let Some(asked) = self.asked.take() else { return News::Nothing };
        self.due = now + self.config.retry();
        match asked {
            Asked::Look => match reply.row() {
                Ok(row) => self.found(now, row),
                Err(_) => News::Nothing,
            },
            Asked::Make { sent } => match reply.outcome() {
                Ok(Outcome::Committed(revision)) => self.live(revision, 1, sent),
                // Not at once: as long as a backup is being put in, or the store has moved, it is refused again.
                Ok(Outcome::Refused) => self.forget_what_is_there(),
                Err(StoreError::Unknown { .. }) => {
                    self.forget_what_is_there();
                    self.at_once(now)
                }
                Err(_) => News::Nothing,
            },
            Asked::Renew { counter, sent } => self.renewed(now, counter, sent, reply.outcome()),
            Asked::Delete => {
                match reply.outcome() {
                    Ok(Outcome::Committed(_)) => self.state = State::Left,
                    // A renewal may have arrived in between.
                    Ok(Outcome::Refused) | Err(StoreError::Unknown { .. }) => {
                        self.state = State::Leaving(None)
                    }
                    Err(_) => {}
                }
                News::Nothing
            }
        }
    }

    fn forget_what_is_there(&mut self) -> News {
        if let State::Unborn { there, .. } = &mut self.state {
            *there = There::Unknown;
        }
        News::Nothing
    }

    /// Goes, and takes the record along: then everything that we held is free at once. Whoever calls this has stopped
    /// using it.
    pub(super) fn leave(&mut self, now: Mono) {
        self.state = match self.state {
            State::Alive { revision, unsure: false, .. } => State::Leaving(Some(revision)),
            State::Left => State::Left,
            _ => State::Leaving(None),
        };
        self.due = now;
    }

    fn renewed(&mut self, now: Mono, counter: u64, sent: Mono, outcome: Result<Outcome, StoreError>) -> News {
        match outcome {
            Ok(Outcome::Committed(revision)) => {
                if let State::Leaving(to_delete) = &mut self.state {
                    *to_delete = Some(revision);
                    return News::Nothing;
                }
                let sent = if is(Planted::LeaseFromAnswer) { now } else { sent };
                return self.live(revision, counter, sent);
            }
            Ok(Outcome::Refused) => {}
            Err(StoreError::Unknown { .. }) => {
                if let State::Alive { attempts, .. } = &mut self.state {
                    attempts.insert(counter, sent);
                    if attempts.len() > MAX_ATTEMPTS {
                        attempts.pop_first();
                    }
                }
            }
            Err(_) => return News::Nothing,
        }
        if let State::Alive { unsure, .. } = &mut self.state {
            *unsure = true;
        }
        self.at_once(now)
    }

    fn found(&mut self, now: Mono, row: Option<Row>) -> News {
        // A row that cannot be read is somebody else's.
        let record = row.as_ref().and_then(|row| ReplicaRecord::from_row(&row.key, &row.value).ok());
        let is_ours = record.as_ref().is_some_and(|record| record.session == self.session);
        let changed = row.as_ref().map(|row| row.changed);
        match &mut self.state {
            State::Alive { revision, unsure, .. } if changed == Some(*revision) => {
                *unsure = false;
                News::Nothing
            }
            State::Alive { attempts, .. } => {
                if let (true, true, Some(revision)) = (is(Planted::TrustAnyOwnRecord), is_ours, changed) {
                    return self.live(revision, 1, now);
                }
                let landed = record
                    .filter(|_| is_ours)
                    .and_then(|record| attempts.get(&record.counter).map(|sent| (record.counter, *sent)));
                if let (Some((counter, sent)), Some(revision)) = (landed, changed) {
                    return self.live(revision, counter, sent);
                }
                self.session = self.session.wrapping_add(1);
                self.state = State::Unborn { there: There::Unknown, since: None };
                self.found(now, row);
                News::Died
            }
            State::Unborn { there, since } => {
                if let (true, Some(revision), Some(since)) = (is_ours, changed, *since) {
                    return self.live(revision, 1, since);
                }
                let was_ours = record.as_ref().is_some_and(|record| {
                    record.session.wrapping_sub(self.first) < self.session.wrapping_sub(self.first)
                });
                let stated = record.map_or(Duration::ZERO, |record| record.lease);
                let listening = self.config.listening_to(self.config.lease_beside(stated));
                *there = match (changed, *there) {
                    (None, _) => There::Nothing,
                    (Some(revision), _) if was_ours => There::Past(revision),
                    (Some(revision), There::Foreign { revision: before, until }) if revision == before => {
                        There::Foreign { revision, until }
                    }
                    (Some(revision), _) => There::Foreign { revision, until: now + listening },
                };
                match there {
                    There::Foreign { until, .. } => {
                        self.due = (*until).min(now + self.config.look());
                        self.due = self.due.max(now + self.config.retry());
                        News::Nothing
                    }
                    _ => self.at_once(now),
                }
            }
            State::Leaving(to_delete) => {
                if is_ours {
                    *to_delete = changed;
                    return self.at_once(now);
                }
                self.state = State::Left;
                News::Nothing
            }
            State::Left => News::Nothing,
        }
    }

    fn live(&mut self, revision: Revision, counter: u64, sent: Mono) -> News {
        let news = if self.is_alive() { News::Nothing } else { News::Born };
        if let State::Leaving(to_delete) = &mut self.state {
            *to_delete = Some(revision);
            return News::Nothing;
        }
        self.state = State::Alive { revision, counter, sent, attempts: BTreeMap::new(), unsure: false };
        self.due = sent + self.config.renewal();
        news
    }

    fn at_once(&mut self, now: Mono) -> News {
        self.due = now;
        News::Nothing
    }

    fn request(&self, asked: Asked) -> Request {
        let key = self.key.clone();
        let record = |counter| ReplicaRecord {
            session: self.session,
            counter,
            address: self.address.clone(),
            lease: self.config.lease(),
            ..ReplicaRecord::default()
        };
        let put = |compare, counter| {
            let value = record(counter).to_row(&key);
            Transaction::default().when(compare).write(Write::Put(key.clone(), value))
        };
        match (asked, &self.state) {
            (Asked::Make { .. }, State::Unborn { there, .. }) => {
                let compare = match *there {
                    There::Past(revision) | There::Foreign { revision, .. } => {
                        Compare::Changed(key.clone(), revision)
                    }
                    There::Nothing | There::Unknown => Compare::Absent(key.clone()),
                };
                let vacant = self.vacant.iter().cloned().map(Compare::Absent);
                let born = vacant.fold(put(compare, 1), Transaction::when);
                Request::Transact(born.using_reserve())
            }
            (Asked::Renew { counter, .. }, State::Alive { .. }) if is(Planted::RenewUnguarded) => {
                let value = record(counter).to_row(&key);
                Request::Transact(Transaction::default().write(Write::Put(key, value)))
            }
            (Asked::Renew { counter, .. }, State::Alive { revision, .. }) => {
                Request::Transact(put(Compare::Changed(key.clone(), *revision), counter))
            }
            (Asked::Delete, State::Leaving(Some(revision))) => {
                let compare = Compare::Changed(key.clone(), *revision);
                Request::Transact(Transaction::default().when(compare).write(Write::Delete(key)))
            }
            _ => Request::Get(key),
        }
    }
}

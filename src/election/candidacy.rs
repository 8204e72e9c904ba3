//! One namespace's term, as one replica sees and wants it.
//!
//! The store is the truth: we hold a term when, and only when, its row names our session and does not say "resigned".
//! So an answer that was lost needs no bookkeeping, only another look, and a transaction that arrives late is noticed
//! by what it did.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use super::{
    ElectionConfig,
    record::{ReplicaSession, TermRecord},
    replicas::Replicas,
    spread::Spread,
};
use crate::{
    journal::{Record, Term},
    planted::{Planted, is},
    store::{Compare, Outcome, Reply, Request, Revision, Row, StoreError, Transaction, Write},
    types::{Mono, Namespace},
};

/// With the usual 30 s, nobody is asked again sooner than after 17 hours when he did not want to so often in a row.
const MAX_RETAKEN: u32 = 11;
/// Nobody waits for more replicas than this before it.
const MAX_RANK: u32 = 16;

#[derive(Debug)]
pub(super) struct Candidacy {
    namespace: Namespace,
    key: Arc<str>,
    seen: Option<Seen>,
    held: Option<Term>,
    intent: Intent,
    /// Since when the term is known to be free.
    free_since: Option<Mono>,
    /// Not to be taken before.
    not_before: Mono,
    asked: Option<Asked>,
    /// When to look again, or to try again.
    due: Mono,
    /// When a handover was last advised.
    pub(super) advised: Option<Mono>,
    /// The term that was won last, and how often it was won again because nobody else took it.
    last_won: u64,
    retaken: u32,
}

/// The row as it was last seen.
#[derive(Clone, Debug)]
struct Seen {
    value: Option<Bytes>,
    /// `None`: there is none, or it cannot be read.
    record: Option<TermRecord>,
    changed: Revision,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Intent {
    /// To have the term.
    Contend,
    /// To give it up, and then perhaps to forget the namespace.
    Resign { forget: bool },
    /// To have one with a number above this.
    Renew { above: u64 },
    /// To have none, and to know who has it.
    Abstain,
}

#[derive(Clone, Debug)]
enum Asked {
    Look,
    /// To write this.
    Write(Bytes),
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate<'a> {
    pub(super) config: &'a ElectionConfig,
    pub(super) replicas: &'a Replicas,
    pub(super) spread: &'a Spread,
    pub(super) name: &'a str,
    pub(super) address: &'a str,
    pub(super) session: ReplicaSession,
    /// Whether our own liveness record is there and surely ours.
    pub(super) lives: bool,
}

/// What there is to do for a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Todo {
    Ask(Request),
    At(Mono),
    /// Nothing before something happens.
    Nothing,
    /// The namespace may be forgotten.
    Forget,
}

impl Candidacy {
    pub(super) fn new(namespace: Namespace, key: Arc<str>) -> Self {
        Self {
            namespace,
            key,
            seen: None,
            held: None,
            intent: Intent::Contend,
            free_since: None,
            not_before: Mono::ZERO,
            asked: None,
            due: Mono::ZERO,
            advised: None,
            last_won: 0,
            retaken: 0,
        }
    }

    /// The term that we hold.
    pub(super) fn held(&self) -> Option<&Term> {
        self.held.as_ref()
    }

    /// Whether the term that was held is being given up for another one of ours.
    pub(super) const fn is_renewing(&self) -> bool {
        matches!(self.intent, Intent::Renew { .. })
    }

    /// A term is ours. If it follows our last one, whoever was to have it after that did not want it.
    pub(super) fn won(&mut self, number: u64) {
        let is_next = self.last_won != 0 && number == self.last_won.saturating_add(1);
        self.retaken = if is_next { self.retaken.saturating_add(1).min(MAX_RETAKEN) } else { 0 };
        self.last_won = number;
    }

    /// So many times longer to wait before another handover is advised: who was to have the namespace may not know it,
    /// or cannot lead it, and each try leaves it without a leader for a while.
    pub(super) const fn reluctance(&self) -> u32 {
        1 << self.retaken
    }

    /// The term as it was last seen, whoever holds it.
    pub(super) fn seen(&self) -> Option<&TermRecord> {
        self.seen.as_ref()?.record.as_ref()
    }

    /// Gives the term up, from this moment on; and forgets the namespace, if told to.
    pub(super) fn resign(&mut self, now: Mono, forget: bool) {
        if !is(Planted::ResignsLate) {
            self.held = None;
        }
        self.due = now;
        self.intent = Intent::Resign { forget: forget || self.intent == Intent::Resign { forget: true } };
    }

    /// Gives the term up for good, from this moment on.
    pub(super) fn abstain(&mut self, now: Mono) {
        if !matches!(self.intent, Intent::Resign { forget: true }) {
            (self.held, self.intent, self.due) = (None, Intent::Abstain, now);
        }
    }

    /// Wants the namespace again.
    pub(super) fn contend(&mut self) {
        if self.intent == (Intent::Resign { forget: true }) {
            self.intent = Intent::Resign { forget: false };
        }
    }

    /// Gives up the term that is held, for another one with a number above this.
    pub(super) fn renew(&mut self, now: Mono, above: u64) {
        if let Some(term) = self.held.take() {
            self.due = now;
            self.intent = Intent::Renew { above: above.max(term.number) };
        }
    }

    /// Our session is gone, and with it what it held.
    pub(super) fn died(&mut self, now: Mono) {
        self.held = None;
        self.doubt(now);
        if !matches!(self.intent, Intent::Resign { forget: true } | Intent::Abstain) {
            self.intent = Intent::Contend;
        }
    }

    /// To be looked at again.
    pub(super) fn doubt(&mut self, now: Mono) {
        self.due = now;
        self.seen = None;
    }

    /// What there is to do.
    pub(super) fn consider(&mut self, now: Mono, us: Candidate<'_>) -> Todo {
        if self.asked.is_some() {
            return Todo::Nothing;
        }
        let Some(seen) = self.seen.clone() else {
            return if now < self.due { Todo::At(self.due) } else { self.ask(Asked::Look) };
        };
        let ours = seen.record.as_ref().filter(|record| record.session == us.session && !record.resigned);
        match (self.intent, ours) {
            (Intent::Resign { forget: true }, None) => Todo::Forget,
            (Intent::Contend, Some(_)) => Todo::Nothing,
            (_, Some(_)) if now < self.due => Todo::At(self.due),
            (Intent::Resign { .. } | Intent::Abstain, Some(record)) => {
                self.write(TermRecord { resigned: true, ..record.clone() })
            }
            (Intent::Renew { above }, Some(record)) => self
                .write(TermRecord { number: above.max(record.number).saturating_add(1), ..record.clone() }),
            (Intent::Abstain, None) if now < self.due => Todo::At(self.due),
            (Intent::Abstain, None) => self.ask(Asked::Look),
            (_, None) => self.contend_for(now, us, seen),
        }
    }

    /// Hears what the store said to what was asked last.
    pub(super) fn hear(&mut self, now: Mono, us: Candidate<'_>, reply: Reply) {
        self.due = now + us.config.retry();
        match self.asked.take() {
            None => {}
            Some(Asked::Look) => {
                if let Ok(row) = reply.row() {
                    self.saw(now, us, row);
                }
            }
            Some(Asked::Write(value)) => match reply.outcome() {
                Ok(Outcome::Committed(changed)) => {
                    self.saw(now, us, Some(Row { key: self.key.clone(), value, changed }));
                }
                Ok(Outcome::Refused) | Err(StoreError::Unknown { .. }) => {
                    self.seen = None;
                    self.due = now;
                }
                // A store that is away says so at once: not as often as it does.
                Err(_) => self.not_before = self.not_before.max(self.due),
            },
        }
    }

    /// Hears of the row, from a look or a watch.
    pub(super) fn saw(&mut self, now: Mono, us: Candidate<'_>, row: Option<Row>) {
        let changed = row.as_ref().map_or(Revision::default(), |row| row.changed);
        if self.seen.as_ref().is_some_and(|seen| seen.changed > changed) && row.is_some() {
            return;
        }
        let record = row.as_ref().and_then(|row| TermRecord::from_row(&row.key, &row.value).ok());
        let is_ours = record.as_ref().is_some_and(|record| record.session == us.session);
        let holds = record.as_ref().filter(|record| is_ours && us.lives && !record.resigned);
        if self.seen.as_ref().is_none_or(|seen| seen.changed != changed) {
            self.free_since = None;
        }
        match (self.intent, &holds) {
            (Intent::Renew { above }, Some(record)) if record.number > above => self.intent = Intent::Contend,
            (Intent::Renew { .. }, None) => self.intent = Intent::Contend,
            (Intent::Resign { forget: false }, None) => {
                self.intent = Intent::Contend;
                // Whoever resigns leaves it to the others for a while.
                self.not_before = now + us.config.lease();
            }
            _ => {}
        }
        let holds_none = holds.is_none();
        self.held = match (holds, &row) {
            (Some(record), Some(row)) if self.intent == Intent::Contend => {
                Some(Term { number: record.number, record: row.value.clone() })
            }
            _ => None,
        };
        // What is still to be written is tried again soon; only what others hold can wait.
        if self.intent == Intent::Contend || self.intent == Intent::Abstain && holds_none {
            self.due = now + self.recheck(us);
        }
        self.seen = Some(Seen { value: row.map(|row| row.value), record, changed });
    }

    fn contend_for(&mut self, now: Mono, us: Candidate<'_>, seen: Seen) -> Todo {
        let free = match (&seen.value, &seen.record) {
            (None, _) => true,
            (_, Some(record)) => {
                record.resigned || us.replicas.is_gone(now, &record.replica, record.session, seen.changed)
            }
            // Whose it is cannot be read. It is nobody's when there is nobody else.
            (Some(_), None) => us.replicas.is_alone(seen.changed),
        };
        if !free || !us.lives {
            self.free_since = None;
            if now >= self.due {
                return self.ask(Asked::Look);
            }
            return Todo::At(self.due);
        }
        let since = *self.free_since.get_or_insert(now);
        let rank = u32::try_from(us.spread.rank(&self.namespace, us.name))
            .map_or(MAX_RANK, |rank| rank.min(MAX_RANK));
        let turn = since + us.config.patience() * rank;
        let at = turn.max(self.not_before);
        if now < at {
            return Todo::At(at);
        }
        let before = seen.record.unwrap_or_default();
        self.write(TermRecord {
            number: before.number.saturating_add(1),
            replica: us.name.to_owned(),
            session: us.session,
            resigned: false,
            address: us.address.to_owned(),
            longest_lease: us.config.lease_beside(before.longest_lease).max(us.replicas.longest_lease()),
            unknown: before.unknown,
        })
    }

    /// Rechecks are spread, so that thousands of namespaces do not ask at the same moment.
    fn recheck(&self, us: Candidate<'_>) -> Duration {
        let share = crate::hash::xxh3(self.namespace.as_bytes()) % 256;
        let whole = us.config.recheck();
        whole - whole / 1024 * u32::try_from(share).unwrap_or(0)
    }

    fn write(&mut self, record: TermRecord) -> Todo {
        let value = record.to_row(&self.key);
        self.ask(Asked::Write(value))
    }

    fn ask(&mut self, asked: Asked) -> Todo {
        let key = self.key.clone();
        let request = match &asked {
            Asked::Look => Request::Get(key),
            Asked::Write(value) => {
                let before = self.seen.as_ref().and_then(|seen| seen.value.clone());
                let compare = match before {
                    _ if is(Planted::TakeUnguarded) => None,
                    Some(before) => Some(Compare::Value(key.clone(), before)),
                    None => Some(Compare::Absent(key.clone())),
                };
                let take = Transaction::default().write(Write::Put(key, value.clone())).using_reserve();
                Request::Transact(compare.into_iter().fold(take, Transaction::when))
            }
        };
        self.asked = Some(asked);
        Todo::Ask(request)
    }
}

//! Asking the distributor about a key that nobody knew: one question per key and process, however many wait.

use std::collections::HashMap;
use std::{fmt, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use super::meter::Counts;
use super::owner::{Kept, Owner};
use super::single::Inner;
use super::{AskError, LookupError, OwnerSource, Resolver};
use crate::policy::Silence;
use crate::telemetry::metric;
use crate::types::{Mono, NameError, ShardKey};

/// What becomes of questions, in the order of [`Asks::counts`].
const OUTCOMES: [&str; 6] = ["answered", "not_found", "failed", "joined", "remembered", "busy"];
const ANSWERED: usize = 0;
const NOT_FOUND: usize = 1;
const FAILED: usize = 2;
const JOINED: usize = 3;
const REMEMBERED: usize = 4;
const BUSY: usize = 5;

/// The bounds of asking the distributor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AskLimits {
    /// How long one question to the distributor may take, whoever waits for it. Default 5 s.
    pub timeout: Duration,
    /// How long a "no such shard" is remembered. Default 1 s: a caller in a loop costs one question a second.
    pub remember_not_found: Duration,
    /// Questions under way at once; more are refused as busy. Default 1,024.
    pub max_in_flight: usize,
    /// Remembered "no such shard" answers; when there are more, new ones are not remembered. Default 4,096.
    pub max_remembered: usize,
}

impl Default for AskLimits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            remember_not_found: Duration::from_secs(1),
            max_in_flight: 1024,
            max_remembered: 4096,
        }
    }
}

/// The questions of one resolver.
pub(super) struct Asks {
    limits: AskLimits,
    state: Mutex<State>,
    pub(super) counts: Counts<{ OUTCOMES.len() }>,
}

#[derive(Default)]
struct State {
    in_flight: HashMap<ShardKey, watch::Receiver<Option<Result<(), AskError>>>>,
    /// Keys that the distributor does not have, and until when that is believed.
    not_found: HashMap<ShardKey, Mono>,
}

/// Why `resolve` found no owner.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResolveError {
    /// Memory has the last word on this key, or there is nobody to ask.
    Lookup(LookupError),
    /// The key is none.
    Key(NameError),
    /// The distributor has no such shard, or failed.
    Asked(AskError),
    /// The caller's time ran out first. The question goes on and its answer will be in the map.
    DeadlineExceeded {
        /// How long the caller waited.
        waited: Duration,
        /// What memory said in the end.
        last: LookupError,
    },
    /// Too many questions are under way.
    Busy {
        /// How many.
        in_flight: usize,
    },
}

impl Resolver {
    /// The owner of `key`; asks the distributor if it is the one to answer and memory does not know, waiting at most
    /// `within`. Callers that ask for the same key at the same time share one question. The policy's fallback answers
    /// when the distributor does not.
    ///
    /// Call it on a tokio runtime. A key that is known costs what [`lookup`](Self::lookup) costs and two atomics, and
    /// so does every key of a resolver that does not run.
    pub async fn resolve(&self, key: &str, within: Duration) -> Result<Owner<Kept>, ResolveError> {
        let started = Instant::now();
        let deadline = started.checked_add(within).unwrap_or_else(|| started + FAR_FUTURE);
        let settled = match (&self.inner.owner_source, self.is_running()) {
            (Some(source), true) => self.inner.settle(source, key, deadline).await,
            _ => Ok(()),
        };
        match (self.lookup(key).map(|owner| owner.keep()), settled) {
            (Ok(owner), _) => Ok(owner),
            (Err(last), Ok(())) => Err(ResolveError::Lookup(last)),
            (Err(last), Err(Unsettled::OutOfTime)) => {
                Err(ResolveError::DeadlineExceeded { waited: started.elapsed(), last })
            }
            (Err(_), Err(Unsettled::Refused(error))) => Err(error),
        }
    }
}

/// As good as for ever, and within what timers can count.
const FAR_FUTURE: Duration = Duration::from_secs(366 * 24 * 3600);

/// Why the distributor is still silent about a key.
enum Unsettled {
    OutOfTime,
    Refused(ResolveError),
}

impl Inner {
    /// Asks and waits until the distributor's map has an answer for `key`.
    async fn settle(
        self: &Arc<Self>,
        source: &Arc<dyn OwnerSource>,
        key: &str,
        deadline: Instant,
    ) -> Result<(), Unsettled> {
        let mut has_asked = false;
        loop {
            let rung = self.bell.times();
            let silence = self.published.load().to_be_settled(key);
            let settled = match silence {
                None | Some(Silence::TooOld) => return Ok(()),
                Some(Silence::NotFound) if !has_asked => {
                    has_asked = true;
                    let key =
                        ShardKey::new(key).map_err(|error| Unsettled::Refused(ResolveError::Key(error)))?;
                    let answer = tokio::time::timeout_at(deadline, self.ask(source, key)).await;
                    answer.map(|answer| answer.map_err(Unsettled::Refused))
                }
                // The ring stands in at once for a distributor that was never heard.
                Some(Silence::NoMap) if self.look_up(key).1.is_hit() => return Ok(()),
                // It was created and is gone again, or is between owners, or the first map is on its way: the next
                // map tells.
                Some(Silence::NotFound | Silence::Unassigned | Silence::NoMap) => {
                    tokio::time::timeout_at(deadline, self.bell.rung_after(rung)).await.map(Ok)
                }
            };
            settled.unwrap_or(Err(Unsettled::OutOfTime))?;
        }
    }

    /// Joins the question that is under way about this key, or begins one.
    async fn ask(self: &Arc<Self>, source: &Arc<dyn OwnerSource>, key: ShardKey) -> Result<(), ResolveError> {
        let mut answer = self.begin(source, key)?;
        let answered = answer.wait_for(Option::is_some).await.ok().and_then(|answer| answer.clone());
        // The teller is gone without a word if the source panicked or the runtime that asked has ended.
        let given_up =
            || Err(AskError::Failed { reason: "the question was given up before it was answered".into() });
        answered.unwrap_or_else(given_up).map_err(ResolveError::Asked)
    }

    fn begin(
        self: &Arc<Self>,
        source: &Arc<dyn OwnerSource>,
        key: ShardKey,
    ) -> Result<watch::Receiver<Option<Result<(), AskError>>>, ResolveError> {
        let Asks { limits, state, counts } = &self.asks;
        let mut state = state.lock();
        if state.not_found.get(&key).is_some_and(|until| self.clock.now() < *until) {
            counts.add(REMEMBERED, 1);
            return Err(ResolveError::Asked(AskError::NotFound));
        }
        if let Some(answer) = state.in_flight.get(&key) {
            counts.add(JOINED, 1);
            return Ok(answer.clone());
        }
        if state.in_flight.len() >= limits.max_in_flight {
            counts.add(BUSY, 1);
            return Err(ResolveError::Busy { in_flight: state.in_flight.len() });
        }
        let (tell, answer) = watch::channel(None);
        state.in_flight.insert(key.clone(), answer.clone());
        drop(state);
        // Made before the task, because a task may be dropped before it ever runs.
        let flight = Flight { inner: Arc::clone(self), key };
        let (source, timeout) = (Arc::clone(source), limits.timeout);
        // A task of its own: the caller that began the question may give up while others wait for the answer.
        tokio::spawn(async move {
            let asked = tokio::time::timeout(timeout, source.ask(&flight.key, timeout)).await;
            let asked = asked
                .unwrap_or_else(|_| Err(AskError::Failed { reason: format!("no answer in {timeout:?}") }));
            flight.land(&asked);
            tell.send_replace(Some(asked));
        });
        Ok(answer)
    }
}

/// Takes its key out of those in flight however the question ends: answered, panicked, or never begun.
struct Flight {
    inner: Arc<Inner>,
    key: ShardKey,
}

impl Flight {
    fn land(self, answer: &Result<(), AskError>) {
        let Asks { limits, state, counts } = &self.inner.asks;
        counts.add(
            match answer {
                Ok(()) => ANSWERED,
                Err(AskError::NotFound) => NOT_FOUND,
                Err(_) => FAILED,
            },
            1,
        );
        let not_found = &mut state.lock().not_found;
        if *answer == Err(AskError::NotFound) && not_found.len() < limits.max_remembered {
            not_found.insert(self.key.clone(), self.inner.clock.now() + limits.remember_not_found);
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.inner.asks.state.lock().in_flight.remove(&self.key);
    }
}

impl Asks {
    pub(super) fn new(limits: AskLimits) -> Self {
        Self { limits, state: Mutex::default(), counts: Counts::new(metric::ASKS, OUTCOMES) }
    }

    pub(super) fn forget_expired(&self, now: Mono) {
        self.state.lock().not_found.retain(|_, until| now < *until);
    }
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lookup(error) => error.fmt(f),
            Self::Key(error) => error.fmt(f),
            Self::Asked(error) => error.fmt(f),
            Self::DeadlineExceeded { waited, last } => write!(f, "no owner within {waited:?}: {last}"),
            Self::Busy { in_flight } => {
                write!(f, "{in_flight} questions to the distributor are under way already; ask again")
            }
        }
    }
}

impl std::error::Error for ResolveError {}

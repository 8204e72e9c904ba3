//! What every lookup does, on what its thread keeps of the resolver.

use super::local::Shelf;
use super::meter::Tally;
use super::owner::Loan;
use super::single::Inner;
use super::split::{Draws, Sampling};
use super::view::{Outcome, Pick, Way};
use crate::hash::xxh3;

/// Longest key that is hashed without a call. Task lists, workflow ids and UUIDs are shorter.
const SHORT_KEY_BYTES: usize = 128;

/// What a thread keeps of a resolver.
pub(super) struct Local {
    way: Way,
    pub(super) loan: Loan,
    tally: Tally,
    draws: Draws,
}

thread_local! {
    static LOCALS: Shelf<Local> = const { Shelf::new() };
}

impl Inner {
    /// Answers in two registers, and is not inlined into callers: [`Resolver::lookup`](super::Resolver::lookup) makes the
    /// owner of it, and is.
    ///
    /// What is ordinary happens here; all else is a call.
    #[inline(never)]
    pub(super) fn look_up(&self, key: &str) -> (Loan, Pick) {
        if key.is_empty() || key.len() > SHORT_KEY_BYTES {
            return self.look_up_any(key);
        }
        let hash = xxh3(key.as_bytes());
        let newest = self.published.generation();
        let look_up = |local: &Local| {
            let pick = match &local.way {
                Way::RingAlone(ring) => {
                    ring.slot_at(hash).map(|slot| (Pick::of_ring(slot, Outcome::Ring), false))
                }
                Way::Either(split) => split.pick(key.as_bytes(), hash, &local.draws),
                Way::Any => None,
            };
            let pick = match pick {
                Some((pick, is_compared)) => {
                    local.tally.count(pick);
                    if is_compared {
                        self.shadow.offer(key.as_bytes());
                    }
                    pick
                }
                None => self.pick(local, key, hash),
            };
            (local.loan.clone(), pick)
        };
        match Shelf::newest(&LOCALS, &self.compartment, newest, look_up) {
            Some(answer) => answer,
            None => self.look_up_any(key),
        }
    }

    #[cold]
    #[inline(never)]
    fn look_up_any(&self, key: &str) -> (Loan, Pick) {
        let hash = xxh3(key.as_bytes());
        self.with_local(|local| (local.loan.clone(), self.pick(local, key, hash)))
    }

    /// Counts, and samples for the shadow.
    #[inline(never)]
    pub(super) fn pick(&self, local: &Local, key: &str, hash: u64) -> Pick {
        let view = local.loan.view();
        let (path, pick) = view.answer(key.as_bytes(), hash);
        local.tally.count(pick);
        if path.shadow().is_some() && local.draws.draw(Sampling::new(view.policy.shadow_sample())) {
            self.shadow.offer(key.as_bytes());
        }
        pick
    }

    pub(super) fn with_local<R>(&self, with: impl Fn(&Local) -> R) -> R {
        let newest = self.published.generation();
        Shelf::newest(&LOCALS, &self.compartment, newest, &with)
            .unwrap_or_else(|| Shelf::renew(&LOCALS, &self.compartment, |old| self.renew(old), with))
    }

    /// Takes over the thread's counters.
    fn renew(&self, former: Option<Local>) -> (u64, Local) {
        let snapshot = self.published.load();
        let (tally, draws) = match former {
            Some(Local { tally, draws, .. }) => (tally, draws),
            None => (Tally::join(&self.tallies), Draws::default()),
        };
        let way = snapshot.way();
        (snapshot.generation(), Local { way, loan: Loan::of(snapshot), tally, draws })
    }
}

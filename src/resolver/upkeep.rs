//! The thread that does for lookups what they must not do themselves: compare samples, free old snapshots.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::leftovers;

/// How often it looks round. A sample waits that long for its comparison, a retired snapshot for its end.
const EVERY: Duration = Duration::from_millis(100);

/// What is looked after.
pub(super) trait LookedAfter: Send + Sync + 'static {
    /// Short work, called about ten times a second.
    fn look_after(&self);
}

/// One thread for any number of resolvers; ends when this does.
pub(super) struct Upkeep(Arc<Shared>);

struct Shared {
    round: Mutex<Round>,
    wake: Condvar,
}

#[derive(Default)]
struct Round {
    kept: Vec<Weak<dyn LookedAfter>>,
    has_ended: bool,
}

impl Upkeep {
    pub(super) fn start() -> std::io::Result<Self> {
        let shared = Arc::new(Shared { round: Mutex::default(), wake: Condvar::new() });
        let theirs = Arc::clone(&shared);
        thread::Builder::new().name("shardway-upkeep".into()).spawn(move || {
            while let Some(kept) = theirs.next_round() {
                // It may end an embedder's sources; a panic of theirs must not end the upkeep of others.
                _ = catch_unwind(leftovers::free);
                for kept in kept.iter().filter_map(Weak::upgrade) {
                    // And so may this, which runs an embedder's clock and wakers.
                    _ = catch_unwind(AssertUnwindSafe(|| kept.look_after()));
                }
            }
        })?;
        Ok(Self(shared))
    }

    pub(super) fn add(&self, kept: Weak<dyn LookedAfter>) {
        self.0.round.lock().kept.push(kept);
    }
}

impl Shared {
    /// Waits for the next round; `None` when it is over.
    fn next_round(&self) -> Option<Vec<Weak<dyn LookedAfter>>> {
        let mut round = self.round.lock();
        if !round.has_ended {
            self.wake.wait_for(&mut round, EVERY);
        }
        round.kept.retain(|kept| kept.strong_count() > 0);
        (!round.has_ended).then(|| round.kept.clone())
    }
}

impl Drop for Upkeep {
    /// Does not wait for the thread: it may be the one that drops this.
    fn drop(&mut self) {
        self.0.round.lock().has_ended = true;
        self.0.wake.notify_all();
    }
}

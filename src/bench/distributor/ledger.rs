//! Who held which shard, and since when.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::{
    clock::Clock,
    types::{Mono, ShardKey},
};

/// What executors say, all by one clock.
pub(super) struct Ledger {
    clock: Arc<dyn Clock>,
    books: Mutex<Books>,
    /// How many shards are held.
    held: watch::Sender<usize>,
}

#[derive(Default)]
struct Books {
    holders: BTreeMap<ShardKey, (u32, Mono)>,
    counts: BTreeMap<u32, usize>,
    /// When each shard was let go of, and by whom.
    stopped: BTreeMap<ShardKey, Mono>,
    gaps: Vec<Duration>,
}

impl Ledger {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { clock, books: Mutex::default(), held: watch::Sender::new(0) })
    }

    /// An executor holds a shard from now on, or no longer.
    pub(super) fn note(&self, executor: u32, shard: &ShardKey, holds: bool) {
        let now = self.clock.now();
        let mut books = self.books.lock();
        if holds {
            // Whoever had it and did not say that it stopped has crashed.
            if let Some((before, _)) = books.holders.insert(shard.clone(), (executor, now)) {
                *books.counts.entry(before).or_default() -= 1;
            }
            *books.counts.entry(executor).or_default() += 1;
            if let Some(stopped) = books.stopped.remove(shard) {
                books.gaps.push(now.since(stopped));
            }
        } else if books.holders.get(shard).is_some_and(|(holder, _)| *holder == executor) {
            books.holders.remove(shard);
            *books.counts.entry(executor).or_default() -= 1;
            books.stopped.insert(shard.clone(), now);
        }
        let held = books.holders.len();
        drop(books);
        self.held.send_replace(held);
    }

    /// How many shards each executor holds that has ever held one.
    pub(super) fn counts(&self) -> BTreeMap<u32, usize> {
        self.books.lock().counts.clone()
    }

    /// Who holds a shard.
    pub(super) fn holder(&self, shard: &str) -> Option<u32> {
        self.books.lock().holders.get(shard).map(|(holder, _)| *holder)
    }

    /// How long shards that were let go of had no holder, since this was asked last.
    pub(super) fn take_gaps(&self) -> Vec<Duration> {
        std::mem::take(&mut self.books.lock().gaps)
    }

    /// The latest moment at which somebody got a shard.
    pub(super) fn last_start(&self) -> Option<Mono> {
        self.books.lock().holders.values().map(|(_, since)| *since).max()
    }

    /// Waits until it is so; looks whenever somebody gets or loses a shard.
    pub(super) async fn until(&self, mut is_so: impl FnMut(&BTreeMap<u32, usize>, usize) -> bool) {
        let mut held = self.held.subscribe();
        loop {
            let now_held = *held.borrow_and_update();
            if is_so(&self.books.lock().counts, now_held) {
                return;
            }
            if held.changed().await.is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn a_gap_is_from_the_stop_to_the_next_start() {
        let clock = Arc::new(ManualClock::new());
        let ledger = Ledger::new(clock.clone());
        let shard = ShardKey::new("7").unwrap();
        ledger.note(1, &shard, true);
        clock.advance(Duration::from_secs(5));
        ledger.note(1, &shard, false);
        clock.advance(Duration::from_millis(30));
        ledger.note(2, &shard, true);
        assert_eq!(ledger.take_gaps(), [Duration::from_millis(30)]);
        assert_eq!(ledger.counts(), BTreeMap::from([(1, 0), (2, 1)]));
        assert_eq!(ledger.take_gaps(), []);
    }
}

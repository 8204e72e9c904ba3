//! All stand-ins of a replica, by executor.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;

use super::stand_in::{Place, StandIn, Trouble};
use crate::{
    proto::cadence::{Heartbeat, wire::HeartbeatResponse},
    types::{ExecutorId, Mono, Namespace},
};

/// Most stand-ins. The session of one that is dropped is resumed with its executor's next beat.
const MAX_STAND_INS: usize = 200_000;
/// Who has not beaten for so long is dropped, when there are many.
const IDLE: Duration = Duration::from_mins(1);
/// How many there are before anybody is looked for who has gone.
const SWEEP_FROM: usize = 1_000;

#[derive(Debug, Default)]
pub(super) struct StandIns(Mutex<All>);

#[derive(Debug, Default)]
struct All {
    by_executor: BTreeMap<(Namespace, ExecutorId), Arc<Entry>>,
    /// How many there may be before the next sweep.
    sweep_at: usize,
}

#[derive(Debug)]
struct Entry {
    stand_in: tokio::sync::Mutex<StandIn>,
    /// When a beat arrived last, in nanoseconds of the clock.
    heard: AtomicU64,
}

impl StandIns {
    /// A beat that arrived then.
    pub(super) async fn hear(
        &self,
        place: &Place<'_>,
        arrived: Mono,
        beat: &Heartbeat,
    ) -> Result<HeartbeatResponse, Trouble> {
        let key = (place.namespace.clone(), beat.executor.clone());
        let entry = self.entry(&key, arrived).ok_or(Trouble::Busy)?;
        let mut stand_in = entry.stand_in.lock().await;
        let heard = stand_in.hear(place, arrived, beat).await;
        if stand_in.is_idle() {
            drop(stand_in);
            self.0.lock().by_executor.remove(&key);
        }
        heard
    }

    /// When a beat of the executor arrived last, if that was here.
    pub(super) fn heard(&self, namespace: &Namespace, executor: &str) -> Option<Mono> {
        let key = (namespace.clone(), ExecutorId::new(executor).ok()?);
        let all = self.0.lock();
        let entry = all.by_executor.get(&key)?;
        Some(Mono::from_nanos(entry.heard.load(Ordering::Relaxed)))
    }

    fn entry(&self, key: &(Namespace, ExecutorId), now: Mono) -> Option<Arc<Entry>> {
        let mut all = self.0.lock();
        if let Some(entry) = all.by_executor.get(key) {
            entry.heard.fetch_max(now.as_nanos(), Ordering::Relaxed);
            return Some(entry.clone());
        }
        if all.by_executor.len() >= all.sweep_at.max(SWEEP_FROM) {
            let since = now.back(IDLE).as_nanos();
            all.by_executor.retain(|_, entry| entry.heard.load(Ordering::Relaxed) >= since);
            all.sweep_at = all.by_executor.len() * 2;
        }
        if all.by_executor.len() >= MAX_STAND_INS {
            return None;
        }
        let entry = Arc::new(Entry { stand_in: Default::default(), heard: AtomicU64::new(now.as_nanos()) });
        all.by_executor.insert(key.clone(), entry.clone());
        Some(entry)
    }
}

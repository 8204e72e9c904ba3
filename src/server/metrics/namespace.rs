//! What is counted of one namespace.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use parking_lot::Mutex;

use crate::{
    engine::{Engine, MoveFigures, PlanFigures},
    plan,
    server::room::{Census, Room},
    telemetry::{Histogram, Recorder, metric},
    types::{Mono, Namespace, SessionId, Version},
};

/// Commits whose time is remembered, for watchers that say later that they have them in force.
const MAX_COMMITS: usize = 1024;

/// Counted as it happens.
#[derive(Debug, Default)]
pub(crate) struct NamespaceFigures {
    terms: AtomicU64,
    commits: AtomicU64,
    beats: AtomicU64,
    beat_lateness: Histogram,
    propagation: Histogram,
    round: Histogram,
    /// The last commits, and when they were known here.
    committed: Mutex<VecDeque<(Version, Mono)>>,
    /// When each session was last heard.
    heard: Mutex<BTreeMap<SessionId, Mono>>,
}

/// What the engine of a namespace that is led here has counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Led {
    pub(crate) moves: MoveFigures,
    pub(crate) plans: PlanFigures,
    pub(crate) is_restrained: bool,
    pub(crate) is_waiting: bool,
}

impl Led {
    pub(crate) const fn of(engine: &Engine) -> Self {
        Self {
            moves: *engine.moves(),
            plans: *engine.plans(),
            is_restrained: engine.is_restrained(),
            is_waiting: engine.is_waiting(),
        }
    }
}

impl NamespaceFigures {
    pub(crate) fn began_to_lead(&self) {
        self.terms.fetch_add(1, Ordering::Relaxed);
        self.heard.lock().clear();
    }

    /// A commit is known here.
    pub(crate) fn committed(&self, version: Version, now: Mono) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        let mut committed = self.committed.lock();
        if committed.len() == MAX_COMMITS {
            committed.pop_front();
        }
        committed.push_back((version, now));
    }

    /// A watcher says for the first time that it has the version in force. It has watched since then.
    pub(crate) fn in_force(&self, version: Version, watched_since: Mono, now: Mono) {
        let committed = self.committed.lock();
        let found = committed.binary_search_by_key(&version, |(version, _)| *version);
        if let Some((_, at)) = found.ok().map(|found| committed[found])
            && at >= watched_since
        {
            self.propagation.observe(now.since(at));
        }
    }

    /// A beat has arrived, of a session if there is one.
    pub(crate) fn beat(&self, session: Option<SessionId>, every: Duration, now: Mono) {
        self.beats.fetch_add(1, Ordering::Relaxed);
        if let Some(session) = session
            && let Some(before) = self.heard.lock().insert(session, now)
        {
            self.beat_lateness.observe(now.since(before).saturating_sub(every));
        }
    }

    /// A planning round was held here.
    pub(crate) fn planned(&self, took: Duration) {
        self.round.observe(took);
    }

    /// A session is over.
    pub(crate) fn ended(&self, session: SessionId) {
        self.heard.lock().remove(&session);
    }

    pub(super) fn record(&self, to: &dyn Recorder, namespace: &Namespace, room: &Room, led: Option<&Led>) {
        let of = [("namespace", namespace.as_str())];
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        to.gauge(metric::LEADS, &of, f64::from(led.is_some()));
        to.counter(metric::TERMS, &of, count(&self.terms));
        to.counter(metric::COMMITS, &of, count(&self.commits));
        to.counter(metric::BEATS, &of, count(&self.beats));
        to.histogram(metric::BEAT_LATENESS_SECONDS, &of, &self.beat_lateness.buckets());
        to.histogram(metric::PROPAGATION_SECONDS, &of, &self.propagation.buckets());
        to.histogram(metric::ROUND_SECONDS, &of, &self.round.buckets());
        to.gauge(metric::WATCHERS, &of, room.watchers().len() as f64);
        if let Some((version, census)) = room.census() {
            to.gauge(metric::GENERATION, &of, version.generation as f64);
            record_census(to, namespace, &census);
        }
        if let Some(led) = led {
            record_led(to, namespace, led);
        }
    }
}

fn record_census(to: &dyn Recorder, namespace: &Namespace, census: &Census) {
    let of = ("namespace", namespace.as_str());
    for (state, shards) in [
        ("owned", census.owned),
        ("unowned", census.unowned()),
        ("moving", census.moving),
        ("quarantined", census.quarantined),
    ] {
        to.gauge(metric::SHARDS, &[of, ("state", state)], shards as f64);
    }
    for (state, sessions) in census.sessions() {
        to.gauge(metric::EXECUTORS, &[of, ("state", state)], sessions as f64);
    }
    to.gauge(metric::SHARDS_MAX_OVER_MEAN, &[of], census.max_over_mean);
    to.gauge(metric::SHARDS_CV, &[of], census.cv);
}

fn record_led(to: &dyn Recorder, namespace: &Namespace, led: &Led) {
    let Led { moves, plans, is_restrained, is_waiting } = led;
    let of = [("namespace", namespace.as_str())];
    to.counter(metric::ROUNDS, &of, plans.rounds);
    for reason in plan::Reason::ALL {
        let labels = [of[0], ("reason", reason.as_str())];
        to.counter(metric::MOVES, &labels, plans.moves[reason as usize]);
    }
    to.gauge(metric::LOAD_MAX_OVER_MEAN, &of, plans.max_over_mean);
    to.gauge(metric::LOAD_CV, &of, plans.cv);
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    to.counter(metric::HANDOVERS, &of, moves.moves);
    to.counter(metric::GAP, &of, millis(moves.gap_total));
    to.gauge(metric::GAP_MAX, &of, moves.gap_max.as_secs_f64());
    to.counter(metric::OVERLAPS, &of, moves.overlaps);
    to.counter(metric::OVERLAP, &of, millis(moves.overlap_total));
    to.gauge(metric::OVERLAP_MAX, &of, moves.overlap_max.as_secs_f64());
    to.gauge(metric::RESTRAINED, &of, f64::from(*is_restrained));
    to.gauge(metric::WAITING, &of, f64::from(*is_waiting));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Mono {
        Mono::from_nanos(millis * 1_000_000)
    }

    fn version(generation: u64) -> Version {
        Version { incarnation: 1, generation }
    }

    fn session(ordinal: u32) -> SessionId {
        SessionId { began: version(1), ordinal }
    }

    #[test]
    fn beats_count_as_late_by_what_they_are_asked_for() {
        let figures = NamespaceFigures::default();
        let (one, two) = (session(1), session(2));
        let second = Duration::from_secs(1);
        for (session, millis) in [(one, 0), (two, 500), (one, 900), (one, 3900)] {
            figures.beat(Some(session), second, at(millis));
        }
        let late = figures.beat_lateness.buckets();
        assert_eq!((late.count(), late.sum), (2, Duration::from_secs(2)), "the first of each is not late");
        figures.ended(one);
        figures.beat(Some(one), second, at(60_000));
        assert_eq!(figures.beat_lateness.buckets().count(), 2, "who comes again is not late");
        assert_eq!(figures.beats.load(Ordering::Relaxed), 5);
        figures.began_to_lead();
        figures.beat(Some(two), second, at(60_000));
        figures.beat(None, second, at(90_000));
        assert_eq!(figures.heard.lock().len(), 1, "what is no session is not remembered");
        assert_eq!(figures.beat_lateness.buckets().count(), 2, "nor is whom another leader heard");
    }

    #[test]
    fn commits_take_until_a_watcher_has_them() {
        let figures = NamespaceFigures::default();
        figures.committed(version(5), at(1000));
        figures.committed(version(6), at(2000));
        figures.in_force(version(6), at(0), at(2030));
        figures.in_force(version(7), at(0), at(9000));
        figures.in_force(version(5), at(1500), at(9000));
        let told = figures.propagation.buckets();
        assert_eq!((told.count(), told.sum), (1, Duration::from_millis(30)), "of what it watched for");
        for generation in 7..7 + MAX_COMMITS as u64 {
            figures.committed(version(generation), at(3000));
        }
        assert_eq!(figures.committed.lock().len(), MAX_COMMITS);
        figures.in_force(version(6), at(0), at(9000));
        assert_eq!(figures.propagation.buckets().count(), 1, "what is long ago is forgotten");
    }
}

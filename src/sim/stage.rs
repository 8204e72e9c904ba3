//! What everybody on the virtual stage needs: the time, the wire, chance, and the auditor who sees it all.

use std::{sync::LazyLock, time::Duration};

use super::{
    agenda::Agenda,
    auditor::Auditor,
    coverage::{Coverage, Met},
    happening::{Happening, Message},
    network::Network,
    node::Node,
    random::Random,
    record::Record,
    swarm::Swarm,
};
use crate::types::{Mono, Namespace, ShardKey};

#[derive(Debug)]
pub(super) struct Stage {
    /// True time, which nobody on stage can read.
    pub(super) now: Mono,
    pub(super) swarm: Swarm,
    pub(super) agenda: Agenda<Happening>,
    pub(super) network: Network,
    pub(super) random: Random,
    lags: Random,
    pub(super) auditor: Auditor,
    pub(super) coverage: Coverage,
    pub(super) record: Record,
    /// While bad things happen. Afterwards everybody behaves.
    pub(super) is_bad: bool,
    /// Since when all is well, once it is.
    pub(super) healed: Mono,
    /// Whoever starts to serve this shard dies of it.
    pub(super) poison: Option<ShardKey>,
    /// How often a shard that is told to stop never does.
    pub(super) stuck_ppm: u32,
    /// How many processes there were.
    pub(super) processes: u32,
    /// How many runs of distributors there were, and when the last one began.
    pub(super) runs: u32,
    pub(super) last_start: Mono,
    /// How many times a namespace was taken over, and when the last time was.
    pub(super) elections: u32,
    pub(super) last_election: Mono,
}

/// The namespace of which all this is about.
pub(super) fn namespace() -> &'static Namespace {
    static NAME: LazyLock<Namespace> =
        LazyLock::new(|| Namespace::new("simulated").expect("a namespace's name"));
    &NAME
}

/// What calendars show: not long after the beginning, so that incarnations are easy to read.
pub(super) const fn unix_millis(now: Mono) -> u64 {
    1_000 + now.as_nanos() / 1_000_000
}

/// Two nodes never act at quite the same time, and nobody acts twice at once.
const TICK: Duration = Duration::from_micros(1);

impl Stage {
    pub(super) fn new(swarm: Swarm, tells_story: bool) -> Self {
        let seed = swarm.seed;
        Self {
            now: Mono::ZERO,
            agenda: Agenda::new(),
            network: Network::new(swarm.weather, Random::new(seed, 2)),
            random: Random::new(seed, 3),
            lags: Random::new(seed, 6),
            auditor: Auditor::new(&swarm),
            coverage: Coverage::default(),
            record: Record::new(tells_story),
            is_bad: true,
            healed: Mono::ZERO,
            poison: None,
            stuck_ppm: 0,
            processes: 0,
            runs: 0,
            last_start: Mono::ZERO,
            elections: 0,
            last_election: Mono::ZERO,
            swarm,
        }
    }

    pub(super) fn at(&mut self, when: Mono, happening: Happening) {
        self.agenda.add(when.max(self.now + TICK), happening);
    }

    pub(super) fn after(&mut self, delay: Duration, happening: Happening) {
        self.at(self.now + delay, happening);
    }

    pub(super) fn send(&mut self, from: Node, to: Node, message: Message) {
        let [first, second] = self.network.carry(self.now, from, to);
        if let Some(delay) = second {
            self.after(delay, Happening::Arrives { from, to, message: message.clone() });
        }
        if let Some(delay) = first {
            self.after(delay, Happening::Arrives { from, to, message });
        }
    }

    /// How late a distributor's parts hear what they tell each other now.
    pub(super) fn lag(&mut self) -> Duration {
        let most = self.swarm.lag;
        let is_late = self.is_bad && !most.is_zero();
        if is_late { self.lags.between(Duration::ZERO, most) } else { Duration::ZERO }
    }

    pub(super) const fn met(&mut self, met: Met) {
        self.coverage.add(met);
    }

    pub(super) fn tell(&mut self, what: impl FnOnce() -> String) {
        self.record.tell(self.now, what);
    }
}

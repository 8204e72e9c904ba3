//! The wire between nodes: it delays, loses, repeats, reorders and cuts.

use std::time::Duration;

use super::{
    node::{NODES, Node},
    random::Random,
};
use crate::types::Mono;

/// How the network behaves where it is not cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Weather {
    /// Shortest time on the way.
    pub(super) least: Duration,
    /// Longest, usually.
    pub(super) most: Duration,
    pub(super) loss_ppm: u32,
    pub(super) repeat_ppm: u32,
    /// How often a message takes far longer than usual, and how long at the most: so it arrives out of order.
    pub(super) detour_ppm: u32,
    pub(super) detour: Duration,
    /// Whether messages arrive in the order in which they were sent, as on one connection, but for detours.
    pub(super) is_ordered: bool,
}

impl Weather {
    /// Nothing is lost, nothing takes long.
    pub(super) const FAIR: Self = Self {
        least: Duration::from_micros(200),
        most: Duration::from_millis(5),
        loss_ppm: 0,
        repeat_ppm: 0,
        detour_ppm: 0,
        detour: Duration::ZERO,
        is_ordered: true,
    };
}

/// Names a cut, to mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut(u64);

#[derive(Debug)]
pub(super) struct Network {
    weather: Weather,
    random: Random,
    cuts: Vec<(Cut, Vec<(Node, Node)>)>,
    made: u64,
    /// For each sender, which receivers it does not reach: a bit each.
    silent: [u64; NODES],
    /// When the last message that took no detour arrives, for each sender and receiver.
    last: Vec<Mono>,
}

impl Network {
    pub(super) fn new(weather: Weather, random: Random) -> Self {
        let last = vec![Mono::ZERO; NODES * NODES];
        Self { weather, random, cuts: Vec::new(), made: 0, silent: [0; NODES], last }
    }

    pub(super) const fn set_weather(&mut self, weather: Weather) {
        self.weather = weather;
    }

    /// Nothing goes from the first to the second node of each pair any more.
    pub(super) fn cut(&mut self, pairs: Vec<(Node, Node)>) -> Cut {
        self.made += 1;
        self.cuts.push((Cut(self.made), pairs));
        self.count();
        Cut(self.made)
    }

    pub(super) fn mend(&mut self, cut: Cut) {
        self.cuts.retain(|(id, _)| *id != cut);
        self.count();
    }

    pub(super) fn mend_all(&mut self) {
        self.cuts.clear();
        self.count();
    }

    /// When copies of a message arrive, counted from now: of none, one or two.
    pub(super) fn carry(&mut self, now: Mono, from: Node, to: Node) -> [Option<Duration>; 2] {
        if self.is_cut(from, to) || self.random.happens(self.weather.loss_ppm) {
            return [None, None];
        }
        let first = self.in_order(now, from, to);
        let second = if self.random.happens(self.weather.repeat_ppm) { Some(self.delay()) } else { None };
        [Some(first), second]
    }

    const fn is_cut(&self, from: Node, to: Node) -> bool {
        self.silent[from.index()] & 1 << to.index() != 0
    }

    fn in_order(&mut self, now: Mono, from: Node, to: Node) -> Duration {
        let (delay, usual) = (self.delay(), self.weather.most);
        if !self.weather.is_ordered || delay > usual {
            return delay;
        }
        let last = &mut self.last[from.index() * NODES + to.index()];
        *last = (now + delay).max(*last);
        last.since(now)
    }

    fn delay(&mut self) -> Duration {
        let Weather { least, most, detour_ppm, detour, .. } = self.weather;
        let usual = self.random.between(least, most);
        if self.random.happens(detour_ppm) {
            usual + self.random.between(Duration::ZERO, detour)
        } else {
            usual
        }
    }

    fn count(&mut self) {
        self.silent = [0; NODES];
        for (from, to) in self.cuts.iter().flat_map(|(_, pairs)| pairs) {
            self.silent[from.index()] |= 1 << to.index();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_overlap_and_are_mended_one_by_one() {
        let mut network = Network::new(Weather::FAIR, Random::new(1, 0));
        let (a, b) = (Node::Executor(1), Node::Replica(0));
        let arrives = |network: &mut Network, from, to| network.carry(Mono::ZERO, from, to)[0].is_some();
        let one = network.cut(vec![(a, b)]);
        assert!(!arrives(&mut network, a, b) && arrives(&mut network, b, a), "one way only");
        let both = network.cut(vec![(a, b), (b, a)]);
        network.mend(one);
        assert!(!arrives(&mut network, a, b) && !arrives(&mut network, b, a));
        network.mend(both);
        assert!(arrives(&mut network, a, b) && arrives(&mut network, b, a));
    }

    #[test]
    fn bad_weather_loses_and_repeats() {
        let weather = Weather { loss_ppm: 300_000, repeat_ppm: 300_000, ..Weather::FAIR };
        let mut network = Network::new(weather, Random::new(1, 0));
        let mut copies = [0; 3];
        for _ in 0..1000 {
            copies[network.carry(Mono::ZERO, Node::Operator, Node::Store).iter().flatten().count()] += 1;
        }
        assert!(copies.iter().all(|&count| count > 100), "{copies:?}");
    }
}

//! Fleets on a network of this file's own: virtual time, one seed, datagrams that are late or lost.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rand::RngExt;

use super::{super::envelope::seal, *};

const CLUSTER: &str = "orders";

/// Processes by number; process 0 is everybody's seed.
struct Network {
    now: Mono,
    rng: SmallRng,
    processes: BTreeMap<u16, Process>,
    in_flight: BTreeMap<(Mono, u64), (SocketAddr, SocketAddr, Vec<u8>)>,
    /// When which process wakes; outdated entries wake it early, which changes nothing.
    wakes: BTreeSet<(Mono, u16)>,
    sent: u64,
    /// How often somebody was told something: conditions look at nothing else.
    tellings: u64,
    /// Out of a hundred datagrams so many are lost.
    loss: u32,
    /// Processes below this number and the others do not hear each other.
    parted_at: u16,
    timing: GossipTiming,
}

struct Process {
    fleet: Fleet,
    told: Option<BTreeSet<u16>>,
    alone: bool,
}

fn address(number: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, (number >> 8) as u8, number as u8], 7946))
}

/// Nobody's, if it was made up by noise.
fn number(address: SocketAddr) -> u16 {
    match address {
        SocketAddr::V4(address) => u16::from_be_bytes([address.ip().octets()[2], address.ip().octets()[3]]),
        SocketAddr::V6(_) => u16::MAX,
    }
}

fn peer(number: u16, generation: u64) -> Peer {
    let member = Member::new(format!("member-{number}:80")).unwrap();
    Peer::new(address(number), generation, Some(member.into()))
}

impl Network {
    fn new(seed: u64) -> Self {
        Self {
            now: Mono::ZERO,
            rng: SmallRng::seed_from_u64(seed),
            processes: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            wakes: BTreeSet::new(),
            sent: 0,
            tellings: 0,
            loss: 0,
            parted_at: 0,
            timing: GossipTiming::default(),
        }
    }

    /// A fleet that has found together.
    fn together(seed: u64, size: u16) -> Self {
        let mut network = Self::new(seed);
        (0..size).for_each(|number| network.start(number, 1000));
        let everybody = (0..size).collect();
        network.run_until(Duration::from_secs(60), "the fleet finds together", |n| n.all_told(&everybody));
        network
    }

    fn start(&mut self, number: u16, generation: u64) {
        self.start_in(CLUSTER, number, generation);
    }

    fn start_in(&mut self, cluster: &str, number: u16, generation: u64) {
        let seed = self.rng.random();
        let fleet = Fleet::new(cluster, peer(number, generation), true, self.timing, seed, self.now);
        self.processes.insert(number, Process { fleet, told: None, alone: false });
        self.wakes.insert((self.now, number));
    }

    fn kill(&mut self, number: u16) {
        self.processes.remove(&number).expect("it runs");
    }

    fn all_told(&self, members: &BTreeSet<u16>) -> bool {
        self.processes
            .iter()
            .all(|(number, process)| !members.contains(number) || process.told.as_ref() == Some(members))
    }

    /// Runs until the condition holds; answers how long that took.
    fn run_until(&mut self, at_most: Duration, what: &str, condition: impl Fn(&Self) -> bool) -> Duration {
        let (start, deadline) = (self.now, self.now + at_most);
        while !condition(self) {
            let seen = self.tellings;
            while self.tellings == seen {
                assert!(self.now < deadline, "not within {at_most:?}: {what}; told: {:?}", self.told());
                self.step();
            }
        }
        self.now.since(start)
    }

    fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.step();
        }
    }

    fn told(&self) -> BTreeMap<u16, Option<usize>> {
        self.processes
            .iter()
            .map(|(number, process)| (*number, process.told.as_ref().map(BTreeSet::len)))
            .collect()
    }

    /// The next thing that happens, happens.
    fn step(&mut self) {
        let arrival = self.in_flight.first_key_value().map(|((at, _), _)| *at);
        let (wake, number) = *self.wakes.first().expect("somebody runs");
        if arrival.is_some_and(|arrival| arrival <= wake) {
            let ((at, _), (from, to, datagram)) = self.in_flight.pop_first().unwrap();
            self.now = self.now.max(at);
            self.deliver(from, to, &datagram);
        } else {
            self.wakes.pop_first();
            self.now = self.now.max(wake);
            if let Some(process) = self.processes.get_mut(&number) {
                process.fleet.wake(self.now);
                self.attend(number);
            }
        }
    }

    fn deliver(&mut self, from: SocketAddr, to: SocketAddr, datagram: &[u8]) {
        let parted = (number(from) < self.parted_at) != (number(to) < self.parted_at);
        let lost = parted || self.rng.random_range(0..100) < self.loss;
        if let Some(process) = self.processes.get_mut(&number(to)).filter(|_| !lost) {
            let _ = process.fleet.take(datagram, from, self.now);
            self.attend(number(to));
        }
    }

    /// What a driver does after each call.
    fn attend(&mut self, number: u16) {
        let now = self.now;
        let Some(process) = self.processes.get_mut(&number) else { return };
        if process.fleet.wants_seeds(now) && !process.fleet.join(&[address(0)], now) {
            process.fleet.has_no_others(now);
        }
        if let Some(tidings) = process.fleet.take_tidings(now) {
            self.tellings += 1;
            process.alone = tidings.alone;
            if let Some(members) = tidings.members {
                let number = |member: &Member| member.host().strip_prefix("member-")?.parse().ok();
                process.told = Some(members.iter().filter_map(number).collect());
            }
        }
        self.wakes.insert((process.fleet.next_wake(), number));
        for (to, datagram) in process.fleet.take_outgoing() {
            assert!(datagram.len() <= 1400, "{} bytes", datagram.len());
            self.sent += 1;
            let late = Duration::from_micros(self.rng.random_range(100..3000));
            self.in_flight.insert((now + late, self.sent), (address(number), to, datagram));
        }
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn among(numbers: impl IntoIterator<Item = u16>) -> BTreeSet<u16> {
    numbers.into_iter().collect()
}

#[test]
fn fleets_of_many_sizes_find_together() {
    for (seed, size, stay) in [(1, 2, 60), (2, 5, 60), (3, 40, 60), (4, 120, 1)] {
        let mut network = Network::new(seed);
        (0..size).for_each(|number| network.start(number, 1000));
        let everybody = among(0..size);
        network.run_until(seconds(4), "together", |network| network.all_told(&everybody));
        network.run_for(seconds(stay));
        assert!(network.all_told(&everybody), "and stay together");
    }
}

#[test]
fn a_late_joiner_is_told_of_everybody_or_of_nobody() {
    let mut network = Network::together(1, 60);
    // By now everything is old news, which gossip does not repeat.
    network.run_for(seconds(60));
    network.start(60, 2000);
    let everybody = among(0..61);
    let told = |network: &Network| network.processes[&60].told.clone();
    network.run_until(seconds(2), "the joiner is told", |network| told(network).is_some());
    assert_eq!(told(&network), Some(everybody.clone()), "its first list is complete");
    network.run_until(seconds(2), "all hear of it", |network| network.all_told(&everybody));
}

#[test]
fn one_that_leaves_is_gone_at_once() {
    let mut network = Network::together(2, 20);
    let now = network.now;
    network.processes.get_mut(&7).unwrap().fleet.leave(now);
    network.attend(7);
    assert!(!network.processes[&7].told.as_ref().unwrap().contains(&7), "also from its own list");
    network.kill(7);
    let others = among((0..20).filter(|number| *number != 7));
    network.run_until(seconds(2), "it is gone", |network| network.all_told(&others));
    network.run_for(seconds(120));
    assert!(network.all_told(&others), "and stays gone");
}

#[test]
fn one_that_dies_is_gone_within_the_bound() {
    for (seed, size) in [(3, 2), (4, 5), (5, 30)] {
        let mut network = Network::together(seed, size);
        network.kill(size - 1);
        // Somebody asks it within three rounds (every other process asks one at random in each), misses it a round
        // later, waits, and then it takes a round or two for all to hear.
        let bound = network.timing.probe_every * 6 + network.timing.suspect_for;
        let others = among(0..size - 1);
        let took = network.run_until(bound, "the dead one is gone", |network| network.all_told(&others));
        assert!(took >= network.timing.suspect_for, "it was given time to contradict: {took:?}");
    }
}

#[test]
fn one_that_restarts_on_its_address_is_back_at_once() {
    let mut network = Network::together(6, 10);
    let everybody = among(0..10);
    network.kill(4);
    network.run_for(seconds(30));
    assert!(network.all_told(&among((0..10).filter(|number| *number != 4))));
    network.start(4, 2000);
    network.run_until(seconds(3), "the younger run is back", |network| network.all_told(&everybody));
    network.kill(4);
    network.start(4, 3000);
    network.run_until(seconds(3), "also if nobody missed it", |network| network.all_told(&everybody));
    network.kill(4);
    network.run_for(seconds(30));
    network.start(4, 500);
    network
        .run_until(seconds(10), "also with a clock that went back", |network| network.all_told(&everybody));
}

#[test]
fn the_halves_of_a_parted_fleet_find_together_again() {
    for (seed, size) in [(7, 2), (8, 3), (9, 12)] {
        let mut network = Network::together(seed, size);
        network.parted_at = size / 2;
        let (low, high) = (among(0..size / 2), among(size / 2..size));
        let are_parted = |network: &Network| network.all_told(&low) && network.all_told(&high);
        network.run_until(seconds(60), "parted", are_parted);
        network.run_for(seconds(60));
        network.parted_at = 0;
        let everybody = among(0..size);
        network.run_until(seconds(70), "together again", |network| network.all_told(&everybody));
    }
}

/// Foca used to ask nobody for signs of life after it had taken a new generation, until it heard something.
#[test]
fn one_that_took_a_new_generation_notices_that_the_others_are_gone() {
    let mut network = Network::together(0, 2);
    network.kill(1);
    network.run_until(seconds(20), "it is gone", |network| network.all_told(&among([0])));
    network.start(1, 500);
    network.run_until(seconds(10), "it is back", |network| network.all_told(&among([0, 1])));
    network.parted_at = 1;
    network.run_until(seconds(20), "both are alone", |network| {
        network.all_told(&among([0])) && network.all_told(&among([1]))
    });
}

#[test]
fn lost_datagrams_lose_nobody() {
    let mut network = Network::together(10, 12);
    network.loss = 20;
    let everybody = among(0..12);
    for _ in 0..20 {
        network.run_for(seconds(15));
        network.run_until(seconds(10), "nobody is missed for long", |network| network.all_told(&everybody));
    }
}

#[test]
fn without_an_answer_it_waits_and_then_goes_by_itself() {
    let mut network = Network::new(11);
    network.start(3, 1000);
    network.run_for(network.timing.join_patience - seconds(1));
    assert_eq!(network.processes[&3].told, None, "it does not know enough to route");
    network.run_until(seconds(2), "it goes alone", |network| network.processes[&3].told == Some(among([3])));
    assert!(network.processes[&3].alone, "and says so");
    network.start(0, 1000);
    let both = among([0, 3]);
    network.run_until(seconds(3), "its seed came", |network| network.all_told(&both));
    assert!(!network.processes[&3].alone);
    assert_eq!(network.processes[&0].told, Some(both), "a seed that is nobody's guest waits for nobody");
}

/// A process that answers with more than it was asked with, or to whom the question names, is a weapon.
#[test]
fn a_roster_goes_to_where_it_was_asked_from_and_is_no_larger_than_the_question() {
    let mut network = Network::together(16, 60);
    let now = network.now;
    let fleet = &mut network.processes.get_mut(&5).unwrap().fleet;
    let (_, question) = Exchange::with(address(5), now).ask(seconds(1), now).unwrap();
    let sealed = seal(CLUSTER, Kind::RosterRequest, &question);
    let stranger = SocketAddr::from(([192, 0, 2, 7], 4321));
    fleet.take(&sealed, stranger, now).unwrap();
    let answers = fleet.take_outgoing();
    let [(to, page)] = &answers[..] else { panic!("one page") };
    assert_eq!(*to, stranger);
    assert!(page.len() > 1000 && page.len() <= sealed.len(), "{} for {} bytes", page.len(), sealed.len());

    for length in [0, 1, 100, question.len() - 1] {
        let short = seal(CLUSTER, Kind::RosterRequest, &question[..length]);
        assert_eq!(fleet.take(&short, stranger, now), Err(Ignored::Malformed), "{length} bytes");
    }
    assert!(fleet.take_outgoing().is_empty());
}

#[test]
fn fleets_with_different_names_stay_apart() {
    let mut network = Network::together(12, 4);
    network.start_in("orders-staging", 9, 1000);
    network.run_for(seconds(60));
    assert!(network.all_told(&among(0..4)));
    assert_eq!(network.processes[&9].told, Some(among([9])));
}

#[test]
fn no_more_are_known_than_allowed() {
    let mut network = Network::together(13, 10);
    network.processes.get_mut(&5).unwrap().fleet.max_peers = 10;
    (10..20).for_each(|number| network.start(number, 1000));
    network.run_for(seconds(60));
    let fleet = &network.processes[&5].fleet;
    assert!(fleet.foca.iter_membership_state().len() <= 10);
    assert_eq!(fleet.foca.num_members(), 10, "nine it knew, one more there was room for");
    assert_eq!(network.processes[&9].told, Some(among(0..20)), "the others go on");
}

#[test]
fn one_identity_on_two_addresses_counts_once_and_the_younger_run_counts() {
    let mut network = Network::together(14, 3);
    network.kill(2);
    // The same member, moved: at first the others know both runs.
    let moved = Peer::new(address(9), 2000, peer(2, 0).member);
    let fleet = Fleet::new(CLUSTER, moved, true, network.timing, 1, network.now);
    network.processes.insert(9, Process { fleet, told: None, alone: false });
    network.wakes.insert((network.now, 9));
    network.run_for(seconds(3));
    let fleet = &network.processes[&0].fleet;
    assert_eq!(fleet.foca.num_members(), 3, "both runs are known");
    assert_eq!(fleet.members().len(), 3, "and are one member");
    assert!(network.all_told(&among(0..3)));
}

#[test]
fn an_unchanged_list_is_told_again() {
    let mut network = Network::together(15, 3);
    let told = network.tellings;
    network.run_for(REFRESH * 3);
    assert!(network.tellings >= told + 3 * 3, "each of three processes, thrice");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever arrives, nothing breaks, and what is sent stays within bounds.
    #[test]
    fn no_datagram_breaks_anything(
        noise in prop::collection::vec(
            (0usize..3, any::<prop::sample::Index>(), prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4)),
            1..200,
        ),
        seed in any::<u64>(),
    ) {
        let mut network = Network::together(seed, 4);
        network.loss = 100;
        let mut heard = Vec::new();
        for _ in 0..50 {
            network.step();
            heard.extend(network.in_flight.values().map(|(_, _, datagram)| datagram.clone()));
        }
        prop_assume!(!heard.is_empty());
        for (kind, which, changes) in noise {
            let heard = which.get(&heard);
            let kind = [Kind::Protocol, Kind::RosterRequest, Kind::RosterPage][kind];
            let mut payload = open(CLUSTER, heard).unwrap().1.to_vec();
            for (at, byte) in &changes {
                let at = at.index(payload.len());
                payload[at] = *byte;
            }
            let cut = changes.first().map_or(payload.len(), |(at, _)| at.index(payload.len() + 1));
            for datagram in [seal(CLUSTER, kind, &payload), seal(CLUSTER, kind, &payload[..cut]), payload] {
                let process = network.processes.get_mut(&2).unwrap();
                let _ = process.fleet.take(&datagram, address(1), network.now);
                network.attend(2);
            }
            network.step();
        }
        network.run_for(seconds(20));
    }
}

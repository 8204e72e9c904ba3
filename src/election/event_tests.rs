//! Any configuration, any order of events, a store that fails in any way: an election never panics, never spins, and
//! leads again when all is well.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use proptest::prelude::*;

use super::{CallId, Effect, Election, ElectionConfig, ReplicaRecord, TermRecord};
use crate::{
    journal::Record,
    lease::ClockRates,
    planted::{Planted, with},
    store::{
        Keys, Limits, Outcome, Reply, Request, StoreError, Transaction, Write,
        kv::{Kv, Retention},
    },
    types::{Mono, Namespace},
};

const NAMESPACES: usize = 3;
/// Calls in one lease, at most: a dozen for the record, as many looks, and as many for each namespace.
const MOST_CALLS: usize = 16 * (2 + NAMESPACES);

#[derive(Clone, Copy, Debug)]
enum Store {
    Well,
    /// It takes almost as long as it may.
    Slow,
    Away,
    /// Transactions are done and their answers lost.
    RepliesLost,
    /// Everything is lost.
    Silent,
    Refusing,
}

#[derive(Clone, Debug)]
enum Act {
    Contend(usize),
    Withdraw(usize),
    Resign(usize),
    Renew(usize, u64),
    Doubt(usize),
    Missed,
    /// Somebody deletes our record.
    Reaped,
    /// The store is so from now on, for so many hundredths of a lease.
    Run(Store, u32),
}

struct World {
    now: Mono,
    config: ElectionConfig,
    election: Election,
    kv: Kv,
    waiting: VecDeque<(Mono, CallId, Reply)>,
    calls: usize,
    /// When the last renewal was sent that has arrived.
    proved: Mono,
    /// It believed for longer than that proves.
    is_overconfident: bool,
}

fn namespace(number: usize) -> Namespace {
    Namespace::new(format!("n{number}")).unwrap()
}

impl World {
    fn new(config: ElectionConfig) -> Self {
        let limits = Limits { operations: 128, bytes: 1 << 20, rows: 10 };
        let election = Election::new(config, &Keys::default(), limits, "r", "here:1", 7).unwrap();
        let kv = Kv::new(limits, Retention::default());
        Self {
            now: Mono::from_nanos(1),
            config,
            election,
            kv,
            waiting: VecDeque::new(),
            calls: 0,
            proved: Mono::ZERO,
            is_overconfident: false,
        }
    }

    fn act(&mut self, act: &Act) {
        match *act {
            Act::Contend(number) => self.election.contend(self.now, &namespace(number)),
            Act::Withdraw(number) => self.election.withdraw(self.now, &namespace(number)),
            Act::Resign(number) => self.election.resign(self.now, &namespace(number)),
            Act::Renew(number, above) => self.election.renew(self.now, &namespace(number), above),
            Act::Doubt(number) => self.election.doubt(self.now, &namespace(number)),
            Act::Missed => self.election.missed(self.now),
            Act::Reaped => {
                let record = Write::Delete(Keys::default().replica("r").unwrap());
                self.kv.apply(Transaction::default().write(record)).unwrap();
            }
            Act::Run(store, hundredths) => self.run(store, self.config.lease() / 100 * hundredths),
        }
        self.take(Store::Silent);
    }

    /// Runs for so long; how many calls there were in the busiest lease shows whether it spins.
    fn run(&mut self, store: Store, length: Duration) {
        let end = self.now + length;
        loop {
            self.take(store);
            let answer = self.waiting.iter().map(|(at, ..)| *at).min();
            let next = answer.into_iter().chain(self.election.wake()).min().filter(|next| *next < end);
            let Some(next) = next else { break };
            self.now = self.now.max(next);
            self.election.tick(self.now);
            let due = self.waiting.iter().position(|(at, ..)| *at <= self.now);
            if let Some((_, call, reply)) = due.and_then(|place| self.waiting.remove(place)) {
                self.election.answered(self.now, call, reply);
                let proved = self.proved + self.config.hold();
                self.is_overconfident |= self.election.lives_until().is_some_and(|until| until > proved);
            }
        }
        self.now = end;
    }

    fn take(&mut self, store: Store) {
        let effects: Vec<_> = self.election.effects().collect();
        for effect in effects {
            let Effect::Ask { call, request, within } = effect else { continue };
            self.calls += 1;
            let soon = self.config.lease() / 200;
            let lost = || Reply::Outcome(Err(StoreError::Unknown { reason: "lost".into() }));
            let (after, reply) = match store {
                Store::Well => (soon, self.answer(request)),
                Store::Slow => (within * 9 / 10, self.answer(request)),
                Store::Away => (soon, Reply::Outcome(Err(StoreError::Unavailable { reason: "away".into() }))),
                Store::RepliesLost => {
                    self.answer(request);
                    (within, lost())
                }
                Store::Silent => (within, lost()),
                Store::Refusing => (soon, Reply::Outcome(Ok(Outcome::Refused))),
            };
            self.waiting.push_back((self.now + after, call, reply));
        }
    }

    fn answer(&mut self, request: Request) -> Reply {
        match request {
            Request::Get(key) => Reply::Row(self.kv.get(&key)),
            Request::Range(range) => Reply::Page(self.kv.range(&range)),
            Request::Transact(transaction) => {
                let record = Keys::default().replica("r").unwrap();
                let renews = transaction
                    .writes
                    .iter()
                    .any(|write| matches!(write, Write::Put(key, _) if *key == record));
                let outcome = self.kv.apply(transaction);
                if renews && matches!(outcome, Ok(Outcome::Committed(_))) {
                    self.proved = self.now;
                }
                Reply::Outcome(outcome)
            }
            Request::Identity => unreachable!("elections do not ask for it"),
        }
    }
}

/// Any values: those that are refused leave what was.
fn any_config() -> impl Strategy<Value = ElectionConfig> {
    let millis = || prop_oneof![0..2_000_u64, 0..100_000_000_u64].prop_map(Duration::from_millis);
    (prop::array::uniform5(millis()), 0..300_000_u32, 0..2_000_usize).prop_map(|(spans, ppm, campaigns)| {
        let [lease, patience, settle, every, recheck] = spans;
        let mut config = ElectionConfig::default();
        config = config.with_lease(lease).unwrap_or(config);
        config = ClockRates::within_ppm(ppm).map_or(config, |rates| config.with_rates(rates));
        config = config.with_patience(patience).unwrap_or(config);
        config = config.with_settle(settle).unwrap_or(config);
        config = config.with_handover_every(every).unwrap_or(config);
        config = config.with_recheck(recheck).unwrap_or(config);
        config.with_campaigns(campaigns).unwrap_or(config)
    })
}

fn any_act() -> impl Strategy<Value = Act> {
    let store = prop_oneof![
        3 => Just(Store::Well),
        1 => Just(Store::Slow),
        1 => Just(Store::Away),
        1 => Just(Store::RepliesLost),
        1 => Just(Store::Silent),
        1 => Just(Store::Refusing),
    ];
    prop_oneof![
        2 => (0..NAMESPACES).prop_map(Act::Contend),
        1 => (0..NAMESPACES).prop_map(Act::Withdraw),
        1 => (0..NAMESPACES).prop_map(Act::Resign),
        1 => (0..NAMESPACES, any::<u64>()).prop_map(|(number, above)| Act::Renew(number, above / 2)),
        1 => (0..NAMESPACES).prop_map(Act::Doubt),
        1 => Just(Act::Missed),
        1 => Just(Act::Reaped),
        6 => (store, 0..300_u32).prop_map(|(store, hundredths)| Act::Run(store, hundredths)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn no_setting_and_no_event_makes_it_panic_spin_or_give_up(
        config in any_config(), acts in prop::collection::vec(any_act(), 0..25),
    ) {
        let mut world = World::new(config);
        for act in &acts {
            let before = world.calls;
            world.act(act);
            let leases = match act {
                Act::Run(_, hundredths) => 1 + *hundredths as usize / 100,
                _ => 1,
            };
            prop_assert!(world.calls - before <= MOST_CALLS * leases, "{act:?}: {} calls", world.calls - before);
        }
        prop_assert!(!world.is_overconfident);
        (0..NAMESPACES).for_each(|number| world.act(&Act::Contend(number)));
        // What is lost still has to be given up, then a lease for who has just resigned.
        world.run(Store::Well, config.lease() * 4);
        for number in 0..NAMESPACES {
            prop_assert!(world.election.leads(&namespace(number), world.now).is_some(), "{:?}", world.election);
        }
    }
}

#[test]
fn renewals_count_from_when_they_were_sent() {
    let is_overconfident = |planted| {
        with(planted, || {
            let mut world = World::new(ElectionConfig::default());
            world.run(Store::Slow, Duration::from_secs(20));
            world.is_overconfident
        })
    };
    assert!(!is_overconfident(None));
    assert!(is_overconfident(Some(Planted::LeaseFromAnswer)), "what the rule is for");
}

#[test]
fn a_store_that_is_away_is_not_asked_in_a_loop() {
    let mut world = World::new(ElectionConfig::default());
    let run = |store, hundredths| Act::Run(store, hundredths);
    world.act(&Act::Contend(2));
    world.act(&run(Store::RepliesLost, 254));
    [Act::Withdraw(2), Act::Contend(2), run(Store::Well, 14)].iter().for_each(|act| world.act(act));
    let before = world.calls;
    world.act(&run(Store::Away, 167));
    assert!(world.calls - before <= 2 * MOST_CALLS, "{} calls", world.calls - before);
}

/// A campaign may take as long as it likes: the record is renewed all the same.
#[test]
fn keep_alive_goes_on_during_campaigns() {
    let config = ElectionConfig::default().with_campaigns(1).unwrap();
    let mut world = World::new(config);
    world.run(Store::Well, config.lease());
    (0..NAMESPACES).for_each(|number| world.act(&Act::Contend(number)));
    let campaign = world.waiting.len();
    assert_eq!(campaign, 1, "one at a time");
    // Its answer never comes.
    world.waiting.clear();
    let end = world.now + config.lease() * 20;
    while world.now < end {
        world.run(Store::Well, config.lease() / 10);
        assert!(world.election.lives_until().is_some_and(|until| world.now < until), "{:?}", world.election);
    }
    assert_eq!((0..NAMESPACES).find(|number| world.election.term(&namespace(*number)).is_some()), None);
}

/// Takes a term whose record says that leases were so long, beside a replica that has the other one.
fn remembers(before: Duration, beside: Option<Duration>) -> Duration {
    let mut world = World::new(ElectionConfig::default());
    let put = |key: Arc<str>, value| Transaction::default().write(Write::Put(key, value));
    let key = Keys::default().term(&namespace(0));
    let record =
        TermRecord { number: 3, replica: "gone".into(), longest_lease: before, ..TermRecord::default() };
    world.kv.apply(put(key.clone(), record.to_row(&key))).unwrap();
    if let Some(lease) = beside {
        let key = Keys::default().replica("other").unwrap();
        let record = ReplicaRecord { lease, ..ReplicaRecord::default() };
        world.kv.apply(put(key.clone(), record.to_row(&key))).unwrap();
    }
    world.act(&Act::Contend(0));
    world.run(Store::Well, Duration::from_secs(20));
    assert!(world.election.leads(&namespace(0), world.now).is_some());
    let written = world.election.leader(&namespace(0)).unwrap().longest_lease;
    assert_eq!(world.election.longest_lease(&namespace(0)), written);
    written
}

#[test]
fn whoever_leads_writes_down_the_longest_lease_that_was_in_use() {
    let seconds = Duration::from_secs;
    for (before, beside, written) in
        [(0, None, 5), (60, None, 60), (0, Some(90), 90), (60, Some(90), 90), (1, Some(1), 5)]
    {
        let remembers = || remembers(seconds(before), beside.map(seconds));
        assert_eq!(remembers(), seconds(written), "{before} {beside:?}");
        assert_eq!(with(Some(Planted::OwnLeaseForAll), remembers), seconds(5));
    }
}

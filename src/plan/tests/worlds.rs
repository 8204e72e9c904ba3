//! Boards and configs of every kind, sensible or not.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use proptest::{collection::vec, option, prelude::*, sample::select, strategy::Strategy as Any};

use crate::{
    plan::{Strategy, *},
    ring::RingSpec,
    types::{Member, Mono},
};

/// When all of these boards are looked at.
pub(in crate::plan) const NOW: Mono = Mono::from_nanos(10_000 * 1_000_000_000);

pub(in crate::plan) fn seconds_ago(seconds: u64) -> Mono {
    Mono::from_nanos(NOW.as_nanos() - seconds * 1_000_000_000)
}

/// A board as a list of facts, so that it can be built in more than one order.
#[derive(Clone, Debug)]
pub(in crate::plan) struct World {
    pub(super) executors: Vec<(Executor, State, bool)>,
    pub(super) shards: Vec<Facts>,
    /// Sessions lost before: how long ago, and which shards they had.
    losses: Vec<(u64, Vec<usize>)>,
}

/// One shard. Executors are numbers, modulo as many as there are.
#[derive(Clone, Debug)]
pub(in crate::plan) struct Facts {
    position: u64,
    load: Option<f64>,
    owner: Option<usize>,
    moving: Option<Option<usize>>,
    moved: Option<u64>,
    pin: Option<Option<usize>>,
    quarantined_until: Option<Mono>,
}

impl World {
    /// The board of these facts. `order` is where in the list of shards to begin with giving them owners: history must
    /// not matter.
    pub(in crate::plan) fn board(&self, order: usize) -> Board {
        let mut board = Board::new(RingSpec::default());
        for facts in &self.shards {
            board.add_shard(facts.position);
        }
        self.lose_before(&mut board);
        let executors: Vec<_> = self
            .executors
            .iter()
            .map(|(executor, _, receives)| board.add_executor(executor.clone(), State::Active, *receives))
            .collect();
        let executor = |number: usize| executors.get(number % executors.len().max(1)).copied();
        let turn = order % self.shards.len().max(1);
        for at in (turn..self.shards.len()).chain(0..turn) {
            let (facts, shard) = (&self.shards[at], ShardSlot::new(at));
            board.set_owner(shard, facts.owner.and_then(executor));
            board.set_load(shard, facts.load.and_then(Load::new), NOW);
            board.set_pin(shard, facts.pin.map(|to| to.and_then(executor).map_or(Pin::Away, Pin::To)));
            board.set_quarantine(shard, facts.quarantined_until);
            if let (Some(to), true) = (facts.moving, board.shard(shard).unwrap().owner.is_some()) {
                board.set_phase(shard, Phase::Moving(to.and_then(executor)));
            }
            if let Some(seconds) = facts.moved {
                board.note_moved(shard, seconds_ago(seconds));
            }
        }
        for (slot, (_, state, _)) in executors.into_iter().zip(&self.executors) {
            board.set_state(slot, *state, NOW);
        }
        board
    }

    fn lose_before(&self, board: &mut Board) {
        for (seconds, shards) in &self.losses {
            let executor = Executor::new(Member::new("lost:1").unwrap(), Mono::ZERO);
            let slot = board.add_executor(executor, State::Active, true);
            for shard in shards.iter().filter(|shard| **shard < self.shards.len()) {
                board.set_owner(ShardSlot::new(*shard), Some(slot));
            }
            board.set_state(slot, State::Gone, seconds_ago(*seconds));
            for shard in shards.iter().filter(|shard| **shard < self.shards.len()) {
                board.set_owner(ShardSlot::new(*shard), None);
            }
            assert!(board.remove_executor(slot));
        }
    }
}

pub(in crate::plan) fn world() -> impl Any<Value = World> {
    let losses = vec((0..1000_u64, vec(0..60_usize, 0..20)), 0..5);
    (vec(executor(), 0..9), vec(facts(), 0..60), losses).prop_map(|(executors, shards, mut losses)| {
        losses.sort_by_key(|(seconds, _)| std::cmp::Reverse(*seconds));
        let named = executors
            .into_iter()
            .enumerate()
            .map(|(number, (make, state, receives))| (make(number), state, receives));
        World { executors: named.collect(), shards, losses }
    })
}

/// A fleet in good order: everybody active and without limits, every shard owned and at rest, all loads measured.
pub(in crate::plan) fn quiet_world() -> impl Any<Value = World> {
    let executor = (1..4_u16, 0..9000_u64);
    let shard = (any::<u64>(), any_load(), 0..9_usize);
    (vec(executor, 1..9), vec(shard, 1..80)).prop_map(|(executors, shards)| World {
        executors: executors
            .into_iter()
            .enumerate()
            .map(|(number, (weight, age))| (named(number, weight, age), State::Active, true))
            .collect(),
        shards: shards
            .into_iter()
            .map(|(position, load, owner)| Facts {
                position,
                load: Some(load),
                owner: Some(owner),
                moving: None,
                moved: None,
                pin: None,
                quarantined_until: None,
            })
            .collect(),
        losses: Vec::new(),
    })
}

pub(in crate::plan) fn named(number: usize, weight: u16, age: u64) -> Executor {
    let member = Member::new(format!("10.0.0.{number}:7933")).unwrap().with_weight(weight).unwrap();
    Executor::new(member, seconds_ago(age))
}

type Make = Arc<dyn Fn(usize) -> Executor>;

fn executor() -> impl Any<Value = (DebugMake, State, bool)> {
    let state = prop_oneof![6 => Just(State::Active), 1 => select(&State::ALL[..])];
    let limits = (option::weighted(0.3, 0..20_u32), option::weighted(0.2, 0.0..200.0));
    let version = option::of(select(&["v1", "v2", "v3"][..]));
    (1..4_u16, 0..9000_u64, limits, version, state, prop::bool::weighted(0.9)).prop_map(
        |(weight, age, (max_shards, max_load), version, state, receives)| {
            let make: Make = Arc::new(move |number| {
                let mut executor = named(number, weight, age);
                if let Some(version) = version {
                    executor = executor.with_version(version);
                }
                if let Some(max) = max_shards {
                    executor = executor.with_max_shards(max);
                }
                match max_load.and_then(Load::new) {
                    Some(max) => executor.with_max_load(max),
                    None => executor,
                }
            });
            (DebugMake(make), state, receives)
        },
    )
}

/// Names come with the number in the list.
#[derive(Clone)]
struct DebugMake(Make);

impl std::fmt::Debug for DebugMake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (self.0)(0).fmt(f)
    }
}

impl std::ops::Deref for DebugMake {
    type Target = dyn Fn(usize) -> Executor;
    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

fn any_load() -> impl Any<Value = f64> {
    prop_oneof![3 => 0.0..10.0, 1 => Just(0.0), 1 => Just(5.0), 1 => 0.0..1000.0]
}

fn facts() -> impl Any<Value = Facts> {
    let number = 0..9_usize;
    (
        any::<u64>(),
        option::weighted(0.7, any_load()),
        option::weighted(0.8, number.clone()),
        option::weighted(0.15, option::weighted(0.8, number.clone())),
        option::weighted(0.3, 0..200_u64),
        option::weighted(0.15, option::weighted(0.8, number)),
        option::weighted(0.1, (0..20_000_u64).prop_map(|seconds| Mono::from_nanos(seconds * 1_000_000_000))),
    )
        .prop_map(|(position, load, owner, moving, moved, pin, quarantined_until)| Facts {
            position,
            load,
            owner,
            moving,
            moved,
            pin,
            quarantined_until,
        })
}

pub(in crate::plan) fn config() -> impl Any<Value = Config> {
    let placement = select(&[Placement::Ring, Placement::Even, Placement::LeastLoaded][..]);
    let retiring: BTreeSet<Arc<str>> = [Arc::from("v1")].into();
    let rollout = select(vec![Rollout::Detect, Rollout::Off, Rollout::Retiring(retiring)]);
    let quarantine = option::weighted(0.8, (2..4_usize, 1..1200_u64, 0.001..0.3)).prop_map(|rule| {
        rule.map(|(losses, window, max_share)| Quarantine {
            losses,
            window: Duration::from_secs(window),
            max_share,
            ..Quarantine::default()
        })
    });
    (placement, 1.0..2.0, 0.0..0.3, strategy(), prop::bool::weighted(0.1), rollout, quarantine).prop_map(
        |(placement, bound, count_share, strategy, freeze, rollout, quarantine)| Config {
            placement,
            bound,
            count_share,
            strategy,
            freeze,
            rollout,
            quarantine,
        },
    )
}

fn strategy() -> impl Any<Value = Strategy> {
    let cooldown = || (0..200_u64).prop_map(Duration::from_secs);
    prop_oneof![
        4 => (1.0..1.5, 0.5..1.0, 0.01..1.0, cooldown(), 0..5000_u64).prop_map(
            |(upper_band, lower_band, move_budget, cooldown, settling)| {
                let settling = Duration::from_secs(settling);
                let steady = Steady { upper_band, lower_band, move_budget, cooldown, settling, ..Steady::default() };
                Strategy::Steady(steady)
            }
        ),
        1 => (1.0..4.0).prop_map(|max_deviation| Strategy::Naive(Naive { max_deviation })),
        1 => (1.0..1.5, 0.5..1.0, 0.01..1.0, cooldown()).prop_map(|(upper_band, lower_band, move_budget, cooldown)| {
            Strategy::Greedy(Greedy { upper_band, lower_band, move_budget, cooldown, ..Greedy::default() })
        }),
    ]
}

use std::{collections::BTreeMap, time::Duration};

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{plan::Executor, types::Member};

const EXECUTORS: usize = 5;
const SHARDS: usize = 12;

/// One edit; numbers are taken modulo what there is.
#[derive(Clone, Debug)]
enum Edit {
    AddExecutor,
    RemoveExecutor(usize),
    SetState(usize, usize),
    SetReceives(usize, bool),
    AddShard(u64),
    RemoveShard(usize),
    SetOwner(usize, Option<usize>),
    Move(usize, Option<usize>),
    CallOff(usize),
    Finish(usize),
    Sample(usize, f64),
    SetLoad(usize, Option<f64>),
    Pin(usize, Option<usize>),
    Quarantine(usize, bool),
}

fn edit() -> impl Strategy<Value = Edit> {
    use Edit::*;
    let (executor, shard) = (0..EXECUTORS, 0..SHARDS);
    let maybe_executor = prop::option::of(0..EXECUTORS);
    prop_oneof![
        2 => Just(AddExecutor),
        1 => executor.clone().prop_map(RemoveExecutor),
        2 => (executor.clone(), 0..4_usize).prop_map(|(at, state)| SetState(at, state)),
        1 => (executor, any::<bool>()).prop_map(|(at, receives)| SetReceives(at, receives)),
        3 => any::<u64>().prop_map(AddShard),
        1 => shard.clone().prop_map(RemoveShard),
        4 => (shard.clone(), maybe_executor.clone()).prop_map(|(at, to)| SetOwner(at, to)),
        4 => (shard.clone(), maybe_executor.clone()).prop_map(|(at, to)| Move(at, to)),
        1 => shard.clone().prop_map(CallOff),
        2 => shard.clone().prop_map(Finish),
        4 => (shard.clone(), 0.0..1e6).prop_map(|(at, load)| Sample(at, load)),
        1 => (shard.clone(), prop::option::of(0.0..1e14)).prop_map(|(at, load)| SetLoad(at, load)),
        1 => (shard.clone(), maybe_executor).prop_map(|(at, to)| Pin(at, to)),
        1 => (shard, any::<bool>()).prop_map(|(at, on)| Quarantine(at, on)),
    ]
}

fn nth<T: Copy>(all: &[T], at: usize) -> Option<T> {
    (!all.is_empty()).then(|| all[at % all.len()])
}

fn member(number: usize) -> Member {
    Member::new(format!("10.0.0.{number}:1")).unwrap()
}

/// Does an edit, unless there is nothing that it could be done to.
fn edit_board(board: &mut Board, edit: &Edit, now: Mono) -> Option<()> {
    let executors: Vec<_> = board.seats().map(|(slot, _)| slot).collect();
    let shards: Vec<_> = board.shards().map(|(slot, _)| slot).collect();
    let executor = |at: usize| nth(&executors, at);
    match *edit {
        Edit::AddExecutor if executors.len() < EXECUTORS => {
            let executor = Executor::new(member(now.as_nanos() as usize % 200), now);
            board.add_executor(executor, State::Active, true);
        }
        Edit::AddExecutor => {}
        Edit::RemoveExecutor(at) => {
            let slot = executor(at)?;
            let is_used = board
                .shards()
                .any(|(_, shard)| shard.owner == Some(slot) || shard.phase == Phase::Moving(Some(slot)));
            assert_eq!(board.remove_executor(slot), !is_used);
        }
        Edit::SetState(at, state) => board.set_state(executor(at)?, State::ALL[state], now),
        Edit::SetReceives(at, receives) => board.set_receives(executor(at)?, receives),
        Edit::AddShard(position) if shards.len() < SHARDS => {
            board.add_shard(position);
        }
        Edit::AddShard(_) => {}
        Edit::RemoveShard(at) => board.remove_shard(nth(&shards, at)?),
        Edit::SetOwner(at, to) => board.set_owner(nth(&shards, at)?, to.and_then(executor)),
        Edit::Move(at, to) => {
            let shard = nth(&shards, at)?;
            board.shard(shard)?.owner?;
            board.set_phase(shard, Phase::Moving(to.and_then(executor)));
        }
        Edit::CallOff(at) => {
            let shard = nth(&shards, at)?;
            board.shard(shard)?.owner?;
            board.set_phase(shard, Phase::Settled);
        }
        Edit::Finish(at) => board.finish_move(nth(&shards, at)?),
        Edit::Sample(at, load) => {
            board.add_load_sample(
                nth(&shards, at)?,
                Load::new(load)?,
                now,
                crate::plan::Smoothing::noticing(Duration::from_secs(60)),
            );
        }
        Edit::SetLoad(at, load) => board.set_load(nth(&shards, at)?, load.and_then(Load::new), now),
        Edit::Pin(at, to) => board.set_pin(nth(&shards, at)?, to.and_then(executor).map(Pin::To)),
        Edit::Quarantine(at, on) => board.set_quarantine(nth(&shards, at)?, on.then_some(now)),
    }
    Some(())
}

/// Counts everything again, from the shards alone.
fn assert_counted(board: &Board) {
    let mut held: BTreeMap<_, Tally> = BTreeMap::new();
    let (mut coming, mut going, mut total) = (held.clone(), held.clone(), Tally::default());
    let mut owned: BTreeMap<Option<ExecutorSlot>, Vec<ShardSlot>> = BTreeMap::new();
    let (mut moving, mut pins, mut quarantined) = (Vec::new(), Vec::new(), Vec::new());
    for (slot, shard) in board.shards() {
        let tally = Tally::of(shard.load);
        total += tally;
        owned.entry(shard.owner).or_default().push(slot);
        if let Some(owner) = shard.owner {
            *held.entry(owner).or_default() += tally;
        }
        if let Phase::Moving(to) = shard.phase {
            moving.push((slot, to));
            *going.entry(shard.owner.expect("only what is owned can move")).or_default() += tally;
            if let Some(to) = to {
                *coming.entry(to).or_default() += tally;
            }
        }
        pins.extend(shard.pin.map(|pin| (slot, pin)));
        quarantined.extend(shard.quarantined_until.map(|until| (slot, until)));
    }
    let sorted = |slots: &[ShardSlot]| {
        let mut slots = slots.to_vec();
        slots.sort_unstable();
        slots
    };
    assert_eq!(board.total(), total);
    assert_eq!(sorted(board.unowned()), owned.remove(&None).unwrap_or_default());
    assert_eq!(board.moving().collect::<Vec<_>>(), moving);
    assert_eq!(board.pins().collect::<Vec<_>>(), pins);
    assert_eq!(board.quarantined().collect::<Vec<_>>(), quarantined);
    for (slot, seat) in board.seats() {
        let counted = |tallies: &BTreeMap<_, Tally>| tallies.get(&slot).copied().unwrap_or_default();
        assert_eq!((seat.held, seat.coming, seat.going), (counted(&held), counted(&coming), counted(&going)));
        assert_eq!(sorted(board.shards_of(slot)), owned.remove(&Some(slot)).unwrap_or_default());
    }
    assert!(owned.is_empty(), "owners that have no seat: {owned:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sums_and_lists_are_what_a_recount_finds(edits in vec(edit(), 1..120)) {
        let mut board = Board::new(RingSpec::default());
        for (at, edit) in edits.iter().enumerate() {
            edit_board(&mut board, edit, Mono::from_nanos((at as u64 + 1) << 26));
            assert_counted(&board);
            let open = board.seats().filter(|(_, seat)| seat.is_open()).map(|(slot, seat)| (slot, &*seat.executor));
            prop_assert_eq!(&**board.ring(), &PlacementRing::new(board.spec(), open, None), "patched or built, one ring");
        }
    }
}

#[test]
fn of_two_sessions_with_one_identity_the_newer_is_on_the_ring() {
    let mut board = Board::new(RingSpec::default());
    let executor = |address: &str, identity: &str, joined| {
        let member = Member::new(address).unwrap().with_identity(identity).unwrap();
        Executor::new(member, Mono::from_nanos(joined))
    };
    let newer = board.add_executor(executor("b:1", "one", 2), State::Active, true);
    let older = board.add_executor(executor("a:1", "one", 1), State::Active, true);
    let same_address = board.add_executor(executor("b:1", "two", 0), State::Active, true);
    assert_eq!(board.ring().owner_at(7), Some(newer));
    board.set_state(newer, State::Gone, Mono::from_nanos(3));
    let on_ring: Vec<_> = board.ring().walk(7, 8).collect();
    assert!(on_ring.contains(&older) && on_ring.contains(&same_address), "{on_ring:?}");
}

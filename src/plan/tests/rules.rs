//! What is promised of the planner, each promise on a small board that shows it.

use std::time::Duration;

use super::*;

pub(super) const MINUTE: Duration = Duration::from_secs(60);

pub(super) fn at(seconds: u64) -> Mono {
    Mono::from_nanos(seconds * 1_000_000_000)
}

/// Long after everybody has joined and every cooldown has ended.
pub(super) const LATER: u64 = 100_000;

fn slot(number: usize) -> ExecutorSlot {
    ExecutorSlot::new(number)
}

/// Executors of these shards, of the given load each. The first has the first shards.
pub(super) fn owning(loads: &[&[f64]]) -> Board {
    let mut board = board(loads.len(), 0);
    for (owner, loads) in loads.iter().enumerate() {
        for load in *loads {
            let shard = board.add_shard(board.total().shards.into());
            board.set_owner(shard, Some(slot(owner)));
            board.set_load(shard, Load::new(*load), Mono::ZERO);
        }
    }
    board
}

pub(super) fn checked(board: &Board, now: Mono, config: &Config) -> Plan {
    let plan = plan(board, now, config, 3);
    assert_eq!(check(board, now, config, &plan), Ok(()));
    plan
}

pub(super) fn finish_moves(board: &mut Board) {
    for (shard, _) in board.moving().collect::<Vec<_>>() {
        board.finish_move(shard);
    }
}

/// Rounds a minute apart, each carried out to its end, until one moves nothing. All their moves.
pub(super) fn run_to_rest(board: &mut Board, config: &Config) -> Vec<Move> {
    let mut moves = Vec::new();
    for round in 0..200 {
        let now = at(LATER) + (MINUTE + Duration::from_secs(1)) * round;
        let plan = checked(board, now, config);
        if plan.moves.is_empty() {
            return moves;
        }
        moves.extend(&plan.moves);
        board.apply(&plan, now);
        finish_moves(board);
    }
    panic!("still moving: {moves:?}");
}

fn held(board: &Board) -> Vec<u32> {
    board.seats().map(|(_, seat)| seat.held.shards).collect()
}

fn loads(board: &Board) -> Vec<f64> {
    board.seats().map(|(_, seat)| seat.held.load.get()).collect()
}

#[test]
fn even_placement_counts_and_weights_count() {
    let config = Config { placement: Placement::Even, ..Config::default() };
    let mut equal = board(7, 100);
    equal.apply(&checked(&equal, Mono::ZERO, &config), Mono::ZERO);
    assert!(held(&equal).iter().all(|shards| [14, 15].contains(shards)), "{:?}", held(&equal));

    for placement in [Placement::Even, Placement::LeastLoaded] {
        let mut unequal = board(0, 60);
        for weight in 1..=3 {
            let member = member(weight.into()).with_weight(weight).unwrap();
            unequal.add_executor(Executor::new(member, Mono::ZERO), State::Active, true);
        }
        let config = Config { placement, ..Config::default() };
        unequal.apply(&checked(&unequal, Mono::ZERO, &config), Mono::ZERO);
        assert_eq!(held(&unequal), [10, 20, 30], "{placement:?}");
    }
}

#[test]
fn where_only_counts_matter_nobody_is_left_with_two_more_than_another() {
    let config = Config { placement: Placement::Even, ..Config::default() };
    // Some come later, some have far too many, and long after everybody has settled.
    for counts in [&[40, 0, 0, 20][..], &[23, 20, 20, 17], &[21, 19, 20, 20], &[100, 1, 30]] {
        let shards: Vec<Vec<f64>> = counts.iter().map(|count| vec![1.0; *count]).collect();
        let lists: Vec<&[f64]> = shards.iter().map(Vec::as_slice).collect();
        let mut board = owning(&lists);
        let all: Vec<_> = board.shards().map(|(shard, _)| shard).collect();
        for shard in all {
            board.set_load(shard, None, Mono::ZERO);
        }
        run_to_rest(&mut board, &config);
        let held = held(&board);
        assert!(held.iter().max().unwrap() - held.iter().min().unwrap() <= 1, "{counts:?} became {held:?}");
    }
    // With loads, these do.
    let mut board = owning(&[&[1.0; 23], &[1.0; 20], &[1.0; 17]]);
    assert_eq!(run_to_rest(&mut board, &config), []);
}

#[test]
fn a_shard_made_on_demand_goes_where_the_least_load_is() {
    let mut board = owning(&[&[5.0, 1.0], &[1.0, 1.0, 1.0], &[9.0]]);
    let config = Config { placement: Placement::LeastLoaded, ..Config::default() };
    let created = board.add_shard(0);
    assert_eq!(place(&board, Mono::ZERO, &config, 0, &[created]), [Ok(slot(1))]);
    // What has no load yet is expected to have the mean one, 3: the second pays for the first.
    let another = board.add_shard(1);
    let both = place(&board, Mono::ZERO, &config, 0, &[created, another]);
    assert_eq!(both, [Ok(slot(1)), Ok(slot(0))]);
    board.set_quarantine(created, Some(at(1)));
    assert_eq!(place(&board, Mono::ZERO, &config, 0, &[created]), [Err(NoRoom::Quarantined)]);
    let nobody = Board::new(RingSpec::default());
    assert_eq!(place(&nobody, Mono::ZERO, &config, 0, &[]), []);
}

#[test]
fn the_overloaded_shed_their_heaviest() {
    let mixed: &[f64] = &[1.0, 1.0, 1.0, 6.0, 1.0, 1.0, 1.0, 1.0, 1.0, 14.0];
    let mut board = owning(&[mixed, &[1.0; 20], &[1.0; 20], &[1.0; 16]]);
    let moves = run_to_rest(&mut board, &Config::default());
    let six = Move { shard: ShardSlot::new(3), action: Action::HandOver(slot(3)), reason: Reason::Shed };
    assert_eq!(moves, [six]);
    assert_eq!(loads(&board), [22.0, 20.0, 20.0, 22.0]);
}

#[test]
fn a_moment_of_load_moves_nothing_and_a_minute_does() {
    let (even, config): (&[f64], _) = (&[1.0; 20], Config::default());
    let mut board = owning(&[even, even, even]);
    for shard in 0..60 {
        board.set_load(ShardSlot::new(shard), Load::new(1.0), at(LATER - 1));
    }
    for second in 0..120 {
        let now = at(LATER + second);
        for shard in 0..20 {
            let is_peak = !(2..60).contains(&second);
            let load = Load::new(if is_peak { 3.0 } else { 1.0 }).unwrap();
            board.add_load_sample(ShardSlot::new(shard), load, now, config.strategy.smoothing());
        }
        let plan = checked(&board, now, &config);
        if second < 60 {
            assert_eq!(plan.moves, [], "after {second} seconds");
        }
        board.apply(&plan, now);
        finish_moves(&mut board);
    }
    assert!(held(&board)[0] < 20, "{:?}", held(&board));
}

#[test]
fn nobody_is_given_more_than_they_may_hold() {
    let mut board = board(0, 10);
    board.add_executor(Executor::new(member(0), Mono::ZERO).with_max_shards(3), State::Active, true);
    board.add_executor(
        Executor::new(member(1), Mono::ZERO).with_max_load(Load::new(4.5).unwrap()),
        State::Active,
        true,
    );
    for shard in 0..10 {
        board.set_load(ShardSlot::new(shard), Load::new(1.0), Mono::ZERO);
    }
    let plan = checked(&board, Mono::ZERO, &Config::default());
    assert_eq!(plan.report.unplaced(NoRoom::Full), 3);
    assert_eq!(plan.report.unplaced_shards.len(), 3, "they are named");
    board.apply(&plan, Mono::ZERO);
    assert_eq!(held(&board), [3, 4]);

    // What is still on its way out takes up room.
    let mut board = owning(&[&[], &[1.0]]);
    let full =
        board.add_executor(Executor::new(member(2), Mono::ZERO).with_max_shards(1), State::Active, true);
    let (leaving, pinned) = (board.add_shard(0), board.add_shard(1));
    board.set_owner(leaving, Some(full));
    board.set_phase(leaving, Phase::Moving(Some(slot(0))));
    board.set_pin(pinned, Some(Pin::To(full)));
    assert_eq!(checked(&board, at(LATER), &Config::default()).report.unplaced(NoRoom::Pinned), 1);
    board.finish_move(leaving);
    let plan = checked(&board, at(LATER), &Config::default());
    assert_eq!(plan.moves[0].action, Action::Grant(full));
}

/// Two executors, one of which has all of 400 shards.
fn lopsided() -> (Board, Config) {
    let mut board = board(2, 400);
    for shard in 0..400 {
        board.set_owner(ShardSlot::new(shard), Some(slot(0)));
    }
    (board, Config::default())
}

#[test]
fn balance_moves_a_hundredth_at_a_time() {
    let (mut board, config) = lopsided();
    let now = at(LATER);
    let plan = checked(&board, now, &config);
    assert_eq!((plan.moves.len(), plan.report.budget), (4, 4));
    board.apply(&plan, now);
    assert_eq!(checked(&board, now, &config).moves, [], "what is under way counts");
    board.finish_move(plan.moves[0].shard);
    assert_eq!(checked(&board, now, &config).moves.len(), 1);
    let frozen = Config { freeze: true, ..config };
    finish_moves(&mut board);
    assert_eq!(checked(&board, now, &frozen).moves, []);
}

#[test]
fn a_shard_that_was_moved_stays_for_a_minute() {
    let (mut board, mut config) = lopsided();
    config.strategy = Strategy::Steady(Steady { move_budget: 0.5, ..Steady::default() });
    let moved = checked(&board, at(LATER), &config);
    board.apply(&moved, at(LATER));
    finish_moves(&mut board);
    // Now that these are nearly all the load there is, they would go back.
    for shard in 0..400 {
        board.set_load(ShardSlot::new(shard), Load::new(1.0), at(LATER));
    }
    for change in &moved.moves {
        board.set_load(change.shard, Load::new(1000.0), at(LATER));
    }
    let was_moved = |it: &Move| moved.moves.iter().any(|before| before.shard == it.shard);
    let early = checked(&board, at(LATER + 59), &config);
    assert!(!early.moves.iter().any(was_moved), "{:?}", early.moves);
    let late = checked(&board, at(LATER + 61), &config);
    assert!(late.moves.iter().any(was_moved));
}

#[test]
fn what_is_nearly_even_is_left_alone() {
    let config = Config { count_share: 0.0, ..Config::default() };
    let of = |hot: usize| owning(&[&vec![1.0; hot], &[1.0; 100], &vec![1.0; 200 - hot]]);
    assert_eq!(checked(&of(114), at(LATER), &config).moves, []);
    let mut board = of(117);
    let moves = run_to_rest(&mut board, &config);
    // What is not, only as far as it has to be: to 114, because 115 is no less than the band is in floating point.
    assert_eq!(moves.len(), 3);
    assert_eq!(held(&board), [114, 100, 86]);
}

#[test]
fn drain_comes_before_repair_and_both_before_balance() {
    let heavy: &[f64] = &[9.0; 9];
    let mut board = owning(&[heavy, &[1.0], &[1.0, 1.0], &[1.0, 1.0]]);
    board.set_state(slot(2), State::Draining, at(LATER));
    board.set_state(slot(3), State::Gone, at(LATER));
    let config = Config::default();
    let plan = checked(&board, at(LATER), &config);
    let reasons: Vec<_> = plan.moves.iter().map(|it| it.reason).collect();
    assert_eq!(reasons, [Reason::OwnerLost, Reason::OwnerLost, Reason::Drain, Reason::Drain]);
    assert!(plan.moves.iter().all(|it| ![Some(slot(2)), Some(slot(3))].contains(&it.action.to())));
    board.apply(&plan, at(LATER));
    finish_moves(&mut board);
    assert_eq!(checked(&board, at(LATER), &config).moves[0].reason, Reason::Shed, "now there is time for it");

    // Even when there is nobody else.
    let mut board = owning(&[&[1.0], &[1.0]]);
    board.set_state(slot(0), State::Draining, at(LATER));
    board.set_state(slot(1), State::Gone, at(LATER));
    let plan = checked(&board, at(LATER), &config);
    assert_eq!(plan.report.unplaced(NoRoom::NoExecutor), 1);
    assert_eq!(plan.report.undrained, 1);
}

/// Two executors of the old version, and two of the new one that have joined since.
fn rolling(max_shards: u32) -> Board {
    let mut board = board(0, 40);
    for number in 0..4 {
        let (version, joined) = if number < 2 { ("old", at(0)) } else { ("new", at(LATER)) };
        let executor = Executor::new(member(number), joined).with_version(version);
        let executor = if number < 2 { executor } else { executor.with_max_shards(max_shards) };
        board.add_executor(executor, State::Active, true);
    }
    for shard in 0..40 {
        board.set_owner(ShardSlot::new(shard), Some(slot(shard % 2)));
    }
    board
}

#[test]
fn a_version_that_is_being_replaced_is_given_nothing() {
    for placement in [Placement::Ring, Placement::Even, Placement::LeastLoaded] {
        let config = Config { placement, ..Config::default() };
        let mut board = rolling(100);
        board.set_state(slot(0), State::Draining, at(LATER));
        let plan = checked(&board, at(LATER), &config);
        assert_eq!(plan.moves.len(), 20);
        assert!(
            plan.moves.iter().all(|it| it.action.to() > Some(slot(1))),
            "{placement:?}: {:?}",
            plan.moves
        );

        // Without room elsewhere, and reported.
        let mut board = rolling(4);
        board.set_state(slot(0), State::Draining, at(LATER));
        let plan = checked(&board, at(LATER), &config);
        assert_eq!((plan.moves.len(), plan.report.onto_retiring), (20, 12));
    }
    // While nobody leaves, several versions are just several versions.
    let plan = checked(&rolling(100), at(LATER), &Config::default());
    assert_eq!(plan.report.onto_retiring, 0);
    let retiring = Config { rollout: Rollout::Retiring(["new".into()].into()), ..Config::default() };
    let mut board = rolling(100);
    board.set_state(slot(0), State::Gone, at(LATER));
    assert!(checked(&board, at(LATER), &retiring).moves.iter().all(|it| it.action.to() == Some(slot(1))));
}

#[test]
fn a_pin_is_not_undone() {
    let (mut board, config) = lopsided();
    for shard in 0..399 {
        board.set_pin(ShardSlot::new(shard), Some(Pin::To(slot(0))));
    }
    let free = ShardSlot::new(399);
    let moves = run_to_rest(&mut board, &config);
    assert_eq!(moves.iter().map(|it| it.shard).collect::<Vec<_>>(), [free]);
    board.set_state(slot(0), State::Draining, at(LATER));
    assert_eq!(checked(&board, at(LATER), &config).moves, [], "not even by a drain");
    board.set_state(slot(0), State::Gone, at(LATER));
    let plan = checked(&board, at(LATER), &config);
    assert_eq!((plan.report.unplaced(NoRoom::Pinned), plan.moves.len()), (399, 399));
    assert!(plan.moves.iter().all(|it| it.action == Action::Unassign), "it waits for its executor");
}

#[test]
fn a_move_in_flight_is_not_decided_again() {
    let mut board = owning(&[&[1.0; 8], &[1.0; 8], &[1.0; 8]]);
    let (shard, to) = (ShardSlot::new(0), slot(1));
    board.set_phase(shard, Phase::Moving(Some(to)));
    let config = Config::default();
    // Neither when its owner drains, nor when somebody better comes, nor when the destination becomes full of work.
    board.set_state(slot(0), State::Draining, at(LATER));
    board.add_executor(Executor::new(member(9), at(LATER)), State::Active, true);
    for heavy in 8..16 {
        board.set_load(ShardSlot::new(heavy), Load::new(50.0), at(LATER));
    }
    let plan = checked(&board, at(LATER), &config);
    assert!(plan.moves.iter().all(|it| it.shard != shard), "{:?}", plan.moves);
    // Nor when its owner is lost: it only gets there sooner.
    board.set_state(slot(0), State::Gone, at(LATER));
    let plan = checked(&board, at(LATER), &config);
    let change = plan.moves.iter().find(|it| it.shard == shard).unwrap();
    assert_eq!((change.action, change.reason), (Action::Grant(to), Reason::OwnerLost));
    // Only when its destination is lost.
    board.set_state(slot(0), State::Draining, at(LATER));
    board.set_state(to, State::Draining, at(LATER));
    let plan = checked(&board, at(LATER), &config);
    let change = plan.moves.iter().find(|it| it.shard == shard).unwrap();
    assert_eq!(change.reason, Reason::DestinationLost);
    assert!(change.action.to().is_some_and(|now| now != to));
}

/// Lets the owner of a shard crash, and replaces it by another executor.
fn crash_owner(board: &mut Board, shard: ShardSlot, seconds: u64, config: &Config) -> Plan {
    let owner = board.shard(shard).unwrap().owner.unwrap();
    board.set_state(owner, State::Gone, at(seconds));
    let plan = checked(board, at(seconds), config);
    board.apply(&plan, at(seconds));
    assert!(board.remove_executor(owner));
    board.add_executor(Executor::new(member(seconds as usize), at(seconds)), State::Active, true);
    plan
}

#[test]
fn a_shard_that_crashes_its_owners_is_quarantined_and_named() {
    let config = Config::default();
    let mut board = board(30, 300);
    board.apply(&checked(&board, Mono::ZERO, &config), Mono::ZERO);
    let killer = ShardSlot::new(17);
    for crash in 1..=2 {
        let plan = crash_owner(&mut board, killer, crash * 30, &config);
        assert_eq!(plan.quarantine, []);
    }
    let plan = crash_owner(&mut board, killer, 90, &config);
    assert_eq!(plan.quarantine, [(killer, Some(at(90 + 3600)))]);
    assert_eq!(plan.report.unplaced_shards, [(killer, NoRoom::Quarantined)]);
    assert_eq!(board.shard(killer).unwrap().owner, None);
    assert_eq!(board.unowned(), [killer], "everything else goes on");

    let still = checked(&board, at(3600), &config);
    assert!(still.moves.iter().all(|it| it.shard != killer) && still.quarantine.is_empty());
    let plan = checked(&board, at(90 + 3600), &config);
    assert_eq!(plan.quarantine, [(killer, None)]);
    assert!(matches!(plan.moves[..], [Move { action: Action::Grant(_), .. }]), "{:?}", plan.moves);
}

#[test]
fn a_fleet_that_fails_has_no_culprit() {
    let config = Config::default();
    let mut board = board(10, 300);
    board.apply(&checked(&board, Mono::ZERO, &config), Mono::ZERO);
    // Most executors are lost, three times: every shard may have been on three of them, and none explains the rest.
    for second in [10, 20, 30] {
        let lost: Vec<_> = board.seats().map(|(slot, _)| slot).take(8).collect();
        for slot in &lost {
            board.set_state(*slot, State::Gone, at(second));
        }
        let plan = checked(&board, at(second), &config);
        assert_eq!(plan.quarantine, []);
        board.apply(&plan, at(second));
        for (number, slot) in lost.into_iter().enumerate() {
            assert!(board.remove_executor(slot));
            let executor = Executor::new(member(100 * second as usize + number), at(second));
            board.add_executor(executor, State::Active, true);
        }
    }
}

//! Plans that were spoiled on purpose: the check names what is wrong with each.

use super::*;

const NOW: Mono = Mono::from_nanos(100_000 * 1_000_000_000);

fn slot(number: usize) -> ExecutorSlot {
    ExecutorSlot::new(number)
}

fn shard(number: usize) -> ShardSlot {
    ShardSlot::new(number)
}

/// Four executors with two shards each, of load 1, by slot.
fn fleet() -> Board {
    let mut board = board(4, 8);
    for number in 0..8 {
        board.set_owner(shard(number), Some(slot(number / 2)));
        board.set_load(shard(number), Load::new(1.0), Mono::ZERO);
    }
    board
}

/// What the check finds when this is the plan, with a report to match, instead of what the planner says.
fn found(board: &Board, config: &Config, moves: &[(usize, Action, Reason)]) -> Vec<Fault> {
    let mut plan = Plan { quarantine: plan(board, NOW, config, 0).quarantine, ..Plan::default() };
    for (number, action, reason) in moves {
        plan.moves.push(Move { shard: shard(*number), action: *action, reason: *reason });
        plan.report.moves[*reason as usize] += 1;
    }
    let gets_nobody =
        |at: &ShardSlot| !moves.iter().any(|(it, action, _)| shard(*it) == *at && action.to().is_some());
    let gone = board.seats().filter(|(_, seat)| seat.state == State::Gone);
    let lost = gone.flat_map(|(slot, _)| board.shards_of(slot)).chain(board.unowned());
    plan.report.unplaced[NoRoom::Full as usize] = lost.filter(|at| gets_nobody(at)).count() as u32;
    check(board, NOW, config, &plan).err().unwrap_or_default()
}

#[track_caller]
fn assert_found(board: &Board, config: &Config, moves: &[(usize, Action, Reason)], fault: &Fault) {
    let faults = found(board, config, moves);
    assert!(faults.contains(fault), "{fault:?} was not found, but {faults:?}");
}

fn with(edit: impl FnOnce(&mut Board)) -> Board {
    let mut board = fleet();
    edit(&mut board);
    board
}

#[test]
fn moves_that_cannot_be_done() {
    use Action::*;
    use Reason::*;
    let config = Config::default();
    let to = HandOver(slot(1));
    let one = |board: &Board, change, fault: Fault| assert_found(board, &config, &[change], &fault);
    let board = fleet();
    assert_eq!(found(&board, &config, &[]), []);
    one(&board, (9, to, Shed), Fault::NoSuchShard(shard(9)));
    assert_found(
        &board,
        &config,
        &[(0, to, Shed), (0, HandOver(slot(2)), Shed)],
        &Fault::MovedTwice(shard(0)),
    );
    for wrong in [
        (0, Grant(slot(1)), Unowned),
        (0, Grant(slot(1)), OwnerLost),
        (0, Unassign, OwnerLost),
        (0, to, Drain),
        (0, to, Pinned),
        (0, to, Unowned),
        (0, HandOver(slot(0)), Shed),
        (0, Redirect(Some(slot(1))), DestinationLost),
    ] {
        one(&board, wrong, Fault::WrongAction(shard(0)));
    }
    let closed = with(|board| board.set_receives(slot(1), false));
    one(&closed, (0, to, Shed), Fault::NotOpen(shard(0), slot(1)));
    let draining = with(|board| board.set_state(slot(1), State::Draining, NOW));
    one(&draining, (0, to, Shed), Fault::NotOpen(shard(0), slot(1)));
    let moving = with(|board| board.set_phase(shard(0), Phase::Moving(Some(slot(3)))));
    one(&moving, (0, to, Shed), Fault::MoveRedecided(shard(0)));
    one(&moving, (0, Redirect(Some(slot(1))), DestinationLost), Fault::MoveRedecided(shard(0)));
    let superseded = with(|board| board.set_state(slot(0), State::Superseded, NOW));
    one(&superseded, (0, to, Drain), Fault::SupersededAsked(shard(0)));
    let pinned = with(|board| board.set_pin(shard(0), Some(Pin::To(slot(0)))));
    one(&pinned, (0, to, Shed), Fault::PinUndone(shard(0)));
    let mut wrong = plan(&board, NOW, &config, 0);
    wrong.report.moves[Shed as usize] += 1;
    assert_eq!(check(&board, NOW, &config, &wrong), Err(vec![Fault::WrongReport]));
}

#[test]
fn duties_left_undone() {
    use Action::*;
    use Reason::*;
    let config = Config::default();
    let unowned = with(|board| board.set_owner(shard(0), None));
    assert_found(&unowned, &config, &[], &Fault::LeftUnowned(shard(0)));
    let gone = with(|board| board.set_state(slot(0), State::Gone, NOW));
    assert_found(&gone, &config, &[], &Fault::LostOwnerKept(shard(0)));
    let draining = with(|board| board.set_state(slot(0), State::Draining, NOW));
    assert_found(&draining, &config, &[(1, HandOver(slot(1)), Drain)], &Fault::LeftDraining(shard(0)));
    let misplaced = with(|board| board.set_pin(shard(0), Some(Pin::To(slot(1)))));
    assert_found(&misplaced, &config, &[], &Fault::LeftMisplaced(shard(0)));
    let adrift = with(|board| {
        board.set_phase(shard(0), Phase::Moving(Some(slot(3))));
        board.set_state(slot(3), State::Draining, NOW);
    });
    assert_found(&adrift, &config, &[], &Fault::LeftAdrift(shard(0)));
    let quarantined = with(|board| {
        board.set_owner(shard(0), None);
        board.set_quarantine(shard(0), Some(NOW + std::time::Duration::from_secs(1)));
    });
    assert_eq!(found(&quarantined, &config, &[]), []);
    assert_found(&quarantined, &config, &[(0, Grant(slot(0)), Unowned)], &Fault::QuarantineBroken(shard(0)));
    let served = with(|board| board.set_quarantine(shard(0), Some(NOW)));
    let plan = Plan::default();
    assert_eq!(check(&served, NOW, &config, &plan), Err(vec![Fault::WrongQuarantine(shard(0))]));
}

#[test]
fn shards_that_belong_elsewhere() {
    use Action::*;
    use Reason::*;
    let even = Config { placement: Placement::Even, ..Config::default() };
    let waiting = with(|board| {
        board.set_owner(shard(0), None);
        board.set_owner(shard(2), Some(slot(2)));
    });
    let grant = |to| (0, Grant(slot(to)), Unowned);
    assert_found(&waiting, &even, &[grant(2)], &Fault::NotLeastFilled(shard(0)));
    let roomy = Config { bound: 3.0, ..Config::default() };
    let on_ring = plan(&waiting, NOW, &roomy, 0).moves[0].action.to().unwrap();
    let elsewhere = (0..2).find(|number| slot(*number) != on_ring).unwrap();
    assert_found(&waiting, &roomy, &[grant(elsewhere)], &Fault::NotOnRing(shard(0)));

    let limited = |executor: fn(Executor) -> Executor| {
        let mut board = fleet();
        board.add_executor(executor(Executor::new(member(4), Mono::ZERO)), State::Active, true);
        board.set_owner(shard(0), None);
        board
    };
    let no_seat = limited(|executor| executor.with_max_shards(0));
    assert_found(&no_seat, &even, &[grant(4)], &Fault::TooManyShards(slot(4)));
    let no_load = limited(|executor| executor.with_max_load(Load::new(0.5).unwrap()));
    assert_found(&no_load, &even, &[grant(4)], &Fault::TooMuchLoad(slot(4)));
    let old = limited(|executor| executor.with_version("old"));
    let retiring = Config { rollout: Rollout::Retiring(["old".into()].into()), ..even };
    assert_found(&old, &retiring, &[grant(4)], &Fault::OntoRetiring(shard(0)));
}

#[test]
fn balance_that_is_none() {
    use Action::*;
    use Reason::*;
    let config = Config::default();
    let shed = |number, to| (number, HandOver(slot(to)), Shed);
    let spread = |number, to| (number, HandOver(slot(to)), Spread);
    let board = fleet();
    let frozen = Config { freeze: true, ..Config::default() };
    assert_found(&board, &frozen, &[shed(0, 1)], &Fault::BalancedAnyway(shard(0)));
    let over = Fault::OverBudget { reason: Shed, moves: 2, most: 1 };
    assert_found(&board, &config, &[shed(0, 1), shed(2, 0)], &over);
    assert_found(&board, &config, &[shed(0, 1)], &Fault::NotOverfull(slot(0)));
    assert_found(&board, &config, &[shed(0, 1)], &Fault::NothingGained);
    assert_found(&board, &config, &[spread(0, 1)], &Fault::BeyondFairShare(slot(1)));
    let warm = with(|board| board.note_moved(shard(0), NOW));
    assert_found(&warm, &config, &[shed(0, 1)], &Fault::TooSoon(shard(0)));
    let heavy = with(|board| board.set_load(shard(0), Load::new(50.0), NOW));
    assert_found(&heavy, &config, &[shed(0, 1)], &Fault::BurdenPassedOn(slot(1)));
}

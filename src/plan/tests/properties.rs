//! What holds for every board and config.

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;

use super::worlds::*;
use crate::{
    plan::{Strategy, *},
    types::Mono,
};

/// More rounds than any board of these sizes needs.
const MOST_ROUNDS: usize = 400;

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Carries a plan out to the end: moves finish, sessions that are gone leave.
fn carry_out(board: &mut Board, plan: &Plan, now: Mono) {
    board.apply(plan, now);
    let moving: Vec<_> = board.moving().map(|(shard, _)| shard).collect();
    for shard in moving {
        board.finish_move(shard);
    }
    let gone: Vec<_> =
        board.seats().filter(|(_, seat)| seat.state == State::Gone).map(|(slot, _)| slot).collect();
    for slot in gone {
        assert!(board.remove_executor(slot), "a session that is gone keeps nothing");
    }
}

/// Rounds, far enough apart for every cooldown, until one moves nothing. How often each shard was moved.
fn run_to_rest(board: &mut Board, config: &Config, mut now: Mono) -> BTreeMap<ShardSlot, usize> {
    let mut moves = BTreeMap::new();
    for _ in 0..MOST_ROUNDS {
        let plan = plan(board, now, config, 1);
        assert_eq!(check(board, now, config, &plan), Ok(()));
        if plan.moves.is_empty() {
            return moves;
        }
        for change in &plan.moves {
            *moves.entry(change.shard).or_default() += 1;
        }
        carry_out(board, &plan, now);
        now = now + Duration::from_secs(300);
    }
    panic!("still moving after {MOST_ROUNDS} rounds: {moves:?}");
}

fn steady_of(config: Config) -> Config {
    match config.strategy {
        Strategy::Steady(_) => config,
        Strategy::Naive(_) | Strategy::Greedy(_) => Config { strategy: Strategy::default(), ..config },
    }
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn every_plan_passes_the_check(world in world(), config in config(), seed: u64) {
        let board = world.board(0);
        let plan = plan(&board, NOW, &config, seed);
        prop_assert_eq!(check(&board, NOW, &config, &plan), Ok(()));
    }

    #[test]
    fn a_plan_depends_on_what_is_and_not_on_how_it_came_about(
        world in world(), config in config(), seed: u64, order in 1..60_usize,
    ) {
        let planned = plan(&world.board(0), NOW, &config, seed);
        prop_assert_eq!(&plan(&world.board(0), NOW, &config, seed), &planned);
        prop_assert_eq!(&plan(&world.board(order), NOW, &config, seed), &planned);
    }

    #[test]
    fn one_shard_is_placed_as_a_round_would_place_it(world in quiet_world(), config in config(), seed: u64, position: u64) {
        let mut board = world.board(0);
        let shard = board.add_shard(position);
        let placed = place(&board, NOW, &config, seed, &[shard]);
        let plan = plan(&board, NOW, &config, seed);
        prop_assert_eq!(plan.moves.first().and_then(|change| change.action.to()), placed[0].ok());
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn constant_load_comes_to_rest(world in world(), config in config()) {
        let mut board = world.board(0);
        run_to_rest(&mut board, &steady_of(config), NOW);
    }

    #[test]
    fn losing_executors_moves_exactly_their_shards(world in quiet_world(), config in config(), lost in 0..256_u32) {
        let mut board = world.board(0);
        let lost: Vec<_> = board.seats().map(|(slot, _)| slot).filter(|slot| lost >> slot.index() & 1 == 1).collect();
        let mut theirs: Vec<_> = lost.iter().flat_map(|slot| board.shards_of(*slot)).copied().collect();
        for slot in &lost {
            board.set_state(*slot, State::Gone, NOW);
        }
        // With nobody to repair for, there may be something to balance.
        let config = Config { freeze: lost.is_empty() || theirs.is_empty(), ..config };
        let plan = plan(&board, NOW, &config, 0);
        let mut moved: Vec<_> = plan.moves.iter().map(|change| change.shard).collect();
        theirs.sort_unstable();
        moved.sort_unstable();
        prop_assert_eq!(moved, theirs);
    }

    #[test]
    fn a_join_moves_at_most_its_fair_share_and_to_nobody_else(
        executors in 1..12_usize, shards in 1..200_usize, weight in 1..4_u16, config in config(),
    ) {
        let config = Config { freeze: false, rollout: Rollout::Off, strategy: Strategy::default(), ..config };
        let mut board = Board::new(crate::ring::RingSpec::default());
        for number in 0..executors {
            board.add_executor(named(number, 1, 9000), State::Active, true);
        }
        for number in 0..shards {
            board.add_shard(crate::hash::xxh3(&number.to_le_bytes()));
        }
        run_to_rest(&mut board, &Config { placement: Placement::Even, ..config.clone() }, NOW);
        let later = NOW + Duration::from_secs(100_000);
        let new = board.add_executor(named(executors, weight, 0), State::Active, true);
        let before: Vec<_> = board.shards().map(|(slot, shard)| (slot, shard.owner)).collect();
        let moves = run_to_rest(&mut board, &config, later);
        let fair = (shards as f64 * f64::from(weight) / (executors as f64 + f64::from(weight))).ceil();
        prop_assert!(moves.values().all(|times| *times == 1), "{moves:?}");
        prop_assert!(moves.len() as f64 <= fair, "{} moves of {fair}", moves.len());
        for (slot, owner) in before {
            let now = board.shard(slot).unwrap().owner;
            prop_assert!(now == owner || now == Some(new));
        }
    }
}

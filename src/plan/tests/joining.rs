//! What those get who join a running namespace.

use super::{rules::*, *};

#[test]
fn who_joins_gets_a_fair_share_and_no_more() {
    for placement in [Placement::Ring, Placement::Even] {
        let config = Config { placement, ..Config::default() };
        let mut board = board(4, 400);
        board.apply(&checked(&board, Mono::ZERO, &config), Mono::ZERO);
        run_to_rest(&mut board, &config);
        let new = board.add_executor(Executor::new(member(4), at(LATER)), State::Active, true);
        let moves: Vec<Move> = run_to_rest(
            &mut board,
            &Config {
                strategy: Strategy::Steady(Steady { settling: MINUTE * 1000, ..Steady::default() }),
                ..config
            },
        );
        assert!(moves.iter().all(|it| it.action == Action::HandOver(new) && it.reason == Reason::Spread));
        let got = board.seat(new).unwrap().held.shards;
        assert!((72..=80).contains(&got), "{got} of 400 shards, a fifth of which is 80");
        assert_eq!(moves.len(), got as usize);
    }
}

#[test]
fn who_joins_after_many_others_waits_for_nobodys_shards_to_cool_down() {
    for placement in [Placement::Ring, Placement::Even] {
        let config = Config { placement, ..Config::default() };
        let mut board = board(20, 400);
        board.apply(&checked(&board, at(LATER), &config), at(LATER));
        run_to_rest(&mut board, &config);
        // By now, whoever has too much has it from others, and it has to stay for a while.
        for joined in 20..60 {
            let now = at(2 * LATER + joined as u64 / 10);
            let new = board.add_executor(Executor::new(member(joined), now), State::Active, true);
            let plan = checked(&board, now, &config);
            assert!(plan.moves.iter().any(|it| it.action == Action::HandOver(new)), "{joined} has nothing");
            board.apply(&plan, now);
            finish_moves(&mut board);
        }
    }
}

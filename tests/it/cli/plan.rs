//! Planning rounds, decided again.

use shardway::{
    plan::{Board, Config, Executor, Round, State},
    types::{Member, Mono},
};

use super::shardway;

fn round() -> String {
    let mut board = Board::new(Default::default());
    let member = Member::new("10.0.0.1:7933").unwrap();
    board.add_executor(Executor::new(member, Mono::ZERO), State::Active, true);
    let shard = board.add_shard(7);
    let round = Round::run(&board, Mono::ZERO, &Config::default(), 0);
    round.with_names([(shard, "orders".into())]).to_text().unwrap()
}

#[test]
fn a_round_is_decided_again_from_its_text() {
    let output = shardway(&["plan", "replay", "-", "--output", "json"], round().as_bytes());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["same"], true);
    let moves = serde_json::json!([
        { "shard": "orders", "action": "grant", "to": "10.0.0.1:7933", "reason": "unowned" },
    ]);
    assert_eq!(report["moves"], moves);
    let output = shardway(&["plan", "replay", "-"], round().as_bytes());
    assert!(String::from_utf8_lossy(&output.stdout).contains("decided the same again"));
}

#[test]
fn what_is_no_round_is_refused() {
    let output = shardway(&["plan", "replay", "-"], &round().as_bytes()[..100]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot read round"));
}

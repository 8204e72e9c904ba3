use proptest::prelude::*;

use super::{write::Digest, *};
use crate::plan::{
    Executor, State,
    tests::{
        self as plan_tests,
        worlds::{NOW, config, world},
    },
};

fn cases() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

/// The text with another body, and a digest that fits it: what only a forger writes, or a mistake in the writer.
fn forged(text: &str, forge: impl FnOnce(&mut Vec<String>)) -> String {
    let mut lines: Vec<_> = text.lines().skip(2).map(str::to_owned).collect();
    forge(&mut lines);
    let body = lines.join("\n") + "\n";
    format!("{}\ndigest {}\n{body}", write::HEADER, Digest::of(&body))
}

#[derive(Clone, Debug)]
enum Damage {
    Drop,
    Repeat,
    Swap(prop::sample::Index),
    Word(prop::sample::Index, String),
}

fn damage() -> impl Strategy<Value = Damage> {
    let word = prop_oneof![
        Just("-".to_owned()),
        Just("0".to_owned()),
        Just("4294967295".to_owned()),
        Just("340282366920938463463374607431768211455".to_owned()),
        Just("NaN".to_owned()),
        (0..30_u32).prop_map(|number| number.to_string()),
        "[ -~]{0,4}",
    ];
    prop_oneof![
        1 => Just(Damage::Drop),
        1 => Just(Damage::Repeat),
        1 => any::<prop::sample::Index>().prop_map(Damage::Swap),
        6 => (any::<prop::sample::Index>(), word).prop_map(|(at, word)| Damage::Word(at, word)),
    ]
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_round_that_went_through_text_decides_the_same(world in world(), config in config(), seed: u64) {
        let round = Round::run(&world.board(0), NOW, &config, seed).with_names([(ShardSlot::new(3), "a \u{e9}%".into())]);
        prop_assert_eq!(replay(&round), Some(round.plan().clone()));
        prop_assert_eq!(&crate::plan::plan(&world.board(0), NOW, &config, seed), round.plan());
        let text = round.to_text().unwrap();
        let again: Round = text.parse().unwrap();
        prop_assert_eq!(replay(&again), Some(round.plan().clone()));
        prop_assert_eq!(again.plan(), round.plan());
        prop_assert_eq!(again.config(), round.config());
        prop_assert_eq!(again.name_of(ShardSlot::new(3)), Some("a \u{e9}%"));
        prop_assert_eq!(again.to_text().unwrap(), text);
    }

    #[test]
    fn a_text_with_a_byte_changed_or_cut_off_is_refused(world in world(), at: prop::sample::Index, byte in 1..128_u8) {
        let text = Round::run(&world.board(0), NOW, &Config::default(), 0).to_text().unwrap();
        let at = at.index(text.len());
        prop_assert!(text[..at].parse::<Round>().is_err());
        let mut changed = text.clone().into_bytes();
        changed[at] ^= byte;
        let changed = String::from_utf8_lossy(&changed).into_owned();
        prop_assert!(changed.parse::<Round>().is_err(), "{changed}");
    }

    #[test]
    fn a_forged_text_is_refused_or_can_be_decided(
        world in world(), config in config(), damages in prop::collection::vec((any::<prop::sample::Index>(), damage()), 1..4),
    ) {
        let text = Round::run(&world.board(0), NOW, &config, 0).to_text().unwrap();
        let text = forged(&text, |lines| {
            for (at, damage) in &damages {
                damage.do_to(lines, at.index(lines.len().max(1)));
            }
        });
        if let Ok(round) = text.parse::<Round>() {
            prop_assert_eq!(replay(&round), Some(round.plan().clone()));
        }
    }
}

impl Damage {
    fn do_to(&self, lines: &mut Vec<String>, at: usize) {
        let Some(line) = lines.get(at).cloned() else { return };
        match self {
            Self::Drop => drop(lines.remove(at)),
            Self::Repeat => lines.insert(at, line),
            Self::Swap(with) => {
                let with = with.index(lines.len());
                lines.swap(at, with);
            }
            Self::Word(which, word) => {
                let mut words: Vec<&str> = line.split_whitespace().collect();
                let which = which.index(words.len().max(1));
                words.splice(which..(which + 1).min(words.len()), [word.as_str()]);
                lines[at] = words.join(" ");
            }
        }
    }
}

/// A round of two executors, one of which drains, whose text is short enough to know by heart.
fn small() -> String {
    let mut board = plan_tests::board(2, 3);
    let plan = crate::plan::plan(&board, Mono::ZERO, &Config::default(), 0);
    board.apply(&plan, Mono::ZERO);
    board.set_state(ExecutorSlot::new(0), State::Draining, Mono::ZERO);
    Round::run(&board, NOW, &Config::default(), 0).to_text().unwrap()
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    let text = small();
    assert!(text.contains("leaving ") && text.contains("move "), "{text}");
    let replaced = |from: &str, to: &str| {
        assert!(text.contains(from), "{from} in {text}");
        forged(&text.replacen(from, to, 1), |_| {})
    };
    let second_input = forged(&text, |lines| {
        let at = lines.iter().position(|line| line.starts_with("input")).unwrap();
        lines.insert(at, lines[at].clone());
    });
    for (text, complaint) in [
        (String::new(), "line 1 of a round: the header"),
        (text.replace("round 1", "round 2"), "line 1 of a round: the header"),
        (text.replace("hand_over", "handover"), "line 2 of a round: the digest"),
        (forged(&text, |lines| lines.truncate(4)), "line 6 of a round: an input is missing"),
        (replaced("rollout detect", ""), "a first word"),
        (second_input, "one input and not two"),
        (forged(&text, |lines| lines.reverse()), "an input before its rows"),
        (replaced("placement ring", "placement there"), "line 3 of a round: a placement"),
        (replaced("strategy steady", "strategy heady"), "line 4 of a round: a strategy"),
        (replaced("rollout detect", "rollout defect"), "a rollout"),
        (replaced("quarantine 3", "quarantine x"), "a number of losses"),
        (replaced("xxh3 100", "xxh3 0"), "the points"),
        (replaced("executor 0 '10", "executor 0 10"), "a text"),
        (replaced("executor 0", "executor 7"), "the order of executors"),
        (replaced("executor 0", "executor 99999999"), "a slot"),
        (replaced("draining true", "training true"), "a state"),
        (replaced("leaving", "sleeping"), "a known first word"),
        (replaced("hand_over 1", "hand_over -"), "an action"),
        (replaced("hand_over 1", "hand_over 0"), "the plan that this version makes"),
        (replaced("detect", "detect ive"), "the end of the line"),
        (replaced(" drain\n", " strain\n"), "a reason"),
    ] {
        let refusal = text.parse::<Round>().unwrap_err().to_string();
        assert!(refusal.contains(complaint), "{refusal:?} says nothing of {complaint:?}");
    }
}

#[test]
fn the_oldest_rounds_are_forgotten() {
    let config = Config::default();
    let mut rounds = Rounds::default();
    let board = plan_tests::board(1000, 1);
    for second in 0..300 {
        rounds.add(Round::run(&board, Mono::from_nanos(second), &config, 0));
    }
    assert_eq!(rounds.iter().len(), MAX_ROUNDS);
    assert_eq!(rounds.iter().next_back().unwrap().1.input().unwrap().now.as_nanos(), 299);

    let board = plan_tests::board(1, MAX_ROUND_ROWS / 4 - 1);
    for _ in 0..3 {
        rounds.add(Round::run(&board, NOW, &config, 0));
    }
    assert!(rounds.rows <= MAX_ROUND_ROWS, "{}", rounds.rows);
    assert!(rounds.iter().len() < MAX_ROUNDS);

    let board = plan_tests::board(1, MAX_ROUND_ROWS / 4 + 1);
    rounds.add(Round::run(&board, NOW, &config, 0));
    let (_, newest) = rounds.iter().next_back().unwrap();
    assert!(newest.input().is_none() && newest.plan().moves.is_empty());
    assert!(replay(newest).is_none() && newest.to_text().is_none());
    assert_eq!(newest.plan().report.on_ring as usize, MAX_ROUND_ROWS / 4 + 1, "its figures are kept");
    assert!(
        rounds.iter().all(|(number, round)| rounds.get(number).is_some_and(|it| std::ptr::eq(it, round)))
    );
    assert_eq!(rounds.rows, rounds.iter().map(|(_, round)| round.kept_rows()).sum::<usize>());
}

#[test]
fn a_quiet_hour_leaves_one_round() {
    let mut board = plan_tests::board(3, 30);
    let config = Config::default();
    let mut rounds = Rounds::default();
    for second in 0..3600 {
        let now = Mono::from_nanos(second * 1_000_000_000);
        let round = Round::run(&board, now, &config, 0);
        board.apply(round.plan(), now);
        if second == 1800 {
            board.add_executor(Executor::new(plan_tests::member(9), now), State::Active, true);
        }
        for (shard, _) in board.moving().collect::<Vec<_>>() {
            board.finish_move(shard);
        }
        rounds.add(round);
    }
    let is_idle: Vec<_> = rounds.iter().map(|(_, round)| round.is_idle()).collect();
    assert!(is_idle.len() < MAX_ROUNDS && !is_idle[0], "{is_idle:?}");
    assert!(is_idle.windows(2).any(|pair| pair == [true, false]), "the join comes after quiet: {is_idle:?}");
    assert!(!is_idle.windows(2).any(|pair| pair == [true, true]), "{is_idle:?}");
}

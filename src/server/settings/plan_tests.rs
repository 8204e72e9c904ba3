use std::{collections::BTreeSet, time::Duration};

use proptest::prelude::*;

use super::*;
use crate::{
    engine::Kind,
    plan::{Config, Greedy, Naive, Placement, Quarantine, Rollout, Steady, Strategy as PlanStrategy},
};

/// What is read of this behind a namespace's kind.
fn plan(text: &str) -> Result<Config, Vec<String>> {
    let config = parse_namespace("test", &format!("kind: ephemeral\n{text}"));
    config.map(|config| config.plan).map_err(|error| error.problems.iter().map(ToString::to_string).collect())
}

fn greedy() -> Greedy {
    Greedy {
        upper_band: 1.2,
        lower_band: 0.8,
        severe_imbalance_ratio: 1.5,
        move_budget: 0.05,
        cooldown: Duration::from_secs(90),
        smoothing: Duration::from_secs(30),
    }
}

#[test]
fn every_setting_of_the_planner_can_be_said() {
    let text = "
placement: even
strategy: steady
plan:
  bound: 1.1
  count_share: 0.5
  upper_band: 1.3
  lower_band: 0.7
  move_budget: 0.02
  cooldown: 2m
  settling: 10m
  smoothing: 0s
  rollout: [v1, 'v 2']
  quarantine: {losses: 5, window: 1h, hold: 2h, max_share: 0.5}
";
    let expected = Config {
        placement: Placement::Even,
        bound: 1.1,
        count_share: 0.5,
        strategy: PlanStrategy::Steady(Steady {
            upper_band: 1.3,
            lower_band: 0.7,
            move_budget: 0.02,
            cooldown: Duration::from_secs(120),
            settling: Duration::from_secs(600),
            smoothing: Duration::ZERO,
        }),
        freeze: false,
        rollout: Rollout::Retiring(["v1".into(), "v 2".into()].into()),
        quarantine: Some(Quarantine {
            losses: 5,
            window: Duration::from_secs(3600),
            hold: Duration::from_secs(7200),
            max_share: 0.5,
        }),
    };
    assert_eq!(plan(text), Ok(expected));
    let text = "
strategy: greedy
plan: {upper_band: 1.2, lower_band: 0.8, severe_imbalance_ratio: 1.5, move_budget: 0.05, cooldown: 90s, smoothing: 30s}";
    assert_eq!(plan(text).map(|plan| plan.strategy), Ok(PlanStrategy::Greedy(greedy())));
    let naive = plan("strategy: naive\nplan: {max_deviation: 3, rollout: off, quarantine: off}").unwrap();
    assert_eq!(naive.strategy, PlanStrategy::Naive(Naive { max_deviation: 3.0 }));
    assert_eq!((naive.rollout, naive.quarantine), (Rollout::Off, None));
    for nothing in ["", "plan:", "plan: {}", "plan: {rollout: detect, quarantine: {}}"] {
        assert_eq!(plan(nothing), Ok(Config::default()), "{nothing}");
    }
}

#[test]
fn the_keys_of_the_go_system_can_be_pasted() {
    // As its dynamic config has them.
    let pasted = "
plan:
  shardDistributor.loadBalancingMode:
    - value: greedy
      constraints: {}
  shardDistributor.loadBalancingNaive.maxDeviation:
    - value: 2.5
  shardDistributor.loadBalancingGreedy.perShardCooldown: [{value: 1m30s}]
  shardDistributor.loadBalancingGreedy.loadSmoothingTimeConstant:
    - value: 30s
      constraints:
  shardDistributor.loadBalancingGreedy.moveBudgetProportion: [{value: 0.05}]
  shardDistributor.loadBalancingGreedy.hysteresisUpperBand: [{value: 1.2}]
  shardDistributor.loadBalancingGreedy.hysteresisLowerBand: [{value: 0.8}]
  shardDistributor.loadBalancingGreedy.severeImbalanceRatio: [{value: 1.5}]
";
    assert_eq!(plan(pasted).map(|plan| plan.strategy), Ok(PlanStrategy::Greedy(greedy())));
    // The other strategy's are checked, and not in force.
    let naive = pasted.replace("value: greedy", "value: naive");
    let expected = PlanStrategy::Naive(Naive { max_deviation: 2.5 });
    assert_eq!(plan(&naive).map(|plan| plan.strategy), Ok(expected));
    assert_eq!(
        plan(&naive.replace("value: 0.8", "value: 8")),
        Err(vec![
            "15:70: plan.shardDistributor.loadBalancingGreedy.hysteresisLowerBand: must be a number above 0 and \
             at most 1, and is 8"
                .to_owned()
        ])
    );
    let short = pasted.replace("shardDistributor.", "");
    assert_eq!(plan(&short), plan(pasted));
    let by_strategy = "strategy: naive\nplan: {loadBalancingNaive.maxDeviation: 2.5}";
    assert_eq!(plan(by_strategy).map(|plan| plan.strategy), Ok(expected));
}

/// Each text, and what is said of it behind its place, in any order.
const REFUSED: [(&str, &[&str]); 14] = [
    (
        "plan: {bound: 0.9, count_share: many, upper_band: NaN, lower_band: -1, move_budget: 2, cooldown: 2h, \
         settling: soon, smoothing: 61m}",
        &[
            "plan.bound: must be a number from 1 to 1000, and is 0.9",
            "plan.count_share: must be a number, and is \"many\"",
            "plan.upper_band: must be a number from 1 to 1000, and is NaN",
            "plan.lower_band: must be a number above 0 and at most 1, and is -1",
            "plan.move_budget: must be a number above 0 and at most 1, and is 2",
            "plan.cooldown: must be a duration of at most 1h, and is 2h",
            "plan.settling: must be a duration such as 10s or 250ms, and is \"soon\"",
            "plan.smoothing: must be a duration of at most 1h, and is 1h1m",
        ],
    ),
    (
        "plan: {quarantine: {losses: 1, window: 0s, hold: 721h, max_share: 0, los: 3}}",
        &[
            "plan.quarantine.losses: must be a whole number from 2 to 32, and is 1",
            "plan.quarantine.window: must be a duration from 1s to 24h, and is 0s",
            "plan.quarantine.hold: must be a duration from 1s to 720h, and is 721h",
            "plan.quarantine.max_share: must be a number above 0 and at most 1, and is 0",
            "plan.quarantine.los: there is no such setting",
        ],
    ),
    ("plan: {quarantine: on}", &["plan.quarantine: must be a map, and is a single value"]),
    ("plan: 1", &["plan: must be a map, and is a single value"]),
    ("plan: {rollout: on}", &["plan.rollout: must be detect, off or a list of builds, and is \"on\""]),
    ("plan: {rollout: [[]]}", &["plan.rollout: must list builds by name, and lists a list"]),
    (
        "plan: {rollout: ['']}",
        &["plan.rollout: must name at most 64 builds, each of 1 to 256 bytes, and is 1 builds"],
    ),
    (
        "strategy: naive\nplan: {upper_band: 1.2, settling: 1s}",
        &[
            "plan.upper_band: is no setting of strategy naive",
            "plan.settling: is no setting of strategy naive",
        ],
    ),
    (
        "plan: {severe_imbalance_ratio: 1.2, loadBalancingNaive.maxDeviation: 2}",
        &[
            "plan.loadBalancingNaive.maxDeviation: is no setting of strategy steady",
            "plan.severe_imbalance_ratio: is no setting of strategy steady",
        ],
    ),
    (
        "strategy: greedy\nplan: {loadBalancingMode: greedy}",
        &["plan.loadBalancingMode: says the same as strategy: leave one of them out"],
    ),
    (
        "strategy: greedy\nplan: {loadBalancingGreedy.hysteresisUpperBand: 1.2, upper_band: 1.3}",
        &["plan.loadBalancingGreedy.hysteresisUpperBand: says the same as upper_band: leave one of them \
             out"],
    ),
    // Whose settings these are is not known, and no second complaint.
    (
        "strategy: greedi\nplan: {severe_imbalance_ratio: 1.2, settling: 1s}",
        &["strategy: must be one of naive, greedy, steady, and is \"greedi\"; did you mean greedy?"],
    ),
    (
        "plan: {loadBalancingMode: steady}",
        &["plan.loadBalancingMode: must be one of naive, greedy, and is \"steady\""],
    ),
    (
        "plan: {loadBalancingMode: [{value: greedy, constraints: {namespace: a}}], migrationMode: onboarded}",
        &[
            "plan.loadBalancingMode: must be a single value, and is a list",
            "plan.migrationMode: there is no such setting",
        ],
    ),
];

#[test]
fn all_that_is_wrong_with_the_planner_is_told_at_once() {
    for (text, expected) in REFUSED {
        let problems = plan(text).unwrap_err();
        let mut expected = expected.to_vec();
        let mut problems: Vec<_> =
            problems.iter().filter_map(|problem| Some(problem.split_once(": ")?.1)).collect();
        problems.sort_unstable();
        expected.sort_unstable();
        assert_eq!(problems, expected, "{text}");
    }
}

fn seconds(most: u64) -> impl Strategy<Value = Duration> {
    (0..=most * 1000).prop_map(Duration::from_millis)
}

fn strategy() -> impl Strategy<Value = PlanStrategy> {
    let bands = || (1.0..=1000.0, 0.0001..=1.0, 0.0001..=1.0, seconds(3600), seconds(3600));
    prop_oneof![
        (bands(), seconds(86_400)).prop_map(
            |((upper_band, lower_band, move_budget, cooldown, smoothing), settling)| {
                PlanStrategy::Steady(Steady {
                    upper_band,
                    lower_band,
                    move_budget,
                    cooldown,
                    settling,
                    smoothing,
                })
            }
        ),
        (1.0..=1000.0).prop_map(|max_deviation| PlanStrategy::Naive(Naive { max_deviation })),
        (bands(), 1.0..=1000.0).prop_map(
            |((upper_band, lower_band, move_budget, cooldown, smoothing), severe)| {
                PlanStrategy::Greedy(Greedy {
                    upper_band,
                    lower_band,
                    severe_imbalance_ratio: severe,
                    move_budget,
                    cooldown,
                    smoothing,
                })
            }
        ),
    ]
}

fn rollout() -> impl Strategy<Value = Rollout> {
    let builds = proptest::collection::btree_set("\\PC{1,20}", 0..5);
    prop_oneof![
        Just(Rollout::Detect),
        Just(Rollout::Off),
        builds.prop_map(|builds: BTreeSet<String>| {
            Rollout::Retiring(builds.iter().map(|build| build.as_str().into()).collect())
        }),
    ]
}

proptest! {
    #[test]
    fn what_is_told_of_the_planner_reads_as_the_same(
        bound in 1.0..=1000.0,
        count_share in 0.0..=1000.0,
        strategy in strategy(),
        rollout in rollout(),
        quarantine in proptest::option::of((2..=32_usize, 1..=86_400_u64, 1..=2_592_000_u64, 0.0001..=1.0)),
    ) {
        let mut config = NamespaceConfig::new(Kind::Ephemeral);
        let quarantine = quarantine.map(|(losses, window, hold, max_share)| Quarantine {
            losses,
            window: Duration::from_secs(window),
            hold: Duration::from_secs(hold),
            max_share,
        });
        config.plan = Config { bound, count_share, strategy, rollout, quarantine, ..Config::default() };
        let yaml = to_yaml(&config);
        prop_assert_eq!(parse_namespace("test", &yaml), Ok(config), "{}", yaml);
    }
}

//! How a namespace's shards are placed and balanced, as a settings file says it: in our words, or with the keys of the
//! Go system's dynamic config, so that its operators can paste theirs.

use std::{
    collections::BTreeSet,
    fmt::{self, Write},
    time::Duration,
};

use super::{fields::Fields, render::quoted};
use crate::{
    plan::{Config, Greedy, Naive, Placement, Quarantine, Rollout, Steady, Strategy},
    types::duration::Shown,
    yaml::{Body, Node, escaped},
};

const PLACEMENTS: [(&str, Placement); 3] =
    [("ring", Placement::Ring), ("even", Placement::Even), ("least_loaded", Placement::LeastLoaded)];
/// The Go system's key for the strategy.
const MODE: Names = &["loadBalancingMode", "shardDistributor.loadBalancingMode"];

/// Under what a setting can be said: our word, then the Go system's key, without and with what all its keys begin with.
type Names = &'static [&'static str];

/// What a setting of a strategy sets.
enum Slot<'a> {
    Number(&'a mut f64),
    Length(&'a mut Duration),
}

/// The settings of a strategy. The first name of each is the planner's own.
fn slots(strategy: &mut Strategy) -> Vec<(Names, Slot<'_>)> {
    use Slot::{Length, Number};
    macro_rules! go {
        ($name:literal, $key:literal) => {
            &[$name, $key, concat!("shardDistributor.", $key)]
        };
    }
    match strategy {
        Strategy::Steady(it) => vec![
            (&["upper_band"], Number(&mut it.upper_band)),
            (&["lower_band"], Number(&mut it.lower_band)),
            (&["move_budget"], Number(&mut it.move_budget)),
            (&["cooldown"], Length(&mut it.cooldown)),
            (&["settling"], Length(&mut it.settling)),
            (&["smoothing"], Length(&mut it.smoothing)),
        ],
        Strategy::Naive(it) => {
            vec![(go!("max_deviation", "loadBalancingNaive.maxDeviation"), Number(&mut it.max_deviation))]
        }
        Strategy::Greedy(it) => vec![
            (go!("upper_band", "loadBalancingGreedy.hysteresisUpperBand"), Number(&mut it.upper_band)),
            (go!("lower_band", "loadBalancingGreedy.hysteresisLowerBand"), Number(&mut it.lower_band)),
            (
                go!("severe_imbalance_ratio", "loadBalancingGreedy.severeImbalanceRatio"),
                Number(&mut it.severe_imbalance_ratio),
            ),
            (go!("move_budget", "loadBalancingGreedy.moveBudgetProportion"), Number(&mut it.move_budget)),
            (go!("cooldown", "loadBalancingGreedy.perShardCooldown"), Length(&mut it.cooldown)),
            (go!("smoothing", "loadBalancingGreedy.loadSmoothingTimeConstant"), Length(&mut it.smoothing)),
        ],
    }
}

fn strategies() -> [(&'static str, Strategy); 3] {
    let all = [
        Strategy::Naive(Naive::default()),
        Strategy::Greedy(Greedy::default()),
        Strategy::Steady(Steady::default()),
    ];
    all.map(|strategy| (strategy.as_str(), strategy))
}

/// What a namespace's fields say of it. What is wrong is told, and stays as by default.
pub(super) fn read(namespace: &mut Fields<'_>) -> Config {
    let mut config = Config::default();
    if let Some(placement) = namespace.choice("placement", &PLACEMENTS) {
        config.placement = placement;
    }
    let is_said = namespace.has("strategy");
    let strategy = namespace.choice("strategy", &strategies());
    config.strategy = strategy.unwrap_or_default();
    let Some(node) = namespace.node("plan").map(unwrapped) else { return config };
    let path = namespace.path_of("plan");
    let Some(mut fields) = Fields::of(&path, &node, namespace.problems()) else { return config };
    read_common(&mut fields, &mut config);
    let mode = fields.find(MODE);
    let [naive, greedy, _] = strategies();
    let go = mode.and_then(|mode| fields.choice(mode, &[naive, greedy]));
    if let Some(mode) = mode.filter(|_| is_said) {
        fields.wrong_at(mode, "says the same as strategy: leave one of them out");
    }
    let is_known = strategy.or(go).is_some() || !is_said && mode.is_none();
    config.strategy = read_strategies(&mut fields, strategy.or(go).unwrap_or_default(), is_known);
    fields.end();
    config
}

/// What there is whatever the strategy.
fn read_common(fields: &mut Fields<'_>, config: &mut Config) {
    for (name, setting) in [("bound", &mut config.bound), ("count_share", &mut config.count_share)] {
        fill(fields, name, Slot::Number(setting));
    }
    if let Some(rollout) = rollout(fields) {
        config.rollout = rollout;
    }
    for name in ["bound", "count_share", "rollout"] {
        check(fields, name, name, config);
    }
    match fields.node("quarantine") {
        Some(node) if node.body.text() == Some("off") => config.quarantine = None,
        Some(node) => read_quarantine(fields, node, config),
        None => {}
    }
}

/// The settings of the strategy that is in force.
fn read_strategies(fields: &mut Fields<'_>, strategy: Strategy, is_known: bool) -> Strategy {
    let chosen = read_strategy(fields, strategy, |_| None);
    // The Go system has keys for two strategies, of which one is in force, and whoever pastes them pastes all.
    let is_go = !matches!(strategy, Strategy::Steady(_));
    for (_, other) in strategies() {
        read_strategy(fields, other, |name| {
            let is_good = is_go && name.contains('.') || !is_known;
            (!is_good).then(|| format!("is no setting of strategy {}", strategy.as_str()))
        });
    }
    chosen
}

/// Those settings of a strategy that nobody has asked for yet, unless they are refused.
fn read_strategy(
    fields: &mut Fields<'_>,
    strategy: Strategy,
    refusal: impl Fn(&str) -> Option<String>,
) -> Strategy {
    let mut with = Config { strategy, ..Config::default() };
    let mut said = Vec::new();
    for (names, slot) in slots(&mut with.strategy) {
        let Some(name) = fields.find(names) else { continue };
        match refusal(name) {
            Some(message) => fields.wrong_at(name, message),
            None => {
                fill(fields, name, slot);
                said.push((name, names[0]));
            }
        }
    }
    for (name, setting) in said {
        check(fields, name, setting, &with);
    }
    with.strategy
}

fn rollout(fields: &mut Fields<'_>) -> Option<Rollout> {
    const NAME: &str = "rollout";
    let node = fields.node(NAME)?;
    if let Body::List(builds) = &node.body {
        let mut names = BTreeSet::new();
        for build in builds.iter() {
            match build.body.text() {
                Some(name) => drop(names.insert(name.into())),
                None => fields
                    .wrong_at(NAME, format!("must list builds by name, and lists {}", build.body.what())),
            }
        }
        return Some(Rollout::Retiring(names));
    }
    match fields.text(NAME)?.as_str() {
        "detect" => Some(Rollout::Detect),
        "off" => Some(Rollout::Off),
        other => {
            let rule = "must be detect, off or a list of builds, and is";
            fields.wrong_at(NAME, format!("{rule} \"{}\"", escaped(other)));
            None
        }
    }
}

fn read_quarantine(fields: &mut Fields<'_>, node: &Node, config: &mut Config) {
    let path = fields.path_of("quarantine");
    let mut quarantine = Quarantine::default();
    let Some(mut fields) = Fields::of(&path, node, fields.problems()) else { return };
    if let Some(losses) = fields.number("losses", 0..=u32::MAX) {
        quarantine.losses = losses as usize;
    }
    fill(&mut fields, "window", Slot::Length(&mut quarantine.window));
    fill(&mut fields, "hold", Slot::Length(&mut quarantine.hold));
    fill(&mut fields, "max_share", Slot::Number(&mut quarantine.max_share));
    config.quarantine = Some(quarantine);
    for (name, setting) in [
        ("losses", "quarantine.losses"),
        ("window", "quarantine.window"),
        ("hold", "quarantine.hold"),
        ("max_share", "quarantine.max_share"),
    ] {
        check(&mut fields, name, setting, config);
    }
    fields.end();
}

fn fill(fields: &mut Fields<'_>, name: &'static str, slot: Slot<'_>) {
    match slot {
        Slot::Number(number) => {
            let read = |text: &str| {
                text.parse().map_err(|_| format!("must be a number, and is \"{}\"", escaped(text)))
            };
            if let Some(said) = fields.read(name, read) {
                *number = said;
            }
        }
        Slot::Length(length) => {
            if let Some(said) = fields.duration(name) {
                *length = said;
            }
        }
    }
}

/// Tells what the planner has against a setting, where it was said.
fn check(fields: &mut Fields<'_>, name: &'static str, setting: &str, config: &Config) {
    if let Some(problem) = config.problems().iter().find(|problem| problem.setting == setting) {
        fields.wrong_at(name, format!("{}, and is {}", problem.rule, problem.value));
    }
}

/// With the Go system's values as they stand in its dynamic config, a list of one `value` without constraints, as just
/// that value. What has constraints stays a list, and so is refused: what is said of a namespace holds for it alone.
fn unwrapped(node: &Node) -> Node {
    let Body::Map(all) = &node.body else { return node.clone() };
    let all = all.iter().map(|(name, node)| (name.clone(), the_value(node).unwrap_or(node).clone()));
    Node { place: node.place, body: Body::Map(all.collect()) }
}

fn the_value(node: &Node) -> Option<&Node> {
    let Body::List(entries) = &node.body else { return None };
    let [Node { body: Body::Map(entry), .. }] = &**entries else { return None };
    let is_empty =
        |node: &Node| node.body.is_nothing() || matches!(&node.body, Body::Map(all) if all.is_empty());
    let mut value = None;
    for (name, node) in entry.iter() {
        match &*name.text {
            "value" => value = Some(node),
            "constraints" if is_empty(node) => {}
            _ => return None,
        }
    }
    value
}

/// As [`read`] reads it, a line for each.
pub(super) fn say(config: &Config, say: &mut impl FnMut(&str, &dyn fmt::Display)) {
    let named =
        |of: Placement| PLACEMENTS.iter().find(|(_, known)| *known == of).map_or("", |(name, _)| name);
    say("placement", &named(config.placement));
    say("strategy", &config.strategy.as_str());
    let mut plan = format!("{{bound: {}, count_share: {}", config.bound, config.count_share);
    // Writing to a string does not fail.
    for (names, slot) in slots(&mut config.strategy.clone()) {
        let _ = match slot {
            Slot::Number(number) => write!(plan, ", {}: {number}", names[0]),
            Slot::Length(length) => write!(plan, ", {}: {}", names[0], Shown(*length)),
        };
    }
    let _ = match &config.rollout {
        Rollout::Detect => write!(plan, ", rollout: detect"),
        Rollout::Off => write!(plan, ", rollout: off"),
        Rollout::Retiring(builds) => {
            let builds: Vec<_> = builds.iter().map(|build| quoted(build)).collect();
            write!(plan, ", rollout: [{}]", builds.join(", "))
        }
    };
    let _ = match config.quarantine {
        None => write!(plan, ", quarantine: off}}"),
        Some(Quarantine { losses, window, hold, max_share }) => write!(
            plan,
            ", quarantine: {{losses: {losses}, window: {}, hold: {}, max_share: {max_share}}}}}",
            Shown(window),
            Shown(hold)
        ),
    };
    say("plan", &plan);
}

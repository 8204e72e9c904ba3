use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;
use crate::{
    dynconfig::{ConstraintValue, Kind, Strictness, keys::KEYS},
    policy::{Fallback, Mode},
};

fn ns(name: &str) -> Namespace {
    Namespace::new(name).unwrap()
}

fn settings(name: &str, text: &str) -> Arc<Settings> {
    Arc::new(Settings::parse(name, text, Strictness::Lenient).unwrap())
}

fn file(text: &str) -> Layers {
    Layers::new(Some("c1")).with(Layer::LocalFile, Some(settings("f", text)))
}

fn shown(layers: &Layers, key: &'static KeySpec, namespace: &str) -> String {
    let Answer { value, origin } = layers.get(key, &layers.filters(&ns(namespace)));
    format!("{value} {origin}")
}

#[test]
fn the_first_entry_that_holds_wins_then_the_last_without_constraints_then_the_default() {
    let layers = file(
        "shardway.routing.percentage:
- value: 1
- {value: 2, constraints: {namespace: a, clusterName: c2}}
- {value: 3, constraints: {clusterName: c1, namespace: a}}
- {value: 4, constraints: {namespace: a}}
- value: 5
  constraints:
- {value: 6, constraints: {namespace: b}}
- {value: 7, constraints: {clusterName: c1}}
- {value: 8, constraints: {namespace: d}}
",
    );
    for (namespace, expected) in [("a", "3 f:4:3"), ("b", "6 f:8:3"), ("d", "7 f:9:3"), ("e", "7 f:9:3")] {
        assert_eq!(shown(&layers, &keys::PERCENTAGE, namespace), expected, "{namespace}");
    }
    let elsewhere = Layers { cluster: Some("c3".into()), ..layers.clone() };
    for (namespace, expected) in [("a", "4 f:5:3"), ("e", "5 f:6:3"), ("d", "8 f:10:3")] {
        assert_eq!(shown(&elsewhere, &keys::PERCENTAGE, namespace), expected, "{namespace}");
    }
    let nowhere = Layers { cluster: None, ..layers };
    assert_eq!(shown(&nowhere, &keys::PERCENTAGE, "a"), "4 f:5:3", "nobody asks with clusterName");
    assert_eq!(shown(&nowhere, &keys::KILL_SWITCH, "a"), "false default");
}

#[test]
fn a_key_without_entries_is_not_set() {
    assert_eq!(shown(&file("shardway.routing.percentage: []"), &keys::PERCENTAGE, "a"), "100 default");
}

#[test]
fn constraints_are_equal_only_with_equal_types() {
    let text = "shardway.routing.percentage: [{value: 1, constraints: {namespace: \"7\"}}]";
    let layers = file(text);
    assert_eq!(shown(&layers, &keys::PERCENTAGE, "7"), "1 f:1:31");
    let number = Filters::new().with(Constraint::Namespace, 7);
    assert_eq!(layers.get(&keys::PERCENTAGE, &number).origin, Origin::Default);
}

#[test]
fn the_own_key_counts_where_it_has_an_answer_and_cadences_elsewhere() {
    let layers = file(
        "matching.percentageOnboardedToShardManager: [{value: 10}]
shardway.routing.percentage: [{value: 20, constraints: {namespace: a}}]",
    );
    assert_eq!(shown(&layers, &keys::PERCENTAGE, "a"), "20 f:2:31");
    assert_eq!(
        shown(&layers, &keys::PERCENTAGE, "b"),
        "10 f:1:46 (matching.percentageOnboardedToShardManager)"
    );
}

#[test]
fn upper_layers_hide_lower_ones_key_by_key() {
    let layers = Layers::new(None)
        .with(
            Layer::Embedded,
            Some(settings(
                "app",
                "shardway.routing.percentage: [{value: 1}]\nshardway.routing.killSwitch: [{value: true}]",
            )),
        )
        .with(Layer::Pushed, Some(settings("push", "shardway.routing.percentage: [{value: 2}]")))
        .with(
            Layer::LocalFile,
            Some(settings(
                "f",
                "matching.percentageOnboardedToShardManager: [{value: 3, constraints: {namespace: a}}]",
            )),
        );
    assert_eq!(
        shown(&layers, &keys::PERCENTAGE, "a"),
        "3 f:1:46 (matching.percentageOnboardedToShardManager)"
    );
    assert_eq!(shown(&layers, &keys::PERCENTAGE, "b"), "2 push:1:31");
    assert_eq!(shown(&layers, &keys::KILL_SWITCH, "b"), "true app:2:31");
    let layers = layers.with(Layer::Pushed, None);
    assert_eq!(shown(&layers, &keys::PERCENTAGE, "b"), "1 app:1:31");
}

#[test]
fn a_cadence_file_means_here_what_it_means_there() {
    let layers =
        file("matching.percentageOnboardedToShardManager: [{value: 30, constraints: {namespace: a}}]");
    let implied = "implied by f:1:46 (matching.percentageOnboardedToShardManager)";
    assert_eq!(shown(&layers, &keys::MODE, "a"), format!("\"shard_distributor\" {implied}"));
    assert_eq!(shown(&layers, &keys::EXCLUDE_UUID, "a"), format!("true {implied}"));
    assert_eq!(shown(&layers, &keys::MODE, "b"), "\"hash_ring\" default");
    let policy = layers.routing_policy(&ns("a"));
    assert_eq!(
        (policy.mode(), policy.percentage().get(), policy.excludes_uuid_keys()),
        (Mode::ShardDistributor, 30, true)
    );
    // What is set is not implied, under whichever name.
    let layers = file(
        "matching.percentageOnboardedToShardManager: [{value: 30}]
matching.excludeShortLivedTaskListsFromShardManager: [{value: false}]
shardway.routing.mode: [{value: hash_ring-shadow-shard_distributor}]",
    );
    let policy = layers.routing_policy(&ns("a"));
    assert_eq!((policy.mode(), policy.excludes_uuid_keys()), (Mode::HashRingShadowShardDistributor, false));
    // The own percentage implies nothing.
    let policy = file("shardway.routing.percentage: [{value: 30}]").routing_policy(&ns("a"));
    assert_eq!((policy.mode(), policy.excludes_uuid_keys()), (Mode::HashRing, false));
}

#[test]
fn every_key_reaches_the_policy_with_its_origin() {
    use crate::policy::Field;
    let layers = file(
        "shardway.routing.mode: [{value: shard_distributor-shadow-hash_ring}]
shardway.routing.percentage: [{value: 42}]
shardway.routing.exclude.uuid: [{value: yes}]
shardway.routing.exclude.patterns: [{value: [\"tmp-*\", \"regex:^x\"]}]
shardway.routing.fallback: [{value: ring}]
shardway.routing.maxAge: [{value: 1m30s}]
shardway.routing.shadowSampleRate: [{value: 1}]
shardway.routing.killSwitch: [{value: true}]
",
    );
    let policy = layers.routing_policy(&ns("a"));
    assert_eq!(policy.mode(), Mode::ShardDistributorShadowHashRing);
    assert_eq!(policy.percentage().get(), 42);
    assert!(policy.excludes_uuid_keys() && policy.kill_switch());
    assert_eq!(policy.exclude_patterns().collect::<Vec<_>>(), ["tmp-*", "regex:^x"]);
    assert_eq!(policy.fallback(), Fallback::Ring);
    assert_eq!(policy.max_age().unwrap().as_secs(), 90);
    assert_eq!(policy.shadow_sample().to_string(), "1");
    assert!(Field::ALL.into_iter().all(|field| policy.origin(field).starts_with("f:")), "no default is left");
    assert_eq!(policy.origin(Field::ExcludePatterns), "f:4:37");
    assert_eq!(Layers::default().routing_policy(&ns("a")), RoutingPolicy::default());
}

/// An entry as the naive evaluator sees it: constraints as pairs of texts, and the value.
type NaiveEntry = (Vec<(&'static str, &'static str)>, i64);

/// Word for word what Cadence does: scan; the first constrained match returns, an unconstrained one is remembered.
fn naive(entries: &[NaiveEntry], filters: &[(&str, &str)]) -> Option<i64> {
    let mut fallback = None;
    for (constraints, value) in entries {
        if constraints.is_empty() {
            fallback = Some(*value);
        } else if constraints.iter().all(|constraint| filters.contains(constraint)) {
            return Some(*value);
        }
    }
    fallback
}

fn naive_entries() -> impl Strategy<Value = Vec<NaiveEntry>> {
    let constraints =
        (option::of(select(&["a", "b"][..])), option::of(select(&["c1", "c2"][..]))).prop_map(|(n, c)| {
            [n.map(|n| ("namespace", n)), c.map(|c| ("clusterName", c))].into_iter().flatten().collect()
        });
    vec((constraints, 0..=100_i64), 0..12)
}

fn value_of(kind: Kind) -> BoxedStrategy<Value> {
    match kind {
        Kind::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Kind::Int { min, max } => (min..=max).prop_map(Value::Int).boxed(),
        Kind::Float { min, max } => (min..=max).prop_map(Value::Float).boxed(),
        Kind::Duration { max } => {
            let max = u64::try_from(max.as_nanos()).unwrap();
            (0..=max).prop_map(|nanos| Value::Duration(std::time::Duration::from_nanos(nanos))).boxed()
        }
        Kind::Word(words) => select(words).prop_map(|word| Value::Text(word.into())).boxed(),
        // Any text that is a pattern: what has a meaning in a glob is escaped.
        Kind::TextList { .. } => vec("(\\PC|[\\n\\t\u{85}\u{2028}\u{feff}'\"#:-]){1,8}", 0..3)
            .prop_map(|texts| {
                let literal = |text: &String| text.chars().flat_map(|c| ['\\', c]).collect::<String>();
                Value::TextList(texts.iter().map(|text| literal(text).into()).collect())
            })
            .boxed(),
    }
}

fn any_settings() -> impl Strategy<Value = String> {
    let entry = |key: &'static KeySpec| {
        let constraints = (option::of("[\"\\\\a-z0-9: ]{1,5}"), option::of("\\PC{1,4}"));
        vec((value_of(key.kind), constraints), 0..4).prop_map(move |entries| (key.name, entries))
    };
    KEYS.into_iter().map(entry).collect::<Vec<_>>().prop_map(|keys| {
        let mut text = String::from("{}\n");
        for (name, entries) in keys.into_iter().filter(|(_, entries)| !entries.is_empty()) {
            text = if text.starts_with('{') { String::new() } else { text };
            text += &format!("{name}:\n");
            for (value, (namespace, cluster)) in entries {
                text += &format!("- value: {value}\n  constraints:\n");
                for (constraint, wanted) in [("namespace", namespace), ("clusterName", cluster)] {
                    let wanted = wanted.map(|wanted| ConstraintValue::from(&*wanted));
                    text += &wanted.map_or(String::new(), |wanted| format!("    {constraint}: {wanted}\n"));
                }
            }
        }
        text
    })
}

proptest! {
    #[test]
    fn entries_are_chosen_as_cadence_chooses_them(entries in naive_entries(), ns_name in select(&["a", "b", "x"][..]), cluster in option::of(select(&["c1", "c2"][..]))) {
        let mut text = String::from("shardway.routing.percentage: [\n");
        for (constraints, value) in &entries {
            let constraints: Vec<String> = constraints.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            text += &format!("  {{value: {value}, constraints: {{{}}}}},\n", constraints.join(", "));
        }
        text += "  ]\n";
        let layers = Layers::new(cluster).with(Layer::LocalFile, Some(settings("f", &text)));
        let filters: Vec<_> = [Some(("namespace", ns_name)), cluster.map(|c| ("clusterName", c))].into_iter().flatten().collect();
        let expected = naive(&entries, &filters).unwrap_or(100);
        prop_assert_eq!(layers.get(&keys::PERCENTAGE, &layers.filters(&ns(ns_name))).value, Value::Int(expected));
    }

    #[test]
    fn what_is_printed_reads_the_same(text in any_settings()) {
        let read = Settings::parse("f", &text, Strictness::Strict);
        let read = read.map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        let again = Settings::parse("f", read.to_string(), Strictness::Strict).unwrap();
        prop_assert_eq!(again.to_string(), read.to_string());
        for (name, entries) in &read.entries {
            for (entry, same) in entries.iter().zip(again.entries[name].iter()) {
                prop_assert_eq!((&entry.value, &entry.constraints), (&same.value, &same.constraints));
            }
            prop_assert_eq!(entries.iter().len(), again.entries[name].iter().len());
        }
    }

    #[test]
    fn no_bytes_panic_and_none_are_half_applied(bytes in vec(any::<u8>(), 0..200)) {
        let _ = Settings::parse("f", &bytes, Strictness::Lenient);
    }

    #[test]
    fn no_yaml_panics(text in "([a-z*&!?|>%@`'\"{}\\[\\],:#~ \\n-]|value|constraints|shardway.routing.(mode|percentage|maxAge|exclude.patterns)|: |\n- ){0,40}") {
        for strictness in [Strictness::Strict, Strictness::Lenient] {
            if let Err(error) = Settings::parse("f", &text, strictness) {
                prop_assert!(error.to_string().starts_with("f:"), "{}", error);
            }
        }
    }
}

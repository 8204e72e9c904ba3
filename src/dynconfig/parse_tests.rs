//! Every message, word for word: operators read them at night.

use super::*;
use crate::dynconfig::MAX_PROBLEMS;

fn problems(text: impl AsRef<[u8]>, strictness: Strictness) -> Vec<String> {
    match Settings::parse("f", text, strictness) {
        Ok(_) => Vec::new(),
        Err(ConfigError::Refused(refusal)) => refusal.problems().iter().map(ToString::to_string).collect(),
        Err(other) => panic!("{other}"),
    }
}

fn strict(text: impl AsRef<[u8]>) -> Vec<String> {
    problems(text, Strictness::Strict)
}

fn warnings(text: &str, strictness: Strictness) -> Vec<String> {
    let settings = Settings::parse("f", text, strictness).unwrap();
    settings.warnings().iter().map(ToString::to_string).collect()
}

#[test]
fn a_file_that_sets_nothing_says_so() {
    for text in ["{}", "--- {}\n...\n", "# a comment\n{}", "\u{feff}{}"] {
        assert_eq!(strict(text), [""; 0], "{text:?}");
    }
    for text in ["", "\n\n", "# only a comment\n", "---\n", "---\n...\n", "\u{feff}"] {
        assert_eq!(strict(text), ["1:1: empty; a file that sets nothing holds {}"], "{text:?}");
    }
}

#[test]
fn what_is_not_a_map_of_keys_is_refused() {
    for (text, expected) in [
        ("[]", "1:1: expected a map of keys, found a list"),
        ("~", "1:1: expected a map of keys, found nothing"),
        ("just text", "1:1: expected a map of keys, found a single value"),
        ("{}\n---\n{}\n", "2:1: a second document starts here; only one is read"),
        ("? [a]\n: 1\n", "1:3: a key must be text"),
        ("<<: {a: 1}\n", "1:1: merge keys (<<) are not understood; write the keys out"),
        ("{}: 1", "1:1: a key must be text"),
        ("!!python/object:os.system {}", "1:27: tag !!python/object:os.system is not understood"),
        ("shardway.routing.mode: *nobody", "1:24: alias *nobody has no anchor before it"),
    ] {
        assert_eq!(strict(text)[0], expected, "{text:?}");
    }
}

#[test]
fn broken_yaml_is_told_with_its_place() {
    for (text, place) in [
        ("a: [1, 2", "1:"),
        ("a: \"x\n", "2:"),
        ("a: 1\n\tb: 2", "1:4: "),
        ("a: b: c", "1:"),
        ("%TAG ! x\n---\n{}", "1:1: "),
    ] {
        let told = strict(text);
        assert_eq!(told.len(), 1, "{text:?}: {told:?}");
        assert!(told[0].starts_with(place) && told[0].contains(": not YAML: "), "{text:?}: {told:?}");
    }
    let deep = "[".repeat(100_000);
    assert!(strict(&deep)[0].contains("not YAML"), "nesting is bounded");
}

#[test]
fn what_is_not_text_is_told_with_its_place() {
    assert_eq!(strict(b"\xff\xfe{\x00}\x00"), ["1:1: not UTF-8 text"]);
    assert_eq!(
        strict("ä: 1\nöß\u{0}".as_bytes().iter().copied().chain([0xc3]).collect::<Vec<u8>>()),
        ["2:4: not UTF-8 text"]
    );
    assert_eq!(strict([0; 64]).len(), 1, "what a crashed file system leaves behind");
}

#[test]
fn everything_has_a_limit() {
    assert_eq!(strict(" ".repeat(MAX_FILE_BYTES + 1)), ["1:1: larger than 1048576 bytes"]);
    let entries = format!("shardway.routing.killSwitch:\n{}", "- value: true\n".repeat(MAX_ENTRIES + 1));
    assert_eq!(strict(&entries), ["4098:3: shardway.routing.killSwitch: more than 4096 entries"]);
    let keys: String = (0..=MAX_KEYS).map(|i| format!("other{i}: 1\n")).collect();
    assert_eq!(problems(&keys, Strictness::Lenient), ["4097:1: more than 4096 keys"]);
    // Ten aliases, each ten times the one before: 10^10 nodes in 300 bytes.
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..10 {
        let items = vec![format!("*a{}", i - 1); 10].join(", ");
        bomb.push_str(&format!("a{i}: &a{i} [{items}]\n"));
    }
    assert_eq!(
        problems(&bomb, Strictness::Lenient),
        ["6:45: more than 1048576 values, counting what aliases stand for"]
    );
}

#[test]
fn many_problems_are_counted_and_not_all_kept() {
    let text: String = (0..250).map(|i| format!("other{i}: 1\n")).collect();
    let Err(ConfigError::Refused(refusal)) = Settings::parse("dir/f.yaml", text, Strictness::Strict) else {
        panic!()
    };
    assert_eq!((refusal.problems().len(), refusal.count()), (MAX_PROBLEMS, 250));
    assert_eq!(refusal.to_string(), "dir/f.yaml:1:1: other0: unknown key (and 249 more problems)");
}

#[test]
fn all_problems_of_a_file_are_told_at_once() {
    let text = "\
shardway.routing.mode:
- value: hash-ring
- value: shard_distributor
  constraints: {namspace: orders, taskListName: x}
shardway.routing.percentage:
- value: 101
- vlaue: 5
- value: 5
  constraints: {namespace: 7}
shardway.routing.precentage: []
shardway.routing.mode: []
matching.shardDistribtionMode: []
";
    assert_eq!(
        strict(text),
        [
            "2:10: shardway.routing.mode: expected one of hash_ring, hash_ring-shadow-shard_distributor, \
             shard_distributor-shadow-hash_ring, shard_distributor, found the text \"hash-ring\"; did you mean \"hash_ring\"?",
            "4:17: shardway.routing.mode: unknown constraint \"namspace\"; did you mean \"namespace\"?",
            "4:35: shardway.routing.mode: this entry is never chosen: it is asked for with namespace and clusterName only, \
             not with taskListName",
            "6:10: shardway.routing.percentage: expected a whole number from 0 to 100, found the whole number 101",
            "7:3: shardway.routing.percentage: unknown field \"vlaue\"; an entry has value and constraints; did you mean \"value\"?",
            "7:3: shardway.routing.percentage: an entry without value",
            "9:28: shardway.routing.percentage: expected a text, found the whole number 7; did you mean \"7\"?",
            "10:1: shardway.routing.precentage: unknown key; did you mean \"shardway.routing.percentage\"?",
            "11:1: shardway.routing.mode: given twice, first at 1:1",
            "12:1: matching.shardDistribtionMode: unknown key; did you mean \"matching.shardDistributionMode\"?",
        ]
    );
}

#[test]
fn values_of_the_wrong_type_are_told_with_what_was_meant() {
    let patterns: String = format!("[{}]", vec!["x"; 129].join(", "));
    for (key, value, expected) in [
        (
            "percentage",
            "\"50\"",
            "2:10: shardway.routing.percentage: expected a whole number from 0 to 100, found the text \"50\"; did you mean 50?",
        ),
        (
            "percentage",
            "50%",
            "2:10: shardway.routing.percentage: expected a whole number from 0 to 100, found the text \"50%\"; did you mean 50?",
        ),
        (
            "percentage",
            "0.5",
            "2:10: shardway.routing.percentage: expected a whole number from 0 to 100, found the number 0.5",
        ),
        (
            "percentage",
            "-1",
            "2:10: shardway.routing.percentage: expected a whole number from 0 to 100, found the whole number -1",
        ),
        (
            "percentage",
            "",
            "2:8: shardway.routing.percentage: expected a whole number from 0 to 100, found nothing",
        ),
        (
            "percentage",
            "[5]",
            "2:10: shardway.routing.percentage: expected a whole number from 0 to 100, found a list",
        ),
        (
            "percentage",
            "{a: 5}",
            "2:10: shardway.routing.percentage: expected a whole number from 0 to 100, found a map",
        ),
        (
            "killSwitch",
            "\"true\"",
            "2:10: shardway.routing.killSwitch: expected true or false, found the text \"true\"; did you mean true?",
        ),
        (
            "killSwitch",
            "1",
            "2:10: shardway.routing.killSwitch: expected true or false, found the whole number 1",
        ),
        (
            "fallback",
            "rign",
            "2:10: shardway.routing.fallback: expected one of stale, ring, error, found the text \"rign\"; did you mean \"ring\"?",
        ),
        (
            "fallback",
            "no",
            "2:10: shardway.routing.fallback: expected one of stale, ring, error, found the boolean no",
        ),
        (
            "maxAge",
            "30",
            "2:10: shardway.routing.maxAge: expected a duration such as 30s or 1m30s, at most 168h, found the whole number 30; did you mean 30s?",
        ),
        (
            "maxAge",
            "8d",
            "2:10: shardway.routing.maxAge: expected a duration such as 30s or 1m30s, at most 168h, found the text \"8d\"",
        ),
        (
            "maxAge",
            "169h",
            "2:10: shardway.routing.maxAge: expected a duration such as 30s or 1m30s, at most 168h, found the text \"169h\"",
        ),
        (
            "shadowSampleRate",
            "2",
            "2:10: shardway.routing.shadowSampleRate: expected a number from 0 to 1, found the whole number 2",
        ),
        (
            "shadowSampleRate",
            ".nan",
            "2:10: shardway.routing.shadowSampleRate: expected a number from 0 to 1, found the text \".nan\"",
        ),
        (
            "shadowSampleRate",
            "1e999",
            "2:10: shardway.routing.shadowSampleRate: expected a number from 0 to 1, found the text \"1e999\"",
        ),
        (
            "exclude.patterns",
            "tmp-*",
            "2:10: shardway.routing.exclude.patterns: expected a list of at most 128 texts, found the text \"tmp-*\"; did you mean [\"tmp-*\"]?",
        ),
        (
            "exclude.patterns",
            "[a, 7]",
            "2:14: shardway.routing.exclude.patterns: expected a text, found the whole number 7; did you mean \"7\"?",
        ),
        (
            "exclude.patterns",
            "[a, \"[\"]",
            "2:14: shardway.routing.exclude.patterns: \"[\" has a [ without a ]; write \\[ for the character",
        ),
        (
            "exclude.patterns",
            &patterns,
            "2:395: shardway.routing.exclude.patterns: more than 128 items in a list",
        ),
        (
            "mode",
            "\"\\e[31m\"",
            "2:10: shardway.routing.mode: expected one of hash_ring, hash_ring-shadow-shard_distributor, shard_distributor-shadow-hash_ring, shard_distributor, found the text \"\\u{1b}[31m\"",
        ),
    ] {
        assert_eq!(strict(format!("shardway.routing.{key}:\n- value: {value}\n")), [expected]);
    }
}

#[test]
fn shapes_that_people_write_by_mistake_are_told_with_what_was_meant() {
    for (text, expected) in [
        (
            "shardway.routing.percentage: 50",
            "1:30: shardway.routing.percentage: expected a list of entries such as [{value: ..., constraints: {namespace: ...}}], found a single value; did you mean [{value: 50}]?",
        ),
        (
            "shardway.routing.percentage: {value: 50}",
            "1:30: shardway.routing.percentage: expected a list of entries such as [{value: ..., constraints: {namespace: ...}}], found a map",
        ),
        (
            "shardway.routing.percentage: [50]",
            "1:31: shardway.routing.percentage: expected an entry such as {value: ...}, found a single value; did you mean {value: 50}?",
        ),
        ("shardway.routing.percentage: [{value: 5, value: 6}]", "1:42: value: given twice, first at 1:32"),
        (
            "shardway.routing.percentage: [{value: 5, constraints: [a]}]",
            "1:55: shardway.routing.percentage: expected a map of constraints, found a list",
        ),
        (
            "shardway.routing.percentage: [{value: 5, constraints: {namespace: [a]}}]",
            "1:67: shardway.routing.percentage: expected a single value, found a list",
        ),
        ("shardway.routing.percentage: [&x {value: *x}]", "1:42: an alias inside of what it stands for"),
    ] {
        assert_eq!(strict(text), [expected], "{text}");
    }
}

#[test]
fn cadence_files_work_and_their_other_keys_are_listed() {
    let text = "\
system.writeVisibilityStoreName:
  - value: db
frontend.rps: [{value: 1200, constraints: {domainName: x, anything: [1]}}]
matching.percentageOnboardedToShardManager:
  - value: 25
    constraints:
      taskListName: x
  - value: 50
    constraints:
matching.percentageOnboardedToShardManagr:
  - value: 1
";
    let settings = Settings::parse("f", text, Strictness::Lenient).unwrap();
    let ignored: Vec<_> =
        settings.ignored().iter().map(|key| format!("{}: {}", key.place, key.key)).collect();
    assert_eq!(
        ignored,
        [
            "1:1: system.writeVisibilityStoreName",
            "3:1: frontend.rps",
            "10:1: matching.percentageOnboardedToShardManagr"
        ]
    );
    assert_eq!(
        warnings(text, Strictness::Lenient),
        [
            "7:7: matching.percentageOnboardedToShardManager: this entry is never chosen: it is asked for with namespace \
             and clusterName only, not with taskListName",
            "10:1: matching.percentageOnboardedToShardManagr: unknown key, ignored; \
             did you mean \"matching.percentageOnboardedToShardManager\"?",
        ]
    );
    assert_eq!(strict(text).len(), 3, "in a file of our own they are errors");
    assert_eq!(problems("shardway.x: 1", Strictness::Lenient), ["1:1: shardway.x: unknown key"]);
}

#[test]
fn what_can_never_count_is_warned_of() {
    let text = "\
matching.shardDistributionMode:
- value: hash_ring
shardway.routing.mode:
- value: hash_ring
- {value: shard_distributor, constraints: {clusterName: c, namespace: a}}
- {value: hash_ring, constraints: {namespace: a, clusterName: c}}
- value: shard_distributor
";
    assert_eq!(
        warnings(text, Strictness::Strict),
        [
            "1:1: matching.shardDistributionMode: ignored, because shardway.routing.mode is given too",
            "4:3: shardway.routing.mode: this entry is never chosen: of several entries without constraints the last one counts",
            "6:3: shardway.routing.mode: this entry is never chosen: an entry before it has the same constraints",
        ]
    );
}

/// Compiling is the one thing in a file whose cost does not follow from its size.
#[test]
fn different_lists_of_patterns_are_counted_and_equal_ones_compiled_once() {
    let file = |lists: usize, distinct: usize| -> String {
        let entry = |i| format!("- {{value: [\"a{}*\"], constraints: {{namespace: n{i}}}}}\n", i % distinct);
        let entries: String = (0..lists).map(entry).collect();
        format!("shardway.routing.exclude.patterns:\n{entries}")
    };
    assert_eq!(strict(file(4000, MAX_PATTERN_LISTS)), Vec::<String>::new());
    let problems = strict(file(MAX_PATTERN_LISTS + 1, MAX_PATTERN_LISTS + 1));
    assert_eq!(problems.len(), 1);
    assert!(problems[0].contains("different lists of patterns"), "{problems:?}");
}

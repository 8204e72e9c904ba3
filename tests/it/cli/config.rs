//! `shardway config`.

use serde_json::{Value, json};

use super::{file, refusal_of, shardway, stdout_of};

const EXAMPLE: &str = "examples/dynamic.yaml";

fn check(args: &[&str]) -> String {
    stdout_of(&[&["config", "check"], args].concat(), b"")
}

/// Key, value and origin of one namespace, blanks squeezed.
fn rows(text: &str, heading: &str) -> Vec<String> {
    let section = text.split("\n\n").find(|section| section.starts_with(heading)).expect(heading);
    section.lines().skip(3).map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn each_namespace_is_shown_with_where_its_values_come_from() {
    let text = check(&[EXAMPLE, "--cluster", "cluster1"]);
    assert!(text.starts_with("examples/dynamic.yaml is valid\n"), "{text}");
    let orders = rows(&text, "namespace orders");
    assert_eq!(orders[0], r#"shardway.routing.mode "shard_distributor" examples/dynamic.yaml:6:3"#);
    assert_eq!(orders[1], "shardway.routing.percentage 25 examples/dynamic.yaml:14:3");
    assert_eq!(orders[7], "shardway.routing.killSwitch false default");
    assert_eq!(rows(&text, "namespace billing")[1], "shardway.routing.percentage 100 default");
    let others = rows(&text, "any other namespace");
    assert_eq!(others[0], r#"shardway.routing.mode "hash_ring" examples/dynamic.yaml:11:3"#);
    assert_eq!(others[5], "shardway.routing.maxAge 1m30s examples/dynamic.yaml:25:3");
    let named = check(&[EXAMPLE, "-n", "x", "-n", "orders", "-n", "x"]);
    assert_eq!(named.matches("namespace ").count(), 2, "{named}");
    assert_eq!(
        rows(&named, "namespace orders")[1],
        "shardway.routing.percentage 100 default",
        "no cluster, no 25"
    );
}

#[test]
fn programs_get_json() {
    let answer: Value = serde_json::from_str(&check(&[EXAMPLE, "-n", "orders", "--output", "json"])).unwrap();
    assert_eq!(
        (&answer["valid"], &answer["problem_count"], &answer["problems"]),
        (&json!(true), &json!(0), &json!([]))
    );
    assert_eq!(answer["hash"].as_str().unwrap().len(), 32);
    let values = &answer["namespaces"][0]["values"];
    assert_eq!(
        values[3],
        json!({
            "key": "shardway.routing.exclude.patterns", "value": ["tmp-*", "regex:^[0-9]+$"], "source": "entry",
            "entry": { "line": 18, "column": 3, "key": "shardway.routing.exclude.patterns" },
        })
    );
    assert_eq!(values[5]["value"], "1m30s");
    assert_eq!(
        values[6],
        json!({ "key": "shardway.routing.shadowSampleRate", "value": 0.01, "source": "default", "entry": null })
    );
}

#[test]
fn a_bad_file_is_told_problem_by_problem_with_a_code_of_its_own() {
    let bad = file(
        "config-bad.yaml",
        "shardway.routing.mode:\n- value: hash-ring\nshardway.routing.percentge: []\n",
    );
    let name = bad.to_str().unwrap();
    let output = shardway(&["config", "check", name], b"");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        format!(
            "{name}:2:10: shardway.routing.mode: expected one of hash_ring, hash_ring-shadow-shard_distributor, \
             shard_distributor-shadow-hash_ring, shard_distributor, found the text \"hash-ring\"; did you mean \"hash_ring\"?\n\
             {name}:3:1: shardway.routing.percentge: unknown key; did you mean \"shardway.routing.percentage\"?\n\
             2 problems; a process would refuse {name} as a whole\n"
        )
    );
    let output = shardway(&["config", "check", name, "--output", "json"], b"");
    assert_eq!(output.status.code(), Some(1));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&answer["valid"], &answer["hash"], &answer["problem_count"]),
        (&json!(false), &json!(null), &json!(2))
    );
    assert_eq!(
        answer["problems"][1],
        json!({
            "line": 3, "column": 1, "key": "shardway.routing.percentge",
            "message": "shardway.routing.percentge: unknown key; did you mean \"shardway.routing.percentage\"?",
            "suggestion": "\"shardway.routing.percentage\"",
        })
    );
    let huge = file("config-huge.yaml", &format!("{{}}{}", " ".repeat(2 << 20)));
    let output = shardway(&["config", "check", huge.to_str().unwrap()], b"");
    assert_eq!(
        output.status.code(),
        Some(1),
        "a file that a process would refuse is bad, whatever the reason"
    );
    let escape = file("config-escape.yaml", "\"\\e[2J\": 1\n");
    let output = shardway(&["config", "check", escape.to_str().unwrap()], b"");
    assert!(!output.stdout.contains(&b'\x1b'), "nothing from a file drives the terminal");
}

#[test]
fn what_is_no_file_is_no_answer() {
    let (code, complaint) = refusal_of(&["config", "check", "no-such-file"]);
    assert_eq!(code, 3, "{complaint}");
    assert!(complaint.contains("no-such-file"), "{complaint}");
    assert_eq!(refusal_of(&["config", "check", EXAMPLE, "-n", "a/b"]).0, 2);
}

#[test]
fn a_cadence_file_is_read_leniently_from_standard_input() {
    let cadence =
        b"frontend.rps: [{value: 1200}]\nmatching.percentageOnboardedToShardManager: [{value: 30}]\n";
    let text = stdout_of(&["config", "check", "-", "--lenient", "-n", "matching"], cadence);
    assert!(text.starts_with("<stdin> is valid; 1 unknown key is passed over\n"), "{text}");
    let rows = rows(&text, "namespace matching");
    let percentage = "<stdin>:2:46 (matching.percentageOnboardedToShardManager)";
    assert_eq!(rows[0], format!("shardway.routing.mode \"shard_distributor\" implied by {percentage}"));
    assert_eq!(rows[1], format!("shardway.routing.percentage 30 {percentage}"));
    assert_eq!(shardway(&["config", "check", "-"], cadence).status.code(), Some(1), "strict is the default");
}

#[test]
fn every_key_is_listed() {
    let text = stdout_of(&["config", "keys"], b"");
    assert_eq!(text.split("\n\n").count(), 9, "{text}");
    assert!(text.starts_with(
        "shardway.routing.mode\n  in Cadence   matching.shardDistributionMode\n  value        one of "
    ));
    let listed: Value =
        serde_json::from_str(&stdout_of(&["config", "keys", "--output", "json"], b"")).unwrap();
    assert_eq!(listed[5]["key"], "shardway.routing.maxAge");
    assert_eq!(listed[5]["default"], "0s");
}

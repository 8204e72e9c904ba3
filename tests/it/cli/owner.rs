//! `shardway owner`.

use serde_json::{Value, json};
use shardway::types::{MAX_SHARD_KEY_BYTES, ShardKey};

use super::{file, refusal_of, shardway, stdout_of};

const MEMBERS: &str = "examples/members.yaml";

/// The whole way from files to JSON, against the Go ring.
#[test]
fn golden_vectors_come_back_through_the_command() {
    let rings: Vec<Value> = serde_json::from_str(include_str!("../../data/ringpop.json")).unwrap();
    assert_eq!(rings.len(), 12);
    for (number, ring) in rings.iter().enumerate() {
        let lookups = ring["lookups"].as_array().unwrap();
        let keys: Vec<_> = lookups.iter().map(|lookup| &lookup["key"]).collect();
        let members = file(&format!("owner-members-{number}.json"), &ring["members"].to_string());
        let keys = file(&format!("owner-keys-{number}.json"), &json!(keys).to_string());
        let args = ["owner", "--flavour", "ringpop", "-n", "3", "--output", "json", "--members"];
        let points = ring["points_per_member"].to_string();
        let files = [members.to_str().unwrap(), "--points", &points, "--keys", keys.to_str().unwrap()];
        let answers: Value = serde_json::from_str(&stdout_of(&[&args[..], &files].concat(), b"")).unwrap();
        let expected: Vec<_> = lookups
            .iter()
            .map(|lookup| json!({ "key": lookup["key"], "owner": lookup["owner"], "owners": lookup["owners3"] }))
            .collect();
        assert_eq!(answers, Value::from(expected), "ring {number}");
    }
}

#[test]
fn the_ring_answers_for_keys_that_a_namespace_would_refuse_and_the_help_says_so() {
    let help = stdout_of(&["owner", "--help"], b"");
    assert!(help.contains(&format!("longer than {MAX_SHARD_KEY_BYTES} bytes")), "{help}");
    let long = "k".repeat(MAX_SHARD_KEY_BYTES + 1);
    for key in ["", &long] {
        assert!(ShardKey::new(key).is_err());
        let answer: Value =
            serde_json::from_str(&stdout_of(&["owner", "--members", MEMBERS, "--output", "json", key], b""))
                .unwrap();
        assert!(answer[0]["owner"].is_string(), "{answer}");
    }
}

#[test]
fn keys_come_from_arguments_a_file_or_standard_input() {
    let ask = |args: &[&str], stdin: &[u8]| {
        stdout_of(&[&["owner", "--members", MEMBERS, "-n", "2", "--output", "json"], args].concat(), stdin)
    };
    let answer = ask(&["a", "b c"], b"");
    let lines = file("owner-lines.txt", "a\nb c\n");
    assert_eq!(ask(&["--keys", lines.to_str().unwrap()], b""), answer);
    assert_eq!(ask(&["--keys", "-"], b"a\r\n\nb c"), answer);
    assert_eq!(ask(&["--keys", "-"], br#"["a", "b c"]"#), answer);
    assert_eq!(ask(&["--keys", "-"], b"[]"), "[]\n");
}

#[test]
fn people_get_a_table() {
    let table = stdout_of(&["owner", "--members", MEMBERS, "-n", "9", "my-task-list", "\x1b[2J"], b"");
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines.len(), 4, "header, line, two keys: {table}");
    assert!(lines[2].trim_start().starts_with("my-task-list  "), "{table}");
    assert_eq!(lines[2].matches(":7933").count(), 4, "each member once: {table}");
    assert!(lines[3].contains(r"\u{1b}[2J") && !table.contains('\x1b'), "{table}");
}

#[test]
fn nobody_is_an_answer_with_a_code_of_its_own() {
    let nobody = file("owner-nobody.json", "[]");
    let output = shardway(&["owner", "--members", nobody.to_str().unwrap(), "--output", "json", "a"], b"");
    assert_eq!(output.status.code(), Some(1));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer, json!([{ "key": "a", "owner": null, "owners": [] }]));
}

#[test]
fn bad_input_is_told_and_answered_by_nothing() {
    let bad = file("owner-bad.yaml", "- address: a:1\n- adress: b:1\n");
    let bad = bad.to_str().unwrap();
    let array = file("owner-array.txt", "[\"a\",");
    for (args, told) in [
        (&["owner", "--members", "no-such-file", "a"][..], "no-such-file"),
        (&["owner", "--members", bad, "a"], "did you mean address?"),
        (&["owner", "--members", MEMBERS, "--flavour", "ringpop", "a"], "knows no weights"),
        (&["owner", "--members", MEMBERS, "--points", "0", "a"], "points per member must be 1 to"),
        (&["owner", "--members", MEMBERS, "--keys", array.to_str().unwrap()], "no JSON array of strings"),
    ] {
        let (code, complaint) = refusal_of(args);
        assert_eq!(code, 3, "{args:?}: {complaint}");
        assert!(complaint.starts_with("error: ") && complaint.contains(told), "{args:?}: {complaint}");
    }
}

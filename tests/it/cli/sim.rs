//! The simulation repeats itself.

use super::shardway;

/// Equal seeds run equally in two processes, to the last message.
#[test]
fn the_same_seeds_leave_the_same_trace_in_two_processes() {
    let run = |first: &str| {
        let output = shardway(
            &["sim", "--seeds", "3", "--first-seed", first, "--minutes", "1", "--output", "json"],
            b"",
        );
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["violations"], 0, "{report}");
        (report["trace"].clone(), report["events"].clone())
    };
    let one = run("7");
    assert_eq!(one, run("7"));
    assert_ne!(one, run("8"));
}

#[test]
fn seeds_that_there_are_not_are_refused() {
    let output = shardway(&["sim", "--first-seed", "18446744073709551615"], b"");
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "error: there are no 300 seeds from 18446744073709551615 on: the last one is 18446744073709551615\n"
    );
}

#[test]
fn the_last_seed_is_a_seed() {
    let output =
        shardway(&["sim", "--first-seed", "18446744073709551615", "--seeds", "1", "--minutes", "1"], b"");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 seeds, "));
}

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

//! The binary as its users run it.

mod adopt;
mod config;
mod damaged;
mod full;
mod outage;
mod owner;
mod plan;
mod serve;
mod served;
mod sim;

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// Runs the binary in the package's folder, so that paths in the examples of its help hold.
fn shardway(args: &[&str], stdin: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_shardway"))
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("CLICOLOR_FORCE")
        .env_remove("SHARDWAY_LOG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that reads no input may end before it is written.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    child.wait_with_output().unwrap()
}

/// What a command prints that ends well.
fn stdout_of(args: &[&str], stdin: &[u8]) -> String {
    let output = shardway(args, stdin);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The exit code and the complaint of a command that prints no answer.
fn refusal_of(args: &[&str]) -> (i32, String) {
    let output = shardway(args, b"");
    assert!(output.stdout.is_empty(), "{args:?} answers: {}", String::from_utf8_lossy(&output.stdout));
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// A file of one test's own; the name has to be, too.
fn file(name: &str, contents: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, contents).unwrap();
    path
}

#[test]
fn wrong_usage_is_refused_with_a_suggestion() {
    for (args, suggestion) in [
        (&["ownr"][..], "owner"),
        (&["owner", "--memebrs", "x", "key"], "--members"),
        (&["owner", "--members", "x", "--flavour", "ringpo", "key"], "ringpop"),
        (&["owner", "--members", "x", "--output", "jsn", "key"], "json"),
        (&["--log", "[[[", "config", "keys"], "[[["),
    ] {
        let (code, complaint) = refusal_of(args);
        assert_eq!(code, 2, "{args:?}: {complaint}");
        assert!(complaint.contains(&format!("'{suggestion}'")), "{args:?}: {complaint}");
    }
    assert_eq!(refusal_of(&[]).0, 2, "a command is needed");
}

#[test]
fn help_goes_to_standard_output_without_colour_in_a_pipe() {
    for args in [&["--help"][..], &["owner", "--help"], &["owner", "-h"], &["help"], &["help", "owner"]] {
        let help = stdout_of(args, b"");
        assert!(help.contains("\nExamples:\n  shardway "), "{help}");
        assert!(!help.contains('\x1b'), "{help}");
    }
    assert_eq!(stdout_of(&["--version"], b""), concat!("shardway ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn examples_on_shipped_files_run() {
    let mut examples = Vec::new();
    let mut commands = vec![String::new()];
    while let Some(command) = commands.pop() {
        let help = stdout_of(&command.split_whitespace().chain(["-h"]).collect::<Vec<_>>(), b"");
        let (head, own_examples) = help.split_once("\nExamples:\n").expect("every help ends with examples");
        examples.extend(own_examples.lines().map(|line| line.trim().to_owned()));
        let listed = head.split_once("\nCommands:\n").map(|(_, rest)| rest.split("\n\n").next().unwrap());
        let names = listed.unwrap_or_default().lines().filter_map(|line| line.split_whitespace().next());
        // `help` has no help of its own.
        commands.extend(names.filter(|name| *name != "help").map(|name| format!("{command} {name}")));
    }
    examples.retain(|example| example.starts_with("shardway ") && example.contains(" examples/"));
    // A server would serve until it is told to end.
    examples.retain(|example| !example.starts_with("shardway serve") || example.ends_with("--check"));
    assert!(examples.len() >= 3, "{examples:?}");
    for example in examples {
        let args: Vec<_> = example.split_whitespace().skip(1).collect();
        assert!(!stdout_of(&args, b"").is_empty(), "{example}");
    }
}

#[test]
fn the_log_is_written_as_json_if_that_is_wanted() {
    let log = |format: &[&str]| {
        let args = [
            &["--log", "off,shardway=debug", "serve", "--fixed", "a=1", "--store", "etcd://127.0.0.1:1"],
            format,
        ];
        let mut child = Command::new(env!("CARGO_BIN_EXE_shardway"))
            .args(args.concat())
            .args(["--listen", "127.0.0.1:0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
        let _ = child.kill();
        let _ = child.wait();
        line
    };
    let event: serde_json::Value = serde_json::from_str(&log(&["--log-format", "json"])).unwrap();
    assert!(event["level"] == "WARN" && event["error"].is_string(), "{event}");
    assert!(log(&[]).contains(" WARN shardway::"));
}

//! What an embedder pulls in: the lists are checked in, so that growth shows as a diff.

use std::{collections::BTreeSet, fs, process::Command};

use super::{read, root};

/// The promise to those who embed the ring alone.
const MAX_CRATES_BARE: usize = 15;

#[test]
fn the_library_alone_needs_a_handful_of_crates() {
    let crates = crates_of(&[]);
    assert!(crates.len() < MAX_CRATES_BARE, "{} crates: {crates:?}", crates.len());
    assert_as_listed("tests/data/crates-bare.txt", &crates);
}

#[test]
fn the_client_needs_no_more_crates_than_listed() {
    assert_as_listed("tests/data/crates-client.txt", &crates_of(&["--features", "client"]));
}

#[test]
fn every_feature_is_explained_where_users_look() {
    let manifest = read("Cargo.toml");
    let section = manifest.split("\n[features]\n").nth(1).unwrap().split("\n[").next().unwrap();
    let features: BTreeSet<&str> =
        section.lines().filter_map(|line| line.split_once(" = [")).map(|(name, _)| name).collect();
    let docs = read("src/lib.rs");
    let explained: BTreeSet<&str> = docs
        .lines()
        .filter_map(|line| line.strip_prefix("//! | `")?.split_once('`'))
        .map(|(name, _)| name)
        .collect();
    let all_but_default: BTreeSet<&str> = features.into_iter().filter(|name| *name != "default").collect();
    assert_eq!(
        explained, all_but_default,
        "the table of features in src/lib.rs (left) and Cargo.toml (right)"
    );
}

/// Crates that are linked into a program which depends on this package with these features.
fn crates_of(features: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["tree", "--locked", "--no-default-features", "--edges", "normal", "--prefix", "none"])
        .args(["--format", "{lib}"])
        .args(features)
        .output()
        .expect("cargo, which runs this test, runs again");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut crates: BTreeSet<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| line.trim_end_matches(" (*)").to_owned())
        .filter(|line| !line.is_empty())
        .collect();
    assert!(crates.remove("shardway"), "cargo tree lists the package itself: {crates:?}");
    crates
}

fn assert_as_listed(list: &str, crates: &BTreeSet<String>) {
    let now: String = crates.iter().map(|name| format!("{name}\n")).collect();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(root().join(list), &now).unwrap();
    }
    let listed = read(list);
    assert_eq!(now, listed, "{list} is out of date; if the change is wanted: UPDATE=1 cargo test tidy");
}

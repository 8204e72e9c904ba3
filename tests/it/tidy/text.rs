//! Rules about the text of files.

use std::ffi::OsStr;

use super::{files_under, read, root};

/// Past this a file holds more than one idea.
const MAX_LINES: usize = 450;

#[test]
fn source_files_hold_one_idea() {
    let long: Vec<_> = files_under("")
        .into_iter()
        .filter(|path| path.extension() == Some(OsStr::new("rs")))
        .filter(|path| !read(path).starts_with("// Made of "))
        .map(|path| (read(&path).lines().count(), path))
        .filter(|(lines, _)| *lines > MAX_LINES)
        .collect();
    assert!(long.is_empty(), "files of more than {MAX_LINES} lines, split them by idea: {long:?}");
}

#[test]
fn nothing_is_left_over_and_nothing_names_a_machine() {
    // Each in two parts, so that this file passes its own test.
    let banned = [
        ["TO", "DO"],
        ["FIX", "ME"],
        ["todo", "!("],
        ["dbg", "!("],
        ["#[ig", "nore"],
        ["/wo", "rk/"],
        ["/ro", "ot/"],
        ["/ho", "me/"],
        ["/tm", "p/"],
    ]
    .map(|parts| parts.concat());
    const TEXT: [&str; 10] = ["rs", "toml", "md", "yaml", "yml", "json", "proto", "txt", "svg", "sh"];
    let mut found = Vec::new();
    for path in files_under("") {
        let is_text = path.extension().is_none_or(|end| TEXT.iter().any(|text| end == *text));
        if !is_text || path.starts_with("tests/data") {
            continue;
        }
        for (number, line) in read(&path).lines().enumerate() {
            if banned.iter().any(|word| line.contains(word)) {
                found.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "left-overs, or paths of one machine:\n{}", found.join("\n"));
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut broken = Vec::new();
    for path in files_under("").into_iter().filter(|path| path.extension() == Some(OsStr::new("md"))) {
        let text = read(&path);
        let folder = root().join(path.parent().unwrap());
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap();
            if !target.contains("://") && !folder.join(file).exists() {
                broken.push(format!("{}: {target}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "links to files that are not there: {broken:?}");
}

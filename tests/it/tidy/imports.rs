//! The code map of ARCHITECTURE.md, held against the sources: which module may name which, and what the pure ones
//! may not name at all.

use std::{
    collections::BTreeSet,
    path::{Component, Path},
};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::{files_under, read};

/// What a pure module takes as an argument or does without: paths that begin so...
const IMPURE_PATHS: [&[&str]; 11] = [
    &["metrics"],
    &["parking_lot"],
    &["rand"],
    &["std", "env"],
    &["std", "fs"],
    &["std", "io"],
    &["std", "net"],
    &["std", "process"],
    &["std", "thread"],
    &["tokio"],
    &["tracing"],
];
/// ... and these names, wherever in a path.
const IMPURE_NAMES: [&str; 5] = ["HashMap", "HashSet", "Instant", "SystemTime", "thread_local"];

/// What is pure within a module that is not.
const PURE_PARTS: [&[&str]; 2] = [&["store", "keys"], &["store", "kv"]];

/// A row of the code map, lowest first.
struct Row {
    module: String,
    pure: bool,
    imports: BTreeSet<String>,
    /// Crates that no other module may name.
    crates: BTreeSet<String>,
}

#[test]
fn the_code_map_lists_the_modules_there_are() {
    let listed: BTreeSet<_> = code_map().into_iter().map(|row| row.module).collect();
    let mut present = BTreeSet::new();
    for path in files_under("src") {
        present.extend(module_of(&path).first().cloned());
    }
    assert_eq!(listed, present, "the code map of ARCHITECTURE.md (left) and src (right) differ");
}

#[test]
fn the_code_map_points_down_only() {
    let mut below = BTreeSet::new();
    for row in code_map() {
        let up: Vec<_> = row.imports.difference(&below).collect();
        assert!(
            up.is_empty(),
            "{} may import only what stands above it in the code map, not {up:?}",
            row.module
        );
        below.insert(row.module);
    }
}

#[test]
fn modules_import_what_the_code_map_says() {
    let mut used = BTreeSet::new();
    let mut wrong = Vec::new();
    let map = code_map();
    for (file, module, paths) in sources() {
        let Some(row) = map.iter().find(|row| row.module == module[0]) else { continue };
        for import in paths.iter().filter_map(|path| path.other_module(&module)) {
            used.insert((row.module.clone(), import.to_owned()));
            if !row.imports.contains(import) {
                wrong.push(format!("{file} names {import}"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "imports that the code map of ARCHITECTURE.md does not give:\n{}",
        wrong.join("\n")
    );
    for row in &map {
        let unused: Vec<_> = row
            .imports
            .iter()
            .filter(|import| !used.contains(&(row.module.clone(), (*import).clone())))
            .collect();
        assert!(unused.is_empty(), "the code map says {} imports {unused:?}, but it does not", row.module);
    }
}

#[test]
fn pure_modules_name_nothing_impure() {
    let map = code_map();
    let in_pure_part =
        |module: &[String]| PURE_PARTS.iter().any(|part| module.iter().take(part.len()).eq(*part));
    let pure =
        |module: &[String]| in_pure_part(module) || map.iter().any(|row| row.pure && row.module == module[0]);
    let mut wrong = Vec::new();
    for (file, _, paths) in sources().iter().filter(|(_, module, _)| pure(module)) {
        for path in paths.iter().filter(|path| !path.in_tests) {
            let has = |banned: &&str| path.segments.iter().any(|segment| segment == banned);
            if IMPURE_PATHS.iter().any(|banned| path.leads_into(banned)) || IMPURE_NAMES.iter().any(has) {
                wrong.push(format!("{file}: {}", path.segments.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "in pure modules:\n{}", wrong.join("\n"));
}

#[test]
fn a_wrapped_crate_is_named_by_its_module_alone() {
    let map = code_map();
    let mut wrong = Vec::new();
    for (file, module, paths) in sources() {
        for row in map.iter().filter(|row| row.module != module[0]) {
            let names_crate =
                |path: &&NamedPath| row.crates.iter().any(|name| path.leads_into(&[name.as_str()]));
            for path in paths.iter().filter(names_crate) {
                wrong.push(format!("{file}: {} belongs to {}", path.segments.join("::"), row.module));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_reader_of_paths_reads_what_rust_reads() {
    let source = r##"
        use crate::{hash::farm32, types::{Member as M, Mono}};
        // crate::comment
        mod inner { #[cfg(test)] mod tests { use super::super::super::ring::Ring; } }
        fn f(a: super::super::policy::Policy) -> ::std::fs::File { g::<tokio::Runtime>(a, "crate::text", r#"crate::raw"#) }
    "##;
    let paths = paths_of(source);
    let module = ["bench".to_owned(), "rows".to_owned()];
    let others: Vec<_> = paths.iter().filter_map(|path| path.other_module(&module)).collect();
    assert_eq!(others, ["hash", "types", "types", "policy"], "ring is reached from one module further in");
    let joined: Vec<_> = paths.iter().map(|path| path.segments.join("::")).collect();
    for expected in ["crate::types::Mono", "std::fs::File", "tokio::Runtime"] {
        assert!(joined.iter().any(|path| path == expected), "{expected} in {joined:?}");
    }
    let leads = |source: &str, into: &[&str]| paths_of(source).iter().any(|path| path.leads_into(into));
    for source in [
        "use notify;",
        "use notify as n;",
        "use {fmt, notify};",
        "pub(crate) use ::notify;",
        "extern crate notify as n;",
        "use notify::*;",
        "use notify::{self, Event};",
        "fn f(event: notify::Event) {}",
    ] {
        assert!(leads(source, &["notify"]), "{source}");
    }
    for source in ["use std::fs;", "use std;", "use std as s;", "use std::*;", "use std::{self as s, fmt};"] {
        assert!(leads(source, &["std", "fs"]), "{source}");
    }
    for source in [
        "use std::fmt;",
        "use std::{fmt, ops::Add,};",
        "fn f() { let fs = std::cmp::min(1, 2); notify(fs) }",
        "fn f<'a>() -> impl Sized + use<'a> { notify }",
        "use crate::notify::Event;",
    ] {
        assert!(!leads(source, &["std", "fs"]) && !leads(source, &["notify"]), "{source}");
    }
    let inner = [module[0].clone()];
    assert!(paths.iter().any(|path| path.in_tests && path.other_module(&inner) == Some("ring")));
}

/// The table under "Code map": `| module | pure | imports | crates | holds |`.
fn code_map() -> Vec<Row> {
    let names = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<BTreeSet<_>>();
    let rows: Vec<_> = read("ARCHITECTURE.md")
        .lines()
        .skip_while(|line| *line != "## Code map")
        .skip(1)
        .take_while(|line| !line.starts_with("## "))
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells: Vec<_> = line.trim_matches('|').split('|').collect();
            let [module, pure, imports, crates, _holds] = cells[..] else { panic!("five cells in {line}") };
            let module = names(module).pop_first().expect("a module in the first cell");
            Row { module, pure: pure.trim() == "pure", imports: names(imports), crates: names(crates) }
        })
        .collect();
    assert!(!rows.is_empty(), "ARCHITECTURE.md has a table under \"Code map\"");
    rows
}

/// Every source file of a module: its name, its place in the module tree, the paths it names.
fn sources() -> Vec<(String, Vec<String>, Vec<NamedPath>)> {
    let mut found = Vec::new();
    for path in files_under("src") {
        let module = module_of(&path);
        if !module.is_empty() && path.extension().is_some_and(|end| end == "rs") {
            found.push((path.display().to_string(), module, paths_of(&read(&path))));
        }
    }
    found
}

/// `src/a/b.rs` is `[a, b]`, `src/a/mod.rs` is `[a]`, and the crate's root belongs to no module.
fn module_of(file: &Path) -> Vec<String> {
    let place = file.strip_prefix("src").unwrap().with_extension("");
    let mut module: Vec<_> = place
        .components()
        .map(|part| match part {
            Component::Normal(name) => name.to_str().unwrap().to_owned(),
            _ => unreachable!("relative paths below src"),
        })
        .collect();
    if module.last().is_some_and(|last| last == "mod") || module == ["lib"] || module == ["main"] {
        module.pop();
    }
    module
}

/// A path as the source spells it, groups taken apart.
struct NamedPath {
    segments: Vec<String>,
    /// How many inline modules stand around it.
    depth: usize,
    in_tests: bool,
    /// Whether it brings a name into scope, so that a crate may stand alone in it. Elsewhere a name that stands alone
    /// is not a crate's: a function may be called as one is.
    is_import: bool,
}

impl NamedPath {
    /// Whether it names something of `target`, or imports what `target` can be reached from under another name.
    fn leads_into(&self, target: &[&str]) -> bool {
        let common = self.segments.iter().zip(target).take_while(|(mine, theirs)| mine == theirs).count();
        let is_whole = |length: usize| common == length && (self.is_import || self.segments.len() > 1);
        is_whole(target.len()) || self.is_import && is_whole(self.segments.len())
    }

    /// The top-level module it leads to from `module`, if that is another one.
    fn other_module(&self, module: &[String]) -> Option<&str> {
        let up = self.segments.iter().take_while(|segment| *segment == "super").count();
        let target = match self.segments[0].as_str() {
            "crate" => self.segments.get(1),
            _ if up > 0 && up == module.len() + self.depth => self.segments.get(up),
            _ => None,
        }?;
        (*target != module[0] && target.starts_with(|c: char| c.is_ascii_lowercase())).then_some(target)
    }
}

fn paths_of(source: &str) -> Vec<NamedPath> {
    let mut found = Vec::new();
    let around = Around { depth: 0, in_tests: false, is_import: false };
    collect(source.parse().expect("a source file is made of Rust tokens"), around, &mut found);
    found
}

/// What stands around some tokens.
#[derive(Clone, Copy)]
struct Around {
    depth: usize,
    in_tests: bool,
    is_import: bool,
}

fn collect(tokens: TokenStream, mut around: Around, found: &mut Vec<NamedPath>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let is =
        |token: Option<&TokenTree>, c: char| matches!(token, Some(TokenTree::Punct(p)) if p.as_char() == c);
    let mut at = 0;
    while at < tokens.len() {
        if is(tokens.get(at), ';') {
            around.is_import = false;
        }
        match &tokens[at..] {
            [TokenTree::Ident(word), TokenTree::Ident(name), TokenTree::Group(body), ..] if word == "mod" => {
                let in_tests = around.in_tests || name == "tests";
                collect(body.stream(), Around { depth: around.depth + 1, in_tests, ..around }, found);
                at += 3;
            }
            // But not the `use<..>` that says what a type captures.
            [TokenTree::Ident(word), next, ..] if word == "use" && !is(Some(next), '<') => {
                around.is_import = true;
                at += 1;
            }
            [TokenTree::Ident(word), TokenTree::Ident(name), ..] if word == "extern" && name == "crate" => {
                around.is_import = true;
                at += 2;
            }
            [TokenTree::Ident(_), ..] => {
                let mut spelled = Vec::new();
                at += spell(&tokens[at..], Vec::new(), &mut spelled);
                let Around { depth, in_tests, is_import } = around;
                let named = |segments| NamedPath { segments, depth, in_tests, is_import };
                found.extend(spelled.into_iter().map(named));
            }
            [TokenTree::Group(group), ..] => {
                collect(group.stream(), around, found);
                at += 1;
            }
            _ => at += 1,
        }
    }
}

/// Reads one path, and all paths of a group at its end; answers how many tokens that took.
fn spell(tokens: &[TokenTree], mut segments: Vec<String>, found: &mut Vec<Vec<String>>) -> usize {
    let mut at = 0;
    loop {
        match &tokens[at..] {
            // At the end of a group it stands for what is before the group.
            [TokenTree::Ident(name), ..] if name == "self" && !segments.is_empty() => {}
            [TokenTree::Ident(name), ..] => segments.push(name.to_string()),
            [TokenTree::Group(group), ..] if group.delimiter() == Delimiter::Brace => {
                let group: Vec<_> = group.stream().into_iter().collect();
                let members =
                    group.split(|token| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ','));
                // Behind a last comma there is nothing, and not the path before the group.
                for member in members.filter(|member| !member.is_empty()) {
                    spell(member, segments.clone(), found);
                }
                return at + 1;
            }
            _ => break,
        }
        at += 1;
        match &tokens[at..] {
            [TokenTree::Punct(one), TokenTree::Punct(two), TokenTree::Ident(_) | TokenTree::Group(_), ..]
                if one.as_char() == ':' && two.as_char() == ':' =>
            {
                at += 2;
            }
            _ => break,
        }
    }
    if !segments.is_empty() {
        found.push(segments);
    }
    at.max(1)
}

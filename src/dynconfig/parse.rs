//! From bytes to settings, with everything that is wrong on the way.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    ConfigError, Constraint, ConstraintValue, Problem, ProblemKind, Value,
    entries::{Entries, Entry},
    keys::{self, KeySpec, OWN_PREFIX},
    problem::Problems,
    settings::{ContentHash, Ignored, Settings},
    value::Misfit,
};
use crate::{
    policy::{PolicyErrors, RoutingPolicy},
    types::{Place, nearest},
    yaml::{self, Body, Name, Node, escaped},
};

/// Largest file, in bytes. A thousand namespaces with every key set are about 500 kB.
pub const MAX_FILE_BYTES: usize = 1 << 20;
/// Most nodes, where an alias counts as many as it stands for. A file of [`MAX_FILE_BYTES`] that nests nothing needs
/// about 500,000.
const MAX_NODES: usize = 1 << 20;
/// Most keys in a file, known or not. Cadence knows about 500.
pub const MAX_KEYS: usize = 4096;
/// Most entries of one key: more than one for each of a thousand namespaces in several clusters.
pub const MAX_ENTRIES: usize = 4096;
/// Most different lists of patterns in a file: compiling one may take a tenth of a second and a megabyte.
pub const MAX_PATTERN_LISTS: usize = 64;

const ENTRY: &str = "a list of entries such as [{value: ..., constraints: {namespace: ...}}]";
const VALUE: &str = "value";
const CONSTRAINTS: &str = "constraints";

/// What to do about keys that are not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strictness {
    /// They are errors, so that a slip of the finger is found. For files that only shardway reads.
    #[default]
    Strict,
    /// Those that do not begin with [`OWN_PREFIX`] are passed over and listed. For a file that other services read too,
    /// such as Cadence's.
    Lenient,
}

pub(super) fn settings(
    name: Arc<str>,
    contents: &[u8],
    strictness: Strictness,
) -> Result<Settings, ConfigError> {
    let (problems, warnings) = (Problems::default(), Problems::default());
    let mut reading = Reading { strictness, problems, warnings, compiled: BTreeMap::new() };
    let (mut entries, mut ignored) = Default::default();
    if let Some(text) = text(contents, &mut reading.problems) {
        let (root, faults) = yaml::parse(text, MAX_NODES);
        reading.problems.add_faults(faults);
        if let Some(root) = root {
            (entries, ignored) = reading.root(&root);
        }
    }
    if !reading.problems.is_empty() {
        return Err(reading.problems.into_refusal(name));
    }
    Ok(Settings {
        name,
        hash: ContentHash::of(contents),
        entries,
        warnings: reading.warnings.into_warnings(),
        ignored: ignored.into(),
    })
}

fn text<'a>(contents: &'a [u8], problems: &mut Problems) -> Option<&'a str> {
    if contents.len() > MAX_FILE_BYTES {
        problems.add(Problem::new(Place::START, ProblemKind::TooLarge));
        return None;
    }
    match str::from_utf8(contents) {
        Ok(text) => Some(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            let good = String::from_utf8_lossy(&contents[..error.valid_up_to()]);
            let line = good.matches('\n').count() + 1;
            let column = good.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
            problems.add(Problem::new(Place::new(line, column), ProblemKind::NotUtf8));
            None
        }
    }
}

type EntriesOfKeys = BTreeMap<&'static str, Entries>;

struct Reading {
    strictness: Strictness,
    problems: Problems,
    warnings: Problems,
    /// Each list of patterns that was compiled; `None` was refused.
    compiled: BTreeMap<Arc<[Arc<str>]>, Option<Arc<RoutingPolicy>>>,
}

impl Reading {
    fn root(&mut self, root: &Node) -> (EntriesOfKeys, Vec<Ignored>) {
        let (mut entries, mut ignored) = (EntriesOfKeys::new(), Vec::new());
        let Body::Map(pairs) = &root.body else {
            let kind = ProblemKind::Shape { expected: "a map of keys", found: root.body.what() };
            self.problems.add(Problem::new(root.place, kind));
            return (entries, ignored);
        };
        for (i, (name, node)) in pairs.iter().enumerate() {
            if i == MAX_KEYS {
                self.problems
                    .add(Problem::new(name.place, ProblemKind::TooMany { what: "keys", max: MAX_KEYS }));
                break;
            }
            match keys::find(&name.text) {
                Some((spec, known)) => {
                    entries.insert(known, Entries::new(self.key(spec, name, node)));
                }
                None => self.unknown_key(name, &mut ignored),
            }
        }
        self.warn_of_overridden(pairs, &entries);
        (entries, ignored)
    }

    fn unknown_key(&mut self, name: &Name, ignored: &mut Vec<Ignored>) {
        let suggestion = keys::suggestion(&name.text).map(|known| format!("\"{known}\""));
        let is_refused = self.strictness == Strictness::Strict || name.text.starts_with(OWN_PREFIX);
        let problem = |kind| Problem::new(name.place, kind).about(&name.text);
        if is_refused {
            self.problems.add(problem(ProblemKind::UnknownKey).suggesting(suggestion));
            return;
        }
        if suggestion.is_some() {
            self.warnings.add(problem(ProblemKind::IgnoredKey).suggesting(suggestion));
        }
        ignored.push(Ignored { key: escaped(&name.text), place: name.place });
    }

    fn key(&mut self, spec: &KeySpec, name: &Name, node: &Node) -> Vec<Entry> {
        let Body::List(items) = &node.body else {
            if !matches!(node.body, Body::Broken) {
                let kind = ProblemKind::Shape { expected: ENTRY, found: node.body.what() };
                let meant = spec.kind.read(node).ok().map(|value| format!("[{{value: {value}}}]"));
                self.problems.add(Problem::new(node.place, kind).about(&name.text).suggesting(meant));
            }
            return Vec::new();
        };
        if items.len() > MAX_ENTRIES {
            let kind = ProblemKind::TooMany { what: "entries", max: MAX_ENTRIES };
            self.problems.add(Problem::new(items[MAX_ENTRIES].place, kind).about(&name.text));
            return Vec::new();
        }
        let entries: Vec<Entry> = items.iter().filter_map(|item| self.entry(spec, name, item)).collect();
        self.warn_of_unreachable(name, &entries);
        entries
    }

    fn entry(&mut self, spec: &KeySpec, name: &Name, item: &Node) -> Option<Entry> {
        let about = |place, kind| Problem::new(place, kind).about(&name.text);
        let fields = match &item.body {
            Body::Map(fields) => fields,
            Body::Broken => return None,
            other => {
                let kind =
                    ProblemKind::Shape { expected: "an entry such as {value: ...}", found: other.what() };
                let meant = spec.kind.read(item).ok().map(|value| format!("{{value: {value}}}"));
                self.problems.add(about(item.place, kind).suggesting(meant));
                return None;
            }
        };
        let (mut value, mut has_value, mut constraints) = (None, false, Some(Box::default()));
        for (field, node) in fields.iter() {
            match &*field.text {
                VALUE => {
                    has_value = true;
                    value = self.value(spec, name, node);
                }
                CONSTRAINTS => constraints = self.constraints(spec, name, node),
                other => {
                    let suggestion = nearest(other, [VALUE, CONSTRAINTS]).map(|known| format!("\"{known}\""));
                    let kind = ProblemKind::UnknownField(other.into());
                    self.problems.add(about(field.place, kind).suggesting(suggestion));
                }
            }
        }
        if !has_value {
            self.problems.add(about(item.place, ProblemKind::NoValue));
        }
        let (value, compiled) = value?;
        Some(Entry { place: item.place, value, constraints: constraints?, compiled })
    }

    fn value(
        &mut self,
        spec: &KeySpec,
        name: &Name,
        node: &Node,
    ) -> Option<(Value, Option<Arc<RoutingPolicy>>)> {
        match spec.kind.read(node) {
            Ok(value) => {
                let compiled = self.compile(&value, name, node).ok()?;
                Some((value, compiled))
            }
            Err(misfit) => {
                self.misfit(name, node, misfit);
                None
            }
        }
    }

    /// Patterns are the only lists of texts; a second sort of list would need a kind of its own.
    fn compile(&mut self, value: &Value, name: &Name, node: &Node) -> Result<Option<Arc<RoutingPolicy>>, ()> {
        let Value::TextList(patterns) = value else { return Ok(None) };
        if let Some(compiled) = self.compiled.get(patterns) {
            return compiled.clone().map(Some).ok_or(());
        }
        if self.compiled.len() == MAX_PATTERN_LISTS {
            let kind = ProblemKind::TooMany { what: "different lists of patterns", max: MAX_PATTERN_LISTS };
            self.problems.add(Problem::new(node.place, kind).about(&name.text));
            return Err(());
        }
        let policy = RoutingPolicy::builder().exclude_patterns(patterns.iter().map(|text| &**text)).build();
        let compiled = match policy {
            Ok(policy) => Some(Arc::new(policy)),
            Err(errors) => {
                self.bad_patterns(patterns, &errors, name, node);
                None
            }
        };
        self.compiled.insert(Arc::clone(patterns), compiled.clone());
        compiled.map(Some).ok_or(())
    }

    fn bad_patterns(&mut self, patterns: &[Arc<str>], errors: &PolicyErrors, name: &Name, node: &Node) {
        let items = match &node.body {
            Body::List(items) => items,
            _ => return,
        };
        for error in errors.iter() {
            let guilty = patterns.iter().position(|text| *escaped(text) == *error.value());
            let place = guilty.map_or(node.place, |i| items[i].place);
            let kind = ProblemKind::Refused {
                found: format!("\"{}\"", error.value()).into(),
                rule: error.rule().into(),
            };
            self.problems.add(Problem::new(place, kind).about(&name.text));
        }
    }

    fn constraints(
        &mut self,
        spec: &KeySpec,
        name: &Name,
        node: &Node,
    ) -> Option<Box<[(Constraint, ConstraintValue)]>> {
        let about = |place, kind| Problem::new(place, kind).about(&name.text);
        let pairs = match &node.body {
            Body::Map(pairs) => pairs,
            // `constraints:` with nothing behind it, as Cadence's own files have it.
            body if body.is_nothing() => return Some(Box::default()),
            Body::Broken => return None,
            other => {
                let kind = ProblemKind::Shape { expected: "a map of constraints", found: other.what() };
                self.problems.add(about(node.place, kind));
                return None;
            }
        };
        let mut constraints = Vec::with_capacity(pairs.len());
        for (constraint_name, wanted) in pairs.iter() {
            let Some(constraint) = Constraint::from_name(&constraint_name.text) else {
                let kind = ProblemKind::UnknownConstraint(Arc::clone(&constraint_name.text).as_ref().into());
                let suggestion = nearest(&constraint_name.text, Constraint::ALL.map(Constraint::as_str));
                self.problems.add(
                    about(constraint_name.place, kind)
                        .suggesting(suggestion.map(|known| format!("\"{known}\""))),
                );
                continue;
            };
            match constraint.read(wanted) {
                Ok(value) => constraints.push((constraint, value)),
                Err(misfit) => self.misfit(name, wanted, misfit),
            }
            self.check_scope(spec, name, constraint_name, constraint);
        }
        constraints.sort();
        (constraints.len() == pairs.len()).then(|| constraints.into())
    }

    /// A constraint that the key is never asked with: an error on an own key, a warning on Cadence's, whose services
    /// may ask with more.
    fn check_scope(&mut self, spec: &KeySpec, name: &Name, at: &Name, constraint: Constraint) {
        let asked_with = spec.scope.constraints();
        if asked_with.contains(&constraint) {
            return;
        }
        let known: Vec<&str> = asked_with.iter().map(|c| c.as_str()).collect();
        let reason = format!("it is asked for with {} only, not with {constraint}", known.join(" and "));
        let problem = Problem::new(at.place, ProblemKind::NeverHolds(reason.into())).about(&name.text);
        if *name.text == *spec.name { self.problems.add(problem) } else { self.warnings.add(problem) }
    }

    fn misfit(&mut self, name: &Name, node: &Node, misfit: Misfit) {
        let place = match (&node.body, misfit.item) {
            (Body::List(items), Some(i)) => items[i].place,
            (Body::Broken, _) => return,
            _ => node.place,
        };
        self.problems.add(Problem::new(place, misfit.kind).about(&name.text).suggesting(misfit.suggestion));
    }

    fn warn_of_unreachable(&mut self, name: &Name, entries: &[Entry]) {
        let mut never = |entry: &Entry, reason: &str| {
            let kind = ProblemKind::NeverHolds(reason.into());
            self.warnings.add(Problem::new(entry.place, kind).about(&name.text));
        };
        let mut seen = BTreeSet::new();
        let last_unconstrained = entries.iter().rposition(|entry| entry.constraints.is_empty());
        for (i, entry) in entries.iter().enumerate() {
            if entry.constraints.is_empty() {
                if Some(i) != last_unconstrained {
                    never(entry, "of several entries without constraints the last one counts");
                }
            } else if !seen.insert(&entry.constraints) {
                never(entry, "an entry before it has the same constraints");
            }
        }
    }

    /// Cadence's key counts only where the own one has no answer; with an unconstrained own value that is nowhere.
    fn warn_of_overridden(&mut self, pairs: &[(Name, Node)], entries: &EntriesOfKeys) {
        for (name, _) in pairs {
            let Some((spec, known)) = keys::find(&name.text) else { continue };
            if known != spec.name && entries.get(spec.name).is_some_and(Entries::answer_all) {
                let kind = ProblemKind::Overridden { by: spec.name };
                self.warnings.add(Problem::new(name.place, kind).about(&name.text));
            }
        }
    }
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;

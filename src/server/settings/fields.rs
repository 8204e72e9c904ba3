//! The fields of a map in a file, each read with its rule; all that is wrong is collected.

use std::{fmt, ops::RangeInclusive, time::Duration};

use crate::{
    types::{Place, duration, nearest},
    yaml::{Body, Name, Node, escaped},
};

/// Most problems that are kept; the rest are counted. Nobody reads the hundredth.
const MAX_PROBLEMS: usize = 100;

/// One thing that is wrong with a settings file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsProblem {
    place: Place,
    field: String,
    message: String,
}

impl fmt::Display for SettingsProblem {
    /// `line:column: field: what`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)
    }
}

/// What is wrong, in the order in which it was found.
#[derive(Debug, Default)]
pub(super) struct Problems {
    pub(super) kept: Vec<SettingsProblem>,
    pub(super) count: usize,
}

impl Problems {
    pub(super) fn add(&mut self, place: Place, field: &str, message: impl Into<String>) {
        self.count += 1;
        if self.kept.len() < MAX_PROBLEMS {
            self.kept.push(SettingsProblem { place, field: field.to_owned(), message: message.into() });
        }
    }
}

/// A map's fields. Each is asked for by name; what nobody asked for is told as unknown by [`end`](Self::end).
pub(super) struct Fields<'a> {
    /// Where the map is: `namespaces.orders`.
    path: String,
    place: Place,
    fields: &'a [(Name, Node)],
    asked: Vec<&'static str>,
    problems: &'a mut Problems,
}

impl<'a> Fields<'a> {
    /// `None`: it is no map, which is told.
    pub(super) fn of(path: &str, node: &'a Node, problems: &'a mut Problems) -> Option<Self> {
        let fields = match &node.body {
            Body::Map(fields) => &**fields,
            body if body.is_nothing() => &[],
            Body::Broken => return None,
            body => {
                problems.add(node.place, path, format!("must be a map, and is {}", body.what()));
                return None;
            }
        };
        Some(Self { path: path.to_owned(), place: node.place, fields, asked: Vec::new(), problems })
    }

    pub(super) fn problems(&mut self) -> &mut Problems {
        self.problems
    }

    pub(super) fn node(&mut self, name: &'static str) -> Option<&'a Node> {
        self.asked.push(name);
        let (_, node) = self.fields.iter().find(|(field, _)| *field.text == *name)?;
        (!node.body.is_nothing()).then_some(node)
    }

    /// A text, read by `read`, which says what is wrong with it.
    pub(super) fn read<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let node = self.node(name)?;
        let result = match node.body.text() {
            Some(text) => read(text),
            None if node.body == Body::Broken => return None,
            None => Err(format!("must be a single value, and is {}", node.body.what())),
        };
        match result {
            Ok(value) => Some(value),
            Err(message) => {
                let path = self.path_of(name);
                self.problems.add(node.place, &path, message);
                None
            }
        }
    }

    /// Whether the field is there, right or wrong.
    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(field, _)| *field.text == *name)
    }

    /// Under which of several names a setting is said. Names that were asked for before are passed over; two of them are
    /// told.
    pub(super) fn find(&mut self, names: &[&'static str]) -> Option<&'static str> {
        let mut found: Option<&'static str> = None;
        for &name in names {
            if self.asked.contains(&name) {
                continue;
            }
            self.asked.push(name);
            match found {
                _ if !self.has(name) => {}
                None => found = Some(name),
                Some(first) => {
                    self.wrong_at(name, format!("says the same as {first}: leave one of them out"))
                }
            }
        }
        found
    }

    /// Tells that a field is wrong, said or not.
    pub(super) fn wrong_at(&mut self, name: &str, message: impl Into<String>) {
        let node = self.fields.iter().find(|(field, _)| *field.text == *name).map(|(_, node)| node);
        let path = self.path_of(name);
        self.problems.add(node.map_or(self.place, |node| node.place), &path, message);
    }

    /// Tells that the map as a whole is wrong.
    pub(super) fn wrong<T>(&mut self, node: &Node, message: &str) -> Option<T> {
        self.problems.add(node.place, &self.path, message);
        None
    }

    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        self.read(name, |text| Ok(text.to_owned()))
    }

    pub(super) fn duration(&mut self, name: &'static str) -> Option<Duration> {
        self.read(name, |text| {
            let rule = || format!("must be a duration such as 10s or 250ms, and is \"{}\"", escaped(text));
            duration::parse(text).ok_or_else(rule)
        })
    }

    /// A duration that keeps a rule besides.
    pub(super) fn duration_that(
        &mut self,
        name: &'static str,
        rule: impl Fn(Duration) -> Result<(), String>,
    ) -> Option<Duration> {
        let duration = self.duration(name)?;
        match rule(duration) {
            Ok(()) => Some(duration),
            Err(message) => self.read(name, |_| Err(message)),
        }
    }

    pub(super) fn number(&mut self, name: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        self.read(name, |text| {
            let (least, most) = (range.start(), range.end());
            let rule =
                || format!("must be a whole number from {least} to {most}, and is \"{}\"", escaped(text));
            text.parse().ok().filter(|number| range.contains(number)).ok_or_else(rule)
        })
    }

    pub(super) fn choice<T: Copy>(&mut self, name: &'static str, choices: &[(&'static str, T)]) -> Option<T> {
        self.read(name, |text| {
            let found = choices.iter().find(|(choice, _)| *choice == text).map(|(_, value)| *value);
            found.ok_or_else(|| {
                let names: Vec<_> = choices.iter().map(|(choice, _)| *choice).collect();
                format!(
                    "must be one of {}, and is \"{}\"{}",
                    names.join(", "),
                    escaped(text),
                    meant(text, &names)
                )
            })
        })
    }

    /// Tells what nobody asked for.
    pub(super) fn end(self) {
        for (name, _) in self.fields.iter().filter(|(name, _)| !self.asked.contains(&&*name.text)) {
            let message = format!("there is no such setting{}", meant(&name.text, &self.asked));
            let path = join(&self.path, &escaped(&name.text));
            self.problems.add(name.place, &path, message);
        }
    }

    pub(super) fn path_of(&self, name: &str) -> String {
        join(&self.path, name)
    }
}

pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn meant(word: &str, known: &[&'static str]) -> String {
    nearest(word, known.iter().copied()).map_or(String::new(), |meant| format!("; did you mean {meant}?"))
}

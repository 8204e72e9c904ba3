//! What a check found, for people and for programs.

use std::io::{self, Write};

use serde::Serialize;

use super::super::console::{Answer as Shown, printable, table};
use crate::{
    dynconfig::{Answer, EntryOrigin, Origin, Problem, Refusal, Settings, Value, keys::KeySpec},
    types::Namespace,
};

#[derive(Serialize)]
pub(super) struct Report {
    file: String,
    valid: bool,
    /// Of the contents: what a running process reports once it has applied them.
    hash: Option<String>,
    /// How many problems there are; only the first hundred are listed.
    problem_count: usize,
    problems: Vec<Told>,
    warnings: Vec<Told>,
    ignored_keys: Vec<Ignored>,
    namespaces: Vec<Given>,
}

#[derive(Serialize)]
struct Told {
    line: u32,
    column: u32,
    key: Option<String>,
    /// What is wrong, with the suggestion.
    message: String,
    /// What to write instead.
    suggestion: Option<String>,
}

#[derive(Serialize)]
struct Ignored {
    key: String,
    line: u32,
    column: u32,
}

/// What a namespace would get.
#[derive(Serialize)]
pub(super) struct Given {
    /// None: every namespace that the file does not name.
    namespace: Option<String>,
    values: Vec<GivenValue>,
}

#[derive(Serialize)]
struct GivenValue {
    key: &'static str,
    value: serde_json::Value,
    /// `default`, `entry`, or `implied` by the entry of another key.
    source: &'static str,
    /// Where that entry stands, and under which name.
    entry: Option<Entry>,
    #[serde(skip)]
    shown: [String; 2],
}

#[derive(Serialize)]
struct Entry {
    line: u32,
    column: u32,
    key: &'static str,
}

impl Report {
    pub(super) fn of_valid(file: &str, settings: &Settings, namespaces: Vec<Given>) -> Self {
        let ignored = settings.ignored().iter().map(|ignored| Ignored {
            key: ignored.key.to_string(),
            line: ignored.place.line(),
            column: ignored.place.column(),
        });
        Self {
            file: file.into(),
            valid: true,
            hash: Some(settings.hash().to_string()),
            problem_count: 0,
            problems: Vec::new(),
            warnings: settings.warnings().iter().map(Told::of).collect(),
            ignored_keys: ignored.collect(),
            namespaces,
        }
    }

    pub(super) fn of_refused(file: &str, refusal: &Refusal) -> Self {
        Self {
            file: file.into(),
            valid: false,
            hash: None,
            problem_count: refusal.count(),
            problems: refusal.problems().iter().map(Told::of).collect(),
            warnings: Vec::new(),
            ignored_keys: Vec::new(),
            namespaces: Vec::new(),
        }
    }
}

impl Told {
    fn of(problem: &Problem) -> Self {
        let place = problem.place();
        let message = problem.to_string();
        Self {
            line: place.line(),
            column: place.column(),
            key: problem.key().map(Into::into),
            message: message.strip_prefix(&format!("{place}: ")).unwrap_or(&message).into(),
            suggestion: problem.suggestion().map(Into::into),
        }
    }
}

impl Given {
    pub(super) fn to(namespace: Option<&Namespace>, answers: Vec<(&'static KeySpec, Answer)>) -> Self {
        let values = answers.into_iter().map(|(key, answer)| GivenValue::of(key, &answer)).collect();
        Self { namespace: namespace.map(ToString::to_string), values }
    }
}

impl GivenValue {
    fn of(key: &'static KeySpec, Answer { value, origin }: &Answer) -> Self {
        let (source, entry) = match origin {
            Origin::Default => ("default", None),
            Origin::Entry(entry) => ("entry", Some(entry)),
            Origin::Implied(entry) => ("implied", Some(entry)),
        };
        let entry = entry.map(|EntryOrigin { place, key, .. }| Entry {
            line: place.line(),
            column: place.column(),
            key,
        });
        Self {
            key: key.name,
            value: json(value),
            source,
            entry,
            shown: [value.to_string(), origin.to_string()],
        }
    }
}

/// Durations are text, as in the file.
fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::Float(value) => (*value).into(),
        Value::Text(value) => (**value).into(),
        Value::TextList(values) => values.iter().map(|value| &**value).collect(),
        duration @ Value::Duration(_) => duration.to_string().into(),
    }
}

impl Shown for Report {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let file = printable(&self.file);
        let tell = |out: &mut dyn Write, Told { line, column, message, .. }: &Told, word: &str| {
            writeln!(out, "{file}:{line}:{column}: {word}{}", printable(message))
        };
        for problem in &self.problems {
            tell(out, problem, "")?;
        }
        if !self.valid {
            let untold = self.problem_count - self.problems.len();
            let more = if untold > 0 { format!(" ({untold} more are not listed)") } else { String::new() };
            let noun = if self.problem_count == 1 { "problem" } else { "problems" };
            return writeln!(
                out,
                "{} {noun}{more}; a process would refuse {file} as a whole",
                self.problem_count
            );
        }
        for warning in &self.warnings {
            tell(out, warning, "warning: ")?;
        }
        write!(out, "{file} is valid")?;
        match self.ignored_keys.len() {
            0 => writeln!(out)?,
            1 => writeln!(out, "; 1 unknown key is passed over")?,
            n => writeln!(out, "; {n} unknown keys are passed over")?,
        }
        for Given { namespace, values } in &self.namespaces {
            match namespace {
                Some(namespace) => writeln!(out, "\nnamespace {namespace}")?,
                None => writeln!(out, "\nany other namespace")?,
            }
            let mut table = table(vec!["key", "value", "from"]);
            for GivenValue { key, shown: [value, origin], .. } in values {
                table.add_row(vec![(*key).to_owned(), printable(value), printable(origin)]);
            }
            writeln!(out, "{}", table.trim_fmt())?;
        }
        Ok(())
    }
}

//! Values and the types that they must have.

use std::{fmt, sync::Arc, time::Duration};

use super::ProblemKind;
use crate::{
    types::duration,
    yaml::{Body, Node, escaped},
};

/// A value of dynamic config. Prints as YAML that reads as the same value.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A duration, written `30s` or `1m30s`.
    Duration(Duration),
    /// A text.
    Text(Arc<str>),
    /// A list of texts.
    TextList(Arc<[Arc<str>]>),
}

/// The type of a key's values, and their range.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number within `min` and `max`, both allowed.
    Int {
        /// Least.
        min: i64,
        /// Greatest.
        max: i64,
    },
    /// A number within `min` and `max`, both allowed. Whole numbers are numbers.
    Float {
        /// Least.
        min: f64,
        /// Greatest.
        max: f64,
    },
    /// A duration of at most `max`.
    Duration {
        /// Longest.
        max: Duration,
    },
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of texts.
    TextList {
        /// Most items.
        max_items: usize,
    },
}

impl Kind {
    /// Reads a node as a value of this kind.
    pub(super) fn read(self, node: &Node) -> Result<Value, Misfit> {
        match (self, &node.body) {
            (Self::TextList { max_items }, Body::List(items)) => {
                text_list(items, max_items).map(Value::TextList)
            }
            (_, Body::Scalar { text, plain }) => {
                self.scalar(text, *plain).ok_or_else(|| Misfit::of(self, node))
            }
            _ => Err(Misfit::of(self, node)),
        }
    }

    /// `None` for another type and outside of the range.
    fn scalar(self, text: &Arc<str>, plain: bool) -> Option<Value> {
        let value = match (self, Scalar::read(text, plain)) {
            (Self::Bool, Scalar::Bool(value)) => Value::Bool(value),
            (Self::Int { .. }, Scalar::Int(value)) => Value::Int(value),
            (Self::Float { .. }, Scalar::Float(value)) => Value::Float(value),
            #[expect(
                clippy::cast_precision_loss,
                reason = "a whole number beyond 2^53 is out of every range"
            )]
            (Self::Float { .. }, Scalar::Int(value)) => Value::Float(value as f64),
            (Self::Duration { .. }, Scalar::Text) => Value::Duration(duration::parse(text)?),
            (Self::Word(_), Scalar::Text) => Value::Text(Arc::clone(text)),
            _ => return None,
        };
        self.holds(&value).then_some(value)
    }

    /// Whether the value has this type and lies within the range.
    pub(super) fn holds(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Bool, Value::Bool(_)) => true,
            (Self::Int { min, max }, Value::Int(n)) => (min..=max).contains(n),
            (Self::Float { min, max }, Value::Float(n)) => (min..=max).contains(n),
            (Self::Duration { max }, Value::Duration(d)) => *d <= max,
            (Self::Word(words), Value::Text(text)) => words.contains(&&**text),
            (Self::TextList { max_items }, Value::TextList(items)) => items.len() <= max_items,
            _ => false,
        }
    }
}

impl fmt::Display for Kind {
    /// Fits after "expected".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("true or false"),
            Self::Int { min, max } => write!(f, "a whole number from {min} to {max}"),
            Self::Float { min, max } => write!(f, "a number from {min} to {max}"),
            Self::Duration { max } => {
                write!(f, "a duration such as 30s or 1m30s, at most {}", duration::Shown(*max))
            }
            Self::Word(words) => write!(f, "one of {}", words.join(", ")),
            Self::TextList { max_items } => write!(f, "a list of at most {max_items} texts"),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            // Debug keeps the `.0` that makes it a float again.
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Duration(value) => duration::Shown(*value).fmt(f),
            Self::Text(value) => Quoted(value).fmt(f),
            Self::TextList(values) => {
                f.write_str("[")?;
                for (i, value) in values.iter().enumerate() {
                    write!(f, "{}{}", if i == 0 { "" } else { ", " }, Quoted(value))?;
                }
                f.write_str("]")
            }
        }
    }
}

/// A text as a double-quoted scalar, the one style that can hold any text on one line.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                '\n' => f.write_str("\\n")?,
                '\t' => f.write_str("\\t")?,
                // Besides control characters: line separators, which YAML folds, and what its character set leaves out.
                c if c.is_control()
                    || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') =>
                {
                    write!(f, "\\U{:08X}", u32::from(c))?;
                }
                c => write!(f, "{c}")?,
            }
        }
        f.write_str("\"")
    }
}

/// Why a node is no value of some kind.
#[derive(Debug)]
pub(super) struct Misfit {
    pub(super) kind: ProblemKind,
    pub(super) suggestion: Option<String>,
    /// The item of a list that is at fault; the node itself otherwise.
    pub(super) item: Option<usize>,
}

impl Misfit {
    fn of(kind: Kind, node: &Node) -> Self {
        let problem = ProblemKind::WrongType { expected: kind.to_string().into(), found: found(node).into() };
        Self { kind: problem, suggestion: suggestion(kind, node), item: None }
    }
}

fn text_list(items: &[Node], max: usize) -> Result<Arc<[Arc<str>]>, Misfit> {
    if items.len() > max {
        let kind = ProblemKind::TooMany { what: "items in a list", max };
        return Err(Misfit { kind, suggestion: None, item: Some(max) });
    }
    let read = |(i, item): (usize, &Node)| match &item.body {
        Body::Scalar { text, plain } if matches!(Scalar::read(text, *plain), Scalar::Text) => {
            Ok(Arc::clone(text))
        }
        _ => {
            let quoted = match &item.body {
                Body::Scalar { text, .. } if !text.is_empty() => Some(Quoted(text).to_string()),
                _ => None,
            };
            let kind = ProblemKind::WrongType { expected: "a text".into(), found: found(item).into() };
            Err(Misfit { kind, suggestion: quoted, item: Some(i) })
        }
    };
    items.iter().enumerate().map(read).collect()
}

/// What was probably meant: the same without quotes, in quotes, without a percent sign, with a unit, or a near word.
fn suggestion(kind: Kind, node: &Node) -> Option<String> {
    let Body::Scalar { text, .. } = &node.body else { return None };
    match kind {
        Kind::Word(words) => {
            crate::types::nearest(text, words.iter().copied()).map(|word| format!("\"{word}\""))
        }
        Kind::TextList { .. } => Some(format!("[{}]", Quoted(text))),
        _ => [&**text, text.trim().trim_end_matches('%').trim(), &format!("{text}s")]
            .into_iter()
            .find(|candidate| kind.scalar(&Arc::from(*candidate), true).is_some())
            .map(ToOwned::to_owned),
    }
}

/// Type and value of a node, for a message.
pub(super) fn found(node: &Node) -> String {
    let Body::Scalar { text, plain } = &node.body else { return node.body.what().into() };
    let shown = escaped(text);
    match Scalar::read(text, *plain) {
        Scalar::Null => "nothing".into(),
        Scalar::Bool(_) => format!("the boolean {shown}"),
        Scalar::Int(_) => format!("the whole number {shown}"),
        Scalar::Float(_) => format!("the number {shown}"),
        Scalar::Text => format!("the text \"{shown}\""),
    }
}

/// What a scalar is by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text,
}

impl Scalar {
    /// As YAML 1.2 and Go's reader of YAML understand it. The `yes` and `on` of YAML 1.1 are booleans, because files
    /// written for Go services may hold them; `1_000`, `0o17` and `.inf` are texts, because nobody means them.
    pub(super) fn read(text: &str, plain: bool) -> Self {
        if !plain {
            return Self::Text;
        }
        match text {
            "" | "~" | "null" | "Null" | "NULL" => return Self::Null,
            "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Self::Bool(true),
            "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
                return Self::Bool(false);
            }
            _ => {}
        }
        // `parse` also takes "inf", "nan" and "infinity", which have no digit in front.
        if !text.trim_start_matches(['-', '+', '.']).starts_with(|c: char| c.is_ascii_digit()) {
            return Self::Text;
        }
        match (text.parse(), text.parse::<f64>()) {
            (Ok(int), _) => Self::Int(int),
            (_, Ok(float)) if float.is_finite() => Self::Float(float),
            _ => Self::Text,
        }
    }
}

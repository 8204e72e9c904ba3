//! What is promised of lookups, and whether a run keeps it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::histogram::Histogram;

/// One promise: a figure with a goal.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// Its name in JSON; stable.
    pub key: &'static str,
    /// What is divided by what, or counted.
    pub what: &'static str,
    /// What the figure must be.
    pub goal: Goal,
}

/// What a figure must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// This or less.
    AtMost(f64),
    /// This or more.
    AtLeast(f64),
}

impl Goal {
    /// Whether the figure keeps it. What is no number keeps nothing.
    pub fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
        }
    }
}

/// What a run found: a figure for each measure, and whatever explains them.
#[derive(Debug)]
pub struct Report {
    measures: &'static [Measure],
    figures: BTreeMap<&'static str, f64>,
    details: BTreeMap<&'static str, Map<String, Value>>,
    histograms: Vec<(&'static str, Histogram)>,
}

impl Report {
    /// Nothing found yet.
    pub const fn new(measures: &'static [Measure]) -> Self {
        Self { measures, figures: BTreeMap::new(), details: BTreeMap::new(), histograms: Vec::new() }
    }

    /// Notes the figure of a measure.
    pub fn set(&mut self, key: &'static str, figure: f64) {
        debug_assert!(
            self.measures.iter().any(|measure| measure.key == key),
            "{key} is no measure of this report"
        );
        self.figures.insert(key, figure);
    }

    /// Notes what explains the figures: `group` is what was measured, `name` in which respect.
    pub fn explain(&mut self, group: &'static str, name: impl Into<String>, value: impl Serialize) {
        let value = serde_json::to_value(value).unwrap_or(Value::Null);
        self.details.entry(group).or_default().insert(name.into(), rounded(value));
    }

    /// Notes times of batches, to be drawn for people.
    pub fn draw(&mut self, title: &'static str, batches: Histogram) {
        self.histograms.push((title, batches));
    }

    /// The measures in their order, each with its figure unless it is missing.
    pub fn figures(&self) -> impl Iterator<Item = (Measure, Option<f64>)> {
        self.measures.iter().map(|measure| (*measure, self.figures.get(measure.key).copied()))
    }

    /// What explains the figures, by group.
    pub fn details(&self) -> impl Iterator<Item = (&'static str, &Map<String, Value>)> {
        self.details.iter().map(|(group, map)| (*group, map))
    }

    /// What is drawn for people.
    pub fn histograms(&self) -> impl Iterator<Item = (&'static str, &Histogram)> {
        self.histograms.iter().map(|(title, histogram)| (*title, histogram))
    }

    /// Whether every measure has a figure that keeps its goal.
    pub fn is_met(&self) -> bool {
        self.figures().all(|(measure, figure)| figure.is_some_and(|figure| measure.goal.is_met(figure)))
    }
}

/// One flat object with a figure for each measure, and `details` beside them.
impl Serialize for Report {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = Map::new();
        for (measure, figure) in self.figures() {
            object.insert(measure.key.into(), rounded(figure.into()));
        }
        let details = self.details.iter().map(|(group, map)| ((*group).into(), map.clone().into()));
        object.insert("details".into(), Value::Object(details.collect()));
        object.serialize(serializer)
    }
}

/// Four digits after the point are more than any of these measurements repeats to.
fn rounded(value: Value) -> Value {
    match value.as_f64() {
        Some(number) if value.is_f64() => ((number * 1e4).round() / 1e4).into(),
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEASURES: &[Measure] = &[
        Measure { key: "slow", what: "a / b", goal: Goal::AtMost(1.5) },
        Measure { key: "fast", what: "b / a", goal: Goal::AtLeast(2.0) },
    ];

    #[test]
    fn a_report_is_met_when_every_figure_is_there_and_within_its_goal() {
        let report = |figures: &[(&'static str, f64)]| {
            let mut report = Report::new(MEASURES);
            figures.iter().for_each(|(key, figure)| report.set(key, *figure));
            report
        };
        assert!(report(&[("slow", 1.5), ("fast", 2.0)]).is_met());
        for bad in [&[("slow", 1.51), ("fast", 2.0)][..], &[("slow", 1.0), ("fast", 1.99)], &[("slow", 1.0)]]
        {
            assert!(!report(bad).is_met(), "{bad:?}");
        }
        assert!(!report(&[("slow", f64::NAN), ("fast", 2.0)]).is_met());
    }

    #[test]
    fn the_json_is_flat_with_details_beside() {
        let mut report = Report::new(MEASURES);
        report.set("slow", 1.234_56);
        report.explain("ring", "ns", 5.0);
        report.explain("ring", "members", 100);
        let json = serde_json::to_string(&report).unwrap();
        assert_eq!(json, r#"{"details":{"ring":{"members":100,"ns":5.0}},"fast":null,"slow":1.2346}"#);
    }
}

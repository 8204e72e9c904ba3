//! A report for people.

use std::fmt::{self, Write};

use super::{
    measure::{Goal, Report},
    writer::BATCH,
};

/// Of a histogram drawn in a terminal.
const ROWS: usize = 14;
const COLUMNS: usize = 40;

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(limit) => write!(f, "<= {limit}"),
            Self::AtLeast(limit) => write!(f, ">= {limit}"),
        }
    }
}

/// The measures as a table, what explains them, the histograms.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut met, mut all) = (0, 0);
        for (measure, figure) in self.figures() {
            let kept = figure.is_some_and(|figure| measure.goal.is_met(figure));
            met += usize::from(kept);
            all += 1;
            let mark = if kept { "✓" } else { "✗" };
            let figure = figure.map_or_else(|| "missing".to_owned(), three_digits);
            let goal = measure.goal.to_string();
            writeln!(f, "{mark} {:<26}{figure:>8}  {goal:<9}{}", measure.key, measure.what)?;
        }
        if all > 0 {
            writeln!(f, "{met} of {all} goals met\n")?;
        }
        for (group, figures) in self.details() {
            let figures = figures.iter().fold(String::new(), |mut line, (name, value)| {
                let value =
                    value.as_f64().filter(|_| value.is_f64()).map_or_else(|| plain(value), three_digits);
                write!(line, "  {name} {value}").expect("a string takes all");
                line
            });
            writeln!(f, "{group}:{figures}")?;
        }
        for (title, histogram) in self.histograms() {
            write!(f, "\n{title}\n{}", histogram.draw(ROWS, COLUMNS, BATCH as f64))?;
        }
        Ok(())
    }
}

/// Enough digits to compare and no more.
fn three_digits(figure: f64) -> String {
    let decimals = match figure.abs() {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        0.0 => 0,
        _ => 3,
    };
    format!("{figure:.decimals$}")
}

fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{histogram::Histogram, measure::Measure};

    #[test]
    fn a_person_sees_which_goals_are_missed() {
        const MEASURES: &[Measure] = &[
            Measure { key: "slow", what: "a / b", goal: Goal::AtMost(1.5) },
            Measure { key: "fast", what: "b / a", goal: Goal::AtLeast(2.0) },
        ];
        let mut report = Report::new(MEASURES);
        report.set("slow", 1.234_56);
        report.explain("ring", "ns", 12.345);
        report.explain("ring", "shape", "uuid");
        let mut times = Histogram::default();
        times.record(160);
        report.draw("times", times);
        let text = report.to_string();
        let line_with = |word| text.lines().find(|line| line.contains(word)).unwrap_or_default();
        for (word, part) in
            [("slow", "✓"), ("slow", " 1.23 "), ("slow", "<= 1.5"), ("fast", "✗"), ("fast", "missing")]
        {
            assert!(line_with(word).contains(part), "{part:?} beside {word:?} in\n{text}");
        }
        for line in ["1 of 2 goals met", "ring:  ns 12.3  shape uuid", "     10.0 ns █"] {
            assert!(text.lines().any(|found| found.starts_with(line)), "{line:?} in\n{text}");
        }
    }
}

//! Metrics as text, in the form that Prometheus reads.

use std::{collections::BTreeMap, fmt::Write};

use parking_lot::Mutex;

use super::{Buckets, Kind, METRICS, Metric, Recorder};

/// Longest value of a label; the rest is left out.
const MAX_LABEL_BYTES: usize = 256;

/// A [`Recorder`] that writes down what it is told.
#[derive(Debug, Default)]
pub struct PrometheusText(Mutex<BTreeMap<&'static str, String>>);

impl PrometheusText {
    /// All that was recorded, metric by metric in the order of [`METRICS`].
    pub fn finish(self) -> String {
        let mut families = self.0.into_inner();
        let mut text = String::new();
        for metric in METRICS {
            if let Some(lines) = families.remove(metric.name) {
                let kind = match metric.kind {
                    Kind::Counter => "counter",
                    Kind::Gauge => "gauge",
                    Kind::Histogram => "histogram",
                };
                let Metric { name, help, .. } = metric;
                let _ = write!(text, "# HELP {name} {}\n# TYPE {name} {kind}\n{lines}", escaped(help));
            }
        }
        text
    }

    fn line(
        &self,
        metric: &'static Metric,
        end: &str,
        labels: &[(&str, &str)],
        value: impl std::fmt::Display,
    ) {
        let mut families = self.0.lock();
        let lines = families.entry(metric.name).or_default();
        lines.push_str(metric.name);
        lines.push_str(end);
        for (number, (name, text)) in labels.iter().enumerate() {
            let before = if number == 0 { '{' } else { ',' };
            let _ = write!(lines, "{before}{name}=\"{}\"", escaped(shortened(text)));
        }
        let _ = writeln!(lines, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }
}

impl Recorder for PrometheusText {
    fn counter(&self, metric: &'static Metric, labels: &[(&'static str, &str)], total: u64) {
        self.line(metric, "", labels, total);
    }

    fn gauge(&self, metric: &'static Metric, labels: &[(&'static str, &str)], value: f64) {
        self.line(metric, "", labels, value);
    }

    fn histogram(&self, metric: &'static Metric, labels: &[(&'static str, &str)], buckets: &Buckets) {
        for (bound, count) in buckets.up_to() {
            let labels: Vec<_> = labels.iter().copied().chain([("le", &*bound)]).collect();
            self.line(metric, "_bucket", &labels, count);
        }
        self.line(metric, "_sum", labels, buckets.sum.as_secs_f64());
        self.line(metric, "_count", labels, buckets.count());
    }
}

fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_LABEL_BYTES)]
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::telemetry::{Histogram, metric};

    #[test]
    fn what_was_recorded_is_written_in_the_order_of_the_table() {
        let text = PrometheusText::default();
        text.gauge(metric::RING_MEMBERS, &[("namespace", "a\"b\\c\n")], 1.5);
        text.counter(metric::LOOKUPS, &[("namespace", "n"), ("path", "ring"), ("outcome", "ok")], 7);
        text.gauge(metric::RING_MEMBERS, &[("namespace", &"x".repeat(1000))], 2.0);
        let histogram = Histogram::default();
        histogram.observe(Duration::from_millis(30));
        text.histogram(metric::CALL_SECONDS, &[("method", "m")], &histogram.buckets());
        let text = text.finish();
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].starts_with("# HELP shardway_lookups_total Lookups by the path"), "{text}");
        assert_eq!(lines[1], "# TYPE shardway_lookups_total counter");
        assert_eq!(lines[2], "shardway_lookups_total{namespace=\"n\",path=\"ring\",outcome=\"ok\"} 7");
        assert_eq!(lines[5], "shardway_ring_members{namespace=\"a\\\"b\\\\c\\n\"} 1.5");
        assert_eq!(lines[6].len(), "shardway_ring_members{namespace=\"\"} 2".len() + MAX_LABEL_BYTES);
        for line in [
            "shardway_call_seconds_bucket{method=\"m\",le=\"0.025\"} 0",
            "shardway_call_seconds_bucket{method=\"m\",le=\"+Inf\"} 1",
            "shardway_call_seconds_sum{method=\"m\"} 0.03",
            "shardway_call_seconds_count{method=\"m\"} 1",
        ] {
            assert!(lines.contains(&line), "{line}: {text}");
        }
    }
}

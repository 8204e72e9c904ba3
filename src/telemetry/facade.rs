//! To the `metrics` facade: whatever exporter the embedder installed there gets the numbers.

use metrics::{Key, KeyName, Label, Level, Metadata, SharedString, Unit};

use super::{Buckets, Kind, METRICS, Metric, Recorder};

/// A [`Recorder`] for the `metrics` facade.
///
/// It talks to the recorder that is installed when a value arrives, so it may be made before the exporter.
#[derive(Clone, Copy, Debug, Default)]
pub struct FacadeRecorder;

const METADATA: Metadata<'static> = Metadata::new("shardway", Level::INFO, None);

impl FacadeRecorder {
    /// Gives the exporter every metric's help text.
    pub fn describe() {
        metrics::with_recorder(|recorder| {
            for metric in METRICS {
                let (name, unit) = (KeyName::from_const_str(metric.name), Some(unit(metric)));
                let help = SharedString::const_str(metric.help);
                match metric.kind {
                    Kind::Counter => recorder.describe_counter(name, unit, help),
                    Kind::Gauge => recorder.describe_gauge(name, unit, help),
                    Kind::Histogram => recorder.describe_histogram(name, unit, help),
                }
            }
        });
    }
}

impl Recorder for FacadeRecorder {
    fn counter(&self, metric: &'static Metric, labels: &[(&'static str, &str)], total: u64) {
        metrics::with_recorder(|recorder| {
            recorder.register_counter(&key(metric, labels), &METADATA).absolute(total)
        });
    }

    fn gauge(&self, metric: &'static Metric, labels: &[(&'static str, &str)], value: f64) {
        metrics::with_recorder(|recorder| {
            recorder.register_gauge(&key(metric, labels), &METADATA).set(value)
        });
    }

    /// As the series that exporters make of a histogram: the facade itself takes single observations alone.
    fn histogram(&self, metric: &'static Metric, labels: &[(&'static str, &str)], buckets: &Buckets) {
        let name = |end: &str| format!("{}{end}", metric.name);
        metrics::with_recorder(|recorder| {
            for (bound, count) in buckets.up_to() {
                let labels: Vec<_> = labels.iter().copied().chain([("le", &*bound)]).collect();
                let key = Key::from_parts(name("_bucket"), to_labels(&labels));
                recorder.register_counter(&key, &METADATA).absolute(count);
            }
            let key = Key::from_parts(name("_count"), to_labels(labels));
            recorder.register_counter(&key, &METADATA).absolute(buckets.count());
            let key = Key::from_parts(name("_sum"), to_labels(labels));
            recorder.register_gauge(&key, &METADATA).set(buckets.sum.as_secs_f64());
        });
    }
}

fn key(metric: &'static Metric, labels: &[(&'static str, &str)]) -> Key {
    Key::from_parts(metric.name, to_labels(labels))
}

fn to_labels(labels: &[(&'static str, &str)]) -> Vec<Label> {
    labels.iter().map(|(name, value)| Label::new(*name, (*value).to_owned())).collect()
}

fn unit(metric: &Metric) -> Unit {
    if metric.name.ends_with("_seconds") { Unit::Seconds } else { Unit::Count }
}

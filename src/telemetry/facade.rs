//! To the `metrics` facade: whatever exporter the embedder installed there gets the numbers.

use metrics::{Key, KeyName, Label, Level, Metadata, SharedString, Unit};

use super::{Kind, METRICS, Metric, Recorder};

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
}

fn key(metric: &'static Metric, labels: &[(&'static str, &str)]) -> Key {
    let labels: Vec<_> = labels.iter().map(|(name, value)| Label::new(*name, (*value).to_owned())).collect();
    Key::from_parts(metric.name, labels)
}

fn unit(metric: &Metric) -> Unit {
    if metric.name.ends_with("_seconds") { Unit::Seconds } else { Unit::Count }
}

//! Numbers about a running process: kept where they arise, given to whatever the embedder exports with.
//!
//! Counting costs the hot path one plain addition in memory that only its thread writes ([`Stripes`]). Nothing is
//! pushed anywhere until somebody calls a component's `record` with a [`Recorder`]; the `metrics` feature brings one
//! for the `metrics` facade.

mod catalogue;
#[cfg(feature = "metrics")]
mod facade;
mod histogram;
mod stripes;
mod text;

pub use catalogue::{Kind, METRICS, Metric, metric};
#[cfg(feature = "metrics")]
pub use facade::FacadeRecorder;
pub use histogram::{BUCKETS_MS, Buckets, Histogram};
pub use stripes::{Stripe, Stripes};
pub use text::PrometheusText;

/// Takes the present values of all metrics of a component, whenever the embedder wants them.
///
/// Values are totals since the component was made, so a recorder that misses a round misses nothing.
pub trait Recorder {
    /// The present total of a counter.
    fn counter(&self, metric: &'static Metric, labels: &[(&'static str, &str)], total: u64);

    /// The present value of a gauge.
    fn gauge(&self, metric: &'static Metric, labels: &[(&'static str, &str)], value: f64);

    /// What a histogram holds at present. Whoever has no use for it leaves it out.
    fn histogram(&self, metric: &'static Metric, labels: &[(&'static str, &str)], buckets: &Buckets) {
        let _ = (metric, labels, buckets);
    }
}

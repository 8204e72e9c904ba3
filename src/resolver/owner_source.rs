//! The contract with whoever knows the distributor's assignments.

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use super::{MapVersion, OwnerMap};
use crate::types::ShardKey;

/// Knows a namespace's assignments and tells an [`OwnerSink`]; answers for keys that nobody knew yet.
///
/// The trait names no runtime. One source serves one resolver.
pub trait OwnerSource: Send + Sync + 'static {
    /// What kind of source it is, as one lowercase word for metrics, logs and status.
    fn kind(&self) -> &'static str;

    /// Begins to deliver to `sink`, which may be called before this returns. Does nothing when it runs already; works
    /// again after [`stop`](Self::stop). An error means that nothing was started; that the distributor cannot be
    /// reached yet is none.
    fn start(&self, sink: Arc<dyn OwnerSink>) -> Result<(), OwnerSourceError>;

    /// Stops delivering and lets go of the sink, without waiting. Does nothing when it does not run.
    fn stop(&self);

    /// Asks the distributor about a key that the map does not know, creating the shard if the namespace and the
    /// caller's rights allow it.
    ///
    /// Completes with `Ok` only after the sink was given a map that knows the key. Gives up after `within`.
    fn ask<'a>(
        &'a self,
        key: &'a ShardKey,
        within: Duration,
    ) -> Pin<Box<dyn Future<Output = Result<(), AskError>> + Send + 'a>>;
}

/// Takes what an [`OwnerSource`] hears.
pub trait OwnerSink: Send + Sync + 'static {
    /// The namespace's assignments. Refused when the sink has a newer map already.
    fn owners(&self, owners: Arc<OwnerMap>);

    /// The distributor said that nothing has changed since `version`. Makes answers fresh if that is the version in
    /// use, and nothing otherwise: a replica that lags behind cannot vouch for what it has not seen.
    fn unchanged(&self, version: MapVersion);
}

/// Why the distributor gave no owner.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AskError {
    /// It has no such shard and did not create one. Remembered for a moment.
    NotFound,
    /// It did not answer, or not usefully. Worth asking again.
    Failed {
        /// What went wrong.
        reason: String,
    },
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("the distributor has no such shard"),
            Self::Failed { reason } => write!(f, "the distributor gave no answer: {reason}"),
        }
    }
}

impl std::error::Error for AskError {}

/// Why a source of owners could not start. Nothing was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerSourceError {
    /// What went wrong, and what to do.
    pub reason: String,
}

impl fmt::Display for OwnerSourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the source of owners did not start: {}", self.reason)
    }
}

impl std::error::Error for OwnerSourceError {}

//! How an executor behaves.

use std::{sync::Arc, time::Duration};

use super::Profile;
use crate::types::ExecutorId;

/// How an executor behaves.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// Its id.
    pub executor: ExecutorId,
    /// What it says about itself.
    pub profile: Arc<Profile>,
    /// How long to wait for an answer to a registration before sending again. Everything later follows the leader's
    /// [`Pace`](super::Pace).
    pub answer_within: Duration,
    /// How long a shard may take to stop.
    pub stop_within: Duration,
    /// What to do with one that takes longer.
    pub on_stuck: OnStuck,
    /// What to do when the lease runs out.
    pub on_lease_loss: OnLeaseLoss,
}

/// What to do when the lease runs out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnLeaseLoss {
    /// Stop everything: another may have it.
    #[default]
    Fence,
    /// Go on, and say so: only where whatever is written to checks tokens, or two owners do no harm.
    Hold,
}

/// What to do with a shard that does not stop in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnStuck {
    /// Release it all the same: whoever checks tokens refuses what it still writes.
    #[default]
    Release,
    /// Keep it until it has stopped.
    Hold,
    /// End the process.
    Abort,
}

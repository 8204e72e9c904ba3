//! Pauses between calls to a store that fails them.

use super::ReplicaConfig;
use crate::types::Mono;

/// How long to wait before the next try: twice as long each time, up to a bound.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    until: Option<Mono>,
    count: u32,
}

impl Pauses {
    /// Over at once.
    pub(super) const fn over() -> Self {
        Self { until: Some(Mono::ZERO), count: 0 }
    }

    pub(super) const fn until(&self) -> Option<Mono> {
        self.until
    }

    pub(super) fn begin(&mut self, now: Mono, config: &ReplicaConfig) {
        let pause = config.pause_from * 2_u32.saturating_pow(self.count.min(16));
        self.until = Some(now + pause.min(config.pause_to));
        self.count += 1;
    }

    /// Whether one has just ended.
    pub(super) fn are_over(&mut self, now: Mono) -> bool {
        self.until.take_if(|until| *until <= now).is_some()
    }
}

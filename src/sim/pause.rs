//! Nodes that are stopped, and go on.

use std::time::Duration;

use super::{happening::Happening, hazards::Mend, node::Node, random::MILLION, world::World};
use crate::{
    planted::{Planted, is},
    types::Mono,
};

/// A node that does nothing for a while.
#[derive(Debug)]
pub(super) struct Pause {
    since: Mono,
    with_clock: bool,
    missed: Vec<Happening>,
}

impl Pause {
    /// Something would have happened to it, and will when it goes on.
    pub(super) fn misses(&mut self, happening: Happening) {
        /// What a socket's buffers hold, about.
        const MAX_MISSED: usize = 10_000;
        if self.missed.len() < MAX_MISSED {
            self.missed.push(happening);
        }
    }
}

impl World {
    /// Stops a node for a while. Its clock goes on, unless `with_clock`.
    pub(super) fn pause(&mut self, node: Node, length: Duration, with_clock: bool) {
        let since = self.stage.now;
        self.paused.entry(node).or_insert(Pause { since, with_clock, missed: Vec::new() });
        self.stage.after(length, Happening::Mends(Mend::Resume(node)));
    }

    pub(super) fn resume(&mut self, node: Node) {
        let Some(Pause { since, with_clock, mut missed }) = self.paused.remove(&node) else { return };
        let length = self.stage.now.since(since);
        if with_clock || is(Planted::ClockMissesSuspend) {
            self.with_clock(node, |clock, now| clock.stand_still(now, length));
        }
        // Timers and sockets race for the first word.
        if self.stage.random.happens(MILLION / 2) {
            missed.sort_by_key(|happening| matches!(happening, Happening::Wakes(_)));
        }
        for happening in missed {
            self.handle(happening);
        }
    }
}

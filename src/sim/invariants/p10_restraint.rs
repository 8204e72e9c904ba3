//! P10: when more than half of all sessions fail within one lease, each of them gets one lease more.
//!
//! Seen from outside: within any window of one lease, no more than half of the sessions that were live at its beginning
//! expire without having had that second lease.
//!
//! For how long a session was silent only its leader can tell: messages are lost both ways. So that is taken from what the
//! leader has answered, and three kinds of sessions do not count: those of which nobody outside knows when they were
//! heard, because they have only just begun; those that had their second lease, were heard once, and fell silent again,
//! because they get it once an episode; and, for a while, all, when an operator says so.

use std::{collections::VecDeque, time::Duration};

use crate::types::Mono;

#[derive(Debug, Default)]
pub(in crate::sim) struct Restraint {
    /// When sessions expired after one lease only.
    early: VecDeque<Mono>,
    /// How many sessions there were, and since when.
    live: VecDeque<(Mono, usize)>,
}

impl Restraint {
    /// So many sessions are live from now on.
    pub(in crate::sim) fn live(&mut self, now: Mono, sessions: usize) {
        if self.live.back().is_none_or(|(_, last)| *last != sessions) {
            self.live.push_back((now, sessions));
        }
    }

    /// A session that was last heard so long ago, by the leader's clock, expires.
    pub(in crate::sim) fn expired(
        &mut self,
        now: Mono,
        silence: Duration,
        lease: Duration,
        least: usize,
    ) -> Result<(), String> {
        if silence >= 2 * lease || least == 0 {
            return Ok(());
        }
        // A little less than a lease, because the leader's clock may run fast.
        let window = lease.mul_f64(0.97);
        self.early.push_back(now);
        while self.early.front().is_some_and(|when| now.since(*when) >= window) {
            self.early.pop_front();
        }
        let begin = Mono::from_nanos(now.as_nanos().saturating_sub(window.as_nanos() as u64));
        while self.live.get(1).is_some_and(|(when, _)| *when <= begin) {
            self.live.pop_front();
        }
        let live = self
            .live
            .iter()
            .filter(|(when, _)| *when <= now)
            .map(|(_, sessions)| *sessions)
            .max()
            .unwrap_or_default();
        let early = self.early.len();
        if early >= least && early * 2 > live {
            return Err(format!(
                "{early} of {live} sessions expire within {window:?}, each after {silence:?} or less"
            ));
        }
        Ok(())
    }
}

//! P1: no two executors' guards say "held" for one shard at one instant while clocks run within their bound.
//!
//! Checked when a belief begins: an overlap has a first instant, and it is the beginning of the later belief. Beliefs
//! are compared in true time, which no process knows.

use crate::{
    sim::{happening::ProcessId, timeline::Belief},
    types::{Mono, ShardKey},
};

/// `other` held the shard when `later` began to.
pub(in crate::sim) fn overlap(shard: &ShardKey, later: Belief, other: Belief, until: Mono) -> String {
    let Belief { process: ProcessId(first), token, from } = other;
    let seconds = |at: Mono| at.as_nanos() as f64 / 1e9;
    format!(
        "shard {shard} is held by process {first} under {token} since {:.6} s, by its clock until {:.6} s, \
         and by process {} under {} as well",
        seconds(from),
        seconds(until),
        later.process.0,
        later.token,
    )
}

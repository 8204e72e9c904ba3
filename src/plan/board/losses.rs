//! Which sessions were lost lately, and whether one shard can be what killed them.
//!
//! A shard that crashes its owner is placed anew, and crashes the next one. Left alone it walks through the fleet. It is
//! told apart from a fleet that fails for reasons of its own by three signs, all of which must be there:
//!
//! - it was on `losses` different sessions when these were lost, within `window`. They are lost one after another by
//!   nature, because it has one owner at a time;
//! - it explains most of what was lost: fewer sessions were lost without it than with it. When a network, a power supply
//!   or a bad release takes executors down, most of them never had this shard;
//! - it can be named: the shards of which all this is true are few. Where sessions are so few that every shard has been
//!   everywhere, nobody can tell which one it is, and to quarantine all of them would be the outage itself. Each further
//!   crash spreads the suspects over more executors, so the circle closes in.

use std::{collections::VecDeque, time::Duration};

use crate::{plan::ShardSlot, types::Mono};

/// Most losses that are remembered. More within a window are no single shard's doing.
pub const MAX_LOSSES: usize = 32;

/// The sessions lost last.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Losses(VecDeque<Loss>);

#[derive(Clone, Debug, PartialEq)]
struct Loss {
    at: Mono,
    /// In order.
    shards: Box<[ShardSlot]>,
}

impl Losses {
    pub(super) fn add(&mut self, at: Mono, shards: &[ShardSlot]) {
        let mut shards: Box<[_]> = shards.into();
        shards.sort_unstable();
        if self.0.len() == MAX_LOSSES {
            self.0.pop_front();
        }
        self.0.push_back(Loss { at, shards });
    }

    /// A slot that is free again says nothing about the shard that gets it next.
    pub(super) fn forget(&mut self, shard: ShardSlot) {
        for loss in &mut self.0 {
            if let Ok(at) = loss.shards.binary_search(&shard) {
                let mut rest = std::mem::take(&mut loss.shards).into_vec();
                rest.remove(at);
                loss.shards = rest.into();
            }
        }
    }

    /// How many sessions were lost within the window.
    pub fn within(&self, now: Mono, window: Duration) -> usize {
        self.recent(now, window).count()
    }

    /// How many of them had this shard.
    pub fn with(&self, shard: ShardSlot, now: Mono, window: Duration) -> usize {
        self.recent(now, window).filter(|loss| loss.shards.binary_search(&shard).is_ok()).count()
    }

    fn recent(&self, now: Mono, window: Duration) -> impl Iterator<Item = &Loss> {
        self.0.iter().filter(move |loss| now.since(loss.at) <= window)
    }
}

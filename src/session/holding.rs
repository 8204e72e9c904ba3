//! What an executor may believe that it holds, and until when.

use super::{Effect, OnLeaseLoss, Pace, Session};
use crate::{
    planted::{Planted, is},
    types::{Mono, ShardKey, Token},
};

impl Session {
    /// Who owns a shard at this moment, as far as this process may believe: the token under which it holds it.
    ///
    /// `None` from the moment it is revoked, and whenever the lease has run out.
    pub fn holds(&self, shard: &str, now: Mono) -> Option<Token> {
        self.is_held(now).then(|| self.shards.held(shard)).flatten()
    }

    /// The token of a shard that it goes on with although the lease has run out: another may have it meanwhile.
    pub fn unfenced(&self, shard: &str, now: Mono) -> Option<Token> {
        let goes_on = self.config.on_lease_loss == OnLeaseLoss::Hold && now >= self.held_until;
        goes_on.then(|| self.shards.held(shard)).flatten()
    }

    /// All that it holds at this moment.
    pub fn held(&self, now: Mono) -> impl Iterator<Item = (&ShardKey, Token)> {
        self.shards.all_held().filter(move |_| self.is_held(now))
    }

    /// How often the lease has run out. Equal before and after: it held all the while.
    pub const fn lapses(&self) -> u64 {
        self.lapses
    }

    /// Until when the lease lasts.
    pub const fn held_until(&self) -> Mono {
        self.held_until
    }

    /// From `sent`, not from now: the leader counts from when it heard, which may have been right after.
    pub(super) fn renew(&mut self, sent: Mono, pace: Pace) {
        let hold = match self.pace {
            Some(first) if is(Planted::HoldIsGuessed) => first.hold.max(pace.hold),
            _ => pace.hold,
        };
        let pace = Pace { hold, ..pace };
        self.held_until = self.held_until.max(sent + pace.hold);
        self.pace = Some(pace);
    }

    pub(super) fn fence_if_lapsed(&mut self, now: Mono, out: &mut Vec<Effect>) {
        if self.is_fenced || now < self.held_until {
            return;
        }
        self.is_fenced = true;
        self.lapses += 1;
        if self.config.on_lease_loss == OnLeaseLoss::Fence {
            let deadline = now + self.config.stop_within;
            let stops = if is(Planted::LapseReleases) {
                self.shards.release_all(deadline)
            } else {
                self.shards.fence(deadline)
            };
            out.extend(stops.into_iter().map(Effect::Stop));
        }
        out.push(Effect::Fenced);
    }

    fn is_held(&self, now: Mono) -> bool {
        let goes_on = is(Planted::LapsedHeld) && self.config.on_lease_loss == OnLeaseLoss::Hold;
        now < self.held_until || is(Planted::NoSelfFence) || goes_on
    }
}

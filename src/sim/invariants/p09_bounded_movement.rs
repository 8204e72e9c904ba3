//! P9: nothing moves but what must, balance keeps to its budget and cooldown, and a move in flight is not decided again.
//!
//! Whoever leads: the next leader knows when a shard was moved, or takes it for later than it was.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    engine::{Handover, ShardRecord, Standing},
    plan::Strategy,
    sim::{brief::shard, ledger::Ledger},
    types::{Mono, SessionId, ShardKey},
};

#[derive(Debug, Default)]
pub(in crate::sim) struct BoundedMovement {
    /// When each shard was moved for balance last.
    balanced: BTreeMap<ShardKey, Mono>,
    /// When each was told to leave its owner last, whoever led and why ever.
    revoked: BTreeMap<ShardKey, Mono>,
    /// When each was told last to leave an owner that is well.
    shed: BTreeMap<ShardKey, Mono>,
    /// Shards that an operator has spoken of: they move because of that, perhaps much later, when what was asked arrives.
    spoken_of: BTreeMap<ShardKey, Mono>,
}

impl BoundedMovement {
    pub(in crate::sim) fn operator_moves(&mut self, now: Mono, shard: &ShardKey) {
        self.spoken_of.insert(shard.clone(), now);
    }

    /// What was moved and when is the past of another history.
    pub(in crate::sim) fn begun_anew(&mut self) {
        (self.balanced, self.revoked, self.shed) = Default::default();
    }

    /// All that an operator has asked for has been done by now, or never will be.
    pub(in crate::sim) fn operator_is_done(&mut self) {
        self.spoken_of.clear();
    }

    /// What is gone comes again as another shard.
    pub(in crate::sim) fn retired(&mut self, shard: &str) {
        self.balanced.remove(shard);
    }

    /// Whether a shard's owner has been told to let go of it since then.
    pub(in crate::sim) fn was_revoked_since(&self, shard: &str, since: Mono) -> bool {
        self.revoked.get(shard).is_some_and(|last| *last >= since)
    }

    /// Whether it has been told so since then although its owner is well: for balance's sake, or because of a pin.
    pub(in crate::sim) fn was_shed_since(&self, shard: &str, since: Mono) -> bool {
        self.shed.get(shard).is_some_and(|last| *last >= since)
    }

    /// A commit changes a shard; `ledger` has its sessions already. Tells whether it begins a move for balance. It was
    /// decided after the one time, and before the other one. Sessions that are `unwell` are to lose what they have.
    pub(in crate::sim) fn committed(
        &mut self,
        decided: (Mono, Mono),
        ledger: &Ledger,
        unwell: &BTreeSet<SessionId>,
        before: &ShardRecord,
        after: &ShardRecord,
    ) -> Result<bool, String> {
        let Some(owner) = before.owner else { return Ok(false) };
        let stays = after.owner == Some(owner) && after.token == before.token;
        if !stays {
            // Released by name, or lost with its owner. Nobody else may have it.
            // Of a past that was adopted, all sessions are void; and whoever was asked to let go of a shard in the part that
            // was lost names it, although nobody remembers to have asked.
            let is_void = before.token.incarnation < ledger.version.incarnation;
            let may_go = before.handover.is_some() || !ledger.sessions.contains_key(&owner) || is_void;
            return if may_go {
                Ok(false)
            } else {
                Err(format!("{} was nobody's to give, and {}", shard(before), shard(after)))
            };
        }
        match (before.handover, after.handover) {
            (Some(before_to), Some(after_to)) => {
                redirected(ledger, unwell, &before.key, before_to, after_to).map(|()| false)
            }
            (Some(_), None) => {
                Err(format!("shard {} is its owner's again although it was revoked", before.key))
            }
            (None, Some(Handover { .. })) => self.began(decided, ledger, unwell.contains(&owner), after),
            (None, None) => Ok(false),
        }
    }

    fn began(
        &mut self,
        (after_then, now): (Mono, Mono),
        ledger: &Ledger,
        leaves: bool,
        after: &ShardRecord,
    ) -> Result<bool, String> {
        self.revoked.insert(after.key.clone(), now);
        if !leaves {
            self.shed.insert(after.key.clone(), now);
        }
        let is_free = after.pin.is_none() && !self.spoken_of.contains_key(&after.key);
        if leaves || !is_free {
            return Ok(false);
        }
        let Strategy::Steady(steady) = ledger.config.plan.strategy else { return Ok(true) };
        if let Some(last) = self.balanced.insert(after.key.clone(), after_then) {
            // By the leader's clock, which may run fast. That it counts in coarser steps makes it longer, never shorter.
            let fast = 1_000_000 + u64::from(ledger.config.rates.error_ppm());
            let least = Duration::from_nanos(steady.cooldown.as_nanos() as u64 / fast * 1_000_000);
            if now.since(last) < least {
                return Err(format!(
                    "shard {} is moved for balance twice in {:?}",
                    after.key,
                    now.since(last)
                ));
            }
        }
        Ok(true)
    }

    /// How many shards are on their way for balance's sake, and how many may be.
    pub(in crate::sim) fn within_budget(ledger: &Ledger, moving: usize) -> Result<(), String> {
        let Strategy::Steady(steady) = ledger.config.plan.strategy else { return Ok(()) };
        let shards = ledger.shards().count();
        let most = ((shards as f64 * steady.move_budget).ceil() as usize).max(1);
        if moving <= most {
            Ok(())
        } else {
            Err(format!("{moving} of {shards} shards move for balance, and {most} may"))
        }
    }
}

/// A move in flight may only change its destination when that is lost to it.
fn redirected(
    ledger: &Ledger,
    unwell: &BTreeSet<SessionId>,
    key: &ShardKey,
    before: Handover,
    after: Handover,
) -> Result<(), String> {
    let Some(to) = before.to.filter(|_| before.to != after.to) else { return Ok(()) };
    // Drained, it is lost at once, also if it is to have shards again in the same commit.
    let is_lost = ledger.sessions.get(&to).is_none_or(|record| record.standing != Standing::Active);
    if is_lost || unwell.contains(&to) {
        Ok(())
    } else {
        Err(format!(
            "shard {key} moves to {to}, which is well, and then to {}",
            after.to.map_or_else(|| "nobody".to_owned(), |to| to.to_string())
        ))
    }
}

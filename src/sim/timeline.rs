//! Who believes to hold what, in true time.
//!
//! Merged from all processes. A belief lasts until it is revoked, until the process ends, or until its lease ends by the
//! process's own clock, whatever comes first: a process that is paused and notices none of it holds on until then.

use std::collections::BTreeMap;

use super::happening::ProcessId;
use crate::types::{Mono, ShardKey, Token};

#[derive(Debug, Default)]
pub(super) struct Timeline {
    believers: BTreeMap<ProcessId, Believer>,
    shards: BTreeMap<ShardKey, Vec<Belief>>,
    /// Since when nobody holds a shard that somebody has held.
    unowned: BTreeMap<ShardKey, Mono>,
}

#[derive(Debug, Default)]
struct Believer {
    held: Vec<(ShardKey, Token)>,
    lease_end: Mono,
}

/// One process's belief in one shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Belief {
    pub(super) process: ProcessId,
    pub(super) token: Token,
    pub(super) from: Mono,
}

/// A belief that has begun.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) shard: ShardKey,
    pub(super) belief: Belief,
    /// Beliefs of other processes in the same shard that are not known to have ended.
    pub(super) others: Vec<Belief>,
    /// Since when nobody had it.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "no promise bounds a single gap yet; the tests measure them")
    )]
    pub(super) unowned_since: Option<Mono>,
}

impl Timeline {
    /// What a process holds now, in the order of their keys, and until when it may. Tells what is new.
    pub(super) fn holds<'a, I: Iterator<Item = (&'a ShardKey, Token)>>(
        &mut self,
        now: Mono,
        process: ProcessId,
        lease_end: Mono,
        held: impl Fn() -> I,
    ) -> Vec<Begun> {
        let believer = self.believers.entry(process).or_default();
        let lapsed = now > believer.lease_end;
        let ended_at = now.min(believer.lease_end);
        believer.lease_end = lease_end;
        let mut before = believer.held.iter();
        let is_as_before = |(shard, token): (&ShardKey, Token)| {
            before.next().is_some_and(|before| before.0 == *shard && before.1 == token)
        };
        if !lapsed && held().all(is_as_before) && before.next().is_none() {
            return Vec::new();
        }
        let before = std::mem::take(&mut believer.held);
        let after: Vec<(ShardKey, Token)> = held().map(|(shard, token)| (shard.clone(), token)).collect();
        let lasts =
            |list: &[(ShardKey, Token)], of: &(ShardKey, Token)| !lapsed && list.binary_search(of).is_ok();
        for (shard, _) in before.iter().filter(|of| !lasts(&after, of)) {
            self.end(shard, process, ended_at);
        }
        let new: Vec<_> = after.iter().filter(|of| !lasts(&before, of)).cloned().collect();
        if let Some(believer) = self.believers.get_mut(&process) {
            believer.held = after;
        }
        new.into_iter().map(|(shard, token)| self.begin(now, shard, process, token)).collect()
    }

    /// A process is gone, and believes in nothing.
    pub(super) fn ended(&mut self, now: Mono, process: ProcessId) {
        if let Some(believer) = self.believers.remove(&process) {
            for (shard, _) in &believer.held {
                self.end(shard, process, now.min(believer.lease_end));
            }
        }
    }

    /// A belief that went on until it was found to have ended at some time.
    pub(super) fn end(&mut self, shard: &ShardKey, process: ProcessId, at: Mono) {
        let Some(beliefs) = self.shards.get_mut(shard) else { return };
        let before = beliefs.len();
        beliefs.retain(|belief| belief.process != process);
        if beliefs.is_empty() && before > 0 {
            self.unowned.insert(shard.clone(), at);
        }
    }

    /// Until when a process may hold what it holds.
    pub(super) fn lease_end(&self, process: ProcessId) -> Mono {
        self.believers.get(&process).map_or(Mono::ZERO, |believer| believer.lease_end)
    }

    /// Since when a process has held a shard without a gap.
    pub(super) fn held_since(&self, process: ProcessId, shard: &str) -> Option<Mono> {
        let belief = self.shards.get(shard)?.iter().find(|belief| belief.process == process)?;
        Some(belief.from)
    }

    /// Who holds a shard now.
    pub(super) fn holder(&self, now: Mono, shard: &str) -> Option<Belief> {
        let beliefs = self.shards.get(shard)?;
        beliefs.iter().find(|belief| now < self.lease_end(belief.process)).copied()
    }

    fn begin(&mut self, now: Mono, shard: ShardKey, process: ProcessId, token: Token) -> Begun {
        let belief = Belief { process, token, from: now };
        let beliefs = self.shards.entry(shard.clone()).or_default();
        // Whose lease is over without its having noticed yet has ended then.
        let mut unowned_since = self.unowned.remove(&shard);
        let believers = &self.believers;
        beliefs.retain(|other| {
            let end = believers.get(&other.process).map_or(Mono::ZERO, |believer| believer.lease_end);
            if other.process == process {
                return false;
            }
            if end <= now {
                unowned_since = unowned_since.max(Some(end));
            }
            true
        });
        let others = beliefs.clone();
        beliefs.push(belief);
        Begun { shard, belief, others, unowned_since }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ProcessId = ProcessId(1);
    const B: ProcessId = ProcessId(2);

    fn at(seconds: u64) -> Mono {
        Mono::from_nanos(seconds * 1_000_000_000)
    }

    fn shard() -> ShardKey {
        ShardKey::new("s").unwrap()
    }

    fn told(
        timeline: &mut Timeline,
        now: u64,
        who: ProcessId,
        lease_end: u64,
        held: &[(ShardKey, Token)],
    ) -> Vec<Begun> {
        timeline.holds(at(now), who, at(lease_end), || held.iter().map(|(shard, token)| (shard, *token)))
    }

    #[test]
    fn a_paused_holder_holds_until_its_lease_ends() {
        let mut timeline = Timeline::default();
        let held = [(shard(), Token::default())];
        assert_eq!(told(&mut timeline, 1, A, 10, &held).len(), 1);
        assert_eq!(timeline.holder(at(9), "s").map(|belief| belief.process), Some(A));
        assert_eq!(timeline.holder(at(10), "s"), None);
        let begun = told(&mut timeline, 12, B, 20, &held);
        assert_eq!(
            begun[0].unowned_since,
            Some(at(10)),
            "from the end of the lease, which A has not noticed yet"
        );
        assert_eq!(begun[0].others.len(), 1, "whoever asks A is told that it does not hold");
    }

    #[test]
    fn a_belief_that_was_interrupted_begins_anew() {
        let mut timeline = Timeline::default();
        let held = [(shard(), Token::default())];
        told(&mut timeline, 1, A, 10, &held);
        assert!(told(&mut timeline, 5, A, 14, &held).is_empty());
        assert_eq!(timeline.held_since(A, "s"), Some(at(1)));
        let again = told(&mut timeline, 20, A, 30, &held);
        assert_eq!(again[0].unowned_since, Some(at(14)));
        assert_eq!(timeline.held_since(A, "s"), Some(at(20)));
        timeline.ended(at(25), A);
        assert_eq!(timeline.holder(at(25), "s"), None);
        assert_eq!(told(&mut timeline, 26, B, 40, &held)[0].unowned_since, Some(at(25)));
    }
}

//! From what a source of members delivers to the ring that is published.

use std::sync::{Arc, Weak};

use super::meter::Counts;
use super::single::Inner;
use super::view::{Seen, View};
use crate::membership::{Held, MemberSink, MemberSourceError, Restraint, RestraintConfig, Verdict};
use crate::ring::{RingDiff, RingError};
use crate::telemetry::metric;
use crate::types::Member;

/// Behind one lock: judging a list and publishing it must not overtake each other.
pub(super) struct Roster {
    config: RestraintConfig,
    restraint: Restraint,
    /// The list that the last verdict let through, with everybody on it.
    listed: Vec<Member>,
    held: Option<Held>,
    /// Whether this process has taken itself out of its own ring.
    pub(super) is_evicted: bool,
    last_failure: Option<String>,
}

/// Why a delivery failed: the labels of [`MemberSourceError`], and what the ring refused.
const FAILURES: [&str; 6] = ["no_runtime", "unreachable", "empty", "invalid", "too_many", "refused"];
const REFUSED: usize = FAILURES.len() - 1;

pub(super) struct MemberCounts {
    pub(super) changes: Counts<3>,
    pub(super) failures: Counts<{ FAILURES.len() }>,
}

/// How a resolver's membership stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MembershipStatus {
    /// Set while members are kept although their source no longer names them: an alarm.
    pub held: Option<Held>,
    /// Why the last delivery failed; `None` after one that did not.
    pub last_failure: Option<String>,
    /// Whether this process has taken itself out of its own ring.
    pub is_evicted: bool,
}

impl Roster {
    pub(super) fn new(config: RestraintConfig) -> Self {
        let restraint = Restraint::new(config);
        Self { config, restraint, listed: Vec::new(), held: None, is_evicted: false, last_failure: None }
    }

    pub(super) const fn held(&self) -> usize {
        match self.held {
            Some(held) => held.kept,
            None => 0,
        }
    }
}

impl MemberCounts {
    pub(super) const fn new() -> Self {
        Self {
            changes: Counts::new(metric::MEMBER_CHANGES, ["added", "updated", "removed"]),
            failures: Counts::new(metric::MEMBER_FAILURES, FAILURES),
        }
    }
}

impl Inner {
    /// A list from a source: judged by the restraint.
    fn deliver_members(&self, mut members: Vec<Member>) {
        // The same member twice is one; two that share an address or a name and differ are for the ring to refuse.
        members.sort_unstable_by(|a, b| a.address().cmp(b.address()));
        members.dedup();
        let mut roster = self.roster.lock();
        let mut restraint = roster.restraint.clone();
        let (members, held) = match restraint.judge(&roster.listed, members, self.clock.now()) {
            Verdict::Apply(members) => (members, None),
            Verdict::Hold { members, held } => (members, Some(held)),
        };
        match self.publish_members(&members, roster.is_evicted) {
            Ok(()) => {
                *roster = Roster { restraint, listed: members, held, last_failure: None, ..*roster };
            }
            Err(refused) => {
                self.member_counts.failures.add(REFUSED, 1);
                roster.last_failure = Some(refused.to_string());
            }
        }
    }

    /// A list from the embedder, who is believed.
    pub(super) fn set_members(&self, members: Vec<Member>) -> Result<(), RingError> {
        let mut roster = self.roster.lock();
        self.publish_members(&members, roster.is_evicted)?;
        let mut restraint = Restraint::new(roster.config);
        _ = restraint.judge(&[], members.clone(), self.clock.now());
        *roster = Roster { restraint, listed: members, held: None, last_failure: None, ..*roster };
        Ok(())
    }

    pub(super) fn accept_held(&self) -> Result<bool, RingError> {
        let mut roster = self.roster.lock();
        let mut restraint = roster.restraint.clone();
        let Some(listed) = restraint.accept() else {
            return Ok(false);
        };
        self.publish_members(&listed, roster.is_evicted)?;
        *roster = Roster { restraint, listed, held: None, last_failure: None, ..*roster };
        Ok(true)
    }

    /// Judges by `config` from now on. What is held back now is judged anew with the next list.
    pub(super) fn set_restraint(&self, config: RestraintConfig) {
        let mut roster = self.roster.lock();
        if roster.config != config {
            let mut restraint = Restraint::new(config);
            // The first list is let through, and the next ones are measured against it.
            _ = restraint.judge(&[], roster.listed.clone(), self.clock.now());
            roster.config = config;
            roster.restraint = restraint;
        }
    }

    pub(super) fn restraint(&self) -> RestraintConfig {
        self.roster.lock().config
    }

    pub(super) fn set_evicted(&self, is_evicted: bool) {
        let mut roster = self.roster.lock();
        roster.is_evicted = is_evicted;
        let published = self.publish_members(&roster.listed, is_evicted);
        debug_assert!(published.is_ok(), "a ring without one of its members is a ring");
    }

    pub(super) fn membership_status(&self) -> MembershipStatus {
        let roster = self.roster.lock();
        let Roster { held, ref last_failure, is_evicted, .. } = *roster;
        MembershipStatus { held, last_failure: last_failure.clone(), is_evicted }
    }

    /// Makes the ring of the roster's list and publishes it, or only notes that the list was confirmed.
    fn publish_members(&self, listed: &[Member], without_me: bool) -> Result<(), RingError> {
        let is_me = |member: &&Member| self.me.as_ref().is_some_and(|me| me.address() == member.address());
        let members: Vec<Member> =
            listed.iter().filter(|member| !(without_me && is_me(member))).cloned().collect();
        let (now, view) = (self.clock.now(), self.published.load());
        let ring = view.ring.rebuild(members)?;
        let diff = view.ring.diff(&ring);
        if diff.is_empty() {
            view.ring_seen.again(now);
            return Ok(());
        }
        self.member_counts.count(&diff);
        let (ring, seen) = (Arc::new(ring), Seen::at(now));
        self.published.update(|view| View {
            ring,
            ring_seen: seen,
            member_revision: view.member_revision + 1,
            ..view.clone()
        });
        self.bell.ring();
        Ok(())
    }
}

impl MemberCounts {
    fn count(&self, diff: &RingDiff) {
        for (at, members) in
            [diff.added.len(), diff.changed.len(), diff.removed.len()].into_iter().enumerate()
        {
            self.changes.add(at, members as u64);
        }
    }
}

/// The resolver as a source sees it; does not keep it alive.
pub(super) struct Feed(pub(super) Weak<Inner>);

impl MemberSink for Feed {
    fn members(&self, members: Vec<Member>) {
        if let Some(inner) = self.0.upgrade() {
            inner.deliver_members(members);
        }
    }

    fn failed(&self, reason: MemberSourceError) {
        if let Some(inner) = self.0.upgrade() {
            let at = FAILURES.into_iter().position(|label| label == reason.label()).unwrap_or(REFUSED);
            inner.member_counts.failures.add(at, 1);
            inner.roster.lock().last_failure = Some(reason.to_string());
        }
    }
}

//! From what a source of members delivers to the ring that is published.

use std::sync::{Arc, Weak};

use super::meter::Counts;
use super::single::Inner;
use super::view::Vouched;
use crate::membership::{Held, MemberSink, MemberSourceError, Restraint, RestraintConfig, Ruling};
use crate::ring::{Flavour, RingDiff, RingError};
use crate::telemetry::metric;
use crate::types::{Member, Mono};

/// Behind one lock: judging a list and publishing it must not overtake each other. The bell is rung after it.
pub(super) struct Membership {
    /// The restraint that the embedder configured, and the operator's word on its share.
    own: RestraintConfig,
    panic_threshold: Option<f64>,
    restraint: Restraint,
    /// The list that the last ruling let through, with everybody on it.
    listed: Vec<Member>,
    held: Option<Held>,
    /// The list that is held back, to be judged again when the hold is over or its rule changes.
    delivered: Option<Vec<Member>>,
    /// Whether this process has taken itself out of its own ring.
    is_evicted: bool,
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

impl Membership {
    pub(super) fn new(own: RestraintConfig) -> Self {
        Self {
            own,
            panic_threshold: None,
            restraint: Restraint::new(own),
            listed: Vec::new(),
            held: None,
            delivered: None,
            is_evicted: false,
            last_failure: None,
        }
    }

    pub(super) const fn held(&self) -> usize {
        match self.held {
            Some(held) => held.kept,
            None => 0,
        }
    }

    fn config(&self) -> RestraintConfig {
        RestraintConfig { min_share: self.panic_threshold.unwrap_or(self.own.min_share), ..self.own }
    }

    /// A restraint that lets the first list through, which is the present one, and measures the next ones against it.
    fn begin_anew(&mut self, now: Mono) {
        self.restraint = Restraint::new(self.config());
        _ = self.restraint.judge(&[], self.listed.clone(), now);
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
        if self.published.load().ring.spec().flavour() == Flavour::Ringpop {
            // The Go ring that it agrees with knows no weights; to refuse the list would freeze the membership.
            members =
                members.into_iter().map(|member| member.with_weight(1).expect("1 is a weight")).collect();
        }
        members.sort_unstable_by(|a, b| a.address().cmp(b.address()));
        members.dedup();
        _ = self.change_members(|membership| Ok(self.judge(membership, members)));
    }

    /// Judges what is held back once more, if its time is over: a source may have nothing new to say for long.
    pub(super) fn judge_again_if_due(&self, now: Mono) {
        let is_due =
            self.membership.lock().held.is_some_and(|held| held.until.is_some_and(|until| until <= now));
        if is_due {
            _ = self.change_members(|membership| Ok(self.judge_delivered(membership)));
        }
    }

    /// A list from the embedder, who is believed.
    pub(super) fn set_members(&self, mut members: Vec<Member>) -> Result<(), RingError> {
        members.sort_unstable_by(|a, b| a.address().cmp(b.address()));
        self.change_members(|membership| self.believe(membership, members)).map(drop)
    }

    pub(super) fn accept_held(&self) -> Result<bool, RingError> {
        self.change_members(|membership| match membership.delivered.clone() {
            Some(delivered) => self.believe(membership, delivered).map(|_| true),
            None => Ok(false),
        })
    }

    pub(super) fn set_restraint(&self, own: RestraintConfig) {
        self.change_restraint(|membership| membership.own = own);
    }

    pub(super) fn set_panic_threshold(&self, min_share: Option<f64>) {
        self.change_restraint(|membership| membership.panic_threshold = min_share);
    }

    pub(super) fn restraint(&self) -> RestraintConfig {
        self.membership.lock().config()
    }

    /// `false` when nobody said which member this process is.
    pub(super) fn set_evicted(&self, is_evicted: bool) -> bool {
        let changed = self.change_members(|membership| {
            let changed = self.publish_members(&membership.listed, is_evicted, None)?;
            membership.is_evicted = is_evicted;
            Ok(changed)
        });
        debug_assert!(changed.is_ok(), "a ring without one of its members is a ring");
        self.me.is_some()
    }

    pub(super) fn membership_status(&self) -> MembershipStatus {
        let membership = self.membership.lock();
        let Membership { held, ref last_failure, is_evicted, .. } = *membership;
        MembershipStatus { held, last_failure: last_failure.clone(), is_evicted }
    }

    /// Rings the bell when `change` says that something did, and only after the lock is released: a listener may ask
    /// about the membership at once. So may whoever is logged to.
    fn change_members(
        &self,
        change: impl FnOnce(&mut Membership) -> Result<bool, RingError>,
    ) -> Result<bool, RingError> {
        let (changed, held_before, held) = {
            let mut membership = self.membership.lock();
            let held_before = membership.held;
            (change(&mut membership), held_before, membership.held)
        };
        if held_before.is_some() != held.is_some() {
            self.log_held(held);
        }
        if let Ok(true) = changed {
            self.bell.ring();
        }
        changed
    }

    /// Once at each end of an alarm: its gauge tells of it as long as it lasts.
    #[cfg(feature = "client")]
    fn log_held(&self, held: Option<Held>) {
        let namespace = self.namespace.as_str();
        match held {
            Some(held) => tracing::warn!(namespace, "{held}"),
            None => {
                tracing::info!(namespace, "membership is followed again, nobody is kept against its source")
            }
        }
    }

    #[cfg(not(feature = "client"))]
    fn log_held(&self, _: Option<Held>) {}

    /// What is held back is judged by the new rule at once: an operator who lowers the threshold means this list.
    fn change_restraint(&self, change: impl FnOnce(&mut Membership)) {
        let changed = self.change_members(|membership| {
            let before = membership.config();
            change(membership);
            if membership.config() == before {
                return Ok(false);
            }
            membership.begin_anew(self.clock.now());
            Ok(self.judge_delivered(membership))
        });
        debug_assert!(changed.is_ok(), "judging refuses nothing");
    }

    fn judge_delivered(&self, membership: &mut Membership) -> bool {
        membership.delivered.take().is_some_and(|delivered| self.judge(membership, delivered))
    }

    /// Whether the members, or what is held back of them, are others now.
    fn judge(&self, membership: &mut Membership, delivered: Vec<Member>) -> bool {
        let now = self.clock.now();
        let mut restraint = membership.restraint.clone();
        let (members, held) = match restraint.judge(&membership.listed, delivered.clone(), now) {
            Ruling::Apply(members) => (members, None),
            Ruling::Hold { members, held } => (members, Some(held)),
        };
        match self.publish_members(&members, membership.is_evicted, Some(now)) {
            Ok(changed) => {
                let held_changed = membership.held.is_some() != held.is_some();
                *membership = Membership {
                    restraint,
                    listed: members,
                    held,
                    delivered: held.map(|_| delivered),
                    last_failure: None,
                    ..*membership
                };
                changed || held_changed
            }
            Err(refused) => {
                self.member_counts.failures.add(REFUSED, 1);
                membership.last_failure = Some(refused.to_string());
                false
            }
        }
    }

    fn believe(&self, membership: &mut Membership, members: Vec<Member>) -> Result<bool, RingError> {
        let now = self.clock.now();
        self.publish_members(&members, membership.is_evicted, Some(now))?;
        *membership = Membership {
            restraint: membership.restraint.clone(),
            listed: members,
            held: None,
            delivered: None,
            last_failure: None,
            ..*membership
        };
        membership.begin_anew(now);
        Ok(true)
    }

    /// Makes the ring of a sorted list and publishes it. Of an unchanged one only the time is noted, when it was
    /// `confirmed`. Whether it changed.
    fn publish_members(
        &self,
        listed: &[Member],
        without_me: bool,
        confirmed: Option<Mono>,
    ) -> Result<bool, RingError> {
        let is_me = |member: &Member| self.me.as_ref().is_some_and(|me| me.address() == member.address());
        let members = || listed.iter().filter(|member| !(without_me && is_me(member)));
        let view = self.published.load();
        if members().eq(view.ring.members()) {
            if let Some(now) = confirmed {
                view.ring_seen.again(now);
            }
            return Ok(false);
        }
        let ring = view.ring.rebuild(members().cloned())?;
        self.member_counts.count(&view.ring.diff(&ring));
        let (ring, seen) = (Arc::new(ring), Vouched::at(confirmed.unwrap_or_else(|| self.clock.now())));
        self.published.update(|view| view.with_ring(&ring, seen));
        Ok(true)
    }
}

impl MemberCounts {
    fn count(&self, diff: &RingDiff) {
        for (at, members) in
            [diff.added.len(), diff.updated.len(), diff.removed.len()].into_iter().enumerate()
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
            inner.membership.lock().last_failure = Some(reason.to_string());
        }
    }
}

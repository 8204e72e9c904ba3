//! The panic threshold: a fleet that seems to lose most of its members at once has more likely lost its view of them.

use std::{
    collections::{BTreeSet, VecDeque},
    fmt,
    time::Duration,
};

use crate::types::{Member, Mono};

/// When a shrinking membership is held back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RestraintConfig {
    /// A list that names less than this share of the members there were within `window` is held back; 0 switches the
    /// restraint off. Default 0.5, as in Envoy's panic threshold. Members are counted, not weighed.
    pub min_share: f64,
    /// Nothing is held back that loses fewer members than this. Default 3: in a fleet of two or three, one or two
    /// that go are everyday, and the ring must follow them.
    pub min_lost: usize,
    /// How far back "suddenly" reaches. Default 60 s: a fleet that melts by a tenth every few seconds is held back as
    /// one that halves at once is; one that is scaled down over minutes is not.
    pub window: Duration,
    /// How long a list is held back before it is believed after all. Default 5 minutes, longer than a name server's
    /// or a control plane's ordinary restart. `None`: until somebody [accepts](Restraint::accept) it.
    pub hold_for: Option<Duration>,
}

impl Default for RestraintConfig {
    fn default() -> Self {
        Self {
            min_share: 0.5,
            min_lost: 3,
            window: Duration::from_secs(60),
            hold_for: Some(Duration::from_secs(300)),
        }
    }
}

/// What to do with a proposed list of members.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Ruling {
    /// Route by it.
    Apply(Vec<Member>),
    /// It is not believed: raise an alarm and route by `members` instead.
    Hold {
        /// The proposed members and those that were there when the hold began.
        members: Vec<Member>,
        /// What is held back, for people and metrics.
        held: Held,
    },
}

/// A list of members that is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// When the hold began.
    pub since: Mono,
    /// When the list will be believed after all; `None`: when accepted.
    pub until: Option<Mono>,
    /// How many members there were, at most, within the window before the hold.
    pub before: usize,
    /// How many members the list names.
    pub proposed: usize,
    /// How many members are kept that the list does not name.
    pub kept: usize,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { before, proposed, kept, .. } = self;
        write!(
            f,
            "membership fell from {before} to {proposed} at once; {kept} members are kept that it no longer names"
        )
    }
}

/// Stands between a source of members and the ring.
///
/// Give it every list that the source delivers, and route by the list that it answers with.
///
/// ```
/// use shardway::{membership::{Restraint, Ruling}, types::{Member, Mono}};
///
/// let fleet = |n| (0..n).map(|i| Member::new(format!("10.0.0.{i}:80"))).collect::<Result<Vec<_>, _>>().unwrap();
/// let mut restraint = Restraint::default();
/// assert_eq!(restraint.judge(&[], fleet(10), Mono::ZERO), Ruling::Apply(fleet(10)));
/// let Ruling::Hold { members, held } = restraint.judge(&fleet(10), fleet(4), Mono::ZERO) else { panic!() };
/// assert_eq!(members.len(), 10);
/// assert_eq!(held.to_string(), "membership fell from 10 to 4 at once; 6 members are kept that it no longer names");
/// assert_eq!(restraint.accept(), Some(fleet(4)), "an operator knows better");
/// ```
///
/// While a list is held back, nobody is removed who was there when the hold began; all else follows the source. So
/// those who join during an incident get their share at once, since a source that names them has heard of them; one
/// who comes back under a new identity on the same address takes the old one's place; and those who joined during the
/// hold may leave again, so the list stays bounded however long the hold is. Members that had gone before the hold
/// are not brought back: it stops the slide and undoes nothing.
#[derive(Clone, Debug, Default)]
pub struct Restraint {
    config: RestraintConfig,
    /// Members in the list that was let through last.
    size: usize,
    /// Sizes that were greater than all later ones, each with the time it ended. Strictly decreasing, so never more
    /// entries than the greatest of them.
    peaks: VecDeque<(Mono, usize)>,
    hold: Option<Hold>,
}

#[derive(Clone, Debug)]
struct Hold {
    since: Mono,
    before: usize,
    /// Who was there when the hold began.
    members: Vec<Member>,
    /// The list that is held back.
    proposed: Vec<Member>,
}

impl Restraint {
    /// A restraint that has seen nothing yet; it lets the first list through. A `min_share` outside 0 to 1 counts as
    /// the nearer of the two, one that is no number as 0.
    pub fn new(config: RestraintConfig) -> Self {
        Self { config, ..Self::default() }
    }

    /// Judges a `proposed` list against the `current` one: the list that the last ruling gave. Members are counted
    /// as they are listed, so duplicates are to be removed before.
    pub fn judge(&mut self, current: &[Member], proposed: Vec<Member>, now: Mono) -> Ruling {
        let before = match &self.hold {
            Some(hold) => hold.before,
            None => self.greatest_within_window(now),
        };
        let overdue = self.hold.as_ref().and_then(|hold| self.until(hold)).is_some_and(|until| now >= until);
        if overdue {
            self.forget(proposed.len());
            return Ruling::Apply(proposed);
        }
        if !self.is_too_few(proposed.len(), before) {
            self.let_through(proposed.len(), before, now);
            return Ruling::Apply(proposed);
        }
        let mut hold = self.hold.take().unwrap_or_else(|| Hold {
            since: now,
            before,
            members: current.to_vec(),
            proposed: Vec::new(),
        });
        let members = union(&proposed, &hold.members);
        let held = Held {
            since: hold.since,
            until: self.until(&hold),
            before,
            proposed: proposed.len(),
            kept: members.len() - proposed.len(),
        };
        hold.proposed = proposed;
        self.hold = Some(hold);
        Ruling::Hold { members, held }
    }

    /// Ends the hold by an operator's decision. Answers the list that was held back, to be routed by at once; `None`
    /// when nothing is held.
    pub fn accept(&mut self) -> Option<Vec<Member>> {
        let proposed = self.hold.take()?.proposed;
        self.forget(proposed.len());
        Some(proposed)
    }

    /// Whether a list is held back.
    pub const fn is_holding(&self) -> bool {
        self.hold.is_some()
    }

    fn is_too_few(&self, proposed: usize, before: usize) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "counts of members are far below 2^52")]
        let share_is_low = (proposed as f64) < self.config.min_share.clamp(0.0, 1.0) * (before as f64);
        share_is_low && before.saturating_sub(proposed) >= self.config.min_lost
    }

    fn greatest_within_window(&mut self, now: Mono) -> usize {
        while self.peaks.front().is_some_and(|(ended, _)| now.since(*ended) >= self.config.window) {
            self.peaks.pop_front();
        }
        self.peaks.front().map_or(0, |(_, size)| *size).max(self.size)
    }

    fn let_through(&mut self, size: usize, before: usize, now: Mono) {
        // After a hold, the size that ends now is the one from before it: the longer list made meanwhile was ours.
        let ended = if self.hold.take().is_some() { before } else { self.size };
        self.size = size;
        if ended > size {
            while self.peaks.back().is_some_and(|(_, peak)| *peak <= ended) {
                self.peaks.pop_back();
            }
            self.peaks.push_back((now, ended));
        }
    }

    /// What was believed against the threshold is the new normal: measured against the old size, it would be held
    /// back again at once.
    fn forget(&mut self, size: usize) {
        self.hold = None;
        self.peaks.clear();
        self.size = size;
    }

    fn until(&self, hold: &Hold) -> Option<Mono> {
        self.config.hold_for.map(|hold_for| hold.since + hold_for)
    }
}

/// All of `proposed`, and those of `kept` whose identity and address nobody in `proposed` has.
fn union(proposed: &[Member], kept: &[Member]) -> Vec<Member> {
    let identities: BTreeSet<&str> = proposed.iter().map(Member::identity).collect();
    let addresses: BTreeSet<&str> = proposed.iter().map(Member::address).collect();
    let missing = kept
        .iter()
        .filter(|member| !identities.contains(member.identity()) && !addresses.contains(member.address()));
    proposed.iter().chain(missing).cloned().collect()
}

#[cfg(test)]
#[path = "restraint_tests.rs"]
mod tests;

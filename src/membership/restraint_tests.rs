use proptest::prelude::*;

use super::*;

fn member(i: usize) -> Member {
    Member::new(format!("10.0.0.{i}:80")).unwrap()
}

fn fleet(members: impl IntoIterator<Item = usize>) -> Vec<Member> {
    members.into_iter().map(member).collect()
}

fn at(seconds: u64) -> Mono {
    Mono::ZERO + Duration::from_secs(seconds)
}

/// A restraint and the list that is routed by, as the resolver would keep them.
struct Ring {
    restraint: Restraint,
    current: Vec<Member>,
}

impl Ring {
    fn new(config: RestraintConfig, members: impl IntoIterator<Item = usize>) -> Self {
        let mut ring = Self { restraint: Restraint::new(config), current: vec![] };
        assert_eq!(ring.propose(0, fleet(members)), None, "the first list is let through");
        ring
    }

    /// What is held, if anything.
    fn propose(&mut self, seconds: u64, proposed: Vec<Member>) -> Option<Held> {
        let (members, held) = match self.restraint.judge(&self.current, proposed, at(seconds)) {
            Ruling::Apply(members) => (members, None),
            Ruling::Hold { members, held } => (members, Some(held)),
        };
        self.current = members;
        assert_eq!(held.is_some(), self.restraint.is_holding());
        held
    }
}

#[test]
fn what_is_held_and_what_is_not() {
    for (before, after, held) in [
        (2, 1, false),
        (3, 1, false),
        (2, 0, false),
        (3, 0, true),
        (4, 1, true),
        (10, 5, false),
        (10, 4, true),
        (10, 0, true),
        (10_000, 4_999, true),
    ] {
        let mut ring = Ring::new(RestraintConfig::default(), 0..before);
        assert_eq!(ring.propose(1, fleet(0..after)).is_some(), held, "{before} -> {after}");
        assert_eq!(ring.current.len(), if held { before } else { after }, "{before} -> {after}");
    }
}

#[test]
fn a_replaced_fleet_of_the_same_size_is_no_loss() {
    let mut ring = Ring::new(RestraintConfig::default(), 0..10);
    assert_eq!(ring.propose(1, fleet(100..110)), None);
}

#[test]
fn slow_decay_counts_within_the_window_and_not_beyond_it() {
    let mut quick = Ring::new(RestraintConfig::default(), 0..10);
    for (step, left) in (5..10).rev().enumerate() {
        assert_eq!(quick.propose(10 * step as u64, fleet(0..left)), None);
    }
    let held = quick.propose(50, fleet(0..4)).expect("60 % lost within a minute");
    assert_eq!((held.before, held.proposed, held.kept), (10, 4, 1), "it stops the slide and undoes nothing");

    let mut slow = Ring::new(RestraintConfig::default(), 0..10);
    for (step, left) in (0..10).rev().enumerate() {
        assert_eq!(slow.propose(30 * step as u64, fleet(0..left)), None, "two steps a minute, {left} left");
    }
}

#[test]
fn a_hold_ends_when_the_members_come_back() {
    let mut ring = Ring::new(RestraintConfig::default(), 0..10);
    assert!(ring.propose(1, fleet(0..2)).is_some());
    assert_eq!(ring.propose(2, fleet(0..6)), None);
    assert_eq!(ring.current, fleet(0..6));
    assert!(ring.propose(30, fleet(0..4)).is_some(), "the ten of a minute ago still count");
    assert_eq!(ring.propose(31, fleet(0..6)), None);
    assert_eq!(ring.propose(91, fleet(0..4)), None, "and no longer count");
}

#[test]
fn a_hold_ends_with_time_or_by_an_operator_and_is_then_the_new_normal() {
    let mut ring = Ring::new(RestraintConfig::default(), 0..10);
    let held = ring.propose(1, fleet(0..4)).unwrap();
    assert_eq!(held.until, Some(at(301)));
    assert_eq!(ring.propose(300, fleet(0..3)).unwrap().since, at(1), "a worse list prolongs nothing");
    assert_eq!(ring.propose(301, fleet(0..3)), None);
    assert_eq!(ring.propose(302, fleet(0..3)), None, "it is not held again");

    let config = RestraintConfig { hold_for: None, ..RestraintConfig::default() };
    let mut ring = Ring::new(config, 0..10);
    assert_eq!(ring.restraint.accept(), None);
    assert_eq!(ring.propose(1, fleet(0..4)).unwrap().until, None);
    assert!(ring.propose(1_000_000, fleet(0..3)).is_some(), "it waits for ever");
    ring.current = ring.restraint.accept().unwrap();
    assert_eq!(ring.current, fleet(0..3));
    assert_eq!(ring.propose(1_000_001, fleet(0..3)), None);

    let mut ring = Ring::new(RestraintConfig::default(), 0..10);
    assert_eq!(ring.propose(1, fleet(0..6)), None);
    assert!(ring.propose(2, fleet(0..4)).is_some());
    ring.current = ring.restraint.accept().unwrap();
    assert_eq!(ring.propose(3, fleet(0..4)), None, "the ten of three seconds ago count no longer");
}

#[test]
fn joins_of_a_held_list_are_applied_and_may_leave_again() {
    let mut ring = Ring::new(RestraintConfig::default(), 0..10);
    assert!(ring.propose(1, fleet([0, 1, 20, 21])).is_some());
    assert_eq!(ring.current, fleet([0, 1, 20, 21, 2, 3, 4, 5, 6, 7, 8, 9]));
    let held = ring.propose(2, fleet([0, 20])).unwrap();
    assert_eq!(ring.current, fleet([0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9]), "21 came during the hold and may go");
    assert_eq!((held.proposed, held.kept), (2, 9));
}

#[test]
fn the_held_list_says_what_it_knows_better() {
    let mut ring = Ring::new(RestraintConfig::default(), 0..10);
    let heavier = member(0).with_weight(7).unwrap();
    let moved = Member::new("10.9.9.9:80").unwrap().with_identity(member(1).identity()).unwrap();
    let successor = Member::new(member(2).address()).unwrap().with_identity("successor").unwrap();
    let proposed = vec![heavier, moved, successor];
    assert_eq!(
        ring.propose(1, proposed.clone()).unwrap().kept,
        7,
        "1 moved and 2 was replaced on its address"
    );
    assert_eq!(ring.current[..3], proposed);
    assert_eq!(ring.current[3..], fleet(3..10));
}

#[test]
fn a_share_of_zero_switches_it_off_and_one_holds_every_loss_above_the_floor() {
    let config = |min_share| RestraintConfig { min_share, ..RestraintConfig::default() };
    for off in [0.0, -1.0, f64::NAN] {
        assert_eq!(Ring::new(config(off), 0..10).propose(1, vec![]), None);
    }
    for all in [1.0, 7.0] {
        assert_eq!(Ring::new(config(all), 0..10).propose(1, fleet(0..8)), None, "two are below the floor");
        assert!(Ring::new(config(all), 0..10).propose(1, fleet(0..7)).is_some());
    }
}

/// The same rules told naively: every list that was believed is remembered for ever.
struct Model {
    config: RestraintConfig,
    /// (believed from, size); a hold's size is the one before it.
    believed: Vec<(u64, usize)>,
    hold: Option<(u64, usize, BTreeSet<usize>)>,
    current: BTreeSet<usize>,
}

impl Model {
    fn propose(&mut self, now: u64, proposed: &BTreeSet<usize>) -> BTreeSet<usize> {
        let in_effect_until = |i: usize| self.believed.get(i + 1).map_or(now + 1, |next| next.0);
        let in_window = |i: &usize| in_effect_until(*i) + self.config.window.as_secs() > now;
        let greatest =
            (0..self.believed.len()).filter(in_window).map(|i| self.believed[i].1).max().unwrap_or(0);
        let before = self.hold.as_ref().map_or(greatest, |hold| hold.1);
        let lost = before.saturating_sub(proposed.len());
        let too_few = proposed.len() * 2 < before && lost >= self.config.min_lost;
        let overdue =
            self.hold.as_ref().is_some_and(|hold| now >= hold.0 + self.config.hold_for.unwrap().as_secs());
        if overdue {
            self.believed.clear();
        } else if too_few {
            let (_, _, kept) = self.hold.get_or_insert_with(|| (now, before, self.current.clone()));
            self.current = proposed | kept;
            return self.current.clone();
        } else if self.hold.is_some() {
            self.believed.push((now, before));
        }
        self.hold = None;
        self.believed.push((now, proposed.len()));
        self.current = proposed.clone();
        self.current.clone()
    }
}

proptest! {
    #[test]
    fn agrees_with_a_naive_model(
        steps in prop::collection::vec((0u64..40, prop::collection::btree_set(0usize..12, 0..12)), 1..60),
        min_lost in 0usize..5,
        hold_for in prop::sample::select(vec![20, 70]),
    ) {
        let hold_for = Some(Duration::from_secs(hold_for));
        let config = RestraintConfig { min_lost, hold_for, ..RestraintConfig::default() };
        let mut model = Model { config, believed: vec![], hold: None, current: BTreeSet::new() };
        let mut ring = Ring { restraint: Restraint::new(config), current: vec![] };
        let mut now = 0;
        for (wait, proposed) in steps {
            now += wait;
            let held = ring.propose(now, fleet(proposed.iter().copied()));
            let expected = fleet(model.propose(now, &proposed));
            let mut routed = ring.current.clone();
            routed.sort_by_key(|member| expected.iter().position(|other| other == member));
            prop_assert_eq!(routed, expected);
            prop_assert_eq!(held.is_some(), model.hold.is_some());
            if let Some(held) = held {
                prop_assert_eq!(held.since, at(model.hold.as_ref().unwrap().0));
                prop_assert_eq!(held.kept + held.proposed, ring.current.len());
            }
            prop_assert!(ring.restraint.peaks.len() <= 12, "peaks are strictly decreasing sizes");
        }
    }
}

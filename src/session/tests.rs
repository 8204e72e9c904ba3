use std::{sync::Arc, time::Duration};

use super::*;
use crate::{
    lease::ClockRates,
    types::{ExecutorId, ShardKey, Token},
};

const MS: Duration = Duration::from_millis(1);
const LEASE: Duration = Duration::from_secs(10);

fn pace() -> Pace {
    Pace { hold: ClockRates::DEFAULT.hold(LEASE), beat_every: 1000 * MS, answer_within: 3000 * MS }
}

/// A session and what it said last.
struct Script {
    now: Mono,
    session: Session,
    out: Vec<Effect>,
}

fn config(on_stuck: OnStuck) -> SessionConfig {
    SessionConfig {
        executor: ExecutorId::new("e0").unwrap(),
        profile: Arc::new(Profile::default()),
        answer_within: 3000 * MS,
        stop_within: 5000 * MS,
        on_stuck,
        on_lease_loss: Default::default(),
    }
}

fn version(generation: u64) -> Version {
    Version { incarnation: 1, generation }
}

fn grant(shard: &str, generation: u64) -> Grant {
    Grant { shard: ShardKey::new(shard).unwrap(), token: Token { incarnation: 1, generation } }
}

const ID: SessionId = SessionId { began: Version { incarnation: 1, generation: 1 }, ordinal: 0 };

impl Script {
    fn new(on_stuck: OnStuck) -> Self {
        let now = Mono::from_nanos(5_000_000_000);
        Self { now, session: Session::new(config(on_stuck), 7, now), out: Vec::new() }
    }

    /// Registered just now, with its first beat acknowledged.
    fn registered(on_stuck: OnStuck) -> Self {
        let mut script = Self::new(on_stuck);
        script.wake();
        script.hear(ToExecutor::Registered { nonce: 7, attempt: 1, session: ID, pace: pace() });
        script.acknowledge();
        script
    }

    fn wake(&mut self) {
        self.out.clear();
        self.session.wake(self.now, &mut self.out);
    }

    fn hear(&mut self, message: ToExecutor) {
        self.out.clear();
        self.session.hear(self.now, message, &mut self.out);
    }

    fn pass(&mut self, length: Duration) {
        self.now = self.now + length;
        self.wake();
    }

    fn beat(&self) -> Option<&Beat> {
        self.out.iter().find_map(|effect| match effect {
            Effect::Send(ToLeader::Beat(beat)) => Some(beat),
            _ => None,
        })
    }

    /// Acknowledges the beat that was sent last.
    fn acknowledge(&mut self) {
        let seq = self.beat().expect("a beat was sent").seq;
        self.hear(ToExecutor::Acknowledged { session: ID, seq, pace: pace() });
    }

    fn assign(
        &mut self,
        since: Option<u64>,
        to: u64,
        granted: &[Grant],
        revoked: &[Grant],
        cleared: &[Grant],
    ) {
        let since = since.map(|since| if since == 0 { Version::default() } else { version(since) });
        let (granted, revoked, cleared) = (granted.to_vec(), revoked.to_vec(), cleared.to_vec());
        let assigned = Assigned { session: ID, since, version: version(to), granted, revoked, cleared };
        self.hear(ToExecutor::Assigned(assigned));
    }

    /// The application has stopped a stay of a shard.
    fn stopped(&mut self, shard: &str, generation: u64) {
        self.out.clear();
        self.session.stopped(self.now, &grant(shard, generation), &mut self.out);
    }

    fn holds(&self, shard: &str) -> bool {
        self.session.holds(shard, self.now).is_some()
    }
}

#[test]
fn a_lease_counts_from_when_the_beat_was_sent() {
    let mut script = Script::registered(OnStuck::Release);
    script.assign(Some(0), 2, &[grant("a", 2)], &[], &[]);
    let sent = script.now;
    script.now = script.now + 2_900 * MS;
    script.acknowledge();
    assert_eq!(script.session.held_until(), sent + pace().hold, "not from when it was answered");
    script.now = script.session.held_until();
    assert!(!script.holds("a"));
}

#[test]
fn only_the_beat_that_is_awaited_can_be_acknowledged() {
    let mut script = Script::registered(OnStuck::Release);
    let held_until = script.session.held_until();
    script.pass(1000 * MS);
    let first = script.beat().unwrap().seq;
    script.pass(3000 * MS);
    assert_eq!(script.beat().unwrap().seq, first + 1, "the first was given up");
    script.hear(ToExecutor::Acknowledged { session: ID, seq: first, pace: pace() });
    assert_eq!(script.session.held_until(), held_until, "its send time is not known any more");
    let other = SessionId { ordinal: 1, ..ID };
    script.hear(ToExecutor::Acknowledged { session: other, seq: first + 1, pace: pace() });
    assert_eq!(script.session.held_until(), held_until);
    script.hear(ToExecutor::Acknowledged { session: ID, seq: first + 1, pace: pace() });
    assert!(script.session.held_until() > held_until);
}

#[test]
fn one_beat_at_a_time() {
    let mut script = Script::registered(OnStuck::Release);
    script.pass(1000 * MS);
    assert!(script.beat().is_some());
    for _ in 0..5 {
        script.pass(500 * MS);
        assert_eq!(script.beat(), None);
    }
}

#[test]
fn assignments_apply_once_in_order_and_only_on_what_they_name() {
    let mut script = Script::registered(OnStuck::Release);
    script.assign(Some(0), 2, &[grant("a", 2)], &[], &[]);
    assert!(script.holds("a"));
    script.assign(Some(3), 4, &[grant("b", 4)], &[], &[]);
    assert!(!script.holds("b"), "it has missed version 3");
    script.assign(None, 4, &[grant("a", 2), grant("b", 4)], &[], &[]);
    assert!(script.holds("a") && script.holds("b"));
    script.assign(Some(0), 2, &[], &[grant("a", 2)], &[]);
    assert!(script.holds("a"), "that was long ago");
    script.assign(None, 5, &[grant("b", 4)], &[], &[]);
    assert!(!script.holds("a"), "what everything does not list is not held");
}

#[test]
fn a_revoked_shard_is_not_held_from_that_moment_and_released_when_it_has_stopped() {
    let mut script = Script::registered(OnStuck::Release);
    script.assign(Some(0), 2, &[grant("a", 2)], &[], &[]);
    script.acknowledge();
    script.assign(Some(2), 3, &[], &[grant("a", 2)], &[]);
    assert!(!script.holds("a"));
    assert!(script.out.contains(&Effect::Stop(grant("a", 2))));
    assert_eq!(script.beat().unwrap().released, [], "it has not stopped yet");
    script.acknowledge();
    script.out.clear();
    script.session.stopped(script.now, &grant("a", 2), &mut script.out);
    assert_eq!(script.beat().unwrap().released, [grant("a", 2)]);
    script.acknowledge();
    script.pass(1000 * MS);
    assert_eq!(script.beat().unwrap().released, [grant("a", 2)], "until it is known to have arrived");
    script.acknowledge();
    script.assign(Some(3), 4, &[], &[], &[grant("a", 2)]);
    assert_eq!(script.beat().unwrap().released, []);
    assert!(script.session.is_empty());
}

impl Script {
    fn acknowledge_if_sent(&mut self) {
        if self.beat().is_some() {
            self.acknowledge();
        }
    }
}

#[test]
fn a_revoke_of_what_is_not_held_is_answered_as_released() {
    let mut script = Script::registered(OnStuck::Release);
    script.assign(None, 5, &[], &[grant("a", 2)], &[]);
    assert_eq!(script.beat().unwrap().released, [grant("a", 2)]);
}

#[test]
fn a_lapsed_lease_stops_everything_releases_nothing_and_goes_on_where_it_was() {
    let mut script = Script::registered(OnStuck::Release);
    script.assign(Some(0), 2, &[grant("a", 2)], &[], &[]);
    let lapses = script.session.lapses();
    script.now = script.session.held_until();
    script.wake();
    assert!(script.out.contains(&Effect::Stop(grant("a", 2))) && script.out.contains(&Effect::Fenced));
    assert_eq!(script.session.lapses(), lapses + 1, "guards see that ownership was not continuous");
    script.session.stopped(script.now, &grant("a", 2), &mut script.out);
    script.pass(3000 * MS);
    assert_eq!(script.beat().unwrap().released, []);
    script.acknowledge();
    assert!(script.out.contains(&Effect::Start(grant("a", 2))), "the same session, the same token");
    assert!(script.holds("a"));
}

#[test]
fn a_shard_that_does_not_stop_is_dealt_with_as_configured() {
    for on_stuck in [OnStuck::Release, OnStuck::Hold, OnStuck::Abort] {
        let mut script = Script::registered(on_stuck);
        script.assign(Some(0), 2, &[grant("a", 2)], &[], &[]);
        script.acknowledge();
        script.assign(Some(2), 3, &[], &[grant("a", 2)], &[]);
        script.acknowledge();
        script.pass(4_999 * MS);
        assert!(script.beat().is_none_or(|beat| beat.released.is_empty()));
        script.acknowledge_if_sent();
        script.pass(MS);
        let released = script.beat().map_or(0, |beat| beat.released.len());
        assert_eq!(released, usize::from(on_stuck == OnStuck::Release), "{on_stuck:?}");
        assert_eq!(script.out.contains(&Effect::Abort(grant("a", 2))), on_stuck == OnStuck::Abort);
    }
}

#[test]
fn a_shard_that_is_done_is_reported_once_it_has_stopped() {
    let mut script = Script::registered(OnStuck::Release);
    script.assign(Some(0), 2, &[grant("a", 2)], &[], &[]);
    script.acknowledge();
    script.out.clear();
    script.session.done(script.now, "a", &mut script.out);
    assert!(!script.holds("a"));
    assert_eq!(script.beat().map(|beat| beat.done.clone()), Some(Vec::new()));
    script.acknowledge();
    script.out.clear();
    script.session.stopped(script.now, &grant("a", 2), &mut script.out);
    assert_eq!(script.beat().unwrap().done, [grant("a", 2)]);
}

#[test]
fn an_expired_process_registers_anew_and_a_superseded_one_does_not() {
    for (why, ends) in [(Ending::Expired, false), (Ending::Voided, false), (Ending::Superseded, true)] {
        let mut script = Script::registered(OnStuck::Release);
        script.assign(Some(0), 2, &[grant("a", 2)], &[], &[]);
        script.hear(ToExecutor::Ended { session: ID, why });
        assert!(!script.holds("a"));
        assert!(script.out.contains(&Effect::Stop(grant("a", 2))));
        assert_eq!(script.out.contains(&Effect::Ended(why)), ends);
        let asked = script.out.iter().find_map(|effect| match effect {
            Effect::Send(ToLeader::Register(register)) => Some((register.nonce, register.seen)),
            _ => None,
        });
        assert_eq!(asked, (!ends).then_some((8, version(2))), "with another nonce, and all it has seen");
    }
}

#[test]
fn loads_are_told_until_a_beat_that_told_them_is_acknowledged() {
    let mut script = Script::registered(OnStuck::Release);
    script.assign(Some(0), 2, &[grant("a", 2)], &[], &[]);
    script.acknowledge();
    script.session.measure("a", 1.5);
    script.session.measure("unknown", 9.0);
    let told = vec![(grant("a", 2).shard, 1.5)];
    script.pass(1000 * MS);
    assert_eq!(script.beat().unwrap().loads, told);
    script.pass(3000 * MS);
    assert_eq!(script.beat().unwrap().loads, told, "nobody has said that it arrived");
    script.acknowledge();
    script.pass(1000 * MS);
    assert_eq!(script.beat().unwrap().loads, []);
}

#[test]
fn a_shard_that_does_not_stop_when_the_lease_runs_out_ends_the_process_if_that_was_asked_for() {
    let mut script = Script::registered(OnStuck::Abort);
    script.assign(Some(0), 2, &[grant("a", 2)], &[], &[]);
    script.pass(20_000 * MS);
    assert!(script.session.lapses() > 0);
    script.pass(5_000 * MS);
    assert_eq!(script.out.iter().filter(|effect| **effect == Effect::Abort(grant("a", 2))).count(), 1);
}

#[test]
fn a_new_stay_of_a_shard_waits_until_the_last_one_has_stopped() {
    let mut script = Script::registered(OnStuck::Hold);
    script.assign(Some(0), 2, &[grant("a", 2)], &[], &[]);
    script.assign(Some(2), 3, &[], &[], &[grant("a", 2)]);
    assert!(script.out.contains(&Effect::Stop(grant("a", 2))));
    script.assign(Some(3), 4, &[grant("a", 4)], &[], &[]);
    assert!(!script.out.contains(&Effect::Start(grant("a", 4))), "the last stay runs still");
    script.stopped("a", 2);
    assert!(script.out.contains(&Effect::Start(grant("a", 4))));
}

#[test]
fn a_stop_that_is_given_up_stands_in_the_way_of_the_same_token_alone() {
    let mut script = Script::registered(OnStuck::Release);
    script.assign(Some(0), 2, &[grant("a", 2)], &[], &[]);
    script.assign(Some(2), 3, &[], &[], &[grant("a", 2)]);
    script.assign(Some(3), 4, &[grant("a", 4)], &[], &[]);
    script.pass(5000 * MS);
    assert!(script.out.contains(&Effect::Start(grant("a", 4))));
}

#[test]
fn what_was_released_is_never_held_again_even_if_the_store_goes_back() {
    let mut script = Script::registered(OnStuck::Release);
    script.assign(Some(0), 2, &[grant("a", 2)], &[], &[]);
    script.assign(Some(2), 3, &[], &[grant("a", 2)], &[]);
    script.stopped("a", 2);
    script.assign(Some(3), 4, &[], &[], &[grant("a", 2)]);
    script.assign(None, 9, &[grant("a", 2), grant("b", 5)], &[], &[]);
    assert!(!script.holds("a"), "another may have it");
    assert!(script.holds("b"));
    script.pass(3000 * MS);
    assert_eq!(
        script.beat().unwrap().released,
        [grant("a", 2)],
        "the leader is told, so that it finds an owner"
    );
}

#[test]
fn a_process_that_was_replaced_releases_what_it_had_before_it_is_over() {
    let mut script = Script::registered(OnStuck::Release);
    script.assign(Some(0), 2, &[grant("a", 2)], &[], &[]);
    script.hear(ToExecutor::Ended { session: ID, why: Ending::Superseded });
    assert!(script.out.contains(&Effect::Stop(grant("a", 2))));
    assert!(!script.holds("a") && !script.session.is_over());
    script.stopped("a", 2);
    script.hear(ToExecutor::Ended { session: ID, why: Ending::Superseded });
    script.pass(1000 * MS);
    let beat = script.beat().unwrap();
    assert_eq!(beat.released, [grant("a", 2)]);
    let before = script.session.held_until();
    script.hear(ToExecutor::Acknowledged { session: ID, seq: beat.seq, pace: pace() });
    assert_eq!(script.session.held_until(), before, "nothing is renewed");
    script.hear(ToExecutor::Ended { session: ID, why: Ending::Superseded });
    assert!(script.session.is_over());
}

#[test]
fn a_process_that_was_replaced_does_not_wait_for_ever_to_be_heard() {
    let mut script = Script::registered(OnStuck::Hold);
    script.assign(Some(0), 2, &[grant("a", 2)], &[], &[]);
    script.hear(ToExecutor::Ended { session: ID, why: Ending::Removed });
    script.pass(30_000 * MS);
    assert!(script.session.is_over());
}

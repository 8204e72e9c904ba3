//! What an executor that only beats has been told, and what its next beat means therefore.
//!
//! Such an executor names no tokens and no versions; it says what runs, and is answered what is to run. What it has let
//! go of is known from a beat that does not report it, sent after the executor was told to stop it. When a beat was
//! sent nobody knows; but one that *arrived* before an answer was given was not sent after it.

use std::collections::BTreeMap;

use crate::{
    engine::ShardRecord,
    proto::cadence::{
        Heartbeat,
        wire::{AssignmentStatus, HeartbeatResponse, MigrationMode, ShardAssignment},
    },
    session::{Beat, Grant},
    types::{Mono, SessionId, ShardKey, Token, Version},
};

/// What the executor was told, in the answer to its last beat.
#[derive(Debug, Default)]
pub(super) struct Told {
    shards: BTreeMap<ShardKey, Word>,
    version: Version,
    /// When it was told last.
    at: Mono,
    /// The version up to which it runs all that it was told to run.
    applied: Version,
}

/// What it was told of a shard.
#[derive(Clone, Copy, Debug)]
struct Word {
    token: Token,
    /// It is to run; otherwise to stop.
    runs: bool,
    /// Since when it is told so.
    since: Mono,
}

impl Told {
    /// What a beat says, in the words of a session. `owned` is what the session owns.
    pub(super) fn beat(
        &mut self,
        (session, seq): (SessionId, u64),
        arrived: Mono,
        beat: &Heartbeat,
        owned: &[ShardRecord],
    ) -> Beat {
        let is_reported = |key: &ShardKey| beat.reports.contains_key(key);
        if arrived > self.at && self.shards.iter().all(|(key, word)| !word.runs || is_reported(key)) {
            self.applied = self.version;
        }
        let word = |shard: &ShardRecord| {
            let word = self.shards.get(&shard.key)?;
            (word.token == shard.token && arrived > word.since).then_some(word)
        };
        let has_stopped = |shard: &&ShardRecord| {
            // Who stops has stopped what it does not report, whatever it was told last.
            let was_stopped = !beat.is_active || word(shard).is_some_and(|word| !word.runs);
            was_stopped && !is_reported(&shard.key)
        };
        let is_done = |shard: &&ShardRecord| {
            // Said of this stay of the shard, not of one before.
            let report = beat.reports.get(&shard.key);
            report.is_some_and(|report| report.is_done) && word(shard).is_some_and(|word| word.runs)
        };
        let grant = |shard: &ShardRecord| Grant { shard: shard.key.clone(), token: shard.token };
        let load = |shard: &ShardRecord| Some((shard.key.clone(), beat.reports.get(&shard.key)?.load));
        Beat {
            session,
            seq,
            applied: self.applied,
            seen: Version::default(),
            draining: !beat.is_active,
            loads: owned.iter().filter_map(load).collect(),
            released: owned.iter().filter(has_stopped).map(grant).collect(),
            done: owned.iter().filter(is_done).map(grant).collect(),
        }
    }

    /// What the beat is answered: everything that is to run, and by name everything that is not. A map without entries
    /// means "no change" to Go's executors, so nothing is taken away by leaving it out.
    pub(super) fn answer(
        &mut self,
        now: Mono,
        version: Version,
        beat: &Heartbeat,
        owned: &[ShardRecord],
    ) -> HeartbeatResponse {
        let before = std::mem::take(&mut self.shards);
        let is_reported = |key: &ShardKey| beat.reports.contains_key(key);
        for shard in owned {
            let word = before.get(&shard.key);
            // A new stay begins when the old one has stopped: one that it was done with would stay done for ever.
            let is_in_the_way = |word: &&Word| word.token != shard.token || !word.runs;
            let to_stop = word.filter(is_in_the_way).filter(|_| is_reported(&shard.key));
            let runs = shard.handover.is_none() && to_stop.is_none();
            let token = to_stop.map_or(shard.token, |word| word.token);
            let same = word.filter(|word| word.token == token && word.runs == runs);
            let since = same.map_or(now, |word| word.since);
            self.shards.insert(shard.key.clone(), Word { token, runs, since });
        }
        // What it was told to run and has lost since, until it has heard of it.
        for (key, word) in before {
            let has_heard = !word.runs && !is_reported(&key);
            if !has_heard {
                let since = if word.runs { now } else { word.since };
                self.shards.entry(key).or_insert(Word { runs: false, since, ..word });
            }
        }
        (self.version, self.at) = (version, now);
        let told = self.shards.iter().map(|(key, word)| (key.to_string(), word.runs));
        // Nobody here has told it to run these.
        let strange = beat.reports.keys().filter(|key| !self.shards.contains_key(*key));
        let assignments = told.chain(strange.map(|key| (key.to_string(), false)));
        HeartbeatResponse {
            shard_assignments: assignments.map(|(key, runs)| (key, assignment(runs))).collect(),
            migration_mode: MigrationMode::Onboarded.into(),
        }
    }
}

fn assignment(runs: bool) -> ShardAssignment {
    let status = if runs { AssignmentStatus::Ready } else { AssignmentStatus::Invalid };
    ShardAssignment { status: status.into() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{engine::Handover, proto::cadence::Report, session::Profile, types::ExecutorId};

    const DONE: bool = true;

    fn at(second: u64) -> Mono {
        Mono::from_nanos(second * 1_000_000_000)
    }

    fn key(key: &str) -> ShardKey {
        ShardKey::new(key).unwrap()
    }

    fn says(reports: &[(&str, bool)]) -> Heartbeat {
        let report = |(shard, is_done): &(&str, bool)| (key(shard), Report { load: 2.0, is_done: *is_done });
        Heartbeat {
            executor: ExecutorId::new("e@1").unwrap(),
            is_active: true,
            reports: reports.iter().map(report).collect(),
            profile: Arc::new(Profile::default()),
        }
    }

    fn owns(shard: &str, generation: u64) -> ShardRecord {
        ShardRecord { token: Token { incarnation: 1, generation }, ..ShardRecord::new(key(shard)) }
    }

    fn revoked(shard: &str, generation: u64) -> ShardRecord {
        let since = Version { incarnation: 1, generation: generation + 1 };
        ShardRecord { handover: Some(Handover { to: None, since }), ..owns(shard, generation) }
    }

    /// An executor that beats each second, and is answered half a second later.
    #[derive(Default)]
    struct Story {
        told: Told,
        second: u64,
    }

    impl Story {
        fn beat(&mut self, beat: &Heartbeat, owned: &[ShardRecord]) -> (Beat, String) {
            self.second += 1;
            let version = Version { incarnation: 1, generation: self.second };
            let said = self.told.beat((SessionId::default(), self.second), at(self.second * 2), beat, owned);
            let answer = self.told.answer(at(self.second * 2 + 1), version, beat, owned);
            assert_eq!(answer.migration_mode(), MigrationMode::Onboarded);
            let assignments = answer.shard_assignments.iter();
            let text: Vec<_> = assignments
                .map(|(key, is)| format!("{key}{}", if is.status == 1 { "+" } else { "-" }))
                .collect();
            (said, text.join(" "))
        }
    }

    fn names(grants: &[Grant]) -> Vec<(&str, u64)> {
        grants.iter().map(|grant| (grant.shard.as_str(), grant.token.generation)).collect()
    }

    #[test]
    fn the_last_shard_is_revoked_by_name_and_released_by_a_beat_without_it() {
        let mut story = Story::default();
        assert_eq!(story.beat(&says(&[]), &[owns("7", 3)]).1, "7+");
        let (said, _) = story.beat(&says(&[]), &[owns("7", 3)]);
        assert_eq!(said.applied, Version::default(), "it has not started yet");
        let (said, _) = story.beat(&says(&[("7", false)]), &[owns("7", 3)]);
        assert_eq!((said.applied.generation, &said.loads[..]), (2, &[(key("7"), 2.0)][..]));

        let (said, answer) = story.beat(&says(&[("7", false)]), &[revoked("7", 3)]);
        assert_eq!((names(&said.released), &*answer), (vec![], "7-"));
        let (said, answer) = story.beat(&says(&[("7", false)]), &[revoked("7", 3)]);
        assert_eq!((names(&said.released), &*answer), (vec![], "7-"), "it takes its time");
        let (said, answer) = story.beat(&says(&[]), &[revoked("7", 3)]);
        assert_eq!((names(&said.released), &*answer), (vec![("7", 3)], "7-"));
        assert_eq!(story.beat(&says(&[]), &[]).1, "");
    }

    #[test]
    fn what_is_merely_not_reported_is_not_released() {
        let mut story = Story::default();
        story.beat(&says(&[]), &[owns("7", 3)]);
        for _ in 0..3 {
            let (said, answer) = story.beat(&says(&[]), &[owns("7", 3)]);
            assert_eq!((names(&said.released), &*answer), (vec![], "7+"));
        }
        // Revoked before it was heard of: the beat was not sent in answer to that.
        let (said, _) = story.beat(&says(&[]), &[revoked("7", 3)]);
        assert_eq!(names(&said.released), []);
    }

    #[test]
    fn a_beat_that_came_before_the_answer_says_nothing_about_it() {
        let mut told = Told::default();
        let (beat, id) = (says(&[]), (SessionId::default(), 1));
        told.answer(at(5), Version::default(), &beat, &[revoked("7", 3)]);
        for (arrived, released) in [(4, 0), (5, 0), (6, 1)] {
            let said = told.beat(id, at(arrived), &beat, &[revoked("7", 3)]);
            assert_eq!(said.released.len(), released, "{arrived}");
        }
    }

    #[test]
    fn who_stops_has_let_go_of_all_that_it_does_not_report() {
        let mut story = Story::default();
        let owned = [owns("7", 3), owns("8", 3), owns("9", 4)];
        story.beat(&says(&[]), &owned[..2]);
        let stops = Heartbeat { is_active: false, ..says(&[("8", false)]) };
        let (said, _) = story.beat(&stops, &owned);
        assert!(said.draining);
        assert_eq!(names(&said.released), [("7", 3), ("9", 4)]);
    }

    #[test]
    fn a_shard_is_done_once_and_its_next_stay_begins_after_the_last_has_stopped() {
        let mut story = Story::default();
        let (said, _) = story.beat(&says(&[("list", DONE)]), &[owns("list", 3)]);
        assert_eq!(names(&said.done), [], "nobody has told it to run that");
        story.beat(&says(&[("list", false)]), &[owns("list", 3)]);
        let (said, answer) = story.beat(&says(&[("list", DONE)]), &[owns("list", 3)]);
        assert_eq!((names(&said.done), &*answer), (vec![("list", 3)], "list+"));
        // It was made again meanwhile, for the same executor, which still has the old one.
        let (said, answer) = story.beat(&says(&[("list", DONE)]), &[owns("list", 9)]);
        assert_eq!((names(&said.done), &*answer), (vec![], "list-"));
        let (said, answer) = story.beat(&says(&[("list", DONE)]), &[owns("list", 9)]);
        assert_eq!((names(&said.done), &*answer), (vec![], "list-"));
        let (said, answer) = story.beat(&says(&[]), &[owns("list", 9)]);
        assert_eq!((names(&said.released), &*answer), (vec![], "list+"));
    }

    #[test]
    fn what_was_lost_unnoticed_is_told_until_it_has_been_heard() {
        let mut story = Story::default();
        story.beat(&says(&[]), &[owns("7", 3), owns("8", 3)]);
        // Its session has ended, and it has not reported "8" yet.
        assert_eq!(story.beat(&says(&[("7", false)]), &[]).1, "7- 8-");
        assert_eq!(story.beat(&says(&[]), &[]).1, "");
        assert_eq!(story.beat(&says(&[("5", false)]), &[]).1, "5-", "nobody gave it that");
        // What it runs already is its own again when it is granted.
        assert_eq!(story.beat(&says(&[("5", false)]), &[owns("5", 9)]).1, "5+");
    }
}

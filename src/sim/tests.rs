use std::time::Duration;

use super::*;
use crate::{
    planted::{Planted, with},
    types::Mono,
};

const LENGTH: Duration = Duration::from_secs(600);

#[test]
fn a_seed_runs_the_same_way_twice() {
    for seed in 0..5 {
        let (one, two) = (run(seed, LENGTH / 10), run(seed, LENGTH / 10));
        assert_eq!((one.events, one.hash), (two.events, two.hash));
    }
}

#[test]
fn a_seed_that_panics_breaks_a_promise_and_has_a_story() {
    let with_panics = |run: fn(u64, Duration) -> Run| with(Some(Planted::Panics), || run(0, LENGTH / 10));
    let ended = with_panics(run);
    let broken = ended.violation.clone().expect("somebody asks something");
    assert_eq!(broken.promise, Promise::NoPanic);
    assert!(broken.what.starts_with("something panicked: replica "), "{broken}");
    assert!(broken.at > Mono::ZERO && ended.events > 0, "it is known when, and what came before counts");
    let mut tally = Tally::default();
    tally.add(&ended);
    assert_eq!((tally.failures[0].seed, tally.seeds), (0, 1));
    let told = with_panics(story);
    assert_eq!(told.violation.map(|found| found.promise), Some(Promise::NoPanic));
    assert!(
        told.story.last().is_some_and(|line| line.what.starts_with("operator: ")),
        "{:?}",
        told.story.last()
    );
}

/// Run these with a profile that optimizes: `make sim-short`.
#[cfg(not(debug_assertions))]
mod planted {
    use super::*;

    /// Seeds in which a planted fault must be found.
    const SEEDS: u64 = 2_000;

    /// After how many seeds a fault breaks a promise.
    fn finds(planted: Planted, promise: Promise) {
        let breaks = |seed: &u64| run(*seed, LENGTH).violation.is_some_and(|found| found.promise == promise);
        let found = with(Some(planted), || (0..SEEDS).find(breaks));
        println!("{planted:?}: {found:?}, {promise}");
        assert!(found.is_some(), "{planted:?} does not break {promise} in {SEEDS} seeds");
    }

    macro_rules! finds {
        ($($test:ident: $planted:ident breaks $promise:ident;)*) => {$(
            #[test]
            fn $test() {
                finds(Planted::$planted, Promise::$promise);
            }
        )*};
    }

    #[test]
    fn three_hundred_seeds_keep_every_promise_and_meet_every_event() {
        let mut tally = Tally::default();
        for seed in 0..300 {
            tally.add(&run(seed, LENGTH));
        }
        let failures: Vec<String> = tally
            .failures
            .iter()
            .map(|failure| format!("seed {}: {}", failure.seed, failure.violation))
            .collect();
        assert!(failures.is_empty(), "{}", failures.join("\n"));
        assert_eq!(tally.coverage.missing().collect::<Vec<_>>(), []);
    }

    finds! {
        serves_on: ServesOn breaks BoundedOverlap;
        self_fence: NoSelfFence breaks ContinuousHold;
        grant_before_release: GrantBeforeRelease breaks BoundedMovement;
        release_by_absence: ReleaseByAbsence breaks ExclusiveBelief;
        late_reply: LateReplyAccepted breaks ExclusiveBelief;
        beat_recreates: BeatRecreates breaks ExclusiveBelief;
        id_instead_of_session: IdInsteadOfSession breaks Completeness;
        wall_clock: WallClock breaks ExclusiveBelief;
        clock_without_suspend: ClockMissesSuspend breaks ExclusiveBelief;
        lease_from_reply: LeaseFromReply breaks ExclusiveBelief;
        rate_margin: NoRateMargin breaks ExclusiveBelief;
        acks_past_lease: AcksPastLease breaks ExclusiveBelief;
        expires_at_once: ExpiresAtOnce breaks Restraint;
        unguarded_write: CommitUnguarded breaks LeaderFencing;
        head_before_chunks: HeadBeforeChunks breaks MonotoneViews;
        guess_lost_commit: GuessLostCommit breaks MonotoneViews;
        watch_gap: GapUnnoticed breaks MonotoneViews;
        collect_too_much: CollectTooMuch breaks Completeness;
        token_reused_after_restore: TokenReusedAfterRestore breaks Fencing;
        tombstone_forgotten: TombstoneForgotten breaks ExclusiveBelief;
        grants_before_wait: GrantsBeforeWait breaks ExclusiveBelief;
        operator_unheard: OperatorUnheard breaks ExclusiveBelief;
        copy_believed: CopyBelieved breaks MonotoneViews;
        listening_again: NoListeningAgain breaks StaticStability;
        restraint: NoRestraint breaks Restraint;
        guard_forgets: GuardForgetsLapses breaks ContinuousHold;
        view_goes_back: ViewGoesBack breaks MonotoneViews;
        moves_redecided: MovesRedecided breaks BoundedMovement;
        sets_not_nested: SetsNotNested breaks AtomicFlips;
        ages: AgesForgotten breaks KnownFreshness;
        release_forgotten: ReleaseForgotten breaks Completeness;
        skip_missed_commits: SkipMissedCommits breaks StaticStability;
        restored_sessions_live: RestoredSessionsLive breaks ExclusiveBelief;
        own_lease_for_all: OwnLeaseForAll breaks ExclusiveBelief;
        take_unguarded: TakeUnguarded breaks StaticStability;
    }
}

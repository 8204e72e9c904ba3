use std::time::Duration;

use super::*;

const LENGTH: Duration = Duration::from_secs(600);

#[test]
fn a_seed_runs_the_same_way_twice() {
    for seed in 0..5 {
        let (one, two) = (run(seed, LENGTH / 10), run(seed, LENGTH / 10));
        assert_eq!((one.events, one.hash), (two.events, two.hash));
    }
}

/// Run these with a profile that optimizes: `make sim-short`.
#[cfg(not(debug_assertions))]
mod planted {
    use super::*;
    use crate::planted::{Planted, with};

    /// Seeds in which a planted fault must be found.
    const SEEDS: u64 = 2_000;

    /// After how many seeds a fault breaks a promise, or this one.
    fn finds(planted: Planted, promise: Option<Promise>) {
        let breaks = |seed: u64| {
            let found = run(seed, LENGTH).violation?.promise;
            promise.is_none_or(|promise| promise == found).then_some((seed, found))
        };
        let found = with(Some(planted), || (0..SEEDS).find_map(breaks));
        println!("{planted:?}: {found:?}");
        assert!(found.is_some(), "{planted:?} does not break {promise:?} in {SEEDS} seeds");
    }

    macro_rules! finds {
        ($($test:ident: $planted:ident $(breaks $promise:ident)?;)*) => {$(
            #[test]
            fn $test() {
                finds(Planted::$planted, None::<Promise>$(.or(Some(Promise::$promise)))?);
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
        self_fence: NoSelfFence;
        grant_before_release: GrantBeforeRelease breaks BoundedMovement;
        release_by_absence: ReleaseByAbsence breaks ExclusiveBelief;
        late_reply: LateReplyAccepted;
        beat_recreates: BeatRecreates breaks ExclusiveBelief;
        id_instead_of_session: IdInsteadOfSession;
        wall_clock: WallClock;
        clock_without_suspend: ClockMissesSuspend breaks ExclusiveBelief;
        lease_from_reply: LeaseFromReply breaks ExclusiveBelief;
        rate_margin: NoRateMargin;
        acks_past_lease: AcksPastLease breaks ExclusiveBelief;
        expires_at_once: ExpiresAtOnce;
        unguarded_write: CommitUnguarded;
        head_before_chunks: HeadBeforeChunks breaks MonotoneViews;
        guess_lost_commit: GuessLostCommit;
        missed_commits: SkipMissedCommits;
        watch_gap: GapUnnoticed breaks MonotoneViews;
        collect_too_much: CollectTooMuch breaks Completeness;
        token_reused_after_restore: TokenReusedAfterRestore breaks Fencing;
        grants_before_wait: GrantsBeforeWait;
        restored_sessions_live: RestoredSessionsLive;
        copy_believed: CopyBelieved breaks MonotoneViews;
        renew_unguarded: RenewUnguarded;
        take_unguarded: TakeUnguarded;
        take_from_the_living: TakeFromTheLiving;
        leader_lease_from_answer: LeaseFromAnswer;
        listening_again: NoListeningAgain breaks StaticStability;
        restraint: NoRestraint breaks Restraint;
        guard_forgets: GuardForgetsLapses breaks ContinuousHold;
        lapsed_held: LapsedHeld;
        view_goes_back: ViewGoesBack breaks MonotoneViews;
        moves_redecided: MovesRedecided breaks BoundedMovement;
        sets_not_nested: SetsNotNested breaks AtomicFlips;
        ages: AgesForgotten breaks KnownFreshness;
        release_forgotten: ReleaseForgotten breaks Completeness;
    }
}

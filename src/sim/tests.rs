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

    /// What finds a fault, and after how many seeds.
    fn finds(planted: Planted) {
        let find = |seed: u64| Some((seed, run(seed, LENGTH).violation?.promise));
        let found = with(Some(planted), || (0..SEEDS).find_map(find));
        println!("{planted:?}: {found:?}");
        assert!(found.is_some(), "{planted:?} is not found in {SEEDS} seeds");
    }

    macro_rules! finds {
        ($($test:ident: $planted:ident;)*) => {$(
            #[test]
            fn $test() {
                finds(Planted::$planted);
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
        grant_before_release: GrantBeforeRelease;
        release_by_absence: ReleaseByAbsence;
        late_reply: LateReplyAccepted;
        beat_recreates: BeatRecreates;
        id_instead_of_session: IdInsteadOfSession;
        wall_clock: WallClock;
        clock_without_suspend: ClockMissesSuspend;
        lease_from_reply: LeaseFromReply;
        rate_margin: NoRateMargin;
        acks_past_lease: AcksPastLease;
        expires_at_once: ExpiresAtOnce;
        unguarded_write: CommitUnguarded;
        watch_gap: GapUnnoticed;
        listening_again: NoListeningAgain;
        restraint: NoRestraint;
        guard_forgets: GuardForgetsLapses;
        view_goes_back: ViewGoesBack;
        moves_redecided: MovesRedecided;
        sets_not_nested: SetsNotNested;
        ages: AgesForgotten;
        release_forgotten: ReleaseForgotten;
    }
}

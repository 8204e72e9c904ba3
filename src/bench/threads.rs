//! The same work on several threads at once, against the same work on one.

use std::{
    hint::spin_loop,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use super::rounds::{Candidate, Timing};
use crate::clock::Clock;

/// Times a pass on 1, 2, ... `threads` threads at once and returns, for each number of threads, the time per unit on
/// each of them, averaged over the threads.
///
/// Every thread makes its own candidate. The numbers of threads take turns, round by round. A turn begins on all its
/// threads at one moment and each does four passes: one to warm up, one that counts, and two that keep the others
/// company while theirs are counted. Threads that sit a turn out spin, so that the processor's clock is the same.
pub fn per_thread<'a>(
    clock: &dyn Clock,
    rounds: usize,
    threads: usize,
    make: impl Fn() -> Candidate<'a> + Sync,
) -> Vec<Timing> {
    let start = Start { threads, arrived: AtomicUsize::new(0) };
    let work = |worker: usize| {
        let mut candidate = make();
        let mut samples = vec![Vec::with_capacity(rounds); threads + 1];
        for round in 0..rounds {
            for turn in 0..threads {
                let active = 1 + (round + turn) % threads;
                start.wait(round * threads + turn);
                if worker < active {
                    samples[active].push(candidate.time(clock));
                    candidate.time(clock);
                }
            }
        }
        samples
    };
    let samples: Vec<Vec<Vec<f64>>> = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|worker| scope.spawn(move || work(worker))).collect();
        let own = work(0);
        let joined = others.into_iter().map(|other| other.join().expect("a worker only measures"));
        [own].into_iter().chain(joined).collect()
    });
    let mean = |active: usize, round| {
        samples[..active].iter().map(|worker: &Vec<Vec<f64>>| worker[active][round]).sum::<f64>()
            / active as f64
    };
    (1..=threads).map(|active| Timing::of((0..rounds).map(|round| mean(active, round)).collect())).collect()
}

/// Where threads wait for each other before each turn.
struct Start {
    threads: usize,
    arrived: AtomicUsize,
}

impl Start {
    /// More checks than this mean that a thread we wait for has no core: let it have ours.
    const SPINS: usize = 10_000_000;

    /// Returns on all threads at once, when the last of them has come to this turn.
    fn wait(&self, turn: usize) {
        self.arrived.fetch_add(1, Ordering::AcqRel);
        let mut spins = 0;
        while self.arrived.load(Ordering::Acquire) < self.threads * (turn + 1) {
            spins += 1;
            if spins % Self::SPINS == 0 { thread::yield_now() } else { spin_loop() }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn every_number_of_threads_gets_its_turns() {
        let clock = ManualClock::new();
        let running = AtomicUsize::new(0);
        let make = || {
            Candidate::new(100, || {
                running.fetch_add(1, Ordering::Relaxed);
                clock.advance(Duration::from_nanos(500));
                0
            })
        };
        let timings = per_thread(&clock, 5, 3, make);
        // Each turn has four passes on each of its threads.
        assert_eq!(running.into_inner(), 5 * 4 * (1 + 2 + 3));
        assert_eq!(timings.len(), 3);
        assert_eq!((timings[0].min, timings[0].median), (5.0, 5.0));
        assert!(timings[1..].iter().all(|timing| timing.min >= 5.0), "{timings:?}");
    }
}

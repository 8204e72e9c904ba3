//! How candidates are compared: in turns, many times, by their best turn.
//!
//! Load from elsewhere comes and goes on a scale of milliseconds to minutes. So candidates take short turns, round by
//! round, and the order rotates, which gives each the same share of bad moments; and the minimum over the rounds is
//! what the code costs when nothing disturbs it. Ratios of minimums repeat to a few percent where medians move by a
//! factor of two.

use std::{hint::black_box, time::Duration};

use crate::clock::Clock;

/// Least rounds of a comparison. An odd number, so that the median is a sample.
pub const MIN_ROUNDS: usize = 21;

/// One pass, and how long it took.
type TimedPass<'a> = Box<dyn FnMut(&dyn Clock) -> Duration + 'a>;

/// One of several things to compare.
pub struct Candidate<'a> {
    units: usize,
    pass: TimedPass<'a>,
}

impl<'a> Candidate<'a> {
    /// `pass` does `units` lookups and returns something that depends on all of them.
    pub fn new(units: usize, mut pass: impl FnMut() -> u64 + 'a) -> Self {
        Self::consuming(units, || (), move |()| pass())
    }

    /// `pass` does `units` of something with what `prepare` made. Neither making that nor dropping what `pass` returns
    /// is counted.
    pub fn consuming<I, O>(
        units: usize,
        mut prepare: impl FnMut() -> I + 'a,
        mut pass: impl FnMut(I) -> O + 'a,
    ) -> Self {
        let timed = move |clock: &dyn Clock| {
            let input = prepare();
            let start = clock.now();
            let output = black_box(pass(black_box(input)));
            let end = clock.now();
            drop(output);
            end.since(start)
        };
        Self { units, pass: Box::new(timed) }
    }

    /// Independent calls: the processor may overlap one with the next.
    pub fn throughput(keys: &'a [&'a str], mut call: impl FnMut(&'a str) -> u64 + 'a) -> Self {
        Self::new(keys.len(), move || {
            keys.iter().fold(0, |sum: u64, key| sum.wrapping_add(apart(&mut call, key)))
        })
    }

    /// Each call waits for the one before: which key is next depends on the last answer, in a way that the processor
    /// cannot see through although it always yields the neighbour.
    pub fn chain(keys: &'a [&'a str], mut call: impl FnMut(&'a str) -> u64 + 'a) -> Self {
        let none_of_it = black_box(0_u64);
        Self::new(keys.len(), move || {
            let mut last = 0;
            for at in 0..keys.len() {
                last = apart(&mut call, keys[at + (last & none_of_it) as usize]);
            }
            last
        })
    }
}

/// A call that stays one. Inlined into the loop that measures it, a lookup is spared work that no other caller is
/// spared, some lookups more than others.
#[inline(never)]
fn apart<'k>(call: &mut impl FnMut(&'k str) -> u64, key: &'k str) -> u64 {
    call(key)
}

/// Time per unit of one candidate, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timing {
    /// Of the best round: what the code costs.
    pub min: f64,
    /// Of the middle round: what it costs with this machine's disturbances.
    pub median: f64,
}

/// Times every candidate in every round, in rotating order.
pub fn interleave(clock: &dyn Clock, rounds: usize, candidates: &mut [Candidate<'_>]) -> Vec<Timing> {
    let mut samples = vec![Vec::with_capacity(rounds); candidates.len()];
    for round in 0..rounds {
        for turn in 0..candidates.len() {
            let at = (round + turn) % candidates.len();
            samples[at].push(candidates[at].time(clock));
        }
    }
    samples.into_iter().map(Timing::of).collect()
}

impl Candidate<'_> {
    /// Nanoseconds per unit of one pass, directly after an untimed one.
    pub(super) fn time(&mut self, clock: &dyn Clock) -> f64 {
        (self.pass)(clock);
        (self.pass)(clock).as_nanos() as f64 / self.units as f64
    }
}

impl Timing {
    /// Of at least one sample.
    pub(super) fn of(mut samples: Vec<f64>) -> Self {
        samples.sort_unstable_by(f64::total_cmp);
        Self { min: samples[0], median: samples[samples.len() / 2] }
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, time::Duration};

    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn the_best_round_counts_and_the_order_rotates() {
        let clock = ManualClock::new();
        let order = RefCell::new(Vec::new());
        let candidate = |name: char, nanos: [u64; 3]| {
            let (order, clock) = (&order, &clock);
            let mut passes = 0;
            Candidate::new(10, move || {
                order.borrow_mut().push(name);
                // The first pass of each pair is untimed, however long it takes.
                clock.advance(Duration::from_nanos(if passes % 2 == 0 {
                    1_000_000
                } else {
                    nanos[passes / 2]
                }));
                passes += 1;
                0
            })
        };
        let timings = interleave(
            &clock,
            3,
            &mut [
                candidate('a', [500, 300, 400]),
                candidate('b', [1000, 9000, 2000]),
                candidate('c', [7; 3]),
            ],
        );
        assert_eq!((timings[0].min, timings[0].median), (30.0, 40.0));
        assert_eq!((timings[1].min, timings[1].median), (100.0, 200.0));
        assert_eq!(order.take().iter().step_by(2).collect::<String>(), "abcbcacab");
    }

    #[test]
    fn chain_and_throughput_visit_every_key_in_each_pass() {
        let keys = ["a", "b", "c"];
        let seen = RefCell::new(String::new());
        let see = |key: &str| {
            seen.borrow_mut().push_str(key);
            u64::MAX
        };
        for mut candidate in [Candidate::throughput(&keys, see), Candidate::chain(&keys, see)] {
            candidate.time(&ManualClock::new());
            assert_eq!(seen.take(), "abcabc");
        }
    }
}

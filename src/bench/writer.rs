//! What a reader notices of a writer that replaces the snapshot every millisecond.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use super::histogram::Histogram;
use crate::{clock::Clock, types::Mono};

/// Lookups that are timed together: one read of the clock would cost more than one lookup.
pub const BATCH: usize = 16;
/// From one publication to the next.
pub const PUBLISH_EVERY: Duration = Duration::from_millis(1);

/// Control and test alternate in blocks this short, so that other load on the machine meets both.
const BLOCK: Duration = Duration::from_millis(50);
/// After the writer was started or stopped, this long is not counted.
const SETTLE: Duration = Duration::from_millis(2);

/// Times of batches in nanoseconds, block by block, and of publications.
#[derive(Debug, Default)]
pub struct WriterEffect {
    /// Blocks without a writer.
    pub without: Vec<Histogram>,
    /// Blocks with one.
    pub with: Vec<Histogram>,
    /// How long each publication took, by block; a block that the writer slept through has no entry.
    pub publications: Vec<Histogram>,
}

impl WriterEffect {
    /// A quantile with the writer relative to the same without, each of its best block.
    pub fn ratio(&self, quantile: f64) -> f64 {
        best(&self.with, quantile) / best(&self.without, quantile)
    }
}

/// The least that the quantile was in any of the blocks.
pub fn best(blocks: &[Histogram], quantile: f64) -> f64 {
    blocks.iter().map(|block| block.quantile(quantile)).min().unwrap_or(0) as f64
}

/// All blocks in one.
pub fn merged(blocks: &[Histogram]) -> Histogram {
    let mut all = Histogram::default();
    blocks.iter().for_each(|block| all.add(block));
    all
}

/// Calls `batch` all the time, in turns: for a block while another thread does nothing, and for a block while it makes and
/// publishes a value each millisecond.
pub fn measure_writer<T>(
    clock: &dyn Clock,
    blocks: usize,
    mut batch: impl FnMut() -> u64,
    make: impl FnMut() -> T + Send,
    publish: impl FnMut(T) + Send,
) -> WriterEffect {
    let (writing, done) = (AtomicBool::new(false), AtomicBool::new(false));
    let mut effect = WriterEffect::default();
    thread::scope(|scope| {
        let writer = scope.spawn(|| write(clock, &writing, &done, make, publish));
        for _ in 0..blocks {
            for (with_writer, times) in [(false, &mut effect.without), (true, &mut effect.with)] {
                writing.store(with_writer, Ordering::Release);
                writer.thread().unpark();
                times.push(time_batches(clock, &mut batch));
            }
        }
        done.store(true, Ordering::Release);
        writer.thread().unpark();
        effect.publications = writer.join().expect("the writer only builds and publishes");
    });
    effect
}

fn time_batches(clock: &dyn Clock, batch: &mut impl FnMut() -> u64) -> Histogram {
    let overhead = cost_of_asking(clock);
    let mut times = Histogram::default();
    let mut sum: u64 = 0;
    let settled = clock.now() + SETTLE;
    let end = settled + BLOCK;
    let mut last = clock.now();
    while last < end {
        sum = sum.wrapping_add(batch());
        let now = clock.now();
        if last >= settled {
            let nanos = u64::try_from(now.since(last).as_nanos()).unwrap_or(u64::MAX);
            times.record(nanos.saturating_sub(overhead));
        }
        last = now;
    }
    std::hint::black_box(sum);
    times
}

/// The least that one question to the clock takes, in nanoseconds: it is part of every time and none of the lookups'.
fn cost_of_asking(clock: &dyn Clock) -> u64 {
    const QUESTIONS: u32 = 64;
    let ask = || {
        let start = clock.now();
        let mut last = start;
        (0..QUESTIONS).for_each(|_| last = clock.now());
        (last.since(start) / QUESTIONS).as_nanos()
    };
    (0..8).map(|_| ask()).min().and_then(|nanos| u64::try_from(nanos).ok()).unwrap_or(0)
}

/// Publishes on time while `writing`, otherwise waits to be woken. Returns the times of each stretch of writing.
fn write<T>(
    clock: &dyn Clock,
    writing: &AtomicBool,
    done: &AtomicBool,
    mut make: impl FnMut() -> T,
    mut publish: impl FnMut(T),
) -> Vec<Histogram> {
    let mut stretches = Vec::new();
    while !done.load(Ordering::Acquire) {
        if !writing.load(Ordering::Acquire) {
            thread::park();
            continue;
        }
        let mut times = Histogram::default();
        let mut due = clock.now();
        while writing.load(Ordering::Acquire) && !done.load(Ordering::Acquire) {
            let value = make();
            let start = clock.now();
            publish(value);
            times.record(u64::try_from(clock.now().since(start).as_nanos()).unwrap_or(u64::MAX));
            due = due + PUBLISH_EVERY;
            wait_until(clock, due, writing);
        }
        stretches.push(times);
    }
    stretches
}

fn wait_until(clock: &dyn Clock, due: Mono, writing: &AtomicBool) {
    loop {
        let left = due.since(clock.now());
        if left.is_zero() || !writing.load(Ordering::Acquire) {
            return;
        }
        thread::park_timeout(left);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, atomic::AtomicU64};

    use super::*;
    use crate::{
        clock::SystemClock,
        publish::{Published, Reader},
    };

    #[test]
    fn writes_in_the_blocks_with_a_writer_and_in_no_others() {
        let cell = Arc::new(Published::new(0));
        let made = AtomicU64::new(0);
        let mut reader = Reader::new(Arc::clone(&cell));
        let effect = measure_writer(
            &SystemClock::new(),
            3,
            || **reader.get(),
            || made.fetch_add(1, Ordering::Relaxed) + 1,
            |value| {
                cell.publish(value);
            },
        );
        assert_eq!((effect.with.len(), effect.without.len()), (3, 3));
        let publications = merged(&effect.publications).total();
        assert_eq!((**cell.load(), made.into_inner()), (publications, publications));
        assert!(publications > 3, "{publications} publications in 150 ms");
        assert!(effect.with.iter().chain(&effect.without).all(|block| block.total() > 0));
        assert!(effect.ratio(0.5) >= 0.0 || effect.ratio(0.5).is_nan());
    }
}

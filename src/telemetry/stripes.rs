//! Counters that threads bump without meeting each other.
//!
//! # Orderings
//!
//! Every stripe has one writer, its thread, so a bump is a relaxed load and a relaxed store: two plain instructions,
//! no lock prefix. A reader may see a value that is a moment old, never a torn one. When a thread ends, its stripe's
//! count of references falls to one; `Arc::get_mut` sees that with `Acquire`, so the last bumps are in the fold.

use std::{
    fmt,
    marker::PhantomData,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;

/// `N` counters, each the sum of one stripe per thread.
pub struct Stripes<const N: usize> {
    all: Mutex<All<N>>,
}

struct All<const N: usize> {
    /// What ended threads counted.
    folded: [u64; N],
    /// One for each thread that counts; folded and removed when the thread has ended.
    live: Vec<Arc<Line<N>>>,
}

/// Two cache lines of its own, because neighbours are fetched in pairs.
#[repr(align(128))]
struct Line<const N: usize>([AtomicU64; N]);

impl<const N: usize> Stripes<N> {
    /// All zero.
    pub const fn new() -> Self {
        Self { all: Mutex::new(All { folded: [0; N], live: Vec::new() }) }
    }

    /// A stripe for the calling thread.
    pub fn join(&self) -> Stripe<N> {
        let line = Arc::new(Line([const { AtomicU64::new(0) }; N]));
        let mut all = self.all.lock();
        all.fold();
        all.live.push(Arc::clone(&line));
        Stripe { line, _one_writer: PhantomData }
    }

    /// The present totals.
    pub fn totals(&self) -> [u64; N] {
        let mut all = self.all.lock();
        all.fold();
        let mut totals = all.folded;
        for line in &all.live {
            line.add_to(&mut totals);
        }
        totals
    }
}

impl<const N: usize> All<N> {
    fn fold(&mut self) {
        let Self { folded, live } = self;
        live.retain_mut(|line| match Arc::get_mut(line) {
            Some(ended) => {
                ended.add_to(folded);
                false
            }
            None => true,
        });
    }
}

impl<const N: usize> Line<N> {
    fn add_to(&self, totals: &mut [u64; N]) {
        for (total, count) in totals.iter_mut().zip(&self.0) {
            *total += count.load(Ordering::Relaxed);
        }
    }
}

impl<const N: usize> Default for Stripes<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> fmt::Debug for Stripes<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stripes").field(&self.totals()).finish()
    }
}

/// One thread's share of a [`Stripes`]. Not `Sync` and not `Send`: it has one writer.
pub struct Stripe<const N: usize> {
    line: Arc<Line<N>>,
    _one_writer: PhantomData<*const ()>,
}

impl<const N: usize> Stripe<N> {
    /// Adds one to counter `at`.
    #[inline]
    pub fn add_one(&self, at: usize) {
        let count = &self.line.0[at];
        count.store(count.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }
}

impl<const N: usize> fmt::Debug for Stripe<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stripe").field(&self.line.0).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_living_and_ended_threads_add_up() {
        let stripes = Stripes::<2>::new();
        let mine = stripes.join();
        mine.add_one(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let stripe = stripes.join();
                    for _ in 0..1000 {
                        stripe.add_one(1);
                    }
                });
            }
        });
        assert_eq!(stripes.totals(), [1, 4000]);
        assert_eq!(stripes.all.lock().live.len(), 1, "ended threads leave no stripe behind");
        drop(mine);
        assert_eq!(stripes.totals(), [1, 4000], "and lose no count");
    }
}

//! The cell, its snapshots and its readers. Compiled a second time by `tests/loom.rs`, on loom's primitives.

use std::convert::Infallible;
use std::fmt;
use std::ops::Deref;

use super::sync::{Arc, AtomicU64, Mutex, Ordering, SwapCell, next_generation};

/// Most replaced snapshots that the writer waits for. Each is pinned by a reader that has not looked since; past this
/// the oldest is left to its reader, which then frees it.
pub const MAX_RETIRED: usize = 1024;

/// A value as it was published, with the generation it was published under.
#[derive(Debug)]
pub struct Snapshot<T> {
    generation: u64,
    value: T,
}

impl<T> Snapshot<T> {
    /// Grows with each publication of a cell; no two snapshots of the process share one.
    pub const fn generation(&self) -> u64 {
        self.generation
    }
}

impl<T> Deref for Snapshot<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

/// The one place where the newest snapshot is found.
pub struct Published<T> {
    newest: OwnLine<AtomicU64>,
    cell: SwapCell<Snapshot<T>>,
    /// Also the writers' lock.
    retired: Mutex<Vec<Arc<Snapshot<T>>>>,
}

/// A cache line (two, because they are fetched in pairs) to itself: what readers check must not share one with what
/// writers write.
#[repr(align(128))]
struct OwnLine<A>(A);

impl<T> Published<T> {
    /// A cell that holds its first snapshot.
    pub fn new(value: T) -> Self {
        let generation = next_generation();
        Self {
            newest: OwnLine(AtomicU64::new(generation)),
            cell: SwapCell::new(Arc::new(Snapshot { generation, value })),
            retired: Mutex::new(Vec::new()),
        }
    }

    /// The newest generation. A snapshot whose own generation equals it is current.
    #[inline]
    pub fn generation(&self) -> u64 {
        self.newest.0.load(Ordering::Acquire)
    }

    /// The newest snapshot, at the price of two contended atomics: for the slow path. See [`Reader`].
    pub fn load(&self) -> Arc<Snapshot<T>> {
        self.cell.load()
    }

    /// Replaces the snapshot and returns the new one's generation.
    pub fn publish(&self, value: T) -> u64 {
        self.update(|_| value)
    }

    /// Replaces the snapshot by one made from it. Writers take turns; readers never wait.
    pub fn update(&self, make: impl FnOnce(&T) -> T) -> u64 {
        self.try_update(|old| Ok::<T, Infallible>(make(old))).unwrap_or_else(|never| match never {})
    }

    /// The same, unless `make` refuses: then everything stays as it was.
    pub fn try_update<E>(&self, make: impl FnOnce(&T) -> Result<T, E>) -> Result<u64, E> {
        let mut retired = self.retired.lock();
        let value = make(&self.cell.load().value)?;
        let generation = next_generation();
        let old = self.cell.swap(Arc::new(Snapshot { generation, value }));
        self.newest.0.store(generation, Ordering::Release);
        if retired.len() == MAX_RETIRED {
            retired.remove(0);
        }
        retired.push(old);
        sweep(&mut retired);
        Ok(generation)
    }

    /// Publishes a `last` value, and hands over the replaced snapshots that some reader still holds: for whoever ends
    /// the cell and would not leave it to those readers to free them.
    pub fn retire(&self, last: T) -> Vec<Arc<Snapshot<T>>> {
        self.publish(last);
        std::mem::take(&mut *self.retired.lock())
    }

    /// Frees replaced snapshots that no reader holds any more and returns how many are still held.
    pub fn reclaim(&self) -> usize {
        let mut retired = self.retired.lock();
        sweep(&mut retired);
        retired.len()
    }
}

impl<T> fmt::Debug for Published<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Published").field("generation", &self.generation()).finish_non_exhaustive()
    }
}

/// Keeps the last snapshot it saw and looks for a newer one only when there is one.
///
/// ```
/// use std::sync::Arc;
/// use shardway::publish::{Published, Reader};
///
/// let published = Arc::new(Published::new("old"));
/// let mut reader = Reader::new(published.clone());
/// assert_eq!(**reader.get(), "old");
/// published.publish("new");
/// assert_eq!(**reader.get(), "new");
/// ```
pub struct Reader<T> {
    cached: Arc<Snapshot<T>>,
    published: Arc<Published<T>>,
}

impl<T> Reader<T> {
    /// A reader of its own, for a thread or task that looks often.
    pub fn new(published: Arc<Published<T>>) -> Self {
        Self { cached: published.load(), published }
    }

    /// The newest snapshot.
    #[inline]
    pub fn get(&mut self) -> &Snapshot<T> {
        if self.cached.generation != self.published.generation() {
            self.refresh();
        }
        &self.cached
    }

    #[cold]
    fn refresh(&mut self) {
        self.cached = self.published.load();
    }
}

impl<T> Clone for Reader<T> {
    fn clone(&self) -> Self {
        Self { cached: Arc::clone(&self.cached), published: Arc::clone(&self.published) }
    }
}

impl<T> fmt::Debug for Reader<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("generation", &self.cached.generation).finish_non_exhaustive()
    }
}

/// A count of one is final: a snapshot that was swapped out can be loaded by nobody, and whoever holds it keeps the
/// count at two or more.
fn sweep<T>(retired: &mut Vec<Arc<Snapshot<T>>>) {
    retired.retain(|snapshot| Arc::strong_count(snapshot) > 1);
}

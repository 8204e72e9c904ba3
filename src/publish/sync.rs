//! The primitives that [`super::published`] stands on, in one place so that the loom test can put its own here.

pub(super) use parking_lot::Mutex;
pub(super) use std::sync::Arc;
pub(super) use std::sync::atomic::{AtomicU64, Ordering};

/// An `Arc` that can be replaced while others load it.
pub(super) struct SwapCell<T>(arc_swap::ArcSwap<T>);

impl<T> SwapCell<T> {
    pub(super) fn new(value: Arc<T>) -> Self {
        Self(arc_swap::ArcSwap::new(value))
    }

    pub(super) fn load(&self) -> Arc<T> {
        self.0.load_full()
    }

    /// Returns only when every load that began before has its own count on the old value.
    pub(super) fn swap(&self, value: Arc<T>) -> Arc<T> {
        self.0.swap(value)
    }
}

/// Generations are drawn from one counter of the process: a number names one snapshot of one cell, so a reader that
/// keeps snapshots of several cells needs one comparison to know both that it is the right cell and the newest state.
pub(super) fn next_generation() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

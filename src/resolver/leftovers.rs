//! What an ended resolver leaves to threads that have not looked since.
//!
//! Such a thread would be the last to let go of a snapshot, and would free it in the middle of a lookup of another
//! resolver. So whoever ends a resolver leaves a second hold on each of them here, and the upkeep thread frees those
//! that nobody else holds any more.

use std::sync::Arc;

use parking_lot::Mutex;

/// Most that wait here, as [`MAX_RETIRED`](crate::publish::MAX_RETIRED) bounds what a living resolver waits for; past
/// this the oldest is left to its thread.
const MAX_LEFTOVERS: usize = 1024;

static LEFTOVERS: Mutex<Vec<Box<dyn Leftover>>> = Mutex::new(Vec::new());

trait Leftover: Send {
    /// Final, because nobody can get at what was left here but through a hold of their own.
    fn is_let_go(&self) -> bool;
}

impl<T: Send + Sync> Leftover for Arc<T> {
    fn is_let_go(&self) -> bool {
        Self::strong_count(self) == 1
    }
}

/// Leaves these to be freed once nobody else holds them.
pub(super) fn leave<T: Send + Sync + 'static>(snapshots: Vec<Arc<T>>) {
    let mut leftovers = LEFTOVERS.lock();
    leftovers.extend(snapshots.into_iter().map(|snapshot| Box::new(snapshot) as Box<dyn Leftover>));
    let surplus = leftovers.len().saturating_sub(MAX_LEFTOVERS);
    let surplus: Vec<_> = leftovers.drain(..surplus).collect();
    // Dropped after the lock: what they hold may end further resolvers, which leave something too.
    drop(leftovers);
    drop(surplus);
    free();
}

/// Frees what nobody else holds any more.
pub(super) fn free() {
    let let_go: Vec<_> = LEFTOVERS.lock().extract_if(.., |leftover| leftover.is_let_go()).collect();
    drop(let_go);
}

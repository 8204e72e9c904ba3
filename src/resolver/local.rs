//! A thread's own hold on the newest snapshot of what it looks at.
//!
//! A lookup finds its place in a thread-local [`Shelf`] by index, compares one generation with the published one, and
//! uses what is there. No lock, no atomic write, no reference count that other threads see. Only when the generation
//! differs is the item made anew, and on that occasion the shelf lets go of items whose resolver is gone. A thread
//! that never looks again keeps its last items until it ends: their memory, not their validity.

use std::cell::RefCell;
use std::thread::LocalKey;

use parking_lot::Mutex;

/// An index on every thread's shelf; free for others when dropped.
#[derive(Debug)]
pub(super) struct Place(usize);

/// What a thread keeps of one published cell.
pub(super) trait Item {
    /// Generations are unique in the process, so an item of a former user of the place can never look current.
    fn generation(&self) -> u64;

    /// Whether nothing will ever ask for it again.
    fn is_orphaned(&self) -> bool;
}

/// A thread's items, by place.
pub(super) struct Shelf<I>(RefCell<Vec<Option<I>>>);

struct FreeList {
    free: Vec<usize>,
    next: usize,
}

static PLACES: Mutex<FreeList> = Mutex::new(FreeList { free: Vec::new(), next: 0 });

impl Place {
    pub(super) fn take() -> Self {
        let mut places = PLACES.lock();
        Self(places.free.pop().unwrap_or_else(|| {
            places.next += 1;
            places.next - 1
        }))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        PLACES.lock().free.push(self.0);
    }
}

impl<I: Item + 'static> Shelf<I> {
    pub(super) const fn new() -> Self {
        Self(RefCell::new(Vec::new()))
    }

    /// Runs `with` on the thread's item if it is of generation `newest`. `with` must not use the same shelf.
    ///
    /// The other half, [`renew`](Self::renew), is the caller's to call, so that `with` is compiled into one place.
    #[inline(always)]
    pub(super) fn newest<R>(
        shelf: &'static LocalKey<Self>,
        place: &Place,
        newest: u64,
        with: impl FnOnce(&I) -> R,
    ) -> Option<R> {
        let found = shelf.try_with(|shelf| {
            let items = shelf.0.try_borrow().ok()?;
            match items.get(place.0)? {
                Some(item) if item.generation() == newest => Some(with(item)),
                _ => None,
            }
        });
        // A thread that is ending has no shelf any more.
        found.unwrap_or(None)
    }

    /// Makes the item anew from the former one, runs `with` on it and leaves it on the shelf.
    #[cold]
    pub(super) fn renew<R>(
        shelf: &'static LocalKey<Self>,
        place: &Place,
        renew: impl FnOnce(Option<I>) -> I,
        with: impl FnOnce(&I) -> R,
    ) -> R {
        // Nothing is dropped while the shelf is borrowed: a drop may run an embedder's code, which may look up.
        let item = renew(shelf.try_with(|shelf| shelf.take(place)).ok().flatten());
        let result = with(&item);
        let orphans = shelf.try_with(|shelf| shelf.put(place, item));
        drop(orphans);
        result
    }

    fn take(&self, place: &Place) -> Option<I> {
        self.0.try_borrow_mut().ok()?.get_mut(place.0)?.take()
    }

    /// Answers what is to be dropped: orphans, and the item itself when the shelf is in use further up the stack.
    fn put(&self, place: &Place, item: I) -> Vec<I> {
        let Ok(mut items) = self.0.try_borrow_mut() else {
            return vec![item];
        };
        if items.len() <= place.0 {
            items.resize_with(place.0 + 1, || None);
        }
        let mut leftovers: Vec<I> =
            items.iter_mut().filter_map(|item| item.take_if(|item| item.is_orphaned())).collect();
        leftovers.extend(items[place.0].replace(item));
        leftovers
    }
}

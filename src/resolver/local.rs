//! A thread's own hold on the newest snapshot of what it looks at.
//!
//! A lookup finds its compartment of a thread-local [`Shelf`] by index, compares one generation with the published
//! one, and uses what is there. No lock, no atomic write, no reference count that other threads see. Only when the
//! generation differs is the item made anew, and on that occasion the shelf lets go of items whose owner is gone. A
//! thread that never looks again keeps its last items until it ends: their memory, not their validity.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread::LocalKey;

use parking_lot::Mutex;

/// An index on every thread's shelf; free for others when dropped.
#[derive(Debug)]
pub(super) struct Compartment {
    index: usize,
    /// Lives as long as the compartment is taken, and tells its user from former ones.
    taken: Arc<()>,
}

/// A thread's items, by compartment.
pub(super) struct Shelf<I> {
    items: RefCell<Vec<Option<Shelved<I>>>>,
    /// [`GIVEN_BACK`] when orphans were looked for last.
    tidied_at: Cell<usize>,
}

struct Shelved<I> {
    /// Generations are unique in the process, so what a former user of the compartment left can never look current.
    generation: u64,
    item: I,
    taken: Weak<()>,
}

struct FreeList {
    free: Vec<usize>,
    next: usize,
}

/// Compartments given back so far: as long as it stands still, no shelf has anything to let go of.
static GIVEN_BACK: AtomicUsize = AtomicUsize::new(0);

static COMPARTMENTS: Mutex<FreeList> = Mutex::new(FreeList { free: Vec::new(), next: 0 });

impl Compartment {
    pub(super) fn take() -> Self {
        let mut compartments = COMPARTMENTS.lock();
        let index = compartments.free.pop().unwrap_or_else(|| {
            compartments.next += 1;
            compartments.next - 1
        });
        Self { index, taken: Arc::default() }
    }
}

impl Drop for Compartment {
    fn drop(&mut self) {
        COMPARTMENTS.lock().free.push(self.index);
        GIVEN_BACK.fetch_add(1, Ordering::Relaxed);
    }
}

impl<I: 'static> Shelf<I> {
    pub(super) const fn new() -> Self {
        Self { items: RefCell::new(Vec::new()), tidied_at: Cell::new(0) }
    }

    /// Runs `with` on the thread's item if it is of generation `newest`. `with` must not use the same shelf.
    ///
    /// The other half, [`renew`](Self::renew), is the caller's to call, so that `with` is compiled into one place.
    #[inline(always)]
    pub(super) fn newest<R>(
        shelf: &'static LocalKey<Self>,
        compartment: &Compartment,
        newest: u64,
        with: impl FnOnce(&I) -> R,
    ) -> Option<R> {
        let found = shelf.try_with(|shelf| {
            let items = shelf.items.try_borrow().ok()?;
            match items.get(compartment.index)? {
                Some(kept) if kept.generation == newest => Some(with(&kept.item)),
                _ => None,
            }
        });
        // A thread that is ending has no shelf any more.
        found.unwrap_or(None)
    }

    /// Makes the item anew from the former one of the same user, runs `with` on it and leaves it on the shelf.
    ///
    /// Nothing is dropped while the shelf is borrowed: a drop may run an embedder's code, which may look up.
    #[cold]
    pub(super) fn renew<R>(
        shelf: &'static LocalKey<Self>,
        compartment: &Compartment,
        renew: impl FnOnce(Option<I>) -> (u64, I),
        with: impl FnOnce(&I) -> R,
    ) -> R {
        let former = shelf.try_with(|shelf| shelf.take(compartment)).ok().flatten();
        let mine = former.filter(|kept| std::ptr::eq(kept.taken.as_ptr(), Arc::as_ptr(&compartment.taken)));
        let (generation, item) = renew(mine.map(|kept| kept.item));
        let result = with(&item);
        let kept = Shelved { generation, item, taken: Arc::downgrade(&compartment.taken) };
        let leftovers = shelf.try_with(|shelf| shelf.put(compartment, kept));
        drop(leftovers);
        result
    }

    fn take(&self, compartment: &Compartment) -> Option<Shelved<I>> {
        self.items.try_borrow_mut().ok()?.get_mut(compartment.index)?.take()
    }

    /// Answers what is to be dropped: items of compartments that were given back, and this one when the shelf is in use
    /// further up the stack.
    fn put(&self, compartment: &Compartment, kept: Shelved<I>) -> Vec<Shelved<I>> {
        let Ok(mut items) = self.items.try_borrow_mut() else {
            return vec![kept];
        };
        if items.len() <= compartment.index {
            items.resize_with(compartment.index + 1, || None);
        }
        let mut leftovers = Vec::new();
        let given_back = GIVEN_BACK.load(Ordering::Relaxed);
        if self.tidied_at.replace(given_back) != given_back {
            let is_orphaned = |kept: &mut Shelved<I>| kept.taken.strong_count() == 0;
            leftovers.extend(items.iter_mut().filter_map(|item| item.take_if(is_orphaned)));
        }
        leftovers.extend(items[compartment.index].replace(kept));
        leftovers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    thread_local! {
        static SHELF: Shelf<u32> = const { Shelf::new() };
    }

    fn kept() -> usize {
        SHELF.with(|shelf| shelf.items.borrow().iter().flatten().count())
    }

    #[test]
    fn items_are_renewed_from_their_own_and_let_go_with_their_place() {
        let (a, b) = (Compartment::take(), Compartment::take());
        assert_eq!(Shelf::newest(&SHELF, &a, 1, |item| *item), None);
        let first = Shelf::renew(&SHELF, &a, |old| (1, old.map_or(10, |old| old + 1)), |item| *item);
        assert_eq!((first, Shelf::newest(&SHELF, &a, 1, |item| *item)), (10, Some(10)));
        assert_eq!(Shelf::newest(&SHELF, &a, 2, |item| *item), None, "another generation");
        let second = Shelf::renew(&SHELF, &a, |old| (2, old.map_or(10, |old| old + 1)), |item| *item);
        assert_eq!(second, 11);
        Shelf::renew(&SHELF, &b, |old| (3, old.map_or(20, |_| 0)), |_| ());
        assert_eq!(kept(), 2);

        drop(a);
        Shelf::renew(&SHELF, &b, |old| (4, old.map_or(0, |old| old + 1)), |item| assert_eq!(*item, 21));
        assert_eq!(kept(), 1, "what belonged to the compartment that was given back is gone");
        let again = Compartment::take();
        let third = Shelf::renew(&SHELF, &again, |old| (5, old.unwrap_or(30)), |item| *item);
        assert_eq!(third, 30, "nothing is taken over from a former user of the compartment");
    }

    #[test]
    fn a_shelf_in_use_further_up_the_stack_is_done_without() {
        let (a, b) = (Compartment::take(), Compartment::take());
        Shelf::renew(&SHELF, &a, |_| (1, 1), |_| ());
        let inner = Shelf::newest(&SHELF, &a, 1, |_| Shelf::renew(&SHELF, &b, |_| (2, 2), |item| *item));
        assert_eq!(inner, Some(2));
        assert_eq!(Shelf::newest(&SHELF, &b, 2, |item| *item), None, "it was not kept");
    }
}

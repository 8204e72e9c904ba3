//! The very file that publishes snapshots in production, on loom's primitives: every interleaving of a writer and
//! its readers within the preemption bound.
//!
//! Seen to fail: with the two stores of `update` swapped ("a reader that saw the new number must see the new
//! snapshot"), and with `sweep` dropping every retired snapshot ("the writer frees, not the reader").

#![cfg(not(miri))]

mod sync {
    pub(crate) use loom::sync::Arc;
    pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};

    pub(crate) fn next_generation() -> u64 {
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
        NEXT.fetch_add(1, Ordering::Relaxed)
    }

    /// parking_lot's shape over loom's lock.
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
            self.0.lock().expect("no model panics while it holds the lock")
        }
    }

    /// The twin of arc-swap, which loom cannot look into: what it promises, by the simplest means.
    pub(crate) struct SwapCell<T>(Mutex<Arc<T>>);

    impl<T> SwapCell<T> {
        pub(crate) fn new(value: Arc<T>) -> Self {
            Self(Mutex::new(value))
        }

        pub(crate) fn load(&self) -> Arc<T> {
            Arc::clone(&self.0.lock())
        }

        pub(crate) fn swap(&self, value: Arc<T>) -> Arc<T> {
            std::mem::replace(&mut self.0.lock(), value)
        }
    }
}

#[path = "../src/publish/published.rs"]
#[expect(dead_code, unreachable_pub, reason = "the model is a test and uses a part of the file's interface")]
mod published;

use std::cell::Cell;

use loom::sync::Arc;
use loom::thread;
use published::{Published, Reader};

/// Ring and member list in one: a reader must never see halves of two versions.
struct Pair {
    ring: u64,
    members: u64,
}

fn model(body: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(body);
}

#[test]
fn readers_see_whole_snapshots_in_order() {
    model(|| {
        let published = Arc::new(Published::new(Pair { ring: 0, members: 0 }));
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let mut reader = Reader::new(Arc::clone(&published));
                thread::spawn(move || {
                    let mut last = 0;
                    for _ in 0..2 {
                        let seen = reader.get();
                        assert_eq!(seen.ring, seen.members, "halves of two versions");
                        assert!(seen.ring >= last, "went back from {last} to {}", seen.ring);
                        last = seen.ring;
                    }
                })
            })
            .collect();
        for version in 1..=2 {
            published.publish(Pair { ring: version, members: version });
        }
        for reader in readers {
            reader.join().unwrap();
        }
    });
}

#[test]
fn a_reader_that_saw_the_new_number_sees_the_new_snapshot() {
    model(|| {
        let published = Arc::new(Published::new(0));
        let first = published.generation();
        let mut reader = Reader::new(Arc::clone(&published));
        let writer = {
            let published = Arc::clone(&published);
            thread::spawn(move || {
                published.publish(1);
            })
        };
        if published.generation() != first {
            assert_eq!(**reader.get(), 1, "a reader that saw the new number must see the new snapshot");
        }
        writer.join().unwrap();
        assert_eq!(**reader.get(), 1);
    });
}

// Loom runs its threads on one: only its own thread-locals tell them apart.
loom::thread_local! {
    static IS_READER: Cell<bool> = Cell::new(false);
}

/// Tells which side freed it.
struct Tracked;

impl Drop for Tracked {
    fn drop(&mut self) {
        assert!(!IS_READER.with(Cell::get), "the writer frees, not the reader");
    }
}

#[test]
fn readers_never_free_a_snapshot() {
    model(|| {
        let published = Arc::new(Published::new(Tracked));
        let mut reader = Reader::new(Arc::clone(&published));
        let thread = thread::spawn(move || {
            IS_READER.with(|is_reader| is_reader.set(true));
            reader.get();
            reader.get();
            // Nor does it free the cell: that stays with the writer below.
            reader
        });
        published.publish(Tracked);
        published.publish(Tracked);
        drop(thread.join().unwrap());
        assert_eq!(published.reclaim(), 0, "everything replaced is free once the reader is gone");
    });
}

//! Numbers that stand for executors' sessions and for shards.

use std::{fmt, num::NonZeroU32};

macro_rules! slot {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(NonZeroU32);

        impl $name {
            /// The slot of this index.
            ///
            /// # Panics
            ///
            /// When the index is `u32::MAX` or more, of which a [`Board`](super::Board) has none.
            pub const fn new(index: usize) -> Self {
                assert!(index < u32::MAX as usize, "a board has fewer slots");
                // One more than the index, so that `Option` of a slot is no larger than a slot.
                Self(NonZeroU32::MIN.saturating_add(index as u32))
            }

            /// Its index, from 0.
            pub const fn index(self) -> usize {
                self.0.get() as usize - 1
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.index().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.index())
            }
        }
    };
}

slot! {
    /// A place for one *session* of an executor. A restarted executor is another session, with a slot of its own.
    ExecutorSlot
}
slot! {
    /// A place for one shard.
    ShardSlot
}

const _: () = assert!(size_of::<Option<ExecutorSlot>>() == 4);

//! What will happen, and when.

use std::{cmp::Reverse, collections::BinaryHeap};

use crate::types::Mono;

/// A queue by true time. What is put in first happens first among what happens at the same moment.
#[derive(Debug)]
pub(super) struct Agenda<T> {
    /// When, how many were put in before, where it is. Small, because a heap copies its items about.
    heap: BinaryHeap<Reverse<(Mono, u64, u32)>>,
    items: Vec<Option<T>>,
    free: Vec<u32>,
    added: u64,
}

impl<T> Agenda<T> {
    pub(super) const fn new() -> Self {
        Self { heap: BinaryHeap::new(), items: Vec::new(), free: Vec::new(), added: 0 }
    }

    pub(super) fn add(&mut self, when: Mono, item: T) {
        let at = self.free.pop().unwrap_or_else(|| {
            self.items.push(None);
            self.items.len() as u32 - 1
        });
        self.items[at as usize] = Some(item);
        self.added += 1;
        self.heap.push(Reverse((when, self.added, at)));
    }

    pub(super) fn pop(&mut self) -> Option<(Mono, T)> {
        let Reverse((when, _, at)) = self.heap.pop()?;
        self.free.push(at);
        let item = self.items[at as usize].take().expect("what is in the heap is in the list");
        Some((when, item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn earlier_comes_first_and_equals_keep_their_order() {
        let mut agenda = Agenda::new();
        for (when, item) in [(5, 'c'), (1, 'a'), (5, 'd'), (3, 'b')] {
            agenda.add(Mono::from_nanos(when), item);
        }
        let order: String = std::iter::from_fn(|| agenda.pop()).map(|(_, item)| item).collect();
        assert_eq!(order, "abcd");
        agenda.add(Mono::ZERO, 'e');
        assert_eq!(agenda.pop(), Some((Mono::ZERO, 'e')), "places are used again");
    }
}

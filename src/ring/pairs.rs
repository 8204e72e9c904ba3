//! Two member lists side by side.

use std::cmp::Ordering;

use crate::types::Member;

/// A member in an old list and in a new one, by slot; `None` where it is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) old: Option<usize>,
    pub(super) new: Option<usize>,
}

/// Matches two lists by address, in order of address. Both must be in that order and without duplicates.
pub(super) fn by_address(old: &[Member], new: &[Member]) -> impl Iterator<Item = Pair> {
    let (mut at_old, mut at_new) = (0, 0);
    std::iter::from_fn(move || {
        let order = match (old.get(at_old), new.get(at_new)) {
            (Some(old), Some(new)) => old.address().cmp(new.address()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return None,
        };
        let pair = Pair { old: order.is_le().then_some(at_old), new: order.is_ge().then_some(at_new) };
        at_old += usize::from(pair.old.is_some());
        at_new += usize::from(pair.new.is_some());
        Some(pair)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_merged_by_address() {
        let members = |names: &str| names.chars().map(|c| Member::new(c).unwrap()).collect::<Vec<_>>();
        let pairs: Vec<_> =
            by_address(&members("abd"), &members("bcde")).map(|pair| (pair.old, pair.new)).collect();
        assert_eq!(
            pairs,
            [(Some(0), None), (Some(1), Some(0)), (None, Some(1)), (Some(2), Some(2)), (None, Some(3))]
        );
        assert_eq!(by_address(&[], &[]).next(), None);
    }
}

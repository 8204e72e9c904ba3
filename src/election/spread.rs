//! Which replica should lead which namespace.
//!
//! Everybody computes the same from the names of the living replicas and of the namespaces: nobody decides. Each
//! namespace goes to the replica that rendezvous hashing prefers for it, as long as that one has room; nobody has room
//! for two more than anybody else. So a replica that comes or goes changes little besides what is its own.
//!
//! Replicas that know different namespaces compute different things. A namespace that is handed to a replica which does
//! not take it is without a leader for a lease; so that is tried again after twice as long each time.

use std::collections::BTreeMap;

use crate::{hash::xxh3, types::Namespace};

/// Who should lead what, as of a set of namespaces and a set of replicas.
#[derive(Debug, Default)]
pub(super) struct Spread {
    replicas: Vec<String>,
    /// The namespaces and, as a place in `replicas`, who should lead them.
    preferred: BTreeMap<Namespace, usize>,
}

impl Spread {
    /// Computes anew if these are not the replicas and namespaces of the last time.
    pub(super) fn renew<'a>(
        &mut self,
        replicas: impl Iterator<Item = &'a str> + Clone,
        namespaces: impl ExactSizeIterator<Item = &'a Namespace> + Clone,
    ) {
        let is_same = replicas.clone().eq(self.replicas.iter().map(String::as_str))
            && namespaces.clone().eq(self.preferred.keys());
        if !is_same {
            self.replicas = replicas.map(str::to_owned).collect();
            self.preferred = spread(&self.replicas, namespaces);
        }
    }

    /// Who should lead the namespace; `None`: nobody is known to live.
    pub(super) fn preferred(&self, namespace: &Namespace) -> Option<&str> {
        Some(&self.replicas[*self.preferred.get(namespace)?])
    }

    /// How many replicas should rather lead the namespace than `me`.
    pub(super) fn rank(&self, namespace: &Namespace, me: &str) -> usize {
        let first = self.preferred(namespace);
        if first == Some(me) {
            return 0;
        }
        let ours = preference(namespace, me);
        let others =
            self.replicas.iter().map(String::as_str).filter(|name| *name != me && Some(*name) != first);
        usize::from(first.is_some()) + others.filter(|name| preference(namespace, name) > ours).count()
    }
}

fn spread<'a>(
    replicas: &[String],
    namespaces: impl ExactSizeIterator<Item = &'a Namespace>,
) -> BTreeMap<Namespace, usize> {
    if replicas.is_empty() {
        return BTreeMap::new();
    }
    let each = namespaces.len() / replicas.len();
    // So many have one more than the others.
    let mut extras = namespaces.len() % replicas.len();
    let mut counts = vec![0; replicas.len()];
    let mut preferred = BTreeMap::new();
    for namespace in namespaces {
        let has_room = |place: &usize| counts[*place] < each || (counts[*place] == each && extras > 0);
        let best = (0..replicas.len())
            .filter(has_room)
            .max_by_key(|place| preference(namespace, &replicas[*place]))
            .expect("there is room for as many as there are");
        if counts[best] == each {
            extras -= 1;
        }
        counts[best] += 1;
        preferred.insert(namespace.clone(), best);
    }
    preferred
}

/// How much a replica is preferred for a namespace.
fn preference(namespace: &Namespace, replica: &str) -> (u64, u64) {
    let own = xxh3(replica.as_bytes());
    (xxh3(&[xxh3(namespace.as_bytes()).to_le_bytes(), own.to_le_bytes()].concat()), own)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn made(replicas: &[String], count: usize) -> (Spread, Vec<Namespace>) {
        let mut namespaces: Vec<_> =
            (0..count).map(|number| Namespace::new(format!("ns-{number}")).unwrap()).collect();
        namespaces.sort();
        let mut spread = Spread::default();
        spread.renew(replicas.iter().map(String::as_str), namespaces.iter());
        (spread, namespaces)
    }

    fn names(numbers: &[u16]) -> Vec<String> {
        numbers.iter().map(|number| format!("r{number:05}")).collect()
    }

    proptest! {
        #[test]
        fn nobody_leads_two_more_than_anybody_else(
            numbers in prop::collection::btree_set(any::<u16>(), 1..9), count in 0_usize..200,
        ) {
            let replicas = names(&numbers.into_iter().collect::<Vec<_>>());
            let (spread, namespaces) = made(&replicas, count);
            let mut counts: BTreeMap<&str, usize> = replicas.iter().map(|name| (name.as_str(), 0)).collect();
            for namespace in &namespaces {
                *counts.get_mut(spread.preferred(namespace).unwrap()).unwrap() += 1;
                let mut ranks: Vec<_> = replicas.iter().map(|me| spread.rank(namespace, me)).collect();
                ranks.sort_unstable();
                prop_assert_eq!(ranks, (0..replicas.len()).collect::<Vec<_>>(), "all wait for different times");
            }
            let (least, most) = (counts.values().min().unwrap(), counts.values().max().unwrap());
            prop_assert!(most - least <= 1, "{:?}", counts);
        }
    }

    #[test]
    fn who_goes_leaves_most_others_where_they_are() {
        let before = names(&[1, 2, 3, 4, 5]);
        let (all, namespaces) = made(&before, 1000);
        let (without, _) = made(&before[1..], 1000);
        let stays = |namespace: &&Namespace| all.preferred(namespace) == without.preferred(namespace);
        let moved = 1000 - namespaces.iter().filter(stays).count();
        // A fifth has to.
        assert!((200..400).contains(&moved), "{moved}");
    }

    #[test]
    fn without_replicas_nobody_is_preferred() {
        let (spread, namespaces) = made(&[], 3);
        assert_eq!(spread.preferred(&namespaces[0]), None);
        assert_eq!(spread.rank(&namespaces[0], "me"), 0);
    }
}

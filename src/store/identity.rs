//! Who a store is.

use std::hash::{BuildHasher, RandomState};

use super::StoreIdentity;
use crate::clock;

impl StoreIdentity {
    /// One that no other store has: 128 random bits.
    pub(crate) fn fresh() -> Self {
        // The standard library keys its hashers from the operating system's randomness. The clock is mixed in for the
        // case that two machines were cloned while running.
        let random = || RandomState::new().hash_one(clock::unix_millis());
        Self(format!("{:016x}{:016x}", random(), random()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn identities_differ() {
        let many: BTreeSet<_> = (0..1_000).map(|_| StoreIdentity::fresh().0).collect();
        assert_eq!(many.len(), 1_000);
        assert!(many.iter().all(|identity| identity.len() == 32));
    }
}

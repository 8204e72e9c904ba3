//! One process of a distributor: what a crash ends.

use std::collections::BTreeMap;

use super::{link::Link, seat::Seat, stage::namespace};
use crate::{
    replica::Ensemble,
    types::{Mono, Version},
};

#[derive(Debug)]
pub(super) struct Process {
    pub(super) replica: Ensemble,
    pub(super) link: Link,
    /// Once its first watch is open.
    pub(super) is_contending: bool,
    /// Whether it has ever known the namespace's state.
    pub(super) has_viewed: bool,
    pub(super) seat: Option<Seat>,
    /// An operator was told that the store has to be adopted.
    pub(super) is_alarmed: bool,
    /// It knows that the namespace is deleted.
    pub(super) knows_of_deletion: bool,
    /// It is about to end, and serves nobody.
    pub(super) is_leaving: bool,
    /// Routers that want to hear what changes.
    pub(super) routers: BTreeMap<u8, Version>,
    pub(super) next_still: Mono,
}

impl Process {
    pub(super) fn version(&self) -> Option<Version> {
        self.replica.state(namespace()).map(|state| state.version())
    }

    pub(super) fn leads(&self, now: Mono) -> bool {
        self.replica.place(namespace()).is_some_and(|place| place.leads(now))
    }

    /// Whom it takes for the leader.
    pub(super) fn leader(&self) -> Option<u8> {
        let record = self.replica.election().leader(namespace()).filter(|record| !record.resigned)?;
        record.replica.strip_prefix('r')?.parse().ok()
    }
}

//! Who gossips.

use std::{net::SocketAddr, sync::Arc};

use foca::Identity;

use crate::types::Member;

/// A process that gossips, as foca's identity: where its datagrams go, which run of it, and the member that it is.
///
/// Two runs on one address differ by `generation`; the greater one is the younger and wins. It starts as the wall
/// clock's milliseconds, so a process that restarts on its address is believed at once.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) gossip: SocketAddr,
    pub(super) generation: u64,
    /// Not sent where a datagram only names whom it is for, and not compared.
    pub(super) member: Option<Arc<Member>>,
    /// How often this run had to take a new generation. Only known to itself.
    renewals: u8,
}

impl Peer {
    pub(super) const fn new(gossip: SocketAddr, generation: u64, member: Option<Arc<Member>>) -> Self {
        Self { gossip, generation, member, renewals: 0 }
    }
}

impl PartialEq for Peer {
    fn eq(&self, other: &Self) -> bool {
        self.gossip == other.gossip && self.generation == other.generation
    }
}

impl Eq for Peer {}

impl Identity for Peer {
    type Addr = SocketAddr;

    /// Called when the others take this run for gone, or for older than one that they know: a wall clock that went
    /// back makes the latter. The steps double (1 ms, 2 ms, 4 ms, ...), so thirty attempts catch up with twelve days.
    fn renew(&self) -> Option<Self> {
        let step = 1 << self.renewals.min(40);
        let generation = self.generation.checked_add(step)?;
        Some(Self { generation, renewals: self.renewals.saturating_add(1), ..self.clone() })
    }

    fn addr(&self) -> SocketAddr {
        self.gossip
    }

    fn win_addr_conflict(&self, adversary: &Self) -> bool {
        self.generation > adversary.generation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renewing_wins_over_what_was_and_catches_up_with_a_clock_that_went_back() {
        let gossip = "10.0.0.1:7946".parse().unwrap();
        let known = Peer::new(gossip, 1_000_000_000_000 + 12 * 86_400_000, None);
        let mut restarted = Peer::new(gossip, 1_000_000_000_000, None);
        let mut attempts = 0;
        while !restarted.win_addr_conflict(&known) {
            let renewed = restarted.renew().unwrap();
            assert!(renewed.win_addr_conflict(&restarted) && !restarted.win_addr_conflict(&renewed));
            restarted = renewed;
            attempts += 1;
        }
        assert!(attempts <= 31, "{attempts}");
        assert_eq!(Peer::new(gossip, u64::MAX, None).renew(), None, "at the end of all numbers it stays out");
    }
}

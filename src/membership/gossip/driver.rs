//! Brings a fleet's view to the network: one socket, one task.

use std::{
    net::{SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{net, task::JoinSet, time};

use super::{
    counts::Counts,
    envelope::MAX_DATAGRAM,
    fleet::{Fleet, Tidings},
};
use crate::{
    clock::{Clock, SystemClock},
    membership::{MemberSourceError, run::Outlet},
};

/// How long a seed's name may take to be resolved.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(5);
/// Most addresses taken of one name.
const MAX_ADDRESSES_OF_A_SEED: usize = 1000;
/// Pause after the socket has failed to receive, so that one that is broken for good does not eat a processor.
const SOCKET_PAUSE: Duration = Duration::from_millis(100);

/// The view and what it needs of the machine. Sending never waits, so it needs no runtime: what the operating system
/// does not take at once is lost, like any datagram.
pub(super) struct Gossip {
    fleet: Mutex<Fleet>,
    socket: UdpSocket,
    clock: SystemClock,
    counts: Arc<Counts>,
}

/// What is to be done outside of the lock.
struct Step {
    tidings: Option<Tidings>,
    wants_seeds: bool,
    pause: Duration,
}

impl Gossip {
    pub(super) const fn new(
        fleet: Fleet,
        socket: UdpSocket,
        clock: SystemClock,
        counts: Arc<Counts>,
    ) -> Self {
        Self { fleet: Mutex::new(fleet), socket, clock, counts }
    }

    /// Says goodbye at once, in the caller's thread: the process may be about to end.
    pub(super) fn leave(&self) {
        let mut fleet = self.fleet.lock();
        fleet.leave(self.clock.now());
        self.send(&mut fleet);
    }

    fn hear(&self, datagram: &[u8]) {
        let result = self.fleet.lock().take(datagram, self.clock.now());
        self.counts.heard(result);
    }

    fn join(&self, found: &Found) {
        self.fleet.lock().join(&found.addresses, found.complete, self.clock.now());
    }

    fn step(&self) -> Step {
        let mut fleet = self.fleet.lock();
        let now = self.clock.now();
        fleet.wake(now);
        self.send(&mut fleet);
        let (tidings, wants_seeds) = (fleet.take_tidings(now), fleet.wants_seeds(now));
        Step { tidings, wants_seeds, pause: fleet.next_wake().since(now) }
    }

    fn send(&self, fleet: &mut Fleet) {
        for (to, datagram) in fleet.take_outgoing() {
            let sent = self.socket.send_to(&datagram, to);
            self.counts.sent(sent.is_ok());
        }
    }
}

/// Runs until aborted.
pub(super) async fn drive(gossip: Arc<Gossip>, seeds: Arc<[String]>, outlet: Outlet) {
    let socket = gossip.socket.try_clone().and_then(net::UdpSocket::from_std);
    let socket = match socket {
        Ok(socket) => socket,
        Err(error) => return outlet.failed(unreachable_because(&seeds, error.to_string())),
    };
    // One byte more than allowed, so that a longer one is seen to be longer.
    let mut datagram = [0; MAX_DATAGRAM + 1];
    let mut finding: JoinSet<Found> = JoinSet::new();
    loop {
        let Step { tidings, wants_seeds, pause } = gossip.step();
        if let Some(tidings) = tidings {
            tell(&outlet, tidings, &seeds);
        }
        if wants_seeds && finding.is_empty() {
            finding.spawn(find(seeds.clone()));
        }
        tokio::select! {
            heard = socket.recv_from(&mut datagram) => match heard {
                Ok((length, _)) => gossip.hear(&datagram[..length]),
                Err(_) => time::sleep(SOCKET_PAUSE).await,
            },
            Some(Ok(found)) = finding.join_next() => gossip.join(&found),
            () = time::sleep(pause) => {}
        }
    }
}

fn tell(outlet: &Outlet, tidings: Tidings, seeds: &[String]) {
    if let Some(members) = tidings.members {
        outlet.members(members);
    }
    if tidings.alone {
        outlet.failed(unreachable_because(seeds, "none answers, and no other process is known".into()));
    }
}

fn unreachable_because(seeds: &[String], reason: String) -> MemberSourceError {
    MemberSourceError::Unreachable { what: format!("gossip seeds {}", seeds.join(", ")), reason }
}

/// Where seeds are.
struct Found {
    addresses: Vec<SocketAddr>,
    /// Every seed was resolved.
    complete: bool,
}

async fn find(seeds: Arc<[String]>) -> Found {
    let mut lookups: JoinSet<Option<Vec<SocketAddr>>> = seeds
        .iter()
        .cloned()
        .map(|seed| async move {
            let found = time::timeout(RESOLVE_TIMEOUT, net::lookup_host(seed)).await.ok()?.ok()?;
            Some(found.take(MAX_ADDRESSES_OF_A_SEED).collect())
        })
        .collect();
    let mut found = Found { addresses: Vec::new(), complete: true };
    while let Some(lookup) = lookups.join_next().await {
        match lookup.ok().flatten() {
            Some(addresses) => found.addresses.extend(addresses),
            None => found.complete = false,
        }
    }
    found
}

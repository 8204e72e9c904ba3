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

    fn hear(&self, datagram: &[u8], from: SocketAddr) {
        let result = self.fleet.lock().take(datagram, from, self.clock.now());
        self.counts.heard(result);
    }

    fn join(&self, found: Option<Vec<SocketAddr>>, search: &mut Search) {
        let (mut fleet, now) = (self.fleet.lock(), self.clock.now());
        match found {
            Some(addresses) => search.found_others |= fleet.join(&addresses, now),
            None => search.missed_some = true,
        }
        if search.lookups.is_empty() && !search.found_others && !search.missed_some {
            fleet.has_no_others(now);
        }
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
    let mut search = Search::default();
    loop {
        let Step { tidings, wants_seeds, pause } = gossip.step();
        if let Some(tidings) = tidings {
            tell(&outlet, tidings, &seeds);
        }
        if wants_seeds && search.lookups.is_empty() {
            search = Search { lookups: seeds.iter().cloned().map(resolve).collect(), ..Search::default() };
        }
        tokio::select! {
            heard = socket.recv_from(&mut datagram) => match heard {
                Ok((length, from)) => gossip.hear(&datagram[..length], from),
                Err(_) => time::sleep(SOCKET_PAUSE).await,
            },
            Some(found) = search.lookups.join_next() => gossip.join(found.ok().flatten(), &mut search),
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

/// Looking for the addresses of all seeds. Each is tried as soon as its own are found: one whose name server is slow
/// holds up no other.
#[derive(Default)]
struct Search {
    lookups: JoinSet<Option<Vec<SocketAddr>>>,
    found_others: bool,
    missed_some: bool,
}

async fn resolve(seed: String) -> Option<Vec<SocketAddr>> {
    let found = time::timeout(RESOLVE_TIMEOUT, net::lookup_host(seed)).await.ok()?.ok()?;
    Some(found.take(MAX_ADDRESSES_OF_A_SEED).collect())
}

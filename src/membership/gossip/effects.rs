//! What foca wants done.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
    net::SocketAddr,
    time::Duration,
};

use foca::{Notification, Runtime, Timer};

use super::{
    envelope::{Kind, seal},
    peer::Peer,
};
use crate::types::Mono;

/// Gathers what foca asks for during one call.
pub(super) struct Effects {
    cluster: Box<str>,
    /// The time of the call.
    pub(super) now: Mono,
    /// Datagrams to send.
    pub(super) outgoing: Vec<(SocketAddr, Vec<u8>)>,
    /// Whether a member came, went or was replaced.
    pub(super) changed: bool,
    timers: BinaryHeap<Reverse<Due>>,
    timers_made: u64,
}

impl Effects {
    pub(super) fn new(cluster: &str, now: Mono) -> Self {
        Self {
            cluster: cluster.into(),
            now,
            outgoing: Vec::new(),
            changed: false,
            timers: BinaryHeap::new(),
            timers_made: 0,
        }
    }

    pub(super) fn send(&mut self, to: SocketAddr, kind: Kind, payload: &[u8]) {
        self.outgoing.push((to, seal(&self.cluster, kind, payload)));
    }

    pub(super) fn cluster(&self) -> &str {
        &self.cluster
    }

    /// The next timer that is due.
    pub(super) fn due(&mut self) -> Option<Timer<Peer>> {
        self.timers.peek().filter(|Reverse(due)| due.at <= self.now)?;
        self.timers.pop().map(|Reverse(due)| due.timer)
    }

    /// When the next timer is due.
    pub(super) fn next(&self) -> Option<Mono> {
        self.timers.peek().map(|Reverse(due)| due.at)
    }

    pub(super) fn waiting(&self) -> usize {
        self.timers.len()
    }
}

impl Runtime<Peer> for Effects {
    fn notify(&mut self, notification: Notification<'_, Peer>) {
        match notification {
            Notification::MemberUp(_) | Notification::MemberDown(_) | Notification::Rename(..) => {
                self.changed = true
            }
            Notification::Active | Notification::Idle | Notification::Defunct | Notification::Rejoin(_) => {}
        }
    }

    fn send_to(&mut self, to: Peer, data: &[u8]) {
        self.send(to.gossip, Kind::Protocol, data);
    }

    fn submit_after(&mut self, timer: Timer<Peer>, after: Duration) {
        self.timers_made += 1;
        self.timers.push(Reverse(Due { at: self.now + after, timer, made: self.timers_made }));
    }
}

/// A timer and its time. Of those due together foca says which comes first, and after that the one made first.
struct Due {
    at: Mono,
    timer: Timer<Peer>,
    made: u64,
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        self.at.cmp(&other.at).then_with(|| self.timer.cmp(&other.timer)).then(self.made.cmp(&other.made))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Due {}

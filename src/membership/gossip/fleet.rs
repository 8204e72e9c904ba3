//! One process's view of its fleet: the protocol, without sockets, clocks and tasks.
//!
//! Whoever drives it hands in datagrams, addresses of seeds and the time, and after each such call takes out what is
//! to be sent and told, and learns when to call again.

use std::{
    collections::{BTreeSet, HashSet},
    net::SocketAddr,
    time::Duration,
};

use bytes::Buf;
use foca::{Codec, Foca, Message, NoCustomBroadcast, State};
use rand::{
    RngExt, SeedableRng,
    rngs::SmallRng,
    seq::{IndexedRandom, SliceRandom},
};

use super::{
    effects::Effects,
    envelope::{Ignored, Kind, open},
    peer::Peer,
    roster::{Exchange, Page, Request, Turned},
    timing::GossipTiming,
    wire::{Wire, anyone_at},
};
use crate::types::{Member, Mono};

/// How often an unchanged list is told again.
const REFRESH: Duration = Duration::from_secs(30);
/// How long changes are gathered before they are told: a fleet that starts is then a few lists, not hundreds.
const SETTLE: Duration = Duration::from_millis(50);
/// While more timers wait, nothing is listened to. A fleet of the greatest size has one for each member that is gone
/// and a few dozen more.
const MAX_TIMERS: usize = 100_000;
/// How many addresses of one seed are tried, chosen at random: a name may stand for the whole fleet. As many of those
/// that are gone are tried while nobody is there.
const MAX_TRIED: usize = 3;

/// What the sink is to be told.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tidings {
    /// The complete list, if it is known.
    pub(super) members: Option<Vec<Member>>,
    /// There are seeds, and neither they nor anybody else answers.
    pub(super) alone: bool,
}

/// See the [module](self).
pub(super) struct Fleet {
    foca: Foca<Peer, Wire, SmallRng, NoCustomBroadcast>,
    wire: Wire,
    effects: Effects,
    rng: SmallRng,
    timing: GossipTiming,
    max_peers: usize,
    /// Others may be found at the seeds; not so if those lead to nobody but ourselves.
    has_seeds: bool,
    next_join: Mono,
    /// The roster that is being fetched.
    exchange: Option<Exchange>,
    /// It has named somebody who was not known.
    exchange_taught: bool,
    /// When the next one is.
    next_exchange: Mono,
    left: bool,
    /// The list may be told: a roster was fetched, or there is nobody to wait for any longer.
    is_known: bool,
    next_telling: Mono,
}

impl Fleet {
    /// A process that knows of nobody yet. `seed` decides all that is left to chance.
    pub(super) fn new(
        cluster: &str,
        me: Peer,
        has_seeds: bool,
        timing: GossipTiming,
        seed: u64,
        now: Mono,
    ) -> Self {
        let wire = Wire { me: me.gossip };
        let mut rng = SmallRng::seed_from_u64(seed);
        Self {
            foca: Foca::new(me, timing.foca(), SmallRng::from_rng(&mut rng), wire),
            wire,
            effects: Effects::new(cluster, now),
            rng,
            timing,
            max_peers: crate::membership::MAX_MEMBERS,
            has_seeds,
            next_join: now,
            exchange: None,
            exchange_taught: false,
            next_exchange: now,
            left: false,
            is_known: !has_seeds,
            next_telling: if has_seeds { now + timing.join_patience } else { now },
        }
    }

    /// Listens to a datagram that came `from` there.
    pub(super) fn take(&mut self, datagram: &[u8], from: SocketAddr, now: Mono) -> Result<(), Ignored> {
        let (kind, payload) = open(self.effects.cluster(), datagram)?;
        self.effects.now = now;
        match kind {
            Kind::Protocol => self.take_protocol(payload),
            Kind::RosterRequest => {
                let request = Request::decode(payload).map_err(|_| Ignored::Malformed)?;
                let me = foca::Member::alive(self.foca.identity().clone());
                let everybody = self.foca.iter_members().cloned().chain((!self.left).then_some(me)).collect();
                self.effects.send(
                    from,
                    Kind::RosterPage,
                    &Page::answering(&request, self.wire.me, everybody),
                );
                Ok(())
            }
            Kind::RosterPage => self.take_page(Page::decode(payload).map_err(|_| Ignored::Malformed)?),
        }
    }

    fn take_protocol(&mut self, payload: &[u8]) -> Result<(), Ignored> {
        let named = peers_named(payload, self.wire).ok_or(Ignored::Malformed)?;
        if self.effects.waiting() >= MAX_TIMERS || self.are_too_many(&named) {
            return Err(Ignored::TooMany);
        }
        let result = self.foca.handle_data(payload, &mut self.effects);
        self.notice_changes();
        result.map_err(|error| match error {
            foca::Error::Decode(_) | foca::Error::MalformedPacket | foca::Error::CustomBroadcast(_) => {
                Ignored::Malformed
            }
            _ => Ignored::Refused,
        })
    }

    fn take_page(&mut self, page: Page) -> Result<(), Ignored> {
        let now = self.effects.now;
        let named = page.updates.iter().map(|update| update.id().gossip).collect();
        if self.effects.waiting() >= MAX_TIMERS || self.are_too_many(&named) {
            return Err(Ignored::TooMany);
        }
        let turned =
            self.exchange.as_mut().and_then(|exchange| exchange.turn(&page)).ok_or(Ignored::Refused)?;
        let known = self.foca.num_members();
        // What is new to us is news to few others: they fetch rosters too.
        let result = self.foca.apply_many(page.updates.into_iter(), false, &mut self.effects);
        self.exchange_taught |= self.foca.num_members() > known;
        self.notice_changes();
        match turned {
            Turned::More => self.ask_for_roster(),
            Turned::Complete => {
                self.exchange = None;
                // One that taught us something is followed by another soon: in a fleet that starts nobody knows all.
                let taught = std::mem::take(&mut self.exchange_taught);
                let pause = if taught { self.timing.join_every } else { self.timing.compare_every };
                self.next_exchange = now + pause.mul_f64(self.rng.random_range(0.75..1.0));
                self.now_known();
            }
        }
        result.map_err(|_| Ignored::Refused)
    }

    /// Does what is due.
    pub(super) fn wake(&mut self, now: Mono) {
        self.effects.now = now;
        while let Some(timer) = self.effects.due() {
            // A probe that this process slept through is told as an error and begins anew.
            let _ = self.foca.handle_timer(timer, &mut self.effects);
        }
        self.notice_changes();
        if self.next_roster().is_some_and(|due| due <= now) {
            self.ask_for_roster();
        }
    }

    /// When to [`wake`](Self::wake) it, at the latest.
    pub(super) fn next_wake(&self) -> Mono {
        let join = (self.has_seeds && !self.left).then_some(self.next_join);
        [self.effects.next(), join, self.next_roster()]
            .into_iter()
            .flatten()
            .fold(self.next_telling, Mono::min)
    }

    /// Whether the seeds are to be tried now; answers true once.
    pub(super) fn wants_seeds(&mut self, now: Mono) -> bool {
        let due = self.has_seeds && !self.left && self.next_join <= now;
        if due {
            let alone = self.foca.num_members() == 0;
            self.next_join = now + if alone { self.timing.join_every } else { self.timing.compare_every };
            if alone {
                let gone = self.foca.iter_membership_state().filter(|peer| peer.state() == State::Down);
                let gone = gone.map(|peer| peer.id().clone()).collect();
                self.announce_to_some(gone, now);
            }
        }
        due
    }

    /// Tries a seed that leads to these addresses. Whether it leads to anybody but this process.
    pub(super) fn join(&mut self, addresses: &[SocketAddr], now: Mono) -> bool {
        let others: Vec<Peer> =
            addresses.iter().filter(|at| **at != self.wire.me).copied().map(anyone_at).collect();
        let are_others = !others.is_empty();
        self.announce_to_some(others, now);
        are_others
    }

    /// The seeds lead to nobody but this process, which therefore waits for nobody.
    pub(super) fn has_no_others(&mut self, now: Mono) {
        self.effects.now = now;
        self.now_known();
    }

    fn announce_to_some(&mut self, mut peers: Vec<Peer>, now: Mono) {
        self.effects.now = now;
        for peer in peers.partial_shuffle(&mut self.rng, MAX_TRIED).0 {
            // Fails only for what does not fit into a datagram, which an announcement does.
            let _ = self.foca.announce(peer.clone(), &mut self.effects);
        }
    }

    /// Tells others that this process goes, and leaves it out of its own list.
    pub(super) fn leave(&mut self, now: Mono) {
        if self.left {
            return;
        }
        self.effects.now = now;
        self.left = true;
        let _ = self.foca.leave_cluster(&mut self.effects);
        // Said thrice, to three others each time: a lost datagram must not turn a farewell into a suspicion.
        let _ = self.foca.gossip(&mut self.effects);
        let _ = self.foca.gossip(&mut self.effects);
        self.next_telling = now;
    }

    /// Datagrams to send.
    pub(super) fn take_outgoing(&mut self) -> Vec<(SocketAddr, Vec<u8>)> {
        std::mem::take(&mut self.effects.outgoing)
    }

    /// What is to be told now.
    pub(super) fn take_tidings(&mut self, now: Mono) -> Option<Tidings> {
        if now < self.next_telling {
            return None;
        }
        self.next_telling = now + REFRESH;
        let alone = self.has_seeds && self.foca.num_members() == 0 && !self.left;
        // Whoever has waited for long enough has to go by itself.
        let is_news =
            std::mem::take(&mut self.effects.changed) || !std::mem::replace(&mut self.is_known, true);
        let members = (is_news || !alone).then(|| self.members());
        Some(Tidings { members, alone })
    }

    /// Everybody who is there, this process included until it leaves, by address.
    fn members(&self) -> Vec<Member> {
        let me = (!self.left).then(|| self.foca.identity());
        let mut peers: Vec<&Peer> = self.foca.iter_members().map(foca::Member::id).chain(me).collect();
        // One that moved to another address is known there and here until it is missed here: the younger run counts.
        peers.sort_by_key(|peer| std::cmp::Reverse((peer.generation, peer.gossip)));
        let (mut identities, mut addresses) = (HashSet::new(), HashSet::new());
        let mut members: Vec<Member> = peers
            .into_iter()
            .filter_map(|peer| peer.member.as_deref())
            .filter(|member| identities.insert(member.identity()) && addresses.insert(member.address()))
            .cloned()
            .collect();
        members.sort_by(|a, b| a.address().cmp(b.address()));
        members
    }

    fn notice_changes(&mut self) {
        // After taking a new generation foca asks nobody for signs of life until it hears something, and would take
        // those it knows for alive for ever if they went just then. To apply nothing makes it look again.
        let _ = self.foca.apply_many(std::iter::empty(), false, &mut self.effects);
        if self.effects.changed {
            if self.is_known {
                self.next_telling = self.next_telling.min(self.effects.now + SETTLE);
            }
            if self.foca.num_members() == 0 {
                self.next_join = self.next_join.min(self.effects.now + self.timing.join_every);
            }
        }
    }

    fn now_known(&mut self) {
        if !self.is_known {
            self.is_known = true;
            self.effects.changed = true;
            self.next_telling = self.effects.now;
        }
    }

    /// When to ask for a roster, or for its next page again.
    fn next_roster(&self) -> Option<Mono> {
        let somebody = self.foca.num_members() > 0 && !self.left;
        somebody.then(|| self.exchange.as_ref().map_or(self.next_exchange, |exchange| exchange.retry_at))
    }

    fn ask_for_roster(&mut self) {
        let (patience, now) = (self.timing.probe_timeout, self.effects.now);
        let ask = |exchange: &mut Exchange| exchange.ask(patience, now);
        let request = self.exchange.as_mut().and_then(ask).or_else(|| {
            let peers: Vec<SocketAddr> = self.foca.iter_members().map(|peer| peer.id().gossip).collect();
            let peer = peers.choose(&mut self.rng)?;
            ask(self.exchange.insert(Exchange::with(*peer, now)))
        });
        if let Some((to, request)) = request {
            self.effects.send(to, Kind::RosterRequest, &request);
        }
    }

    /// Whether listening would make more peers known, gone ones included, than allowed.
    fn are_too_many(&self, named: &BTreeSet<SocketAddr>) -> bool {
        let known = self.foca.iter_membership_state();
        let room = self.max_peers.saturating_sub(known.len());
        if named.len() <= room {
            return false;
        }
        let known: HashSet<SocketAddr> = known.map(|peer| peer.id().gossip).collect();
        named.iter().filter(|address| !known.contains(address)).count() > room
    }
}

/// Every peer that a payload would make known; `None` if it cannot be read.
fn peers_named(mut payload: &[u8], mut wire: Wire) -> Option<BTreeSet<SocketAddr>> {
    let header = wire.decode_header(&mut payload).ok()?;
    let mut named = BTreeSet::from([header.src.gossip]);
    if header.message != Message::Broadcast && payload.len() >= 2 {
        for _ in 0..payload.get_u16() {
            named.insert(wire.decode_member(&mut payload).ok()?.id().gossip);
        }
    }
    Some(named)
}

#[cfg(test)]
#[path = "fleet_tests.rs"]
mod tests;

//! How peers, members and messages are written.
//!
//! All numbers are big endian, all lengths are checked before anything is read or reserved.
//!
//! ```text
//! peer:    kind (0 whoever gets this, 1 bare, 2 with member), then unless 0:
//!          address, generation:8, then if 2:
//!          text of the address, text of the identity (empty: the address), weight:2, count:1 of (text, port:2)
//! text:    length:2, UTF-8
//! update:  peer, incarnation:2, state:1
//! address: 4 or 6, IP address, port:2
//! header:  peer (sender), incarnation:2, peer (receiver), message:1, then what the message holds
//! ```
//! Senders and members of updates come with their member; all others are bare, which keeps the largest header small
//! enough for a datagram that has room for an update.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use bytes::{Buf, BufMut};
use foca::{Codec, Header, Message, State};

use super::peer::Peer;
use crate::types::Member;

/// Longest peer with its member, in bytes. Two of them, two bare ones and the rest of a header fit into one datagram.
pub(super) const MAX_PEER_BYTES: usize = 600;

const ANYONE: u8 = 0;
const BARE: u8 = 1;
const WITH_MEMBER: u8 = 2;

/// Reads and writes for one process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wire {
    /// Own address: what "whoever gets this" means.
    pub(super) me: SocketAddr,
}

impl Codec<Peer> for Wire {
    type Error = WireError;

    fn encode_header(&mut self, header: &Header<Peer>, buf: impl BufMut) -> Result<(), WireError> {
        let mut out = Vec::new();
        put_peer(&mut out, &header.src, true);
        out.put_u16(header.src_incarnation);
        put_peer(&mut out, &header.dst, false);
        put_message(&mut out, &header.message);
        put_all(&out, buf)
    }

    fn decode_header(&mut self, mut buf: impl Buf) -> Result<Header<Peer>, WireError> {
        let src = get_peer(&mut buf)?
            .filter(|peer| peer.member.is_some())
            .ok_or(WireError("sender without member"))?;
        let src_incarnation = get_u16(&mut buf)?;
        let dst = get_peer(&mut buf)?.unwrap_or(Peer::new(self.me, 0, None));
        let message = get_message(&mut buf)?;
        Ok(Header { src, src_incarnation, dst, message })
    }

    fn encode_member(&mut self, update: &foca::Member<Peer>, buf: impl BufMut) -> Result<(), WireError> {
        let mut out = Vec::new();
        put_update(&mut out, update);
        put_all(&out, buf)
    }

    fn decode_member(&mut self, mut buf: impl Buf) -> Result<foca::Member<Peer>, WireError> {
        get_update(&mut buf)
    }
}

pub(super) fn put_update(out: &mut Vec<u8>, update: &foca::Member<Peer>) {
    put_peer(out, update.id(), true);
    out.put_u16(update.incarnation());
    out.put_u8(match update.state() {
        State::Alive => 0,
        State::Suspect => 1,
        State::Down => 2,
    });
}

pub(super) fn get_update(buf: &mut impl Buf) -> Result<foca::Member<Peer>, WireError> {
    let peer = get_peer(buf)?.ok_or(WireError("update about nobody"))?;
    let incarnation = get_u16(buf)?;
    let state = match get_u8(buf)? {
        0 => State::Alive,
        1 => State::Suspect,
        2 => State::Down,
        _ => return Err(WireError("unknown state")),
    };
    if peer.member.is_none() && state != State::Down {
        return Err(WireError("live peer without member"));
    }
    Ok(foca::Member::new(peer, incarnation, state))
}

/// A seed, of which nothing is known but an address that leads to it.
pub(super) const fn anyone_at(address: SocketAddr) -> Peer {
    Peer::new(address, 0, None)
}

/// How many bytes a peer takes with its member.
pub(super) fn peer_bytes(peer: &Peer) -> usize {
    let mut out = Vec::new();
    put_peer(&mut out, peer, true);
    out.len()
}

/// What is wrong with a payload, for a person who debugs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WireError(pub(super) &'static str);

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for WireError {}

/// Nothing is written unless all of it fits.
fn put_all(out: &[u8], mut buf: impl BufMut) -> Result<(), WireError> {
    if buf.remaining_mut() < out.len() {
        return Err(WireError("no room left"));
    }
    buf.put_slice(out);
    Ok(())
}

fn put_message(out: &mut Vec<u8>, message: &Message<Peer>) {
    let (kind, peer, number) = match message {
        Message::Ping(number) => (0, None, Some(number)),
        Message::Ack(number) => (1, None, Some(number)),
        Message::PingReq { target, probe_number } => (2, Some(target), Some(probe_number)),
        Message::IndirectPing { origin, probe_number } => (3, Some(origin), Some(probe_number)),
        Message::IndirectAck { target, probe_number } => (4, Some(target), Some(probe_number)),
        Message::ForwardedAck { origin, probe_number } => (5, Some(origin), Some(probe_number)),
        Message::Announce => (6, None, None),
        Message::Feed => (7, None, None),
        Message::Gossip => (8, None, None),
        Message::Broadcast => (9, None, None),
        Message::TurnUndead => (10, None, None),
    };
    out.put_u8(kind);
    if let Some(peer) = peer {
        put_peer(out, peer, false);
    }
    out.extend(number);
}

fn get_message(buf: &mut impl Buf) -> Result<Message<Peer>, WireError> {
    let kind = get_u8(buf)?;
    let mut bare = || get_peer(buf)?.ok_or(WireError("message about nobody"));
    Ok(match kind {
        0 => Message::Ping(get_u8(buf)?),
        1 => Message::Ack(get_u8(buf)?),
        2 => Message::PingReq { target: bare()?, probe_number: get_u8(buf)? },
        3 => Message::IndirectPing { origin: bare()?, probe_number: get_u8(buf)? },
        4 => Message::IndirectAck { target: bare()?, probe_number: get_u8(buf)? },
        5 => Message::ForwardedAck { origin: bare()?, probe_number: get_u8(buf)? },
        6 => Message::Announce,
        7 => Message::Feed,
        8 => Message::Gossip,
        // A broadcast of our own is never made, but the number is foca's.
        9 => Message::Broadcast,
        10 => Message::TurnUndead,
        _ => return Err(WireError("unknown message")),
    })
}

fn put_peer(out: &mut Vec<u8>, peer: &Peer, with_member: bool) {
    let member = peer.member.as_ref().filter(|_| with_member);
    // Only a seed has generation 0 and nothing else known of it: whoever is reached there is meant.
    if peer.generation == 0 && peer.member.is_none() {
        out.put_u8(ANYONE);
        return;
    }
    out.put_u8(if member.is_some() { WITH_MEMBER } else { BARE });
    put_address(out, peer.gossip);
    out.put_u64(peer.generation);
    if let Some(member) = member {
        put_member(out, member);
    }
}

/// `None` is "whoever gets this".
fn get_peer(buf: &mut impl Buf) -> Result<Option<Peer>, WireError> {
    let kind = get_u8(buf)?;
    if kind == ANYONE {
        return Ok(None);
    }
    let gossip = get_address(buf)?;
    let generation = u64::from_be_bytes(get_array(buf)?);
    let member = match kind {
        BARE => None,
        WITH_MEMBER => Some(Arc::new(get_member(buf)?)),
        _ => return Err(WireError("unknown kind of peer")),
    };
    Ok(Some(Peer::new(gossip, generation, member)))
}

pub(super) fn put_address(out: &mut Vec<u8>, address: SocketAddr) {
    match address.ip() {
        IpAddr::V4(ip) => {
            out.put_u8(4);
            out.extend(ip.octets());
        }
        IpAddr::V6(ip) => {
            out.put_u8(6);
            out.extend(ip.octets());
        }
    }
    out.put_u16(address.port());
}

pub(super) fn get_address(buf: &mut impl Buf) -> Result<SocketAddr, WireError> {
    let ip = match get_u8(buf)? {
        4 => IpAddr::from(get_array::<4>(buf)?),
        6 => IpAddr::from(get_array::<16>(buf)?),
        _ => return Err(WireError("unknown kind of address")),
    };
    let address = SocketAddr::new(ip, get_u16(buf)?);
    if address.port() == 0 || ip.is_unspecified() {
        return Err(WireError("address that nobody can have"));
    }
    Ok(address)
}

fn put_member(out: &mut Vec<u8>, member: &Member) {
    put_text(out, member.address());
    put_text(out, if member.identity() == member.address() { "" } else { member.identity() });
    out.put_u16(member.weight());
    out.put_u8(u8::try_from(member.ports().len()).unwrap_or(u8::MAX));
    for (name, port) in member.ports() {
        put_text(out, name);
        out.put_u16(port);
    }
}

fn get_member(buf: &mut impl Buf) -> Result<Member, WireError> {
    let refused = |_| WireError("member that breaks a rule");
    let mut member = Member::new(get_text(buf)?).map_err(refused)?;
    let identity = get_text(buf)?;
    if !identity.is_empty() {
        member = member.with_identity(identity).map_err(refused)?;
    }
    member = member.with_weight(get_u16(buf)?).map_err(refused)?;
    for _ in 0..get_u8(buf)? {
        let name = get_text(buf)?;
        member = member.with_port(name, get_u16(buf)?).map_err(refused)?;
    }
    Ok(member)
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.put_u16(u16::try_from(text.len()).unwrap_or(u16::MAX));
    out.extend(text.as_bytes());
}

fn get_text(buf: &mut impl Buf) -> Result<String, WireError> {
    let length = get_u16(buf)?.into();
    if length > buf.remaining() {
        return Err(WireError("text beyond the end"));
    }
    let mut text = vec![0; length];
    buf.copy_to_slice(&mut text);
    String::from_utf8(text).map_err(|_| WireError("text that is no UTF-8"))
}

pub(super) fn get_u8(buf: &mut impl Buf) -> Result<u8, WireError> {
    get_array(buf).map(u8::from_be_bytes)
}

pub(super) fn get_u16(buf: &mut impl Buf) -> Result<u16, WireError> {
    get_array(buf).map(u16::from_be_bytes)
}

fn get_array<const N: usize>(buf: &mut impl Buf) -> Result<[u8; N], WireError> {
    let mut bytes = [0; N];
    buf.try_copy_to_slice(&mut bytes).map_err(|_| WireError("cut off"))?;
    Ok(bytes)
}

#[cfg(test)]
#[path = "wire_tests.rs"]
pub(super) mod tests;

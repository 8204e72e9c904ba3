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
pub(super) mod tests {
    use std::ops::Range;

    use proptest::prelude::*;

    use super::{super::envelope::MAX_PAYLOAD, *};

    fn text(length: Range<usize>) -> impl Strategy<Value = String> {
        prop::collection::vec(prop::sample::select(vec!['a', '7', '-', '.', 'ä', '🔑']), length)
            .prop_map(String::from_iter)
    }

    fn address() -> impl Strategy<Value = SocketAddr> {
        let ip =
            prop_oneof![any::<[u8; 4]>().prop_map(IpAddr::from), any::<[u8; 16]>().prop_map(IpAddr::from)];
        (ip, 1u16..)
            .prop_map(|(ip, port)| SocketAddr::new(ip, port))
            .prop_filter("an address that somebody can have", |address| !address.ip().is_unspecified())
    }

    fn member() -> impl Strategy<Value = Member> {
        let ports = prop::collection::btree_map(text(1..9), any::<u16>(), 0..4);
        (text(1..30), text(0..30), 1u16..=1000, ports).prop_map(|(address, identity, weight, ports)| {
            let mut member = Member::new(address).unwrap().with_weight(weight).unwrap();
            if !identity.is_empty() {
                member = member.with_identity(identity).unwrap();
            }
            ports.into_iter().fold(member, |member, (name, port)| member.with_port(name, port).unwrap())
        })
    }

    fn peer() -> impl Strategy<Value = Peer> {
        (address(), 1u64.., member())
            .prop_map(|(gossip, generation, member)| Peer::new(gossip, generation, Some(member.into())))
    }

    pub(in super::super) fn update() -> impl Strategy<Value = foca::Member<Peer>> {
        (peer(), any::<u16>(), prop::sample::select(vec![State::Alive, State::Suspect, State::Down]))
            .prop_map(|(peer, incarnation, state)| foca::Member::new(peer, incarnation, state))
    }

    fn header() -> impl Strategy<Value = Header<Peer>> {
        (peer(), any::<u16>(), peer(), peer(), any::<u8>(), 0usize..11).prop_map(
            |(src, src_incarnation, dst, target, probe_number, message)| {
                let origin = target.clone();
                let message = [
                    Message::Ping(probe_number),
                    Message::Ack(probe_number),
                    Message::PingReq { target: target.clone(), probe_number },
                    Message::IndirectPing { origin: origin.clone(), probe_number },
                    Message::IndirectAck { target, probe_number },
                    Message::ForwardedAck { origin, probe_number },
                    Message::Announce,
                    Message::Feed,
                    Message::Gossip,
                    Message::Broadcast,
                    Message::TurnUndead,
                ][message]
                    .clone();
                Header { src, src_incarnation, dst, message }
            },
        )
    }

    const WIRE: Wire = Wire { me: SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 7946) };

    proptest! {
        #[test]
        fn headers_and_updates_survive_the_wire(header in header(), update in update()) {
            let mut wire = WIRE;
            let mut out = Vec::new();
            wire.encode_header(&header, &mut out).unwrap();
            let header_bytes = out.len();
            wire.encode_member(&update, &mut out).unwrap();

            let mut read = &*out;
            let decoded = wire.decode_header(&mut read).unwrap();
            prop_assert_eq!(&decoded, &header);
            prop_assert_eq!(&decoded.src.member, &header.src.member, "which is no part of being equal");
            prop_assert_eq!(out.len() - read.len(), header_bytes, "no byte more is read");
            let decoded = wire.decode_member(&mut read).unwrap();
            prop_assert_eq!(&decoded, &update);
            prop_assert_eq!(&decoded.id().member, &update.id().member);
            prop_assert!(read.is_empty());

            for length in 0..header_bytes {
                prop_assert!(wire.decode_header(&out[..length]).is_err(), "cut at {}", length);
            }
            let mut cramped = [0; 64];
            let mut room = &mut cramped[..];
            if wire.encode_member(&update, &mut room).is_err() {
                prop_assert_eq!(room.len(), 64, "what does not fit leaves nothing behind");
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut wire = WIRE;
            let _ = wire.decode_header(&*bytes);
            let _ = wire.decode_member(&*bytes);
        }
    }

    #[test]
    fn a_seed_is_whoever_gets_the_datagram() {
        let mut wire = WIRE;
        let member = Some(Member::new("a:1").unwrap().into());
        let src = Peer::new("10.0.0.1:1".parse().unwrap(), 5, member);
        let dst = anyone_at("10.9.9.9:9".parse().unwrap());
        let header = Header { src, src_incarnation: 0, dst, message: Message::Announce };
        let mut out = Vec::new();
        wire.encode_header(&header, &mut out).unwrap();
        assert_eq!(wire.decode_header(&*out).unwrap().dst, anyone_at(WIRE.me));
    }

    #[test]
    fn the_largest_header_leaves_room_for_the_largest_update() {
        let gossip: SocketAddr = "[2001:db8::1]:7946".parse().unwrap();
        let member = Member::new("a".repeat(256)).unwrap().with_identity("b".repeat(256)).unwrap();
        let mut largest = Peer::new(gossip, u64::MAX, Some(member.into()));
        for i in 0.. {
            let member = (*largest.member.clone().unwrap()).clone().with_port(format!("{i}"), 1).unwrap();
            let larger = Peer::new(gossip, u64::MAX, Some(member.into()));
            if peer_bytes(&larger) > MAX_PEER_BYTES {
                break;
            }
            largest = larger;
        }
        assert!(peer_bytes(&largest) > MAX_PEER_BYTES - 10);
        let message = Message::PingReq { target: largest.clone(), probe_number: 255 };
        let header = Header { src: largest.clone(), src_incarnation: 1, dst: largest.clone(), message };
        let mut out = Vec::new();
        let mut wire = WIRE;
        wire.encode_header(&header, &mut out).unwrap();
        out.extend([0, 1]);
        wire.encode_member(&foca::Member::alive(largest), &mut out).unwrap();
        assert!(out.len() <= MAX_PAYLOAD, "{} bytes", out.len());
    }
}

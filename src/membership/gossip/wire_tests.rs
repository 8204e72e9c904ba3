use std::ops::Range;

use proptest::prelude::*;

use super::{super::envelope::MAX_PAYLOAD, *};

fn text(length: Range<usize>) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!['a', '7', '-', '.', 'ä', '🔑']), length)
        .prop_map(String::from_iter)
}

fn address() -> impl Strategy<Value = SocketAddr> {
    let ip = prop_oneof![any::<[u8; 4]>().prop_map(IpAddr::from), any::<[u8; 16]>().prop_map(IpAddr::from)];
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

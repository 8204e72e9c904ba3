//! The members that are measured with: as many as asked for, equal on every machine.

use crate::{
    ring::{HashRing, RingSpec},
    types::Member,
};

/// Member lists with this many different `set`s exist.
pub const SETS: u8 = u8::MAX;

/// `count` members with a gRPC port. Different sets share no address.
pub fn members(count: usize, set: u8) -> Vec<Member> {
    let member = |at: usize| {
        let member = Member::new(format!("10.{set}.{}.{}:7933", at / 250, at % 250));
        member.and_then(|member| member.with_port("grpc", 7833)).expect("a short address without spaces")
    };
    (0..count).map(member).collect()
}

/// The ring of these members.
pub fn ring(spec: RingSpec, members: &[Member]) -> HashRing {
    HashRing::new(spec, members.iter().cloned()).expect("distinct members, fewer than a ring holds")
}

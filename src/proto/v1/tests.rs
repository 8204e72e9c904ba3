use std::{sync::Arc, time::Duration};

use proptest::{collection::vec, prelude::*};

use super::{
    read_to_executor, read_to_leader,
    wire::{self, session_request::Frame},
    write_to_executor, write_to_leader,
};
use crate::{
    session::{Assigned, Beat, By, Ending, Grant, Pace, Profile, Refusal, Register, ToExecutor, ToLeader},
    types::{ExecutorId, SessionId, ShardKey, Token, Version},
};

fn version() -> impl Strategy<Value = Version> {
    any::<(u64, u64)>().prop_map(|(incarnation, generation)| Version { incarnation, generation })
}

fn session() -> impl Strategy<Value = SessionId> {
    (version(), any::<u32>()).prop_map(|(began, ordinal)| SessionId { began, ordinal })
}

fn shard() -> impl Strategy<Value = ShardKey> {
    "[a-z0-9/ ä]{1,20}".prop_map(|key| ShardKey::new(key).unwrap())
}

fn grant() -> impl Strategy<Value = Grant> {
    let token = any::<(u64, u64)>().prop_map(|(incarnation, generation)| Token { incarnation, generation });
    (shard(), token).prop_map(|(shard, token)| Grant { shard, token })
}

fn profile() -> impl Strategy<Value = Profile> {
    let texts = ("[a-z:0-9]{0,20}", "[a-z]{0,5}", "[a-z0-9.]{0,9}");
    let metadata = proptest::collection::btree_map("[a-zA-Z_]{1,12}", "[ -~]{0,30}", 0..5);
    let limits = (any::<Option<u32>>(), proptest::option::of(0..=Profile::MAX_LOAD));
    (texts, 0_u16..=1000, limits, metadata).prop_map(
        |((identity, zone, build), weight, (max_shards, max_load), metadata)| Profile {
            identity,
            weight,
            max_shards,
            max_load,
            zone,
            build,
            metadata,
        },
    )
}

fn to_leader() -> impl Strategy<Value = ToLeader> {
    let register = ("[a-z0-9@:._-]{1,20}", any::<(u64, u32)>(), profile(), version()).prop_map(
        |(executor, (nonce, attempt), profile, seen)| {
            let (executor, profile) = (ExecutorId::new(executor).unwrap(), Arc::new(profile));
            ToLeader::Register(Register { executor, nonce, attempt, profile, seen, by: By::Request })
        },
    );
    let loads = vec((shard(), 0.0_f64..1e9), 0..4);
    let lists = (loads, vec(grant(), 0..4), vec(grant(), 0..4));
    let beat = (session(), any::<(u64, bool)>(), version(), version(), lists).prop_map(
        |(session, (seq, draining), applied, seen, (loads, released, done))| {
            ToLeader::Beat(Beat { session, seq, applied, seen, draining, loads, released, done })
        },
    );
    prop_oneof![register, beat, session().prop_map(ToLeader::Leave)]
}

fn to_executor() -> impl Strategy<Value = ToExecutor> {
    let duration = || (0_u64..10_000_000).prop_map(Duration::from_micros);
    let pace = || {
        (duration(), duration(), duration()).prop_map(|(hold, beat_every, answer_within)| Pace {
            hold,
            beat_every,
            answer_within,
        })
    };
    let refusal = prop::sample::select(vec![Refusal::Superseded, Refusal::TooMany, Refusal::BadProfile]);
    let ending = prop::sample::select(Ending::ALL.to_vec());
    let grants = || vec(grant(), 0..4);
    let assigned = (session(), proptest::option::of(version()), version(), grants(), grants(), grants())
        .prop_map(|(session, since, version, granted, revoked, cleared)| {
            ToExecutor::Assigned(Assigned { session, since, version, granted, revoked, cleared })
        });
    prop_oneof![
        (any::<(u64, u32)>(), session(), pace()).prop_map(|((nonce, attempt), session, pace)| {
            ToExecutor::Registered { nonce, attempt, session, pace }
        }),
        (any::<u64>(), refusal).prop_map(|(nonce, why)| ToExecutor::Refused { nonce, why }),
        (session(), any::<u64>(), pace()).prop_map(|(session, seq, pace)| ToExecutor::Acknowledged {
            session,
            seq,
            pace
        }),
        assigned,
        (session(), ending).prop_map(|(session, why)| ToExecutor::Ended { session, why }),
    ]
}

proptest! {
    #[test]
    fn what_an_executor_says_arrives_as_it_was_said(message in to_leader()) {
        prop_assert_eq!(read_to_leader(Some(write_to_leader(&message))), Ok(message));
    }

    #[test]
    fn what_a_leader_says_arrives_as_it_was_said(message in to_executor()) {
        prop_assert_eq!(read_to_executor(Some(write_to_executor(&message))), Ok(message));
    }
}

/// A beat in which everything is right, to be spoilt.
fn beat() -> wire::Beat {
    let version = Some(wire::Version { incarnation: 1, generation: 2 });
    let token = Some(wire::Token { incarnation: 1, generation: 2 });
    wire::Beat {
        session: Some(wire::SessionId { began: version, ordinal: 0 }),
        loads: vec![wire::ShardLoad { shard: "7".into(), load: 1.0 }],
        released: vec![wire::Grant { shard: "7".into(), token }],
        ..Default::default()
    }
}

#[test]
fn whatever_breaks_a_rule_is_named_with_its_field_its_value_and_the_rule() {
    let refusal = |frame| read_to_leader(Some(frame)).unwrap_err().to_string();
    let of_beat = |spoil: fn(&mut wire::Beat)| {
        let mut beat = beat();
        spoil(&mut beat);
        refusal(Frame::Beat(beat))
    };
    let of_register = |spoil: fn(&mut wire::Register)| {
        let profile = Some(wire::Profile::default());
        let mut register = wire::Register { executor: "a".into(), profile, ..Default::default() };
        spoil(&mut register);
        refusal(Frame::Register(register))
    };
    assert_eq!(read_to_leader(None).unwrap_err().to_string(), "frame must be one of register, beat, leave");
    assert_eq!(of_beat(|beat| beat.session = None), "beat.session must be set");
    assert_eq!(
        of_beat(|beat| beat.loads[0].load = f64::NAN),
        "beat.loads[0].load \"NaN\" must be a finite number, at least 0"
    );
    assert_eq!(
        of_beat(|beat| beat.loads[0].load = f64::NEG_INFINITY),
        "beat.loads[0].load \"-inf\" must be a finite number, at least 0"
    );
    assert_eq!(
        of_beat(|beat| beat.released[0].shard.clear()),
        "beat.released[0].shard must be 1 to 1024 bytes, is 0"
    );
    assert_eq!(of_beat(|beat| beat.released[0].token = None), "beat.released[0].token must be set");
    assert_eq!(
        of_register(|register| register.executor = "a/b".into()),
        "register.executor \"a/b\" may contain only letters, digits and ._:@-, has '/'"
    );
    let with_profile = |spoil: fn(&mut wire::Profile)| {
        let mut profile = wire::Profile::default();
        spoil(&mut profile);
        let profile = Some(profile);
        refusal(Frame::Register(wire::Register { executor: "a".into(), profile, ..Default::default() }))
    };
    assert_eq!(
        with_profile(|profile| profile.weight = 70_000),
        "register.profile.weight \"70000\" must be at most 1000"
    );
    assert_eq!(
        with_profile(|profile| profile.weight = 1001),
        "register.profile.weight \"1001\" must be at most 1000"
    );
    assert_eq!(
        with_profile(|profile| profile.max_load = Some((1 << 40) + 1)),
        "register.profile.max_load \"1099511627777\" must be at most 2^40"
    );
    assert_eq!(
        with_profile(|profile| profile.zone = "z".repeat(257)),
        "register.profile.zone \"257 bytes\" must be at most 256 bytes"
    );
    assert_eq!(
        with_profile(|profile| profile.metadata = (0..33).map(|n| (n.to_string(), "".into())).collect()),
        "register.profile.metadata \"33 entries\" must have at most 32 entries"
    );
    assert_eq!(
        with_profile(|profile| drop(profile.metadata.insert("k".into(), "v".repeat(16 << 10)))),
        "register.profile.metadata \"16385 bytes\" must have at most 16384 bytes, keys and values together"
    );
}

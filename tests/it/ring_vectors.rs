//! Hashes and ring against golden vectors computed with the Go ring (uber/ringpop-go v0.10, dgryski/go-farm).

use serde_json::Value;
use shardway::{
    hash::{farm32, farm64, percent_bucket},
    ring::{Flavour, HashRing, RingSpec},
    types::Member,
};

/// 12 rings with 60 keys each.
fn vectors() -> Vec<Value> {
    serde_json::from_str(include_str!("../data/ringpop.json")).expect("the vectors are JSON")
}

#[test]
fn hashes_agree_with_the_go_library() {
    let mut checked = 0;
    for ring in vectors() {
        for lookup in ring["lookups"].as_array().unwrap() {
            let key = lookup["key"].as_str().unwrap().as_bytes();
            assert_eq!(u64::from(farm32(key)), lookup["farm32"].as_u64().unwrap(), "farm32 of {key:?}");
            assert_eq!(farm64(key).to_string(), lookup["farm64"].as_str().unwrap(), "farm64 of {key:?}");
            assert_eq!(u64::from(percent_bucket(key)), lookup["percent_bucket"], "percent bucket of {key:?}");
            checked += 1;
        }
    }
    assert_eq!(checked, 12 * 60);
}

#[test]
fn percent_buckets_agree_with_cadence() {
    assert_eq!(percent_bucket(b"my-task-list"), 58);
    assert_eq!(percent_bucket(b"my-task-list-550e8400-e29b-41d4-a716-446655440003"), 69);
}

#[test]
fn rings_agree_with_the_go_ring() {
    for vector in vectors() {
        let ring = ring_of(&vector);
        assert_eq!(ring.identity_checksum().map(u64::from), vector["identity_checksum"].as_u64());
        assert_eq!(ring.replica_checksum().map(u64::from), vector["replica_checksum"].as_u64());
        for lookup in vector["lookups"].as_array().unwrap() {
            let key = lookup["key"].as_str().unwrap().as_bytes();
            assert_eq!(ring.lookup(key).unwrap().address(), lookup["owner"], "owner of {key:?}");
            let owners: Vec<_> = ring.lookup_n(key, 3).map(Member::address).collect();
            assert_eq!(Value::from(owners), lookup["owners3"], "owners of {key:?}");
        }
    }
}

#[test]
fn cadence_rings_on_one_host_agree() {
    let members = [7933, 7934, 7935].map(|port| Member::new(format!("127.0.0.1:{port}")).unwrap());
    let ring = HashRing::new(RingSpec::new(Flavour::Ringpop, 100).unwrap(), members).unwrap();
    let owners =
        [("my-task-list", 7934), ("tl-1", 7934), ("tl-2", 7935), ("0", 7933), ("1", 7935), ("2", 7934)];
    for (key, port) in owners {
        assert_eq!(ring.lookup(key.as_bytes()).unwrap().port(), Some(port), "owner of {key}");
    }
}

fn ring_of(vector: &Value) -> HashRing {
    let text = |value: &Value| value.as_str().expect("vectors hold text").to_owned();
    let points = vector["points_per_member"].as_u64().and_then(|points| points.try_into().ok());
    let spec =
        RingSpec::new(Flavour::Ringpop, points.expect("vectors say how many points")).expect("points fit");
    let members = vector["members"].as_array().expect("vectors list members").iter().map(|member| {
        let member_at = Member::new(text(&member["address"])).expect("addresses are valid");
        member_at.with_identity(text(&member["identity"])).expect("identities are valid")
    });
    HashRing::new(spec, members).expect("vectors make rings")
}

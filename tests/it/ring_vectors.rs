//! Hashes and ring against golden vectors computed with the Go ring (uber/ringpop-go v0.10, dgryski/go-farm).

use serde_json::Value;
use shardway::hash::{farm32, farm64, percent_bucket};

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

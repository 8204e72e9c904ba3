//! The map against a plain one, over random edits.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Assign(u16, u8, u64),
    Moving(u16, u8, u64),
    Unassign(u16),
    Remove(u16),
    Left(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..2000u16, 0..6u8, 1..3u64).prop_map(|(key, who, incarnation)| Step::Assign(key, who, incarnation)),
        1 => (0..2000u16, 0..6u8, 1..3u64).prop_map(|(key, who, incarnation)| Step::Moving(key, who, incarnation)),
        1 => (0..2000u16).prop_map(Step::Unassign),
        2 => (0..2000u16).prop_map(Step::Remove),
        1 => (0..6u8).prop_map(Step::Left),
    ]
}

fn member(who: u8) -> Member {
    Member::new(format!("host-{who}:1")).unwrap()
}

fn key(key: u16) -> ShardKey {
    ShardKey::new(format!("shard-{key}")).unwrap()
}

use crate::types::ShardKey;

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn equals_a_plain_map_after_any_edits(rounds in vec(vec(step(), 0..400), 1..6)) {
        let mut map = OwnerMap::empty();
        let mut plain: BTreeMap<ShardKey, (Standing, Option<Member>, Token)> = BTreeMap::new();
        let mut listed: BTreeMap<String, bool> = BTreeMap::new();
        for (generation, steps) in (1..).zip(rounds) {
            let mut edit = map.edit();
            for step in steps {
                match step {
                    Step::Assign(k, who, incarnation) | Step::Moving(k, who, incarnation) => {
                        let token = Token { incarnation, generation };
                        let standing = if matches!(step, Step::Assign(..)) { Standing::Owned } else { Standing::Moving };
                        match standing {
                            Standing::Owned => edit.assign(key(k), &member(who), token),
                            _ => edit.moving(key(k), &member(who), token),
                        };
                        plain.insert(key(k), (standing, Some(member(who)), token));
                        listed.insert(member(who).address().to_owned(), false);
                    }
                    Step::Unassign(k) => {
                        edit.unassign(key(k));
                        plain.insert(key(k), (Standing::Unassigned, None, Token::default()));
                    }
                    Step::Remove(k) => {
                        edit.remove(key(k));
                        plain.remove(&key(k));
                    }
                    Step::Left(who) => {
                        edit.executor_left(&member(who));
                        if let Some(leaving) = listed.get_mut(member(who).address()) {
                            *leaving = true;
                        }
                    }
                }
            }
            map = edit.finish(MapVersion { incarnation: 1, generation }).unwrap();
            listed.retain(|address, leaving| {
                !*leaving || plain.values().any(|(_, owner, _)| owner.as_ref().is_some_and(|o| o.address() == address))
            });

            prop_assert_eq!(map.len(), plain.len());
            let seen: BTreeMap<ShardKey, _> = map
                .iter()
                .map(|(k, a)| {
                    let token = if a.standing == Standing::Unassigned { Token::default() } else { a.token };
                    (ShardKey::new(k).unwrap(), (a.standing, map.owner(a).cloned(), token))
                })
                .collect();
            prop_assert_eq!(&seen, &plain);
            for k in 0..2000 {
                let found = map.get(key(k).as_bytes()).map(|a| (a.standing, map.owner(a).cloned()));
                prop_assert_eq!(found, plain.get(&key(k)).map(|(standing, owner, _)| (*standing, owner.clone())));
            }
            let mut executors: Vec<String> = map.executors().map(|member| member.address().to_owned()).collect();
            executors.sort();
            prop_assert_eq!(executors, listed.keys().cloned().collect::<Vec<_>>());
        }
    }
}

#[test]
fn an_edit_shares_the_chunks_it_does_not_touch() {
    let mut edit = OwnerMap::empty().edit();
    for k in 0..20_000 {
        edit.assign(key(k), &member(0), Token { incarnation: 1, generation: 1 });
    }
    let old = edit.finish(MapVersion { incarnation: 1, generation: 1 }).unwrap();
    let mut edit = old.edit();
    for k in 0..10 {
        edit.assign(key(k), &member(1), Token { incarnation: 1, generation: 2 });
    }
    let new = edit.finish(MapVersion { incarnation: 1, generation: 2 }).unwrap();
    let copied = old.chunks.iter().zip(&*new.chunks).filter(|(old, new)| !Arc::ptr_eq(old, new)).count();
    assert!((1..=10).contains(&copied), "10 changes copied {copied} chunks of {}", old.chunks.len());
}

#[test]
fn older_maps_too_many_incarnations_and_their_messages() {
    let map = OwnerMap::empty().edit().finish(MapVersion { incarnation: 2, generation: 5 }).unwrap();
    for refused in [(1, 9), (2, 4), (2, 5)] {
        let version = MapVersion { incarnation: refused.0, generation: refused.1 };
        assert!(matches!(map.edit().finish(version), Err(OwnerMapError::NotNewer { .. })), "{version}");
    }
    let mut edit = map.edit();
    for incarnation in 0..=MAX_INCARNATIONS {
        let k = u16::try_from(incarnation).unwrap();
        edit.assign(key(k), &member(0), Token { incarnation: k.into(), generation: 1 });
    }
    let refused = edit.finish(MapVersion { incarnation: 3, generation: 1 }).unwrap_err();
    assert_eq!(refused, OwnerMapError::TooManyIncarnations);
}

#[test]
fn keys_that_crowd_one_chunk_are_refused() {
    let map = OwnerMap::empty();
    let mut edit = map.edit();
    let key = |i: usize| ShardKey::new(format!("{i:>01024}")).unwrap();
    for i in 0..511 {
        edit.assign(key(i), &member(0), Token::default());
    }
    let map = edit.finish(MapVersion { incarnation: 1, generation: 1 }).unwrap();
    assert_eq!(map.chunks.len(), 2, "as full as one chunk gets");
    let crowd = (511..).map(key).filter(|key| xxh3(key.as_bytes()) >> 61 == 0).take(1100);
    let mut edit = map.edit();
    for key in crowd {
        edit.assign(key, &member(0), Token::default());
    }
    let refused = edit.finish(MapVersion { incarnation: 1, generation: 2 }).unwrap_err();
    assert_eq!(refused, OwnerMapError::Crowded);
}

//! Watchers arrive where the namespace is, whenever they come and whatever they miss.

use std::{collections::BTreeMap, sync::Arc};

use proptest::prelude::*;

use super::*;
use crate::{
    engine::{Change, Kind, NamespaceConfig, Standing},
    proto::v1::{WatchFrame, wire},
    session::{Ending, Profile},
    types::{ExecutorId, SessionId, ShardKey, Token},
};

fn version(generation: u64) -> Version {
    Version { incarnation: 1, generation }
}

fn session(number: u32) -> SessionId {
    SessionId { began: version(1), ordinal: number }
}

fn joins(number: u32) -> Change {
    Change::Session(SessionRecord {
        id: session(number),
        executor: ExecutorId::new(format!("e{number}")).unwrap(),
        nonce: number.into(),
        past_nonces: Vec::new(),
        attempt: 1,
        profile: Arc::new(Profile::default()),
        standing: Standing::Active,
        extra: Default::default(),
        profile_extra: Default::default(),
        unfenced: false,
    })
}

fn owns(shard: u32, owner: Option<u32>, generation: u64) -> Change {
    let key = ShardKey::new(shard.to_string()).unwrap();
    let token = Token { incarnation: 1, generation };
    Change::Shard(ShardRecord { owner: owner.map(session), token, ..ShardRecord::new(key) })
}

#[test]
fn what_is_to_be_read_is_each_namespace_and_which_there_are() {
    let orders = Namespace::new("orders").unwrap();
    let rooms = Rooms::new([]);
    assert_eq!((rooms.unread(), rooms.is_complete()), (1, false), "nobody knows which there are");
    rooms.enter(&orders);
    assert_eq!(rooms.unread(), 2);
    rooms.complete();
    assert_eq!((rooms.unread(), rooms.is_complete()), (1, true));
    let state = State::new(version(1), Arc::new(NamespaceConfig::new(Kind::Ephemeral)));
    rooms.get(&orders).unwrap().replace(Some(state));
    assert_eq!(rooms.unread(), 0);
}

/// A client's map, made of frames alone.
#[derive(Debug, Default)]
struct Map {
    version: Option<Version>,
    executors: BTreeMap<u32, String>,
    shards: BTreeMap<String, Option<String>>,
}

impl Map {
    /// Catches up on a stream.
    fn catch_up(&mut self, room: &Room, is_new: bool) {
        if is_new {
            self.executors.clear();
        }
        let Since::Frames(frames, to) = room.since(self.version, is_new) else { return };
        for frame in frames {
            match frame.frame().unwrap() {
                WatchFrame::Part(part) => {
                    if part.part == 0 {
                        *self = Self::default();
                    }
                    self.take(part.executors, part.shards);
                    self.version = part.version.map(Into::into);
                }
                WatchFrame::Delta(delta) => {
                    assert_eq!(delta.since.map(Version::from), self.version);
                    self.take(delta.executors, delta.shards);
                    delta.gone_shards.iter().for_each(|shard| drop(self.shards.remove(shard)));
                    self.version = delta.version.map(Into::into);
                }
                WatchFrame::Idle(_) => unreachable!("idle frames are the stream's own"),
            }
        }
        assert_eq!(self.version, Some(to));
    }

    fn take(&mut self, executors: Vec<wire::WatchExecutor>, shards: Vec<wire::WatchShard>) {
        self.executors.extend(executors.into_iter().map(|executor| (executor.number, executor.executor)));
        for shard in shards {
            let owner = shard.owner.checked_sub(1).map(|number| self.executors[&number].clone());
            self.shards.insert(shard.shard, owner);
        }
    }
}

proptest! {
    #[test]
    fn whoever_catches_up_has_what_is_committed(
        steps in prop::collection::vec((0_u32..20, prop::option::of(0_u32..4), any::<[bool; 3]>()), 1..60),
    ) {
        let room = Room::new();
        let config = Arc::new(NamespaceConfig::new(Kind::Ephemeral));
        room.replace(Some(State::from_changes(version(1), &config, &(0..4).map(joins).collect::<Vec<_>>())));
        let mut maps = [Map::default(), Map::default(), Map::default()];
        let mut model = BTreeMap::<String, Option<String>>::new();
        for (number, (shard, owner, catches_up)) in steps.into_iter().enumerate() {
            let generation = number as u64 + 2;
            let change = owns(shard, owner, generation);
            // Now and then somebody leaves all it has, and comes back.
            let mut changes = Vec::new();
            if shard == 0 {
                for (left, owner) in model.iter_mut().filter(|(_, owner)| owner.as_deref() == Some("e3")) {
                    *owner = None;
                    changes.push(owns(left.parse().unwrap(), None, generation));
                }
                changes.extend([Change::SessionEnded(session(3), Ending::Left), joins(3)]);
            }
            changes.push(change);
            room.advance(&Delta { version: version(generation), changes });
            let counted = room.known.read().as_ref().map(|known| (known.census, Census::of(&known.state)));
            prop_assert!(counted.is_some_and(|(kept, counted)| kept == counted), "{:?}", counted);
            model.insert(shard.to_string(), owner.map(|owner| format!("e{owner}")));
            for (map, (place, catches_up)) in maps.iter_mut().zip(catches_up.into_iter().enumerate()) {
                if catches_up {
                    // The last one begins a new stream each time.
                    map.catch_up(&room, map.version.is_none() || place == 2);
                    prop_assert_eq!(&map.shards, &model);
                }
            }
        }
    }
}

#[test]
fn who_has_seen_more_is_told_so_and_who_has_missed_too_much_gets_everything() {
    let room = Room::new();
    assert_eq!(room.since(None, true), Since::Nothing);
    let config = Arc::new(NamespaceConfig::new(Kind::Ephemeral));
    room.replace(Some(State::from_changes(version(9), &config, &[joins(0), owns(1, Some(0), 9)])));
    assert_eq!(room.since(Some(version(10)), true), Since::Behind);
    let Since::Frames(frames, to) = room.since(Some(version(3)), true) else { panic!("everything") };
    assert!(matches!(frames[..], [ref only] if matches!(only.frame(), Ok(WatchFrame::Part(_)))));
    assert_eq!(to, version(9));
    assert_eq!(room.since(Some(version(9)), false), Since::Nothing);
    // Who comes back with everything is told who is who, and no shards.
    let Since::Frames(frames, _) = room.since(Some(version(9)), true) else { panic!("an introduction") };
    let Ok(WatchFrame::Delta(delta)) = frames[0].frame() else { panic!("a delta") };
    assert_eq!((delta.executors.len(), delta.shards.len(), frames.len()), (1, 0, 1));
}

#[test]
fn everything_is_encoded_once_for_those_who_come_together() {
    let room = Room::new();
    let config = Arc::new(NamespaceConfig::new(Kind::Fixed { shards: 25_000 }));
    let shards: Vec<_> = (0..25_000).map(|shard| owns(shard, None, 1)).collect();
    room.replace(Some(State::from_changes(version(1), &config, &shards)));
    let frames = |since: Since| match since {
        Since::Frames(frames, _) => frames,
        other => panic!("{other:?}"),
    };
    let first = frames(room.since(None, true));
    assert_eq!(first.len(), 3);
    room.advance(&Delta { version: version(2), changes: vec![owns(7, None, 2)] });
    let second = frames(room.since(None, true));
    assert_eq!(second[..3], first[..]);
    assert_eq!(second.len(), 4, "the parts as they were, and what has changed since");
}

#[test]
fn a_watcher_is_listed_until_it_goes() {
    let room = Room::new();
    let watcher = room.watchers().enter("router-1".into(), "127.0.0.1:1".into()).unwrap();
    watcher.report(version(3), 7);
    let report = WatcherReport {
        name: "router-1".into(),
        address: "127.0.0.1:1".into(),
        version: version(3),
        policy_epoch: 7,
    };
    assert_eq!(room.watchers().reports(), [report]);
    drop(watcher);
    assert!(room.watchers().is_empty());
}

#[test]
fn everything_is_encoded_once_for_all_and_not_more_often_than_it_may_be() {
    let now = Mono::from_nanos(1_000_000_000);
    let later = now + std::time::Duration::from_secs(1);
    let room = Room::new();
    assert_eq!(room.whole(now, None), Whole::Nothing);
    room.replace(Some(State::new(version(0), Arc::new(NamespaceConfig::new(Kind::Ephemeral)))));
    let commit = |generation, changes| room.advance(&Delta { version: version(generation), changes });
    commit(1, vec![joins(1), owns(7, Some(1), 1)]);
    let Whole::Is(first, message) = room.whole(now, None) else { panic!("it is known") };
    let [executor] = &message.executors().unwrap()[..] else { panic!("there is one") };
    assert_eq!((&*executor.executor_id, &*executor.shards[0].shard_key), ("e1", "7"));
    assert_eq!(room.whole(now, Some(first)), Whole::Same);

    commit(2, vec![owns(8, Some(1), 2)]);
    let Whole::Later(at) = room.whole(now, Some(first)) else { panic!("not so soon again") };
    assert!(at > now && at < later);
    assert_eq!(room.whole(now, None), Whole::Is(first, message), "whoever comes meanwhile");
    let Whole::Is(second, message) = room.whole(later, Some(first)) else { panic!("now it is") };
    assert_eq!((first < second, message.executors().unwrap()[0].shards.len()), (true, 2));
    // A shard that nobody owns is nothing that Cadence's watchers hear of.
    commit(3, vec![owns(9, None, 3)]);
    assert_eq!(room.whole(later + std::time::Duration::from_secs(1), Some(second)), Whole::Same);
}

#[test]
fn successors_are_the_rings_next_and_follow_who_is_there() {
    let room = Room::new();
    let config = Arc::new(NamespaceConfig::new(Kind::Ephemeral));
    room.replace(Some(State::from_changes(version(1), &config, &(0..5).map(joins).collect::<Vec<_>>())));
    let key = ShardKey::new("a key").unwrap();
    let names = |owner, most| -> Vec<String> {
        let found = room.successors(&key, session(owner), most);
        found.iter().map(|record| record.executor.to_string()).collect()
    };
    let all = names(0, 16);
    assert_eq!(all.len(), 4, "everybody but the owner: {all:?}");
    assert!(!all.contains(&"e0".to_owned()) && all == names(0, 4) && all[..2] == names(0, 2));
    let first = all[0].strip_prefix('e').unwrap().parse().unwrap();
    let gone = Change::SessionEnded(session(first), Ending::Left);
    room.advance(&Delta { version: version(2), changes: vec![gone] });
    assert_eq!(names(0, 16), all[1..], "who has gone is asked no more");
    room.advance(&Delta { version: version(3), changes: vec![joins(first)] });
    assert_eq!(names(0, 16), all);
}

//! Namespaces that are deleted or begin anew, as all replicas see it.

use std::{collections::BTreeSet, time::Duration};

use super::super::{
    ensemble::Event,
    tests::world::{MS, World, namespace},
};
use crate::{
    engine::{Answer, Caller, Kind, NamespaceConfig, Request},
    journal::{Mode, OpenAs, test_store::Fault},
    store::{Keys, Transaction, Write},
    types::Version,
};

/// Not what replicas found it with.
fn changed() -> NamespaceConfig {
    NamespaceConfig {
        gather: 500 * MS,
        round_every: 777 * MS,
        ..NamespaceConfig::new(Kind::Fixed { shards: 33 })
    }
}

fn ask(world: &mut World, request: Request) {
    let leader = world.leader().expect("somebody leads");
    world.tell(leader, Event::Asked(namespace(), Caller(9), request));
}

/// What each replica knows, if it knows anything.
fn known(world: &World) -> Vec<Option<(Version, Duration)>> {
    let known = |replica: &crate::replica::Ensemble| {
        let state = replica.state(&namespace())?;
        Some((state.version(), state.config().round_every))
    };
    world.replicas.iter().flatten().map(known).collect()
}

#[test]
fn all_replicas_say_once_that_a_namespace_is_deleted() {
    for answers_late in [false, true] {
        let mut world = World::new(3, 2);
        world.answers_late = answers_late;
        world.run(20_000 * MS);
        ask(&mut world, Request::Delete);
        world.run(10_000 * MS);
        assert_eq!(known(&world), [None, None, None]);
        world.deleted.sort_unstable();
        assert_eq!(world.deleted, [0, 1, 2]);
        assert_eq!(world.trouble, [], "that is what was wanted");
        let leader = world.leader().unwrap();
        world.replicas[leader] = None;
        world.start(leader, 70);
        world.run(40_000 * MS);
        assert_eq!(world.deleted.len(), 4, "who comes later is told as well: {:?}", world.deleted);
        assert_eq!(world.trouble, []);
    }
}

#[test]
fn a_reset_keeps_the_configuration_whenever_its_leader_dies() {
    // As the store is asked ever more, the leader dies at each of its steps.
    let mut outcomes = BTreeSet::new();
    for steps in 0..40 {
        let mut world = World::new(2, 2);
        world.run(20_000 * MS);
        ask(&mut world, Request::Configure(Box::new(changed())));
        world.run(1_000 * MS);
        let before = known(&world)[0].unwrap().0;
        let leader = world.leader().unwrap();
        ask(&mut world, Request::Reset);
        let calls = world.calls;
        while world.calls < calls + steps {
            world.run(MS / 2);
        }
        world.replicas[leader] = None;
        world.run(30_000 * MS);
        let (version, round_every) = known(&world)[0].expect("somebody leads");
        assert_eq!(round_every, 777 * MS, "after {steps} calls");
        outcomes.insert(version.incarnation > before.incarnation);
    }
    assert_eq!(outcomes, [false, true].into(), "it died before and after");
}

#[test]
fn what_was_forgotten_comes_again_above_what_was_deleted() {
    // What was asked before it was forgotten is answered after it has come back.
    for delay in 0..12 {
        let mut world = World::new(3, 2);
        world.run(20_000 * MS);
        let before = known(&world)[0].unwrap().0;
        ask(&mut world, Request::Delete);
        world.run(delay * MS);
        let was_deleted = known(&world) == [None, None, None];
        (0..3).for_each(|number| world.forget(number));
        assert_eq!(known(&world), [None, None, None]);
        world.run(if delay % 2 == 0 { 20_000 * MS } else { Duration::ZERO });
        (0..3).for_each(|number| world.contend(number));
        world.run(40_000 * MS);
        if was_deleted {
            assert_eq!(known(&world), [None, None, None], "it does not come by itself");
        }
        let open_as = OpenAs { mode: Mode::Revive, seen: None, unix_millis: 5 };
        (0..3).for_each(|number| world.tell(number, Event::Open(namespace(), open_as)));
        world.run(40_000 * MS);
        let known = known(&world);
        let (version, _) = known[0].expect("it is back");
        assert_eq!(known, [known[0]; 3]);
        assert!(version.incarnation > before.incarnation || !was_deleted, "{version} after {before}");
        assert!(world.leader().is_some());
        assert_eq!(world.trouble, []);
    }
}

#[test]
fn whoever_asks_for_a_reset_hears_of_it_or_that_its_replica_leads_no_more() {
    // The term is lost before the new one is won: the store answers nothing that has to do with it.
    let mut world = World::new(2, 2);
    world.run(20_000 * MS);
    let leader = world.leader().unwrap();
    world.faults.insert(leader, (Fault::RequestLost, ""));
    ask(&mut world, Request::Reset);
    world.run(60_000 * MS);
    assert!(world.leader().is_some_and(|other| other != leader));
    assert_eq!((world.resigned.clone(), world.answers.len()), (vec![leader], 0));
    // It is not made up for when the replica leads again.
    world.faults.clear();
    world.run(30_000 * MS);
    let incarnations: BTreeSet<u64> = world.told.values().map(|version| version.incarnation).collect();
    let other = 1 - leader;
    world.tell(other, Event::Leaving);
    world.run(30_000 * MS);
    assert_eq!(world.leader(), Some(leader));
    assert_eq!(
        world.told.values().map(|version| version.incarnation).collect::<BTreeSet<u64>>(),
        incarnations
    );

    world.answers.clear();
    ask(&mut world, Request::Reset);
    world.run(30_000 * MS);
    assert!(matches!(world.answers[..], [Ok(Answer::Done(_))]), "{:?}", world.answers);
}

#[test]
fn nobody_is_handed_what_it_could_not_take_any_more() {
    let mut world = World::new(2, 3);
    world.run(60_000 * MS);
    let preferred = world.leader().unwrap();
    world.replicas[preferred] = None;
    world.run(20_000 * MS);
    let second = world.leader().unwrap();
    world.start(preferred, 77);
    // Somebody is late when the advice comes, and until the one that was to lead has died again.
    world.run(26_000 * MS);
    world.cut.insert(0);
    world.run(8_000 * MS);
    assert_eq!(world.leader(), Some(second));
    world.replicas[preferred] = None;
    world.cut.insert(1);
    world.run(8_000 * MS);
    world.cut.clear();
    world.resigned.clear();
    world.run(60_000 * MS);
    assert_eq!((world.leader(), world.resigned.len()), (Some(second), 0));
}

#[test]
fn an_executor_that_is_always_late_keeps_nobody_from_handing_over() {
    let mut world = World::new(2, 6);
    world.run(60_000 * MS);
    let preferred = world.leader().unwrap();
    world.replicas[preferred] = None;
    world.run(20_000 * MS);
    world.start(preferred, 77);
    // One after the other falls silent for long enough to be late, and comes back before it expires.
    for round in 0..40 {
        world.cut = [round % 6].into();
        world.run(4_000 * MS);
        world.cut = [round % 6, (round + 1) % 6].into();
        world.run(3_000 * MS);
    }
    assert_eq!(world.leader(), Some(preferred));
}

#[test]
fn whoever_is_late_expires_before_another_replica_leads_however_long_leases_are() {
    let mut world = World::new(2, 4);
    world.run(20_000 * MS);
    ask(&mut world, Request::Configure(Box::new(NamespaceConfig { lease: 40_000 * MS, ..changed() })));
    world.run(60_000 * MS);
    let preferred = world.leader().unwrap();
    world.replicas[preferred] = None;
    world.run(60_000 * MS);
    world.start(preferred, 77);
    // One is late when the advice comes, and never heard again.
    world.run(26_000 * MS);
    world.cut.insert(0);
    let mut waited = Duration::ZERO;
    while world.leader() != Some(preferred) {
        world.run(100 * MS);
        waited += 100 * MS;
        assert!(waited < 120_000 * MS, "it is handed over in the end");
    }
    let state = world.replicas[preferred].as_ref().unwrap().state(&namespace()).unwrap();
    assert_eq!(state.sessions().count(), 3, "after {waited:?}");
}

#[test]
fn a_head_that_nobody_who_leads_has_written_ends_the_term_and_not_all_leading() {
    for replicas in [1, 2] {
        let mut world = World::new(replicas, 2);
        world.run(20_000 * MS);
        let before = known(&world)[0].unwrap().0;
        let head = world.kv.get(&Keys::default().head(&namespace())).unwrap().unwrap();
        let again = Write::Put(head.key, head.value);
        world.kv.apply(Transaction::default().write(again)).unwrap();
        ask(&mut world, Request::Configure(Box::new(changed())));
        world.run(10_000 * MS);
        ask(&mut world, Request::Configure(Box::new(changed())));
        world.run(10_000 * MS);
        let (version, round_every) = known(&world)[0].expect("somebody leads");
        assert_eq!(round_every, 777 * MS, "what is asked is done again: {version} after {before}");
        assert_eq!(world.trouble, []);
    }
}

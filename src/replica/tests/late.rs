//! A place that hears late what the election has decided, as one does that is busy: nothing breaks, and nothing is left
//! behind.

use std::{sync::Arc, time::Duration};

use super::{
    super::{Event as ReplicaEvent, ensemble::Event, place},
    all,
    world::{MS, World, namespace},
};
use crate::{
    engine::{Answer, Caller, Kind, NamespaceConfig, Request},
    journal::{Mode, OpenAs, Term, test_store::Fault},
    types::Namespace,
};

const LAGS: [Duration; 3] = [Duration::from_millis(3), Duration::from_millis(80), Duration::from_millis(400)];

fn late(replicas: usize, executors: usize, lag: Duration) -> World {
    let mut world = World::new(replicas, executors);
    world.lag = lag;
    world
}

fn ask(world: &mut World, request: Request) {
    let leader = world.leader().expect("somebody leads");
    world.tell(leader, Event::Asked(namespace(), Caller(9), request));
}

#[test]
fn a_fleet_whose_places_hear_late_works_all_the_same() {
    for lag in LAGS {
        let mut world = late(3, 4, lag);
        world.run(30_000 * MS);
        assert_eq!(all(&world.held()), 30, "{lag:?}");
        let (first, held) = (world.leader().unwrap(), world.held());
        world.tell(first, Event::Leaving);
        world.run(2_000 * MS);
        assert!(world.leader().is_some_and(|second| second != first), "{lag:?}");
        world.run(10_000 * MS);
        assert_eq!((world.held(), &world.trouble[..]), (held, &[][..]), "{lag:?}");
    }
}

#[test]
fn who_leaves_has_stopped_leading_everywhere_before_its_record_goes() {
    let mut world = late(2, 2, 400 * MS);
    world.run(30_000 * MS);
    let first = world.leader().unwrap();
    world.tell(first, Event::Leaving);
    world.run(300 * MS);
    let leaver = world.replicas[first].as_ref().unwrap();
    assert!(leaver.engine(&namespace()).is_some(), "it has not heard of it yet");
    assert!(leaver.election().leads(&namespace(), world.now).is_some(), "so nobody else may lead");
    world.run(2_000 * MS);
    assert!(world.replicas[first].as_ref().unwrap().election().has_left());
    assert_eq!(world.resigned, [first]);
    assert!(world.leader().is_some());
}

#[test]
fn who_hears_late_that_it_leads_no_more_writes_and_answers_nothing_meanwhile() {
    let mut world = late(2, 2, Duration::ZERO);
    world.run(30_000 * MS);
    let (first, held) = (world.leader().unwrap(), world.held());
    // It is cut off from the store, and so late that the other one leads before it knows that it does not.
    (world.lag, world.deaf) = (5_000 * MS, Some(first));
    world.faults.insert(first, (Fault::RequestLost, ""));
    world.run(14_000 * MS);
    assert!(world.leader().is_some_and(|second| second != first));
    world.faults.clear();
    world.deaf = None;
    world.tell(first, Event::WatchBroke);
    world.lag = Duration::ZERO;
    world.run(30_000 * MS);
    // Whoever audits the world would have ended this.
    assert_eq!((world.held(), &world.trouble[..]), (held, &[][..]));
}

#[test]
fn a_namespace_that_is_forgotten_and_comes_back_does_so_when_its_place_has_retired() {
    for lag in LAGS {
        let mut world = late(1, 2, lag);
        world.run(30_000 * MS);
        world.forget(0);
        assert!(world.replicas[0].as_ref().unwrap().place(&namespace()).is_some(), "it has not heard of it");
        world.contend(0);
        world.forget(0);
        world.contend(0);
        world.run(30_000 * MS);
        assert_eq!(world.leader(), Some(0), "{lag:?}");
        assert_eq!((all(&world.held()), &world.trouble[..]), (30, &[][..]), "{lag:?}");
        world.forget(0);
        world.run(2_000 * MS);
        assert!(world.replicas[0].as_ref().unwrap().place(&namespace()).is_none(), "{lag:?}");
    }
}

#[test]
fn a_reset_takes_place_in_a_term_of_its_own_however_late_that_is_heard_of() {
    for lag in LAGS {
        let mut world = late(2, 2, lag);
        world.run(30_000 * MS);
        let before = world.told[&0].incarnation;
        ask(&mut world, Request::Reset);
        world.run(30_000 * MS);
        assert!(matches!(world.answers[..], [Ok(Answer::Done(_))]), "{lag:?}: {:?}", world.answers);
        assert!(world.told.values().all(|version| version.incarnation > before), "{lag:?}");
        assert_eq!((all(&world.held()), &world.trouble[..]), (30, &[][..]), "{lag:?}");
    }
}

/// The election may win a term that it asked for before it heard of it.
#[test]
fn who_has_retired_leads_nothing_whatever_is_won() {
    let mut world = late(1, 0, Duration::ZERO);
    let (now, config) = (world.now, NamespaceConfig::new(Kind::Fixed { shards: 3 }));
    let other = Namespace::new("other").unwrap();
    let (mut said, mut out) = (Vec::new(), Vec::new());
    let replica = &mut world.replicas[0].as_mut().unwrap().replica;
    replica.contend(now, &other, Arc::new(config), &mut said);
    let enters = |effect| match effect {
        super::super::Effect::Enter(_, place) => Some(place),
        _ => None,
    };
    let mut place = said.into_iter().find_map(enters).expect("there is a place");
    let won = |number| place::Event::Won(Term { number, record: "term".into() });
    place.handle(now, won(1), &mut out);
    assert_eq!(place.term(), Some(1));
    place.handle(now, place::Event::Retire, &mut out);
    assert!(matches!(out[..], [.., place::Effect::Resigned, place::Effect::Wish(place::Wish::Retired)]));
    out.clear();
    place.handle(now, won(2), &mut out);
    assert!(place.term().is_none() && out.is_empty(), "{out:?}");
}

/// What is wished for in a term that is over meanwhile concerns no other term.
#[test]
fn a_wish_that_comes_too_late_changes_nothing() {
    let mut world = late(1, 2, Duration::ZERO);
    world.run(30_000 * MS);
    let term = world.replicas[0].as_ref().unwrap().election().term(&namespace()).unwrap().number;
    for wish in [place::Wish::Resign(term - 1), place::Wish::Renew { term: term - 1, above: term }] {
        let mut out = Vec::new();
        let said = ReplicaEvent::Said(namespace(), wish);
        world.replicas[0].as_mut().unwrap().replica.handle(world.now, said, &mut out);
        assert!(out.is_empty(), "{out:?}");
    }
    world.run(1_000 * MS);
    assert_eq!(world.replicas[0].as_ref().unwrap().election().term(&namespace()).unwrap().number, term);
}

#[test]
fn who_waits_for_a_term_that_it_cannot_have_is_told() {
    let mut world = late(1, 2, Duration::ZERO);
    world.run(30_000 * MS);
    let replica = world.replicas[0].as_mut().unwrap();
    let term = replica.election().term(&namespace()).unwrap().number;
    replica.replica.election.resign(world.now, &namespace());
    let said = ReplicaEvent::Said(namespace(), place::Wish::Renew { term, above: term });
    let mut out = Vec::new();
    replica.replica.handle(world.now, said, &mut out);
    let is_told = |effect: &super::super::Effect| {
        matches!(effect, super::super::Effect::To(_, place::Event::NotRenewed))
    };
    assert!(out.iter().any(is_told), "{out:?}");
}

/// What falls is led by another replica, here never again, and followed as long as that can be done.
#[test]
fn a_place_that_falls_is_led_elsewhere_and_looked_at_here() {
    let mut world = late(2, 3, Duration::ZERO);
    world.run(60_000 * MS);
    let first = world.leader().unwrap();
    let held = world.held();
    world.fall(first);
    world.told.remove(&first);
    world.run(2_000 * MS);
    assert_eq!(world.leader(), Some(1 - first));
    // That one is advised to hand it over once, because it does not know, and then ever more rarely.
    world.run(10_000 * MS);
    assert_eq!(world.held(), held);
    let states = world.states();
    assert_eq!((states.len(), &states[0]), (2, &states[1]), "it goes on knowing what is committed");
    assert!(
        world.replicas[first].as_ref().unwrap().election().leader(&namespace()).is_some(),
        "and who leads, for those who ask it"
    );
    assert_eq!(world.leader(), Some(1 - first));
    // There is nobody else to lead it any more.
    world.replicas[1 - first] = None;
    world.run(60_000 * MS);
    assert_eq!(world.leader(), None);
    world.fall(first);
    assert!(world.replicas[first].as_ref().unwrap().place(&namespace()).is_none());
    // It is another one that is created under its name.
    world.forget(first);
    world.contend(first);
    world.run(30_000 * MS);
    assert_eq!(world.leader(), Some(first));
    let adopt = OpenAs { mode: Mode::Resume, seen: None, unix_millis: 1 };
    world.tell(first, Event::Open(namespace(), adopt));
    world.run(30_000 * MS);
    assert_eq!((all(&world.held()), &world.trouble[..]), (30, &[][..]));
}

//! **Rule 14.** Only the Cadence package makes a session on a beat, only an ACTIVE one, and gives it no shard before a
//! second beat sent after the first reply.
//!
//! The holes: a beat that was on its way when its executor's session ended makes it anew, and who is gone is given
//! shards. So does the last beat of an executor that says that it leaves, and a copy of its first one, by itself. And
//! where one owner is promised, one that knows no lease serves on while its shard is another's.

use super::{
    needs,
    stage::{SECOND, held_by_two, id, one_shard, shard, unowned},
};
use crate::{
    engine::{
        Caller, Event, NamespaceConfig, Ownership,
        tests::world::{Broken, World},
    },
    planted::Planted,
    session::{By, Register, ToLeader},
    types::Version,
};

/// What is said for an executor that only beats, when it beats for the first time.
fn first_beat(name: usize, active: bool) -> Event {
    let by = By::UnaryBeat { active };
    let (executor, profile, seen) = (id(name), std::sync::Arc::default(), Version::default());
    let register = Register { executor, nonce: 77, attempt: 1, profile, seen, by };
    Event::Heard(Caller(name as u64), ToLeader::Register(register))
}

/// Nobody is there but what is said.
fn empty(ownership: Ownership) -> World {
    let mut world = World::scripted(NamespaceConfig { ownership, ..one_shard() }, 0);
    world.run(SECOND);
    world.executors.push(None);
    world
}

impl World {
    /// The shard is somebody's who is not there.
    fn given_to_nobody(&self) -> Vec<Broken> {
        let is_given = self.engine.state().shard("0").is_some_and(|shard| shard.owner.is_some());
        is_given.then(unowned).into_iter().collect()
    }
}

#[test]
fn a_beat_by_itself_makes_no_session() {
    let schedule = || {
        let (mut world, owner) = World::settled(2);
        world.cut.insert(owner);
        world.run(SECOND * 11);
        // It has expired, and is heard again.
        world.cut.clear();
        world.run(SECOND * 4);
        world.broken()
    };
    needs(Planted::BeatRecreates, schedule, &held_by_two());
}

#[test]
fn the_echo_of_a_first_beat_is_given_nothing() {
    let schedule = || {
        let mut world = empty(Ownership::Affinity);
        world.tell_engine(first_beat(0, true));
        world.run(SECOND * 2);
        world.given_to_nobody()
    };
    needs(Planted::NoTrial, schedule, &Broken::Unowned(shard("0")));
}

/// It is refused at once: with a session, it would be counted among those that live, and wait for its lease to end.
#[test]
fn a_beat_of_who_does_not_serve_makes_no_session() {
    let schedule = || {
        let mut world = empty(Ownership::Affinity);
        world.tell_engine(first_beat(0, false));
        let is_in = world.engine.state().sessions().count() > 0;
        is_in.then(|| Broken::GivenToLeaving(shard("0"))).into_iter().collect()
    };
    needs(Planted::InactiveLetIn, schedule, &Broken::GivenToLeaving(shard("0")));
}

/// P4: where ownership is exclusive, whoever would not let go is not let in.
#[test]
fn who_knows_no_sessions_is_refused_where_there_is_one_owner() {
    let schedule = || {
        let mut world = empty(Ownership::Exclusive);
        world.tell_engine(first_beat(0, true));
        let is_in = world.engine.state().sessions().any(|session| session.unfenced);
        is_in.then(held_by_two).into_iter().collect()
    };
    needs(Planted::UnfencedLetIn, schedule, &held_by_two());
}

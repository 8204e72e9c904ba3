//! **Rule 12.** Deleting or resetting a namespace leaves a tombstone with (incarnation, generation) and its TTL wait; a
//! fresh store starts its incarnation from the clock's milliseconds. Migration seals the source for good in its last
//! transaction, raises the incarnation of the destination and starts with the wait.
//!
//! The holes: a namespace that is deleted and founded anew counts from the beginning, and gives out tokens that it has
//! given out before; or grants at once what executors of its former life still hold. So does a new store after one that
//! was lost, for all that resources remember. And a store that has moved goes on to be written by a leader that has not
//! heard of it, while its successor is.
//!
//! What a migration brings along is adopted like any restored store: rule 2 has the rest.

use super::{
    fleet::WAIT,
    needs,
    stage::{SECOND, held_by_two, shard},
};
use crate::{
    backup::{
        Seal, copy,
        tests::{block_on, commit, lead, populated, run},
    },
    engine::{Answer, Caller, Request, tests::world::Broken},
    journal::{Mode, State},
    planted::Planted,
    replica::{
        ensemble::Event,
        tests::world::{World, namespace},
    },
    store::{
        Keys, MemoryStore,
        kv::{Kv, Retention},
    },
};

const NO_WAIT: Mode = Mode::Reset { wait: std::time::Duration::ZERO };

/// A fleet of one replica whose shard has moved several times, and who has it.
fn moved() -> (World, usize) {
    let mut world = World::scripted(1, 2);
    world.run(SECOND * 20);
    let owner = world.owner().expect("somebody is given it");
    for to in [1 - owner, owner, 1 - owner, owner] {
        world.move_to(to);
    }
    (world, owner)
}

impl World {
    fn ask(&mut self, request: Request) {
        let before = self.answers.len();
        self.tell(0, Event::Asked(namespace(), Caller(7), request));
        self.run(SECOND / 5);
        assert!(matches!(self.answers[before..], [Ok(Answer::Done(_))]), "{:?}", self.answers);
    }
}

#[test]
fn what_comes_after_a_deleted_namespace_is_above_it() {
    let schedule = || {
        let (mut world, _) = moved();
        world.ask(Request::Delete);
        assert_eq!(world.owner(), None, "everybody is told");
        // Nobody is there who remembers.
        let kv = world.backup();
        world.restore(kv, "here");
        world.cut_all();
        world.open(NO_WAIT);
        world.join();
        world.run(SECOND * 30);
        assert_eq!(world.owner(), Some(2));
        world.broken()
    };
    needs(Planted::TombstoneForgotten, schedule, &Broken::TokenStands(shard("0")));
}

#[test]
fn what_was_granted_before_a_deletion_is_waited_for() {
    let schedule = || {
        let (mut world, owner) = moved();
        // It does not hear that it has to go.
        world.cut.insert(owner);
        world.ask(Request::Delete);
        world.open(NO_WAIT);
        world.join();
        world.run(WAIT);
        world.broken()
    };
    needs(Planted::GrantsBeforeWait, schedule, &held_by_two());
}

#[test]
fn what_was_granted_before_a_reset_is_waited_for() {
    let schedule = || {
        let (mut world, owner) = moved();
        world.cut.insert(owner);
        world.ask(Request::Reset);
        world.run(WAIT);
        world.broken()
    };
    needs(Planted::GrantsBeforeWait, schedule, &held_by_two());
}

#[test]
fn a_new_store_begins_above_what_a_lost_one_has_given() {
    let schedule = || {
        let (mut world, _) = moved();
        let empty = Kv::new(world.kv.limits(), Retention::default());
        world.cut_all();
        world.started_at += 60_000;
        world.restore(empty, "another");
        // Nobody believes in anything any more. Resources remember all the same.
        world.run(WAIT);
        world.join();
        world.run(SECOND * 30);
        assert_eq!(world.owner(), Some(2));
        world.broken()
    };
    needs(Planted::FreshFromZero, schedule, &Broken::TokenStands(shard("0")));
}

#[test]
fn a_store_that_has_moved_takes_no_commit() {
    let schedule = || {
        block_on(async {
            let (source, destination, keys) = (populated().await, MemoryStore::new(), Keys::default());
            let mut leader = lead(&source, "a", 2, Mode::Resume).await;
            let opened = run(&source, &mut leader).await.expect("it is there");
            opened.expect("nobody else leads");
            copy(&source, &destination, &keys, Seal::Source).await.expect("both are there");
            // It has not heard of it.
            let accepted = commit(&source, &mut leader, State::Live).await.is_ok();
            accepted.then_some(Broken::StaleWrite).into_iter().collect()
        })
    };
    needs(Planted::SourceUnsealed, schedule, &Broken::StaleWrite);
}

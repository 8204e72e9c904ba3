//! **Rule 13.** Affinity to exclusive is refused until every shard was released by name or its holder ended. Under
//! `on_lease_loss: hold` a lapsed guard says `unfenced`, not held.
//!
//! The holes: an executor that was given a shard when two might have it, and that does not stop when its lease runs
//! out, serves on in a namespace that promises one owner. And one that goes on because its resource checks tokens tells
//! the application that it holds, which asks for nothing better.

use super::{
    needs,
    stage::{SECOND, held_by_two, one_shard},
};
use crate::{
    engine::{
        NamespaceConfig, Ownership, Request,
        tests::world::{Broken, World},
    },
    planted::Planted,
    session::OnLeaseLoss,
};

/// Two executors that go on when their leases run out; the owner, and the other.
fn going_on(ownership: Ownership) -> (World, usize, usize) {
    let mut world = World::scripted(NamespaceConfig { ownership, ..one_shard() }, 0);
    for number in 0..2 {
        world.start(number, number as u64 + 1, OnLeaseLoss::Hold);
    }
    world.run(SECOND * 5);
    let owner = world.owner().unwrap();
    (world, owner, 1 - owner)
}

#[test]
fn exclusive_ownership_begins_when_nobody_holds_without_tokens() {
    let schedule = || {
        let (mut world, owner, other) = going_on(Ownership::Affinity);
        let exclusive =
            NamespaceConfig { ownership: Ownership::Exclusive, ..world.engine.state().config().clone() };
        let _ = world.answered_to(Request::Configure(Box::new(exclusive)));
        world.cut.insert(owner);
        world.run(SECOND * 20);
        let session = world.executors[owner].as_ref().unwrap();
        let still_serves = session.unfenced("0", world.now).is_some();
        assert!(still_serves && world.holds(other, "0"), "that is what affinity means");
        let is_exclusive = world.engine.state().config().ownership == Ownership::Exclusive;
        is_exclusive.then(held_by_two).into_iter().collect::<Vec<Broken>>()
    };
    needs(Planted::FenceTooSoon, schedule, &held_by_two());
}

#[test]
fn who_goes_on_without_a_lease_does_not_say_that_it_holds() {
    let schedule = || {
        let (mut world, owner, _) = going_on(Ownership::Exclusive);
        world.cut.insert(owner);
        world.run(SECOND * 20);
        assert!(world.executors[owner].as_ref().unwrap().unfenced("0", world.now).is_some());
        world.broken()
    };
    needs(Planted::LapsedHeld, schedule, &held_by_two());
}

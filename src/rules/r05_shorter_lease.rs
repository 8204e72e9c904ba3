//! **Rule 5.** An acknowledgement states the hold that it grants. A shortened TTL takes effect for expiry and takeover
//! only after the longer one has run out under the last acknowledgement given with it.
//!
//! The holes: an operator shortens the lease; an executor that was promised the longer one, and has not been heard
//! since, is expired by the shorter, by the same leader or by one that finds only the shorter in the store. Or it is
//! told the shorter one and goes on as before.

use std::time::Duration;

use super::{
    needs,
    stage::{SECOND, held_by_two},
};
use crate::{
    engine::{Engine, NamespaceConfig, Request, tests::world::World},
    planted::Planted,
};

impl World {
    fn shorten(&mut self) {
        let lease = SECOND * 4;
        let shorter = NamespaceConfig { lease, ..self.engine.state().config().clone() };
        self.answered_to(Request::Configure(Box::new(shorter))).unwrap();
    }
}

#[test]
fn what_was_promised_is_waited_for() {
    let schedule = || {
        let (mut world, owner) = World::settled(2);
        world.cut.insert(owner);
        world.shorten();
        world.run(SECOND * 15);
        world.broken()
    };
    needs(Planted::ShorterAtOnce, schedule, &held_by_two());
}

#[test]
fn the_next_leader_waits_for_what_the_last_one_promised() {
    let schedule = || {
        let (mut world, owner) = World::settled(2);
        world.cut.insert(owner);
        world.shorten();
        world.engine = Engine::take_over(world.follower.clone(), Duration::ZERO, world.now);
        world.run(SECOND * 15);
        world.broken()
    };
    needs(Planted::ShorterAtOnce, schedule, &held_by_two());
}

#[test]
fn an_executor_holds_for_as_long_as_it_was_told_last() {
    let schedule = || {
        let (mut world, owner) = World::settled(2);
        world.shorten();
        world.run(SECOND * 15);
        world.cut.insert(owner);
        world.run(SECOND * 10);
        world.broken()
    };
    needs(Planted::HoldIsGuessed, schedule, &held_by_two());
}

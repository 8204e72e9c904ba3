//! **Rule 6.** A leader's keep-alive proves that it lives, not that it leads: confirming leadership also proves the term,
//! from the earlier of the two. Resigning stops acknowledgements first, then gives the term up. A term record lets a
//! candidate lead at once only if it says that its holder has resigned, or that holder is gone; otherwise it waits a
//! leader lease longer. The lease that counts is the one its holder was given, as its record says.
//!
//! Here one renewal proves both, because it compares the liveness record, and nobody takes a term whose holder's record
//! is there. So the holes are: a term is taken from one who has been silent for less than it may be, be it because others were given another lease; and one who has
//! given its term up acknowledges beats until it hears that this is stored, when another one leads already.

use super::{needs, stage::SECOND};
use crate::{
    engine::tests::world::Broken,
    journal::test_store::Fault,
    planted::Planted,
    replica::{ensemble::Event, tests::world::World},
};

#[test]
fn nobody_takes_the_term_of_one_who_may_live() {
    let schedule = || {
        let mut world = World::scripted(2, 1);
        world.run(SECOND * 20);
        let leader = world.leader().expect("somebody leads");
        // It is cut off from the store.
        world.faults.insert(leader, (Fault::RequestLost, ""));
        world.deaf = Some(leader);
        for _ in 0..14 {
            // The other one has every reason to look.
            world.tell(1 - leader, Event::WatchBroke);
            world.run(SECOND * 3 / 5);
        }
        world.broken()
    };
    needs(Planted::TakeFromTheLiving, schedule, &Broken::LedByTwo);
}

#[test]
fn who_resigns_has_stopped_before_that_is_stored() {
    let schedule = || {
        let mut world = World::scripted(2, 1);
        world.run(SECOND * 20);
        let leader = world.leader().expect("somebody leads");
        // What it writes arrives, and it does not hear so.
        world.faults.insert(leader, (Fault::ReplyLost, "/term"));
        world.deaf = Some(leader);
        world.resign(leader);
        world.run(SECOND);
        world.broken()
    };
    needs(Planted::ResignsLate, schedule, &Broken::LedByTwo);
}

#[test]
fn who_was_given_a_shorter_lease_waits_for_who_was_given_a_longer_one() {
    let schedule = || {
        let mut world = World::scripted(0, 1);
        world.start_with_lease(0, SECOND * 60);
        world.run(SECOND * 20);
        assert_eq!(world.leader(), Some(0));
        // It is cut off from the store, while a lease of 5 s is being rolled out.
        world.faults.insert(0, (Fault::RequestLost, ""));
        world.deaf = Some(0);
        world.start_with_lease(1, SECOND * 5);
        world.run(SECOND * 80);
        assert_eq!(world.leader(), Some(1), "when the longer one is over");
        world.broken()
    };
    needs(Planted::OwnLeaseForAll, schedule, &Broken::LedByTwo);
}

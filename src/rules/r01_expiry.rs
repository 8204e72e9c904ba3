//! **Rule 1.** From the moment an expiry is queued, no beat of that session is acknowledged until the commit's outcome
//! is known; an unknown outcome is settled by a linearizable read of the head before any further acknowledgement of it
//! or commit.
//!
//! The holes: an executor that is heard again while its end is on its way to the store goes on believing, and so does
//! whoever is given its shards a moment later. And a leader that takes a commit for done whose answer was lost tells a
//! new owner what the next leader will not know: that one still acknowledges the old owner.

use super::{
    needs,
    stage::{SECOND, held_by_two},
};
use crate::{
    engine::tests::world::{MS, World},
    journal::test_store::Fault,
    planted::Planted,
    replica::tests::world::World as Replicas,
};

#[test]
fn a_beat_of_a_session_whose_end_is_on_its_way_is_not_acknowledged() {
    let schedule = || {
        let (mut world, owner) = World::settled(2);
        world.cut.insert(owner);
        let commits = world.deltas.len();
        while world.deltas.len() == commits {
            // Its end is decided, written, and the store takes its time to say so.
            world.store_is_silent = true;
            world.run(10 * MS);
        }
        world.cut.clear();
        world.run(4 * SECOND);
        // It is not told that it has ended.
        world.cut.insert(owner);
        world.store_answers();
        world.run(SECOND);
        world.broken()
    };
    needs(Planted::AcksTheEnding, schedule, &held_by_two());
}

#[test]
fn a_commit_whose_answer_was_lost_is_not_taken_for_done() {
    let schedule = || {
        let mut world = Replicas::scripted(2, 2);
        world.run(20 * SECOND);
        let leader = world.leader().expect("somebody leads");
        // Executor 0 is not heard any more, and the commit that ends it is lost without anybody's knowing.
        world.cut.insert(0);
        world.faults.insert(leader, (Fault::RequestLost, "/head"));
        world.run(12_500 * MS);
        // Then the leader dies, and executor 0 is heard by the next one, who has never heard of its end.
        world.replicas[leader] = None;
        world.cut.clear();
        world.run(15 * SECOND);
        world.broken()
    };
    needs(Planted::GuessLostCommit, schedule, &held_by_two());
}

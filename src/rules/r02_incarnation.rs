//! **Rule 2.** The incarnation lives inside the head. Adopting a restored store sets it above everything stored, seen,
//! and the clock's milliseconds, replaces the term in the same transaction, voids all sessions, and grants nothing for a
//! full listening TTL.
//!
//! The holes: a store that was put back counts generations again that were given out before, and a resource that has
//! seen a token sees it once more, from somebody else. A session that the backup remembers takes up what was taken from
//! it after the backup was made. Shards that were nobody's when it was made are granted while others hold them: for as long
//! as leases were then, and not as they have become since, which only whoever made them longer can say.
//!
//! That the term is replaced in the same transaction is the guard of every commit: see rule 11.

use super::{
    fleet::WAIT,
    needs,
    stage::{SECOND, held_by_two, shard},
};
use crate::{engine::tests::world::Broken, planted::Planted, replica::tests::world::World};

#[test]
fn tokens_are_above_all_that_were_given_before() {
    let schedule = || {
        let mut world = World::scripted(1, 2);
        world.run(SECOND * 20);
        let owner = world.owner().expect("somebody is given it");
        let backup = world.backup();
        for to in [1 - owner, owner, 1 - owner, owner, 1 - owner] {
            world.move_to(to);
        }
        world.restore(backup, "a copy");
        world.cut_all();
        world.adopt();
        world.join();
        world.run(SECOND * 40);
        assert_eq!(world.owner(), Some(2));
        world.broken()
    };
    needs(Planted::TokenReusedAfterRestore, schedule, &Broken::TokenStands(shard("0")));
}

#[test]
fn sessions_that_a_backup_remembers_are_over() {
    let schedule = || {
        let mut world = World::scripted(1, 2);
        world.run(SECOND * 20);
        let owner = world.owner().expect("somebody is given it");
        let backup = world.backup();
        // After the backup it expires, and the other one is given the shard.
        world.cut.insert(owner);
        world.run(SECOND * 12);
        assert_eq!(world.owner(), Some(1 - owner));
        world.cut.insert(1 - owner);
        world.cut.remove(&owner);
        world.restore(backup, "a copy");
        world.adopt();
        world.run(WAIT);
        world.broken()
    };
    needs(Planted::RestoredSessionsLive, schedule, &held_by_two());
}

#[test]
fn nothing_is_granted_before_everybody_has_lost_what_nobody_knows_of() {
    let schedule = || {
        let mut world = World::scripted(1, 0);
        world.run(SECOND * 5);
        let backup = world.backup();
        world.join();
        world.run(SECOND * 5);
        assert_eq!(world.owner(), Some(0));
        world.cut_all();
        world.restore(backup, "a copy");
        world.adopt();
        world.join();
        world.run(WAIT);
        world.broken()
    };
    needs(Planted::GrantsBeforeWait, schedule, &held_by_two());
}

#[test]
fn leases_are_waited_for_that_the_operator_alone_knows_of() {
    let schedule = || {
        let mut world = World::scripted(1, 0);
        world.run(SECOND * 5);
        let backup = world.backup();
        // Behind the backup leases become longer, and under such a one the shard is granted.
        let lease = SECOND * 30;
        world.set_lease(lease);
        world.join();
        world.run(SECOND * 5);
        assert_eq!(world.owner(), Some(0));
        world.cut_all();
        world.restore(backup, "a copy");
        world.run(SECOND * 2);
        world.adopt_knowing(lease);
        world.join();
        world.run(SECOND * 50);
        assert_eq!(world.owner(), Some(1));
        world.broken()
    };
    needs(Planted::OperatorUnheard, schedule, &held_by_two());
}

//! **Rule 10.** When a destination expires or drains, the same commit clears it from moves in flight; a grant is checked
//! against live, active sessions in commit order; a shard is granted at most once per generation.
//!
//! The holes: a shard that is on its way to an executor which is being drained, or is gone, is granted to it all the
//! same. And a shard that finds one owner and then another before the store has been told of the first has two, under
//! one token.

use super::{
    needs,
    stage::{SECOND, id, shard},
};
use crate::{
    engine::{
        Caller, Change, Event, Freeze, Kind, NamespaceConfig, Request, ShardRecord,
        tests::world::{Broken, MS, World},
    },
    planted::{Planted, with},
    session::{Session, ToLeader},
    types::SessionId,
};

impl World {
    fn session_of(&self, number: usize) -> SessionId {
        self.executors[number].as_ref().and_then(Session::id).unwrap()
    }

    /// The owner has been asked to let go of the shard, for the other one, and has not answered.
    fn on_its_way(executors: usize) -> (Self, usize, usize) {
        let (mut world, owner) = Self::settled(executors);
        let to = (owner + 1) % executors;
        world.ask(Request::Move(shard("0"), id(to)));
        world.run(MS / 2);
        world.held_back.insert(owner);
        world.run(SECOND / 2);
        (world, owner, to)
    }

    fn is_on_its_way_to(&self, session: SessionId) -> bool {
        let shard = self.engine.state().shard("0").unwrap();
        shard.handover.is_some_and(|handover| handover.to == Some(session))
    }
}

#[test]
fn what_drains_is_given_nothing_that_was_on_its_way_to_it() {
    let schedule = || {
        let (mut world, owner, to) = World::on_its_way(3);
        let session = world.session_of(to);
        assert!(world.is_on_its_way_to(session));
        // A commit is on its way, so that the planner looks at nothing before the release has come.
        world.store_is_silent = true;
        world.ask(Request::Freeze(Freeze::Balance));
        world.ask(Request::Drain(id(to)));
        world.held_back.clear();
        for message in std::mem::take(&mut world.kept_to_executor) {
            world.tell_executor(owner, message);
        }
        let from = world.deltas.len();
        world.run(SECOND * 4);
        world.store_answers();
        world.run(SECOND * 4);
        let granted = |change: &Change| matches!(change, Change::Shard(ShardRecord { owner, .. }) if *owner == Some(session));
        let is_granted = world.deltas[from..].iter().flat_map(|delta| &delta.changes).any(granted);
        let given = is_granted.then(|| Broken::GivenToLeaving(shard("0")));
        world.broken().into_iter().chain(given).collect()
    };
    needs(Planted::DestinationStays, schedule, &Broken::GivenToLeaving(shard("0")));
}

/// Three times over: in this commit, in the state of whoever reads it, and when the shard is released. No single switch
/// opens the hole, so this holds the first of them.
#[test]
fn what_ends_is_nobodys_destination_in_the_same_commit() {
    with(None, || {
        let (mut world, _, to) = World::on_its_way(3);
        let session = world.session_of(to);
        let from = world.deltas.len();
        world.tell_engine(Event::Heard(Caller(9), ToLeader::Leave(session)));
        world.run(10 * MS);
        let changes = &world.deltas[from].changes;
        assert!(changes.iter().any(|change| matches!(change, Change::SessionEnded(id, _) if *id == session)));
        let cleared = |change: &Change| {
            matches!(change, Change::Shard(record)
                if record.handover.is_some_and(|handover| handover.to != Some(session)))
        };
        assert!(changes.iter().any(cleared), "{changes:?}");
    });
}

#[test]
fn a_shard_is_granted_once_in_a_commit() {
    let schedule = || {
        let config =
            NamespaceConfig { gather: std::time::Duration::ZERO, ..NamespaceConfig::new(Kind::Ephemeral) };
        let mut world = World::scripted(config, 2);
        world.run(SECOND * 2);
        // A commit is on its way, so that what is decided now waits for the next.
        world.store_is_silent = true;
        world.ask(Request::Freeze(Freeze::Balance));
        world.ask(Request::Ensure(shard("0")));
        let owner = world.engine.state().shard("0").and_then(|shard| shard.owner).unwrap();
        world.tell_engine(Event::Heard(Caller(9), ToLeader::Leave(owner)));
        world.run(100 * MS);
        world.store_answers();
        world.run(SECOND);
        world.broken()
    };
    needs(Planted::GrantedTwice, schedule, &Broken::TokenStands(shard("0")));
}

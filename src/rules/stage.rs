//! What the schedules have in common: who owns the shard, and the ways in which it can go wrong.

use std::time::Duration;

use crate::{
    engine::{
        Answer, NamespaceConfig, Request, RequestError,
        tests::world::{Broken, MS, World, config},
    },
    session::{OnLeaseLoss, OnStuck, Profile, Session, SessionConfig},
    types::{ExecutorId, ShardKey, Token},
};

pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) fn shard(key: &str) -> ShardKey {
    ShardKey::new(key).unwrap()
}

pub(super) fn id(number: usize) -> ExecutorId {
    ExecutorId::new(format!("e{number}")).unwrap()
}

/// The one that all schedules fear most.
pub(super) fn held_by_two() -> Broken {
    Broken::HeldByTwo(shard("0"))
}

pub(super) fn unowned() -> Broken {
    Broken::Unowned(shard("0"))
}

/// One shard, of the name "0".
pub(super) fn one_shard() -> NamespaceConfig {
    config(1)
}

impl World {
    /// A namespace of one shard and so many executors, one of which has it, and is named.
    pub(super) fn settled(executors: usize) -> (Self, usize) {
        let mut world = Self::scripted(one_shard(), executors);
        world.run(5 * SECOND);
        let owner = world.owner().expect("somebody is given it");
        (world, owner)
    }

    /// Who believes that it holds the shard.
    pub(super) fn owner(&self) -> Option<usize> {
        (0..self.executors.len()).find(|number| self.holds(*number, "0"))
    }

    /// The token of the shard, as it is decided.
    pub(super) fn token(&self) -> Token {
        self.engine.state().shard("0").map_or_else(Token::default, |shard| shard.token)
    }

    /// Somebody asks, and the answer is waited for.
    pub(super) fn answered_to(&mut self, request: Request) -> Result<Answer, RequestError> {
        let caller = self.ask(request);
        self.run(100 * MS);
        self.answer(caller).expect("every request is answered").clone()
    }

    /// Another process, which takes the next number.
    pub(super) fn start(&mut self, name: usize, nonce: u64, on_lease_loss: OnLeaseLoss) -> usize {
        let config = SessionConfig {
            executor: id(name),
            profile: Profile::default().into(),
            answer_within: 3 * SECOND,
            stop_within: 5 * SECOND,
            on_stuck: OnStuck::Release,
            on_lease_loss,
        };
        self.executors.push(Some(Session::new(config, nonce, self.now)));
        self.executors.len() - 1
    }

    /// What is broken by now; unless somebody holds the shard, that too.
    pub(super) fn broken_or_unowned(&self) -> Vec<Broken> {
        let unowned = self.owner().is_none().then(unowned);
        self.broken().into_iter().chain(unowned).collect()
    }

    /// What is broken by now; if the shard has been granted anew, that too.
    pub(super) fn broken_or_moved(&self, token: Token) -> Vec<Broken> {
        let moved = (self.token() != token).then(|| Broken::MovedForNothing(shard("0")));
        self.broken().into_iter().chain(moved).collect()
    }
}

//! What the schedules with whole replicas have in common: stores that go back, and who holds the shard.

use std::time::Duration;

use super::stage::{SECOND, id, shard};
use crate::{
    election::ElectionConfig,
    engine::{Caller, NamespaceConfig, Request},
    journal::{Mode, OpenAs},
    replica::{
        ensemble::Event,
        tests::world::{World, namespace},
    },
    store::{Keys, Transaction, Write, kv::Kv},
};

/// What nobody may be granted for after a restore: a lease, and what clocks are off.
pub(super) const WAIT: Duration = Duration::from_secs(11);

impl World {
    /// A fleet in which broken promises are kept.
    pub(super) fn scripted(replicas: usize, executors: usize) -> Self {
        let mut world = Self::new(replicas, executors);
        world.broken = Some(Vec::new());
        world
    }

    /// One more replica, with this leader lease.
    pub(super) fn start_with_lease(&mut self, number: usize, lease: Duration) {
        let election = ElectionConfig::default().with_lease(lease).expect("a lease that can be");
        self.elections.insert(number, election);
        self.replicas.push(None);
        self.start(number, number as u64 + 1);
    }

    /// Who believes that it holds the shard "0".
    pub(super) fn owner(&self) -> Option<usize> {
        self.executors.iter().position(|executor| executor.holds("0", self.now).is_some())
    }

    /// An operator moves the shard "0".
    pub(super) fn move_to(&mut self, executor: usize) {
        let leader = self.leader().expect("somebody leads");
        let request = Request::Move(shard("0"), id(executor));
        self.tell(leader, Event::Asked(namespace(), Caller(1_000), request));
        self.run(SECOND);
        assert_eq!(self.owner(), Some(executor), "{:?}", self.answers);
    }

    /// What a backup has: everything but who lives.
    pub(super) fn backup(&self) -> Kv {
        let mut kv = self.kv.clone();
        let replicas = Keys::default().replicas();
        let rows: Vec<_> = kv.rows().map(|row| row.key).filter(|key| key.starts_with(&replicas)).collect();
        for key in rows {
            let gone = kv.apply(Transaction::default().write(Write::Delete(key)));
            gone.expect("the store takes a write");
        }
        kv
    }

    /// All replicas die, the store is another one from now on, and one replica starts that remembers nothing.
    pub(super) fn restore(&mut self, backup: Kv, identity: &str) {
        self.replicas.iter_mut().for_each(|replica| *replica = None);
        (self.kv, self.identity) = (backup, identity.into());
        self.told.clear();
        self.start(0, 99);
    }

    /// An operator says that what is there is to be continued.
    pub(super) fn adopt(&mut self) {
        self.open(Mode::Adopt { wait: WAIT });
    }

    pub(super) fn open(&mut self, mode: Mode) {
        let open_as = OpenAs { mode, seen: None, unix_millis: self.started_at };
        self.tell(0, Event::Open(namespace(), open_as));
    }

    /// An operator says so, and what leases were, as far as that is known to nobody else.
    pub(super) fn adopt_knowing(&mut self, longest_lease: Duration) {
        let leader = self.replicas[0].as_ref().expect("it runs");
        let (state, leader_lease) =
            (leader.state(&namespace()), leader.election().longest_lease(&namespace()));
        let wait = state.expect("it has read the backup").adoption_wait(longest_lease, leader_lease);
        self.open(Mode::Adopt { wait });
    }

    /// An operator changes how long leases are.
    pub(super) fn set_lease(&mut self, lease: Duration) {
        let leader = self.leader().expect("somebody leads");
        let engine = self.replicas[leader].as_ref().and_then(|replica| replica.engine(&namespace()));
        let config = engine.expect("it leads").state().config().clone();
        let request = Request::Configure(Box::new(NamespaceConfig { lease, ..config }));
        self.tell(leader, Event::Asked(namespace(), Caller(1_000), request));
        self.run(SECOND);
        assert!(matches!(self.answers.last(), Some(Ok(_))), "{:?}", self.answers);
    }

    pub(super) fn cut_all(&mut self) {
        self.cut.extend(0..self.executors.len());
    }
}

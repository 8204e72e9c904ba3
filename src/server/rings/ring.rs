//! One namespace of kind ring.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{sync::watch, time};

use super::{Placed, RingConfig};
use crate::{
    engine::Kind,
    membership::MAX_MEMBERS,
    resolver::{LookupError, MembershipStatus, Resolver, Subscription},
    ring::RingError,
    server::room::Watchers,
    types::{Member, ShardKey},
};

/// Between two changes that watchers are told, however few shards there are.
const PAUSE: Duration = Duration::from_millis(50);
/// And so much for each shard besides: a million are placed once a second.
const PAUSE_PER_SHARD: Duration = Duration::from_micros(1);

/// A namespace whose owners its ring tells.
#[derive(Debug)]
pub(in crate::server) struct Ring {
    config: RingConfig,
    resolver: Resolver,
    watchers: Watchers,
    /// As watchers and lists are told it; `None`: nobody was in it yet.
    placed: watch::Sender<Option<Arc<Placed>>>,
}

/// Why there is no owner to tell, after all the waiting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) enum NotPlaced {
    /// There is no such shard. This is known at once.
    NoSuchShard,
    /// Nobody is in the ring; and why, if it is known.
    NoMembers(Option<String>),
}

impl Ring {
    pub(super) fn new(config: RingConfig, resolver: Resolver) -> Self {
        Self { config, resolver, watchers: Watchers::default(), placed: watch::Sender::new(None) }
    }

    /// Who owns the shard that a caller's key is of, and whom the ring would ask next: so many at most. While nobody is in
    /// the ring it waits for somebody.
    pub(in crate::server) async fn owners(
        &self,
        key: &ShardKey,
        most: usize,
        within: Duration,
    ) -> Result<(ShardKey, Vec<Member>), NotPlaced> {
        let shard = self.shard_of(key).ok_or(NotPlaced::NoSuchShard)?;
        let deadline = time::Instant::now() + within;
        let mut placed = self.placed.subscribe();
        loop {
            placed.mark_unchanged();
            if let Ok(owners) = self.lookup(&shard, most) {
                return Ok((shard, owners));
            }
            let changed = time::timeout_at(deadline, placed.changed()).await;
            if !matches!(changed, Ok(Ok(()))) {
                return Err(NotPlaced::NoMembers(self.status().last_failure));
            }
        }
    }

    /// The same, from what is known.
    pub(in crate::server) fn lookup(
        &self,
        shard: &ShardKey,
        most: usize,
    ) -> Result<Vec<Member>, LookupError> {
        let owners = self.resolver.lookup_n(shard, most.clamp(1, MAX_MEMBERS))?;
        Ok(owners.iter().map(|owner| owner.member().clone()).collect())
    }

    /// The shard that a caller's key is of; `None`: there is no such shard.
    pub(in crate::server) fn shard_of(&self, key: &ShardKey) -> Option<ShardKey> {
        let kind = self.config.kind();
        let shard = self.config.keys.shard_of(kind, key);
        let exists = kind == Kind::Ephemeral || kind.numbers(&shard);
        exists.then_some(shard)
    }

    /// How it is run.
    pub(in crate::server) const fn config(&self) -> &RingConfig {
        &self.config
    }

    /// What answers lookups.
    pub(in crate::server) const fn resolver(&self) -> &Resolver {
        &self.resolver
    }

    /// How its membership stands.
    pub(in crate::server) fn status(&self) -> MembershipStatus {
        self.resolver.membership_status()
    }

    /// What an operator should know of it: why its members could not be found out last, or that some are held.
    pub(in crate::server) fn trouble(&self) -> Option<String> {
        let status = self.status();
        status.last_failure.or_else(|| status.held.map(|held| held.to_string()))
    }

    /// Lets those members go that are held because too many vanished at once. There may be none.
    pub(in crate::server) fn let_go(&self) -> Result<(), RingError> {
        self.resolver.accept_held_members().map(drop)
    }

    /// Those who watch.
    pub(in crate::server) const fn watchers(&self) -> &Watchers {
        &self.watchers
    }

    /// Who has which shards; `None`: nobody was in it yet.
    pub(in crate::server) fn placed(&self) -> Option<Arc<Placed>> {
        self.placed.borrow().clone()
    }

    /// The same, for who waits for what comes next.
    pub(in crate::server) fn changes(&self) -> watch::Receiver<Option<Arc<Placed>>> {
        self.placed.subscribe()
    }

    /// What callers need to reach a member.
    pub(in crate::server) fn metadata(&self, member: &Member) -> BTreeMap<String, String> {
        metadata(member, &self.config.ports)
    }

    /// Places the shards anew whenever the ring has changed, for those who watch. Lookups do not wait for it.
    pub(super) async fn follow(self: Arc<Self>, mut members: Subscription) {
        let pause = PAUSE + PAUSE_PER_SHARD * self.config.shards.unwrap_or_default();
        while let Some(change) = members.next().await {
            let (ring, before) = (self.clone(), self.placed());
            let place = move || Placed::after(before.as_deref(), change.ring, &ring.config);
            // A million shards keep a processor busy for a while.
            let Ok(placed) = tokio::task::spawn_blocking(place).await else { return };
            self.placed.send_replace(Some(Arc::new(placed)));
            time::sleep(pause).await;
        }
    }
}

/// By the names that Cadence's clients look for, so that who was found in a ring is found in the same way as an executor.
pub(super) fn metadata(member: &Member, ports: &BTreeMap<String, u16>) -> BTreeMap<String, String> {
    let host = member.host();
    let mut metadata = BTreeMap::new();
    let defaults = ports.iter().map(|(name, port)| (&**name, *port));
    for (name, port) in defaults.chain(member.ports()) {
        metadata.insert(name.to_owned(), port.to_string());
    }
    if let Some(port) = metadata.get("grpc") {
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let address = format!("{host}:{port}");
        metadata.insert("grpc_address".into(), address);
    }
    metadata.insert("address".into(), member.address().into());
    metadata.insert("hostIP".into(), host.into());
    metadata
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_are_told_how_to_reach_a_member() {
        let told = |member: &Member, ports: &[(&str, u16)]| {
            let ports = ports.iter().map(|(name, port)| ((*name).to_owned(), *port)).collect();
            let metadata = metadata(member, &ports);
            metadata.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
        };
        let member = Member::new("10.0.0.1:7933").unwrap();
        assert_eq!(told(&member, &[]), "address=10.0.0.1:7933 hostIP=10.0.0.1");
        let ports = [("grpc", 7833), ("tchannel", 7933)];
        let expected =
            "address=10.0.0.1:7933 grpc=7833 grpc_address=10.0.0.1:7833 hostIP=10.0.0.1 tchannel=7933";
        assert_eq!(told(&member, &ports), expected);
        let member = Member::new("[::1]:1").unwrap().with_port("grpc", 9).unwrap();
        let expected = "address=[::1]:1 grpc=9 grpc_address=[::1]:9 hostIP=::1 tchannel=7933";
        assert_eq!(told(&member, &ports), expected, "its own port counts");
    }
}

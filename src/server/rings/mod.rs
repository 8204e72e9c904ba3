//! Namespaces whose owners a hash ring tells: each replica follows their members and answers by itself. Nothing of them is
//! stored, nobody leads them, and nobody is granted anything.

mod config;
mod frames;
mod placed;
mod ring;

use std::{collections::BTreeMap, fmt, sync::Arc};

pub use config::{MembersFrom, RingConfig, RingConfigError};
pub(super) use frames::profile;
pub(super) use placed::Placed;
pub(super) use ring::{NotPlaced, Ring};
use tokio::task::JoinSet;

use super::room::{Room, Rooms, Watchers};
use crate::{
    clock::Clock,
    resolver::{InsertError, Resolver, ResolverSet, StartError},
    telemetry::{Recorder, metric},
    types::Namespace,
};

/// The namespaces of kind ring that a replica answers. Cheap to clone; their members are followed until the last clone has
/// gone.
#[derive(Clone, Debug, Default)]
pub struct Rings(Arc<All>);

#[derive(Debug, Default)]
struct All {
    by_name: BTreeMap<Namespace, Arc<Ring>>,
    resolvers: ResolverSet,
    /// One for each, that tells its watchers what has changed.
    _followers: JoinSet<()>,
}

/// What answers for a namespace.
pub(super) enum Place {
    /// What is stored of it.
    Room(Arc<Room>),
    /// A ring of this replica's own.
    Ring(Arc<Ring>),
}

/// Why a namespace of kind ring cannot be answered. None was begun.
#[derive(Debug)]
pub enum RingsError {
    /// How it is to be run cannot be.
    Config(Namespace, RingConfigError),
    /// There are too many, or two of one name.
    Insert(Namespace, InsertError),
    /// Its members, or those of another one, cannot be followed.
    Start(StartError),
}

impl Rings {
    /// Begins to follow the members of these. Call it on a tokio runtime.
    pub fn start(
        rings: impl IntoIterator<Item = (Namespace, RingConfig)>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, RingsError> {
        let mut all = All::default();
        for (namespace, config) in rings {
            let source = config.check().and_then(|()| config.members.source().map_err(RingConfigError::Name));
            let source = source.map_err(|error| RingsError::Config(namespace.clone(), error))?;
            let resolver = Resolver::builder(namespace.clone())
                .ring(config.ring)
                .members(source)
                .restraint(config.restraint)
                .clock(clock.clone())
                .build();
            let inserted = all.resolvers.insert(resolver.clone());
            inserted.map_err(|error| RingsError::Insert(namespace.clone(), error))?;
            // Before the first members can come.
            let members = resolver.subscribe();
            let ring = Arc::new(Ring::new(config, resolver));
            all._followers.spawn(ring.clone().follow(members));
            all.by_name.insert(namespace, ring);
        }
        all.resolvers.start().map_err(RingsError::Start)?;
        Ok(Self(Arc::new(all)))
    }

    /// The resolvers that answer.
    pub fn resolvers(&self) -> &ResolverSet {
        &self.0.resolvers
    }

    /// What answers for a namespace; `None`: there is no such namespace. What the store has under a ring's name takes its
    /// place.
    pub(super) fn place(&self, namespace: &Namespace, rooms: &Rooms) -> Option<Place> {
        let ring = || self.0.by_name.get(namespace).cloned().map(Place::Ring);
        rooms.get(namespace).map(Place::Room).or_else(ring)
    }

    /// The rings that answer for a namespace, in the order of these.
    pub(super) fn all_answering(&self, rooms: &Rooms) -> impl Iterator<Item = (&Namespace, &Arc<Ring>)> {
        self.0.by_name.iter().filter(|(name, _)| rooms.get(name).is_none())
    }

    /// How many of them have not heard of any member yet.
    pub(super) fn unknown(&self, rooms: &Rooms) -> usize {
        self.all_answering(rooms).filter(|(_, ring)| ring.placed().is_none()).count()
    }

    /// Gives the present value of every metric of theirs.
    pub(super) fn record(&self, to: &dyn Recorder, rooms: &Rooms) {
        for (name, ring) in self.all_answering(rooms) {
            ring.resolver().record(to);
            to.gauge(metric::WATCHERS, &[("namespace", name.as_str())], ring.watchers().len() as f64);
        }
    }
}

impl Place {
    /// Those who watch.
    pub(super) fn watchers(&self) -> &Watchers {
        match self {
            Self::Room(room) => room.watchers(),
            Self::Ring(ring) => ring.watchers(),
        }
    }
}

impl fmt::Display for RingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(namespace, error) => write!(f, "namespace \"{namespace}\": {error}"),
            Self::Insert(namespace, error) => write!(f, "namespace \"{namespace}\": {error}"),
            Self::Start(_) => f.write_str("the members of rings cannot be followed"),
        }
    }
}

impl std::error::Error for RingsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Config(..) => None,
            Self::Insert(_, error) => error.source(),
            Self::Start(error) => Some(error),
        }
    }
}

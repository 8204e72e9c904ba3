//! The handle by which everybody else speaks to the desk, and to namespaces.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use super::{
    catalogue::{Catalogue, Following},
    closed::keep_looking,
    desk::{Command, Desk, Look, Sight},
    housekeeping::keep_house,
    metrics::{MeteredStore, Metrics},
    readiness::Readiness,
    rings::Rings,
    room::Rooms,
    seat::{self, Line, Seats},
};
use crate::{
    clock::{Clock, unix_millis},
    election::{Election, ElectionConfig, ReplicaSession},
    engine::{Answer, Engine, NamespaceConfig, Request, RequestError},
    journal::{LogError, OpenAs},
    replica::{Replica, ReplicaConfig},
    store::{Keys, Store},
    types::{Mono, NameError, Namespace, Version},
};

/// Commands that wait for the desk. Who finds it full is told that it is busy.
const MAX_COMMANDS: usize = 16_384;

/// How a replica is run.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// Its name: another one's only after that one has gone.
    pub name: String,
    /// Where clients reach it. Empty: nowhere, and other replicas give it nothing to lead.
    pub address: String,
    /// Below which key everything is stored.
    pub keys: Keys,
    /// How elections are paced.
    pub election: ElectionConfig,
    /// How the store is asked.
    pub replica: ReplicaConfig,
    /// A random number that no other run of any replica has.
    pub session: ReplicaSession,
    /// The namespaces of the settings file, and how they are run if they have no history yet.
    pub namespaces: Vec<(Namespace, Arc<NamespaceConfig>)>,
    /// The namespaces that this replica answers from rings.
    pub rings: Rings,
}

/// A replica that runs. Dropped, it stops as if it had crashed; [`leave`](Self::leave) is polite.
#[derive(Debug)]
pub struct Host {
    desk: DeskHandle,
    rooms: Arc<Rooms>,
    rings: Rings,
    readiness: Readiness,
    metrics: Arc<Metrics>,
    task: JoinHandle<()>,
    house: JoinHandle<()>,
    name: Arc<str>,
    looks: JoinHandle<()>,
    catalogue: Catalogue,
    named: Arc<BTreeSet<Namespace>>,
}

/// Speaks to the desk, and to namespaces; cheap to clone.
#[derive(Clone, Debug)]
pub struct DeskHandle {
    desk: mpsc::Sender<Command>,
    seats: Arc<Seats>,
}

/// Why the desk was not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeskError {
    /// Too much is waiting for it.
    Busy,
    /// The process is ending.
    Gone,
}

impl fmt::Display for DeskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "this replica has too much to do; try again later, or another one",
            Self::Gone => "this replica is stopping; ask another one",
        })
    }
}

impl std::error::Error for DeskError {}

impl Host {
    /// Begins to run: the namespaces of its configuration, which it enters into the store's catalogue, and all others
    /// that the catalogue has, now or later. It waits for a store that is not there yet.
    pub fn start(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        config: HostConfig,
    ) -> Result<Self, NameError> {
        Self::run(store, clock, config, true)
    }

    /// Begins to run the namespaces of its configuration alone, and leaves the catalogue as it is: for tools.
    pub fn start_alone(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        config: HostConfig,
    ) -> Result<Self, NameError> {
        Self::run(store, clock, config, false)
    }

    fn run(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        config: HostConfig,
        follows: bool,
    ) -> Result<Self, NameError> {
        let HostConfig { name, address, keys, election, replica, session, namespaces, rings } = config;
        let metrics = Arc::<Metrics>::default();
        let store = MeteredStore::new(store, clock.clone(), metrics.store().clone());
        let store: Arc<dyn Store> = Arc::new(store);
        let limits = store.limits();
        let election = Election::new(election, &keys, limits, &name, &address, session)?;
        let replica = Replica::new(replica, keys.clone(), limits, election, unix_millis());
        let rooms = Arc::new(Rooms::new(namespaces.iter().map(|(namespace, _)| namespace)));
        let (sender, commands) = mpsc::channel(MAX_COMMANDS);
        let house = tokio::spawn(keep_house(store.clone(), keys.all()));
        let catalogue = Catalogue::new(store.clone(), keys.clone());
        let named: BTreeMap<_, _> = namespaces.iter().cloned().collect();
        let named_only = named.keys().cloned().collect();
        if !follows {
            rooms.complete();
        }
        let following = follows.then(|| Following::new(catalogue.clone(), named));
        let readiness = Readiness::new(clock.clone(), rooms.clone(), rings.clone());
        let closing = keep_looking(store.clone(), keys.clone(), readiness.clone());
        let kept = readiness.clone().keep();
        let looks = tokio::spawn(async move { tokio::join!(kept, closing).0 });
        let desk = Desk::new(store, clock, keys, replica, rooms.clone(), following, commands)
            .counting(metrics.clone());
        let handle = DeskHandle { desk: sender, seats: desk.seats().clone() };
        let task = tokio::spawn(desk.run(namespaces));
        Ok(Self {
            desk: handle,
            rooms,
            rings,
            readiness,
            metrics,
            task,
            house,
            looks,
            name: name.into(),
            catalogue,
            named: Arc::new(named_only),
        })
    }

    /// The replica's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which namespaces there are, in the store.
    pub(super) const fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The namespaces of its configuration.
    pub(super) const fn named(&self) -> &Arc<BTreeSet<Namespace>> {
        &self.named
    }

    /// To speak to it.
    pub const fn desk(&self) -> &DeskHandle {
        &self.desk
    }

    /// What is committed in each namespace.
    pub const fn rooms(&self) -> &Arc<Rooms> {
        &self.rooms
    }

    /// What is answered from rings.
    pub const fn rings(&self) -> &Rings {
        &self.rings
    }

    /// Whether clients should be sent here.
    pub const fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// What is counted.
    pub const fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Resigns everywhere, so that others lead at once, and ends; within the time at most.
    pub async fn leave(mut self, within: Duration) {
        self.readiness.stop();
        let _ = self.desk.desk.send(Command::Leave).await;
        let _ = tokio::time::timeout(within, &mut self.task).await;
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.task.abort();
        self.house.abort();
        self.looks.abort();
    }
}

impl DeskHandle {
    /// Whether nobody sits there any more.
    pub fn is_gone(&self) -> bool {
        self.desk.is_closed()
    }

    /// Asks the leader of a namespace, if that is this replica.
    pub async fn ask(
        &self,
        namespace: &Namespace,
        request: Request,
    ) -> Result<Result<Answer, RequestError>, DeskError> {
        let (sender, answer) = oneshot::channel();
        let answer = match self.say(namespace, seat::Command::Ask(request, sender)) {
            Ok(()) => answer.await.ok(),
            Err(DeskError::Gone) => None,
            Err(busy) => return Err(busy),
        };
        match answer {
            Some(answer) => Ok(answer),
            None if self.is_gone() => Err(DeskError::Gone),
            // There is no such namespace, or nobody who decides for it.
            None => Ok(Err(RequestError::NotLeading)),
        }
    }

    /// A line for one executor of a namespace: what it says, and what it is told.
    pub async fn line(&self, namespace: &Namespace) -> Result<Line, DeskError> {
        let (sender, line) = oneshot::channel();
        let seat = self.seats.get(namespace).ok_or(DeskError::Gone)?;
        seat.try_send(seat::Command::Connect(sender)).map_err(|error| refused(&error))?;
        let (number, receiver) = line.await.map_err(|_| DeskError::Gone)?;
        Ok(Line::new(number, seat, receiver))
    }

    /// Somebody has seen this version of a namespace: a leader with an older one grants nothing.
    pub fn seen(&self, namespace: &Namespace, version: Version) -> Result<(), DeskError> {
        self.pass_on(namespace, seat::Command::Seen(version))
    }

    /// Who leads the namespace, as far as is known here.
    pub async fn leader(&self, namespace: &Namespace) -> Result<Option<Leader>, DeskError> {
        let (sender, leader) = oneshot::channel();
        self.send(Command::Leader(namespace.clone(), sender))?;
        leader.await.map_err(|_| DeskError::Gone)
    }

    /// Whether the namespace is led here, and what keeps it from being run.
    pub async fn standing(&self, namespace: &Namespace) -> Result<Standing, DeskError> {
        let of = namespace.clone();
        self.look(move |sight| Standing {
            is_led_here: sight.leader(&of).is_some_and(|leader| leader.is_here),
            trouble: sight.shown(&of).and_then(|shown| shown.trouble()),
            longest_leader_lease: sight.election.longest_lease(&of),
        })
        .await
    }

    /// Says what to do with a history that is not believed.
    pub fn open(&self, namespace: &Namespace, open_as: OpenAs) -> Result<(), DeskError> {
        self.send(Command::Open(namespace.clone(), open_as))
    }

    /// Resigns from one namespace: another replica leads it next.
    pub fn resign(&self, namespace: &Namespace) -> Result<(), DeskError> {
        self.pass_on(namespace, seat::Command::Resign)
    }

    /// Looks at what the desk knows.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(Sight<'_>) -> T + Send + 'static,
    ) -> Result<T, DeskError> {
        let (sender, seen) = oneshot::channel();
        let look = move |sight: Sight<'_>| {
            let _ = sender.send(look(sight));
        };
        self.send(Command::Look(Look(Box::new(look))))?;
        seen.await.map_err(|_| DeskError::Gone)
    }

    /// Looks at what a namespace's engine knows. `None`: it is not run here.
    pub(super) async fn look_in<T: Send + 'static>(
        &self,
        namespace: &Namespace,
        look: impl FnOnce(Mono, &Engine) -> T + Send + 'static,
    ) -> Result<Option<T>, DeskError> {
        let (sender, seen) = oneshot::channel();
        let look = move |now: Mono, engine: Option<&Engine>| {
            let _ = sender.send(engine.map(|engine| look(now, engine)));
        };
        match self.say(namespace, seat::Command::Look(seat::Look(Box::new(look)))) {
            Ok(()) => Ok(seen.await.ok().flatten()),
            Err(DeskError::Gone) if !self.is_gone() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What is of no interest where there is no such namespace.
    fn pass_on(&self, namespace: &Namespace, command: seat::Command) -> Result<(), DeskError> {
        match self.say(namespace, command) {
            Err(DeskError::Gone) if !self.is_gone() => Ok(()),
            said => said,
        }
    }

    fn say(&self, namespace: &Namespace, command: seat::Command) -> Result<(), DeskError> {
        let seat = self.seats.get(namespace).ok_or(DeskError::Gone)?;
        seat.try_send(command).map_err(|error| refused(&error))
    }

    fn send(&self, command: Command) -> Result<(), DeskError> {
        self.desk.try_send(command).map_err(|error| refused(&error))
    }
}

/// Why nobody takes it.
pub(super) const fn refused<T>(error: &mpsc::error::TrySendError<T>) -> DeskError {
    match error {
        mpsc::error::TrySendError::Full(_) => DeskError::Busy,
        mpsc::error::TrySendError::Closed(_) => DeskError::Gone,
    }
}

/// How a namespace is, as far as is known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether this replica leads it.
    pub is_led_here: bool,
    /// What keeps it from being run.
    pub trouble: Option<LogError>,
    /// The longest leader lease that was ever in use there, as far as is known.
    pub longest_leader_lease: Duration,
}

/// Who leads a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leader {
    /// The replica's name.
    pub replica: String,
    /// Where it can be reached.
    pub address: String,
    /// Whether it is this one, and its lease lasts.
    pub is_here: bool,
}

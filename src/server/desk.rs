//! The task that has the elections, and knows which namespaces there are.
//!
//! It waits for nobody: what the namespaces' [tasks](super::seat) have to hear is put where they find it.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    task::{AbortHandle, Id, JoinError, JoinSet},
};

use super::{
    catalogue::{Done, Following, News, Todo},
    host::Leader,
    metrics::{DeskEvent, Metrics},
    room::{Currency, Rooms},
    seat::{Inbox, Said, Seat, Seats, Shown, Word, occupy},
    watching::{MAX_BATCHES, Watched, watch},
};
use crate::{
    clock::{Clock, unix_millis},
    election::{CallId, Election},
    engine::NamespaceConfig,
    journal::{Mode, OpenAs},
    replica::{Effect, Event, Place, Replica},
    store::{Keys, Reply, Request, Store, StoreError},
    types::{Mono, Namespace},
};

/// Commands that are obeyed before anything else gets a turn.
const MAX_BURST: usize = 64;
/// What namespaces' tasks have said and is not heard yet. They wait then.
const MAX_SAID: usize = 1024;

/// What callers want of the desk.
#[derive(Debug)]
pub(super) enum Command {
    /// Who leads?
    Leader(Namespace, oneshot::Sender<Option<Leader>>),
    /// What to do with a history that is not believed.
    Open(Namespace, OpenAs),
    /// Somebody wants to see something.
    Look(Look),
    /// End.
    Leave,
}

/// What somebody does with what the desk knows.
pub(super) struct Look(pub(super) Box<dyn FnOnce(Sight<'_>) + Send>);

/// What the desk knows. Whoever looks keeps everybody waiting meanwhile.
#[derive(Clone, Copy)]
pub(super) struct Sight<'a> {
    pub(super) now: Mono,
    pub(super) election: &'a Election,
    seats: &'a Seats,
}

impl Sight<'_> {
    /// Who leads the namespace, and lives, as far as is known here.
    pub(super) fn leader(&self, namespace: &Namespace) -> Option<Leader> {
        let election = self.election;
        let record = election.leader(namespace).filter(|record| !record.resigned)?;
        let is_here = election.leads(namespace, self.now).is_some();
        let lives = is_here || election.living(self.now).any(|(name, _)| name == record.replica);
        let leader = Leader { replica: record.replica.clone(), address: record.address.clone(), is_here };
        lives.then_some(leader)
    }

    /// What the namespace's task shows.
    pub(super) fn shown(&self, namespace: &Namespace) -> Option<Arc<Shown>> {
        self.seats.shown(namespace)
    }

    /// Whether the namespace is led and run here.
    pub(super) fn is_run(&self, namespace: &Namespace) -> bool {
        let is_led = self.election.leads(namespace, self.now).is_some();
        is_led && self.shown(namespace).is_some_and(|shown| shown.is_run(self.now))
    }
}

impl fmt::Debug for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Look")
    }
}

pub(super) struct Desk {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    keys: Keys,
    replica: Replica,
    rooms: Arc<Rooms>,
    /// `None`: only what it was told to run.
    following: Option<Following>,
    metrics: Arc<Metrics>,
    commands: mpsc::Receiver<Command>,
    calls: JoinSet<(CallId, Reply)>,
    seats: Arc<Seats>,
    /// The namespaces' tasks. They end with the desk.
    tasks: JoinSet<()>,
    sitting: BTreeMap<Namespace, Sitting>,
    said: (mpsc::Sender<Said>, mpsc::Receiver<Said>),
    effects: Vec<Effect>,
    /// When the watch last told of anything: our own renewals, if nothing else happens.
    told_at: Option<Mono>,
    is_name_taken: bool,
    is_leaving: bool,
}

/// A namespace's task.
#[derive(Debug)]
struct Sitting {
    inbox: Arc<Inbox>,
    task: AbortHandle,
}

/// Commands that wait for a namespace. Who finds so many is told that it is busy.
const MAX_COMMANDS: usize = 16_384;

/// Waits for a task of the catalogue.
async fn done(following: &mut Option<Following>) -> Option<Done> {
    following.as_mut()?.done().await
}

impl Desk {
    pub(super) fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        keys: Keys,
        replica: Replica,
        rooms: Arc<Rooms>,
        following: Option<Following>,
        commands: mpsc::Receiver<Command>,
    ) -> Self {
        Self {
            store,
            clock,
            keys,
            replica,
            rooms,
            following,
            metrics: Arc::default(),
            commands,
            calls: JoinSet::new(),
            seats: Arc::default(),
            tasks: JoinSet::new(),
            sitting: BTreeMap::new(),
            said: mpsc::channel(MAX_SAID),
            effects: Vec::new(),
            told_at: None,
            is_name_taken: false,
            is_leaving: false,
        }
    }

    pub(super) fn counting(self, metrics: Arc<Metrics>) -> Self {
        Self { metrics, ..self }
    }

    /// To speak to the namespaces.
    pub(super) const fn seats(&self) -> &Arc<Seats> {
        &self.seats
    }

    pub(super) async fn run(mut self, namespaces: Vec<(Namespace, Arc<NamespaceConfig>)>) {
        let (sender, mut watched) = mpsc::channel(MAX_BATCHES);
        let watching = tokio::spawn(watch(self.store.clone(), self.keys.all(), sender));
        let mut to_contend = Some(namespaces);
        loop {
            let now = self.clock.now();
            let wake = self.replica.next_wake().map(|wake| wake.since(now));
            tokio::select! {
                biased;
                Some(reply) = self.calls.join_next() => {
                    if let Ok((call, reply)) = reply {
                        self.tell(Event::Replied(call, reply));
                    }
                }
                Some((namespace, word)) = self.said.1.recv() => self.listen(namespace, word),
                Some(ended) = self.tasks.join_next_with_id() => {
                    if let Some(error) = ended.err().filter(JoinError::is_panic) {
                        self.fell(&error);
                    }
                }
                Some(news) = watched.recv() => match news {
                    Watched::Batch(batch) => {
                        self.told_at = Some(self.clock.now());
                        let news = self.following.as_mut().map(|following| following.watched(&batch));
                        self.tell(Event::Watched(batch));
                        self.hear(news.unwrap_or_default());
                    }
                    Watched::Open => {
                        match to_contend.take() {
                            Some(namespaces) => self.contend(namespaces),
                            None => self.tell(Event::WatchBroke),
                        }
                        if let Some(following) = &mut self.following {
                            following.opened();
                        }
                    }
                },
                Some(done) = done(&mut self.following) => self.note(done),
                () = tokio::time::sleep(wake.unwrap_or_default()), if wake.is_some() => self.tell(Event::Woke),
                command = self.commands.recv() => {
                    let Some(command) = command else { break };
                    self.obey(command);
                    // Many at once cost less than one by one.
                    for _ in 0..MAX_BURST {
                        let Ok(command) = self.commands.try_recv() else { break };
                        self.obey(command);
                    }
                }
            }
            self.rooms.set_currency(self.currency());
            let is_taken = self.replica.election().name_is_taken();
            if !std::mem::replace(&mut self.is_name_taken, is_taken) && is_taken {
                // Ordinary for a lease after a crash; for longer, somebody has given a name twice.
                tracing::warn!(
                    "another process lives under this replica's name, or did until just now; nothing is done until it is gone"
                );
            }
            if self.is_leaving && self.replica.election().has_left() {
                break;
            }
        }
        watching.abort();
    }

    /// Until when what is known here is surely no older than the store's answers: it takes renewals that succeed, and a
    /// watch that tells of them.
    fn currency(&self) -> Currency {
        let Some((confirmed, reach)) = self.replica.election().confirmed() else {
            return Currency::default();
        };
        Currency {
            confirmed_until: confirmed + reach,
            told_until: self.told_at.map(|told| told + reach).unwrap_or_default(),
        }
    }

    fn contend(&mut self, namespaces: Vec<(Namespace, Arc<NamespaceConfig>)>) {
        let now = self.clock.now();
        for (namespace, founding) in namespaces {
            self.replica.contend(now, &namespace, founding, &mut self.effects);
        }
        self.carry_out();
    }

    /// What a task of the catalogue has done.
    fn note(&mut self, done: Done) {
        match self.following.as_mut().and_then(|following| following.hear(done)) {
            None => {}
            Some(Todo::Hear(news)) => {
                self.hear(news);
                self.rooms.complete();
            }
            Some(Todo::BeginAnew(namespace)) => {
                let sight = self.sight();
                let is_led_here = sight.leader(&namespace).is_some_and(|leader| leader.is_here);
                if is_led_here && !sight.is_run(&namespace) {
                    let open_as = OpenAs { mode: Mode::Revive, seen: None, unix_millis: unix_millis() };
                    self.tell(Event::Open(namespace, open_as));
                }
            }
        }
    }

    /// Namespaces have come and gone.
    fn hear(&mut self, news: Vec<News>) {
        for news in news {
            let now = self.clock.now();
            match news {
                News::Entered { namespace, entry, was_known } => {
                    let room = self.rooms.enter(&namespace);
                    if was_known && room.versions().borrow().is_none() {
                        // It was deleted and created again, and what is in between was missed.
                        self.deleted(namespace.clone());
                    }
                    self.replica.contend(now, &namespace, entry.founding, &mut self.effects);
                }
                News::Removed(namespace) => {
                    tracing::info!(%namespace, "was deleted");
                    self.rooms.remove(&namespace);
                    self.replica.forget(now, &namespace, &mut self.effects);
                }
                News::Unreadable(unreadable) => tracing::error!(%unreadable, "a namespace is not run"),
                News::TooMany(namespace) => {
                    tracing::error!(%namespace, "there are too many namespaces: it is not run");
                }
            }
            self.carry_out();
        }
    }

    /// Its history says that there is no such namespace any more.
    fn deleted(&mut self, namespace: Namespace) {
        if let Some(following) = &mut self.following {
            following.deleted(namespace);
        }
    }

    /// What a namespace's task says.
    fn listen(&mut self, namespace: Namespace, word: Word) {
        match word {
            Word::Wish(wish) => self.tell(Event::Said(namespace, wish)),
            Word::Deleted => self.deleted(namespace),
        }
    }

    /// A namespace's task has ended by itself, which only a mistake makes it do. The others know nothing of it.
    fn fell(&mut self, error: &JoinError) {
        let id: Id = error.id();
        let found = self.sitting.iter().find(|(_, sitting)| sitting.task.id() == id);
        let Some(namespace) = found.map(|(namespace, _)| namespace.clone()) else { return };
        tracing::error!(%namespace, %error, "a mistake in the program has ended it here: this replica leads it no more");
        self.sitting.remove(&namespace);
        self.seats.fell(&namespace);
        if let Some(room) = self.rooms.get(&namespace) {
            // Nobody keeps it up to date.
            room.replace(None);
        }
        self.tell(Event::Fell(namespace));
    }

    fn tell(&mut self, event: Event) {
        let (now, kind) = (self.clock.now(), DeskEvent::of_desk(&event));
        self.replica.handle(now, event, &mut self.effects);
        self.carry_out();
        self.metrics.desk_took(kind, self.clock.now().since(now));
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Leader(namespace, to) => {
                let _ = to.send(self.sight().leader(&namespace));
            }
            Command::Open(namespace, open_as) => self.tell(Event::Open(namespace, open_as)),
            Command::Look(Look(look)) => look(self.sight()),
            Command::Leave => {
                self.is_leaving = true;
                self.tell(Event::Leaving);
            }
        }
    }

    fn sight(&self) -> Sight<'_> {
        Sight { now: self.clock.now(), election: self.replica.election(), seats: &self.seats }
    }

    fn carry_out(&mut self) {
        for effect in std::mem::take(&mut self.effects) {
            match effect {
                Effect::Ask { call, request, within } => {
                    let asking = ask(self.store.clone(), request, within);
                    self.calls.spawn(async move { (call, asking.await) });
                }
                Effect::Enter(namespace, place) => self.enter(namespace, place),
                Effect::To(namespace, event) => {
                    if let Some(sitting) = self.sitting.get(&namespace) {
                        sitting.inbox.put(event);
                    }
                }
                Effect::Gone(namespace) => {
                    self.seats.remove(&namespace);
                    if let Some(sitting) = self.sitting.remove(&namespace) {
                        sitting.task.abort();
                    }
                }
            }
        }
    }

    fn enter(&mut self, namespace: Namespace, place: Box<Place>) {
        let (sender, commands) = mpsc::channel(MAX_COMMANDS);
        let shown = self.seats.enter(&namespace, sender);
        let inbox = Arc::<Inbox>::default();
        let seat = Seat {
            namespace: namespace.clone(),
            clock: self.clock.clone(),
            place,
            room: self.rooms.enter(&namespace),
            shown,
            metrics: self.metrics.clone(),
            is_tool: self.following.is_none(),
        };
        let occupied = occupy(seat, self.store.clone(), inbox.clone(), commands, self.said.0.clone());
        let task = self.tasks.spawn(occupied);
        self.sitting.insert(namespace, Sitting { inbox, task });
    }
}

/// Asks the store, which has so long to answer.
pub(super) async fn ask(store: Arc<dyn Store>, request: Request, within: Duration) -> Reply {
    let reply = tokio::time::timeout(within, request.ask(&*store)).await;
    let reason = || format!("no answer within {within:?}");
    reply.unwrap_or_else(|_| Reply::Row(Err(StoreError::Unknown { reason: reason() })))
}

//! The one task that owns the replica.

use std::{collections::BTreeMap, fmt, sync::Arc};

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};

use super::{
    catalogue::{Done, Following, News, Todo},
    host::Leader,
    lines::Lines,
    metrics::{DeskEvent, Metrics},
    room::{Currency, Rooms},
    troubles::Troubles,
    watching::{MAX_BATCHES, Watched, watch},
};
use crate::{
    clock::{Clock, unix_millis},
    engine::{self, Answer, Caller, Change, Delta, Engine, NamespaceConfig, Notice, RequestError},
    journal::{Mode, OpenAs},
    replica::{Call, Effect, Event, Replica},
    session::{ToExecutor, ToLeader},
    store::{Keys, Reply, Store, StoreError},
    types::{Mono, Namespace, Version},
};

/// Requests that have not been answered yet.
const MAX_ASKED: usize = 100_000;
/// Events that are handled before anything else gets a turn.
const MAX_BURST: usize = 64;

/// What callers want of the desk.
#[derive(Debug)]
pub(super) enum Command {
    /// Ask the namespace's engine.
    Ask(Namespace, engine::Request, oneshot::Sender<Result<Answer, RequestError>>),
    /// Give a new line a number.
    Connect(Namespace, oneshot::Sender<(u64, mpsc::Receiver<ToExecutor>)>),
    /// Something was said on a line.
    Say(u64, ToLeader),
    /// A line is over.
    HangUp(u64),
    /// Somebody has seen this version of a namespace.
    Seen(Namespace, Version),
    /// Who leads?
    Leader(Namespace, oneshot::Sender<Option<Leader>>),
    /// What to do with a history that is not believed.
    Open(Namespace, OpenAs),
    /// Let another replica lead the namespace.
    Resign(Namespace),
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
    pub(super) replica: &'a Replica,
    /// What keeps namespaces from being run.
    pub(super) troubles: &'a Troubles,
}

impl Sight<'_> {
    /// Who leads the namespace, and lives, as far as is known here.
    pub(super) fn leader(&self, namespace: &Namespace) -> Option<Leader> {
        let election = self.replica.election();
        let record = election.leader(namespace).filter(|record| !record.resigned)?;
        let is_here = election.leads(namespace, self.now).is_some();
        let lives = is_here || election.living(self.now).any(|(name, _)| name == record.replica);
        let leader = Leader { replica: record.replica.clone(), address: record.address.clone(), is_here };
        lives.then_some(leader)
    }

    /// The engine of a namespace that is led and run here.
    pub(super) fn engine(&self, namespace: &Namespace) -> Option<&Engine> {
        self.replica
            .engine(namespace)
            .filter(|_| self.replica.election().leads(namespace, self.now).is_some())
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
    calls: JoinSet<(Call, Reply)>,
    lines: Lines,
    asked: BTreeMap<u64, (Namespace, oneshot::Sender<Result<Answer, RequestError>>)>,
    last_asked: u64,
    effects: Vec<Effect>,
    /// What keeps namespaces from being run, as it was last said.
    troubles: Troubles,
    /// When the watch last told of anything: our own renewals, if nothing else happens.
    told_at: Option<Mono>,
    is_name_taken: bool,
    is_leaving: bool,
}

/// Waits for a task of the catalogue.
async fn done(following: &mut Option<Following>) -> Option<Done> {
    following.as_mut()?.done().await
}

/// Callers are lines, or requests: these are told apart by their lowest bit.
fn of_line(line: u64) -> Caller {
    Caller(line << 1)
}

fn of_request(request: u64) -> Caller {
    Caller(request << 1 | 1)
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
            lines: Lines::default(),
            asked: BTreeMap::new(),
            last_asked: 0,
            effects: Vec::new(),
            troubles: Troubles::default(),
            told_at: None,
            is_name_taken: false,
            is_leaving: false,
        }
    }

    pub(super) fn counting(self, metrics: Arc<Metrics>) -> Self {
        Self { metrics, ..self }
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
                if is_led_here && sight.engine(&namespace).is_none() {
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
                    self.rooms.enter(&namespace);
                    if was_known && self.replica.state(&namespace).is_none() {
                        // It was deleted and created again, and what is in between was missed.
                        self.deleted(&namespace);
                    }
                    self.replica.contend(now, &namespace, entry.founding, &mut self.effects);
                }
                News::Removed(namespace) => {
                    tracing::info!(%namespace, "was deleted");
                    self.rooms.remove(&namespace);
                    self.troubles.forget(&namespace);
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
    fn deleted(&mut self, namespace: &Namespace) {
        if let Some(following) = &mut self.following {
            following.deleted(namespace.clone());
        }
    }

    fn tell(&mut self, event: Event) {
        let (now, kind) = (self.clock.now(), DeskEvent::of(&event));
        self.replica.handle(now, event, &mut self.effects);
        self.carry_out();
        self.metrics.desk_took(kind, self.clock.now().since(now));
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Ask(_, _, answer) if self.asked.len() >= MAX_ASKED => {
                let _ = answer.send(Err(RequestError::Busy));
            }
            Command::Ask(namespace, request, answer) => {
                self.last_asked += 1;
                self.asked.insert(self.last_asked, (namespace.clone(), answer));
                self.tell(Event::Asked(namespace, of_request(self.last_asked), request));
            }
            Command::Connect(namespace, to) => {
                // Nobody is heard here who could not be answered.
                if self.replica.engine(&namespace).is_some() {
                    let _ = to.send(self.lines.open(namespace));
                }
            }
            Command::Say(line, message) => {
                if let Some(namespace) = self.lines.namespace(line).cloned() {
                    self.count_beat(&namespace, &message);
                    self.tell(Event::Heard(namespace, of_line(line), message));
                }
            }
            Command::Seen(namespace, version) => self.tell(Event::Seen(namespace, version)),
            Command::HangUp(line) => self.lines.close(line),
            Command::Leader(namespace, to) => {
                let _ = to.send(self.sight().leader(&namespace));
            }
            Command::Open(namespace, open_as) => self.tell(Event::Open(namespace, open_as)),
            Command::Resign(namespace) => self.tell(Event::Resign(namespace)),
            Command::Look(Look(look)) => look(self.sight()),
            Command::Leave => {
                self.is_leaving = true;
                self.tell(Event::Leaving);
            }
        }
    }

    fn sight(&self) -> Sight<'_> {
        Sight { now: self.clock.now(), replica: &self.replica, troubles: &self.troubles }
    }

    fn count_beat(&self, namespace: &Namespace, message: &ToLeader) {
        if let (ToLeader::Beat(beat), Some(engine)) = (message, self.replica.engine(namespace)) {
            let every = engine.state().config().beat_every;
            self.metrics.namespace(namespace).beat(beat.session, every, self.clock.now());
        }
    }

    /// A commit that is known here.
    fn count_commit(&self, namespace: &Namespace, delta: &Delta) {
        let figures = self.metrics.namespace(namespace);
        figures.committed(delta.version, self.clock.now());
        for change in &delta.changes {
            if let Change::SessionEnded(session, _) = change {
                figures.ended(*session);
            }
        }
    }

    fn carry_out(&mut self) {
        for effect in std::mem::take(&mut self.effects) {
            match effect {
                Effect::Ask { call, request, within } => {
                    let store = self.store.clone();
                    self.calls.spawn(async move {
                        let reply = tokio::time::timeout(within, request.ask(&*store)).await;
                        let reason = || format!("no answer within {within:?}");
                        let unknown = |_| Reply::Row(Err(StoreError::Unknown { reason: reason() }));
                        (call, reply.unwrap_or_else(unknown))
                    });
                }
                Effect::Engine(namespace, effect) => self.carry_out_engine(&namespace, effect),
                Effect::Published(namespace, delta) => {
                    self.troubles.forget(&namespace);
                    self.count_commit(&namespace, &delta);
                    if let Some(room) = self.rooms.get(&namespace) {
                        room.advance(&delta);
                    }
                }
                Effect::Viewed(namespace) => {
                    self.troubles.forget(&namespace);
                    if let Some(room) = self.rooms.get(&namespace) {
                        room.replace(self.replica.state(&namespace).cloned());
                    }
                }
                Effect::Deleted(namespace) => {
                    tracing::info!(%namespace, "deleted");
                    self.troubles.forget(&namespace);
                    if let Some(room) = self.rooms.get(&namespace) {
                        room.replace(None);
                    }
                    self.deleted(&namespace);
                }
                Effect::Led(namespace) => {
                    tracing::info!(%namespace, "this replica leads");
                    self.troubles.forget(&namespace);
                    self.metrics.namespace(&namespace).began_to_lead();
                }
                Effect::Resigned(namespace) => {
                    tracing::info!(%namespace, "this replica leads no more");
                    self.resigned(&namespace);
                }
                Effect::Trouble(namespace, trouble) => {
                    self.troubles.note(namespace, &trouble, self.following.is_none());
                }
            }
        }
    }

    fn carry_out_engine(&mut self, namespace: &Namespace, effect: engine::Effect) {
        match effect {
            // The replica's own affair.
            engine::Effect::Commit(_) | engine::Effect::StartOver(..) => {}
            engine::Effect::Reply(Caller(caller), message) => self.lines.reply(caller >> 1, message),
            engine::Effect::Push(session, message) => self.lines.push(namespace, session, message),
            engine::Effect::Answer(Caller(caller), answer) => {
                if let Some((_, to)) = self.asked.remove(&(caller >> 1)) {
                    let _ = to.send(answer);
                }
            }
            engine::Effect::Notice(notice) => match notice {
                Notice::Planned => self.metrics.planned(namespace),
                Notice::Restrained { .. } | Notice::Behind { .. } | Notice::Quarantined(_) => {
                    tracing::warn!(%namespace, ?notice, "somebody should look");
                }
                notice => tracing::info!(%namespace, ?notice, "notice"),
            },
        }
    }

    /// What was asked and not answered never will be.
    fn resigned(&mut self, namespace: &Namespace) {
        self.lines.close_all(namespace);
        let of_it = self.asked.iter().filter(|(_, (of, _))| of == namespace);
        let requests: Vec<u64> = of_it.map(|(request, _)| *request).collect();
        for request in requests {
            if let Some((_, to)) = self.asked.remove(&request) {
                let _ = to.send(Err(RequestError::NotLeading));
            }
        }
    }
}

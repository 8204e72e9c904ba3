//! What a process has of one namespace: its [place](crate::replica::Place), what is connected to it, what it shows.
//!
//! Each has a task of its own, and nothing in common with the others but the runtime's threads, of which a large one holds
//! none. So nobody waits for a namespace but who wants something of it.

mod inbox;
mod lines;
mod shown;
mod task;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

pub(super) use inbox::Inbox;
pub use lines::Line;
use lines::Lines;
pub(super) use shown::{Seats, Shown};
pub(super) use task::{Said, occupy};
use tokio::sync::{mpsc, oneshot};

use super::{
    metrics::{DeskEvent, Metrics},
    room::Room,
};
use crate::{
    clock::Clock,
    engine::{self, Answer, Caller, Change, Delta, Engine, Notice, RequestError},
    replica::place::{Call, Effect, Event, Place, Wish},
    session::{ToExecutor, ToLeader},
    store::Request,
    types::{Mono, Namespace, Version},
};

/// Requests that have not been answered yet.
const MAX_ASKED: usize = 100_000;

/// What callers want of a namespace.
#[derive(Debug)]
pub(super) enum Command {
    /// Ask its engine.
    Ask(engine::Request, oneshot::Sender<Result<Answer, RequestError>>),
    /// Give a new line a number.
    Connect(oneshot::Sender<(u64, mpsc::Receiver<ToExecutor>)>),
    /// Something was said on a line.
    Say(u64, ToLeader),
    /// A line is over.
    HangUp(u64),
    /// Somebody has seen this version.
    Seen(Version),
    /// Let another replica lead.
    Resign,
    /// Somebody wants to see something.
    Look(Look),
}

/// What somebody does with what the namespace's engine knows, if it is run here.
pub(super) struct Look(pub(super) Box<Looking>);

type Looking = dyn FnOnce(Mono, Option<&Engine>) + Send;

impl fmt::Debug for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Look")
    }
}

/// What it takes to sit down.
pub(super) struct Seat {
    pub(super) namespace: Namespace,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) place: Box<Place>,
    pub(super) room: Arc<Room>,
    pub(super) shown: Arc<Shown>,
    pub(super) metrics: Arc<Metrics>,
    /// A tool says in its own words what is wrong.
    pub(super) is_tool: bool,
}

/// Whoever decides for the namespace, and what it has begun and not finished.
struct Sitter {
    seat: Seat,
    lines: Lines,
    asked: BTreeMap<u64, oneshot::Sender<Result<Answer, RequestError>>>,
    last_asked: u64,
    /// Planning rounds that were held in this event.
    rounds: u32,
    due: Due,
}

/// What has to be done elsewhere.
#[derive(Debug, Default)]
struct Due {
    asks: Vec<(Call, Request, Duration)>,
    words: Vec<Word>,
}

/// What the desk is told.
#[derive(Debug)]
pub(super) enum Word {
    /// A wish for the election.
    Wish(Wish),
    /// Its history says that there is no such namespace any more.
    Deleted,
}

#[derive(Debug)]
enum Input {
    Event(Event),
    Command(Command),
}

/// Callers are lines, or requests: these are told apart by their lowest bit.
fn of_line(line: u64) -> Caller {
    Caller(line << 1)
}

fn of_request(request: u64) -> Caller {
    Caller(request << 1 | 1)
}

impl Sitter {
    fn new(seat: Seat) -> Self {
        Self {
            seat,
            lines: Lines::default(),
            asked: BTreeMap::new(),
            last_asked: 0,
            rounds: 0,
            due: Due::default(),
        }
    }

    /// Hears all of it, in order, and shows what has come of it.
    fn take(&mut self, burst: Vec<Input>) -> Due {
        for input in burst {
            match input {
                Input::Event(event) => self.tell(event),
                Input::Command(command) => self.obey(command),
            }
        }
        self.seat.shown.show(&self.seat.place);
        std::mem::take(&mut self.due)
    }

    fn tell(&mut self, event: Event) {
        let (now, kind) = (self.seat.clock.now(), DeskEvent::of(&event));
        let mut effects = Vec::new();
        self.seat.place.handle(now, event, &mut effects);
        effects.into_iter().for_each(|effect| self.carry_out(effect));
        let took = self.seat.clock.now().since(now);
        self.seat.metrics.desk_took(kind, took);
        // The time is for all of them together.
        let rounds = std::mem::take(&mut self.rounds);
        for _ in 0..rounds {
            self.seat.metrics.namespace(&self.seat.namespace).planned(took / rounds);
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Ask(_, answer) if self.asked.len() >= MAX_ASKED => {
                let _ = answer.send(Err(RequestError::Busy));
            }
            Command::Ask(request, answer) => {
                self.last_asked += 1;
                self.asked.insert(self.last_asked, answer);
                self.tell(Event::Asked(of_request(self.last_asked), request));
            }
            Command::Connect(to) => {
                // Nobody is heard here who could not be answered.
                if self.seat.place.engine().is_some()
                    && let Err((line, _)) = to.send(self.lines.open())
                {
                    self.lines.close(line);
                }
            }
            Command::Say(line, message) => {
                if self.lines.is_open(line) {
                    self.count_beat(&message);
                    self.tell(Event::Heard(of_line(line), message));
                }
            }
            Command::HangUp(line) => self.lines.close(line),
            Command::Seen(version) => self.tell(Event::Seen(version)),
            Command::Resign => self.tell(Event::Resign),
            Command::Look(Look(look)) => {
                let (now, place) = (self.seat.clock.now(), &self.seat.place);
                look(now, place.engine().filter(|_| place.leads(now)));
            }
        }
    }

    fn count_beat(&self, message: &ToLeader) {
        if let (ToLeader::Beat(beat), Some(engine)) = (message, self.seat.place.engine()) {
            let every = engine.state().config().beat_every;
            // Anybody can make one up.
            let known = engine.state().session_record(beat.session).map(|record| record.id);
            let figures = self.seat.metrics.namespace(&self.seat.namespace);
            figures.beat(known, every, self.seat.clock.now());
        }
    }

    /// A commit that is known here.
    fn count_commit(&self, delta: &Delta) {
        let figures = self.seat.metrics.namespace(&self.seat.namespace);
        figures.committed(delta.version, self.seat.clock.now());
        for change in &delta.changes {
            if let Change::SessionEnded(session, _) = change {
                figures.ended(*session);
            }
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        let Seat { namespace, room, shown, .. } = &self.seat;
        match effect {
            Effect::Ask { call, request, within } => self.due.asks.push((call, request, within)),
            Effect::Wish(wish) => self.due.words.push(Word::Wish(wish)),
            Effect::Engine(effect) => self.carry_out_engine(effect),
            Effect::Published(delta) => {
                shown.forget();
                self.count_commit(&delta);
                room.advance(&delta);
            }
            Effect::Viewed => {
                shown.forget();
                room.replace(self.seat.place.state().cloned());
            }
            Effect::Deleted => {
                tracing::info!(%namespace, "deleted");
                shown.forget();
                room.replace(None);
                self.due.words.push(Word::Deleted);
            }
            Effect::Led => {
                tracing::info!(%namespace, "this replica leads");
                shown.forget();
                self.seat.metrics.namespace(namespace).began_to_lead();
            }
            Effect::Resigned => {
                tracing::info!(%namespace, "this replica leads no more");
                self.lines.close_all();
                // What was asked and not answered never will be.
                for (_, to) in std::mem::take(&mut self.asked) {
                    let _ = to.send(Err(RequestError::NotLeading));
                }
            }
            Effect::Trouble(trouble) => shown.note(namespace, &trouble, self.seat.is_tool),
        }
    }

    fn carry_out_engine(&mut self, effect: engine::Effect) {
        let namespace = &self.seat.namespace;
        match effect {
            // The place's own affair.
            engine::Effect::Commit(_) | engine::Effect::StartOver(..) => {}
            engine::Effect::Reply(Caller(caller), message) => self.lines.reply(caller >> 1, message),
            engine::Effect::Push(session, message) => self.lines.push(session, message),
            engine::Effect::Answer(Caller(caller), answer) => {
                if let Some(to) = self.asked.remove(&(caller >> 1)) {
                    let _ = to.send(answer);
                }
            }
            engine::Effect::Notice(notice) => match notice {
                Notice::Planned => self.rounds += 1,
                Notice::Restrained { .. } | Notice::Behind { .. } | Notice::Quarantined(_) => {
                    tracing::warn!(%namespace, ?notice, "somebody should look");
                }
                notice => tracing::info!(%namespace, ?notice, "notice"),
            },
        }
    }
}

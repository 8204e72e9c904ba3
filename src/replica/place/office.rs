//! A namespace in the hands of its leader, for one term: opened, read, run.

use std::{sync::Arc, time::Duration};

use super::{
    Damaged, ReplicaConfig, Trouble,
    follower::{self, Length, changes_of},
    pauses::Pauses,
    upkeep::{Standing, Upkeep},
};
use crate::{
    engine::{self, Caller, Change, Delta, Engine, NamespaceConfig, State},
    journal::{self, Entry, Load, LoadError, Loaded, Log, LogError, Mode, OpenAs, Rows, Term},
    lease::MAX_LEASE,
    store::{Errand, Limits, Reply, Request, Revision, Step},
    types::Mono,
};

/// A record that could not be read is looked at again after so long, if the watch does not tell before that it is another
/// one: it takes two reads, and writes nothing.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Office {
    rows: Rows,
    limits: Limits,
    term: Term,
    open_as: OpenAs,
    founding: Arc<NamespaceConfig>,
    config: ReplicaConfig,
    log: Log,
    /// Whether the history was opened in this term, which happens once.
    is_opened: bool,
    stage: Stage,
    pauses: Pauses,
}

#[derive(Debug)]
enum Stage {
    Opening,
    /// What it was opened with may be known here, or has to be [loaded](Loading).
    Opened,
    Loading(Box<Load>),
    Running {
        engine: Box<Engine>,
        /// On its way to the store.
        committing: Option<Arc<Delta>>,
        upkeep: Box<Upkeep>,
    },
    /// The namespace is deleted, and what it leaves is being removed.
    Deleted(Box<Upkeep>),
    /// It cannot be run as it is. It is looked at again when its head has changed, and at this time.
    Stuck(Option<Mono>),
}

/// For what the store is asked; one call at a time for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Errands {
    /// Opening, loading, committing.
    History,
    /// Keeping the history short.
    Upkeep,
}

/// What follows from something that has happened.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Ask the store this, for the office of this term.
    pub(super) asks: Vec<(u64, Errands, Request)>,
    pub(super) effects: Vec<Said>,
    /// It has been opened: [`begin`](Office::begin).
    pub(super) opened: bool,
    /// The namespace is to begin anew, and whoever asked for that is to be told.
    pub(super) start_over: Option<StartOver>,
    /// The office is over, or stuck.
    pub(super) end: Option<LogError>,
}

#[derive(Debug)]
pub(super) struct StartOver {
    pub(super) caller: Caller,
    pub(super) wait: Duration,
    pub(super) config: Arc<NamespaceConfig>,
}

#[derive(Debug)]
pub(super) enum Said {
    Engine(engine::Effect),
    Committed(Arc<Delta>),
    /// It is led, from what was known or from this.
    Led(Option<Box<Opened>>),
    Trouble(Trouble),
}

/// What was read of a namespace that is led now.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) state: State,
    /// What it is made of.
    pub(super) changes: Vec<Change>,
    pub(super) length: Length,
    /// Whether its configuration is stored: otherwise it is only being founded.
    pub(super) is_founded: bool,
    /// What could not be read.
    pub(super) damaged: Option<Arc<Damaged>>,
}

impl Office {
    pub(super) fn new(
        rows: Rows,
        limits: Limits,
        term: Term,
        open_as: OpenAs,
        founding: Arc<NamespaceConfig>,
        config: ReplicaConfig,
    ) -> Self {
        let log = new_log(&rows, limits, &term, open_as, &founding);
        let (stage, pauses) = (Stage::Opening, Pauses::over());
        Self { rows, limits, term, open_as, founding, config, log, is_opened: false, stage, pauses }
    }

    pub(super) const fn term(&self) -> u64 {
        self.term.number
    }

    pub(super) fn engine(&self) -> Option<&Engine> {
        match &self.stage {
            Stage::Running { engine, .. } => Some(engine),
            _ => None,
        }
    }

    pub(super) const fn log(&self) -> &Log {
        &self.log
    }

    /// How long the history is by now.
    pub(super) fn length(&self) -> Length {
        match &self.stage {
            Stage::Running { upkeep, .. } => upkeep.length(),
            _ => Length::default(),
        }
    }

    /// Whether it could end here without leaving anything unfinished.
    pub(super) const fn is_idle(&self) -> bool {
        !matches!(self.stage, Stage::Running { committing: Some(_), .. })
    }

    /// Whether nobody is about to lose a lease.
    pub(super) fn hears_everybody(&self) -> bool {
        self.engine().is_none_or(Engine::hears_everybody)
    }

    pub(super) fn next_wake(&self) -> Option<Mono> {
        let other = match &self.stage {
            Stage::Running { upkeep, .. } | Stage::Deleted(upkeep) => upkeep.next_wake(),
            Stage::Stuck(look_again) => *look_again,
            _ => None,
        };
        let engine = self.engine().map(Engine::next_wake);
        [engine, self.pauses.until(), other].into_iter().flatten().min()
    }

    pub(super) fn replied(&mut self, now: Mono, to: Errands, reply: Reply) -> Outcome {
        let mut outcome = Outcome::default();
        match to {
            Errands::History => self.go_on(now, Some(reply), &mut outcome),
            Errands::Upkeep => self.keep_up(now, Some(reply), &mut outcome),
        }
        outcome
    }

    pub(super) fn woke(&mut self, now: Mono) -> Outcome {
        let mut outcome = Outcome::default();
        if self.pauses.are_over(now) {
            self.go_on(now, None, &mut outcome);
        }
        if let Stage::Running { upkeep, .. } | Stage::Deleted(upkeep) = &mut self.stage
            && upkeep.wakes(now)
        {
            self.keep_up(now, None, &mut outcome);
        }
        if self.engine().is_some_and(|engine| engine.next_wake() <= now) {
            self.run(now, engine::Event::Woke, &mut outcome);
        }
        if let Stage::Stuck(Some(at)) = self.stage
            && at <= now
        {
            self.look_again(now, &mut outcome);
        }
        outcome
    }

    /// The head is another one since this revision.
    pub(super) fn head_changed(&mut self, now: Mono, at: Revision) -> Outcome {
        let mut outcome = Outcome::default();
        // What this term has written itself it is told of as well.
        if matches!(self.stage, Stage::Stuck(_)) && at > self.log.revision() {
            self.look_again(now, &mut outcome);
        }
        outcome
    }

    /// The head may be another one: nobody has watched it for a while.
    pub(super) fn missed(&mut self, now: Mono) -> Outcome {
        let mut outcome = Outcome::default();
        if matches!(self.stage, Stage::Stuck(_)) {
            self.look_again(now, &mut outcome);
        }
        outcome
    }

    /// What kept it from being run may be so no more.
    fn look_again(&mut self, now: Mono, outcome: &mut Outcome) {
        if self.is_opened {
            outcome.end = Some(LogError::Deposed);
            return;
        }
        self.log = new_log(&self.rows, self.limits, &self.term, self.open_as, &self.founding);
        self.stage = Stage::Opening;
        self.go_on(now, None, outcome);
    }

    pub(super) fn tell(&mut self, now: Mono, event: engine::Event) -> Outcome {
        let mut outcome = Outcome::default();
        self.run(now, event, &mut outcome);
        outcome
    }

    /// Goes on with whatever is being asked of the store, until it has to wait.
    fn go_on(&mut self, now: Mono, reply: Option<Reply>, outcome: &mut Outcome) {
        let step = match &mut self.stage {
            Stage::Stuck(_) | Stage::Opened | Stage::Deleted(_) => return,
            Stage::Loading(load) => match load.next(reply) {
                Step::Ask(request) => Step::Ask(request),
                Step::Pause(error) => Step::Pause(error),
                Step::Done(loaded) => {
                    self.loaded(now, loaded, outcome);
                    return;
                }
            },
            Stage::Running { committing: None, .. } => return,
            Stage::Opening | Stage::Running { .. } => self.log.next(reply),
        };
        match step {
            Step::Ask(request) => {
                outcome.asks.push((self.term.number, Errands::History, request));
            }
            Step::Pause(_) => self.pauses.begin(now, &self.config),
            Step::Done(Err(error)) => self.stick(now, error, outcome),
            Step::Done(Ok(version)) => {
                self.pauses = Pauses::default();
                match &mut self.stage {
                    Stage::Running { committing, upkeep, .. } => {
                        if let Some(delta) = committing.take() {
                            debug_assert_eq!(
                                delta.version, version,
                                "the engine and the journal count alike"
                            );
                            outcome.effects.push(Said::Committed(delta));
                        }
                        match upkeep.committed(&mut self.log) {
                            Ok(true) => self.keep_up(now, None, outcome),
                            Ok(false) => {}
                            Err(error) => outcome.effects.push(Said::Trouble(Trouble::Upkeep(error))),
                        }
                        self.run(now, engine::Event::Committed(version), outcome);
                        self.end_if_deleted(outcome);
                    }
                    stage => {
                        *stage = Stage::Opened;
                        (self.is_opened, outcome.opened) = (true, true);
                    }
                }
            }
        }
    }

    /// Behind its last commit there is nothing to run.
    fn end_if_deleted(&mut self, outcome: &mut Outcome) {
        if self.log.head().state != journal::State::Deleted {
            return;
        }
        if let Stage::Running { upkeep, .. } = std::mem::replace(&mut self.stage, Stage::Stuck(None)) {
            self.stage = Stage::Deleted(upkeep);
        }
        outcome.end = Some(LogError::Deleted);
    }

    /// Begins to lead, with the state that it [continues](Log::continues) if that is known; otherwise it is loaded.
    pub(super) fn begin(&mut self, now: Mono, known: Option<(State, Length)>) -> Outcome {
        let mut outcome = Outcome::default();
        match known {
            Some((mut state, length)) => {
                // The term's first commit changed nothing.
                state.apply(&Delta { version: self.log.head().link.version, changes: Vec::new() });
                let engine = Engine::take_over(state, self.log.head().wait, now);
                self.lead(engine, Upkeep::new(&self.config, length, Standing::Sound), None, &mut outcome);
            }
            None => {
                self.stage = Stage::Loading(Box::new(Load::new(self.rows.clone(), self.limits)));
                self.go_on(now, None, &mut outcome);
            }
        }
        outcome
    }

    fn loaded(&mut self, now: Mono, loaded: Result<Box<Loaded>, LoadError>, outcome: &mut Outcome) {
        self.pauses = Pauses::default();
        let loaded = match loaded {
            Ok(loaded) => loaded,
            Err(LoadError::Unreadable { unreadable, .. }) => {
                return self.stick(now, LogError::Unreadable(unreadable), outcome);
            }
            // It was opened just now; if it is gone, somebody else is at work.
            Err(_) => return self.stick(now, LogError::Deposed, outcome),
        };
        if let Some(mismatch) = loaded.mismatch {
            return self.stick(now, LogError::NeedsAdoption(mismatch), outcome);
        }
        let version = self.log.head().link.version;
        let (changes, senseless) = changes_of(&loaded);
        outcome.effects.extend(senseless.iter().map(|error| Said::Trouble(Trouble::Senseless(*error))));
        let damaged = follower::damaged(&loaded, senseless);
        if let Some(damaged) = damaged.as_ref().filter(|damaged| !damaged.rows.is_empty()) {
            outcome.effects.push(Said::Trouble(Trouble::Damaged(damaged.rows.clone())));
        }
        let standing = match &damaged {
            Some(_) if matches!(self.open_as.mode, Mode::Adopt { .. }) => Standing::Sound,
            Some(damaged) if damaged.is_lost() => Standing::Doubtful,
            Some(_) => Standing::Unread,
            None => Standing::Sound,
        };
        let upkeep = Upkeep::new(&self.config, Length::of(&loaded), standing);
        let is_founded = changes.iter().any(|change| matches!(change, Change::Config(_)));
        let state = State::from_changes(version, &self.founding, &changes);
        let is_empty = changes.is_empty();
        let is_damaged = damaged.is_some();
        let opened =
            Opened { state: state.clone(), changes, length: Length::of(&loaded), is_founded, damaged };
        let engine = if is_empty && !is_damaged {
            Engine::found(self.founding.clone(), version, loaded.head.wait, now)
        } else {
            // What was lost may have been a grant; and if it was the configuration, with any lease there may be.
            let longest = if is_founded { state.longest_lease() } else { MAX_LEASE };
            let doubt = if is_damaged { state.config().rates.listening(longest) } else { Duration::ZERO };
            Engine::take_over(state, loaded.head.wait.max(doubt), now)
        };
        self.lead(engine, upkeep, Some(Box::new(opened)), outcome);
    }

    fn lead(&mut self, engine: Engine, upkeep: Upkeep, opened: Option<Box<Opened>>, outcome: &mut Outcome) {
        outcome.effects.push(Said::Led(opened));
        self.stage = Stage::Running { engine: Box::new(engine), committing: None, upkeep: Box::new(upkeep) };
    }

    fn run(&mut self, now: Mono, event: engine::Event, outcome: &mut Outcome) {
        let Stage::Running { engine, .. } = &mut self.stage else { return };
        let mut effects = Vec::new();
        engine.handle(now, event, &mut effects);
        for effect in effects {
            match effect {
                engine::Effect::Commit(delta) => self.commit(now, delta, outcome),
                engine::Effect::StartOver(caller, wait) => {
                    let config = self.engine().map_or_else(
                        || self.founding.clone(),
                        |engine| Arc::new(engine.state().config().clone()),
                    );
                    outcome.start_over = Some(StartOver { caller, wait, config });
                }
                other => outcome.effects.push(Said::Engine(other)),
            }
        }
    }

    fn commit(&mut self, now: Mono, delta: Delta, outcome: &mut Outcome) {
        let Stage::Running { engine, committing, upkeep } = &mut self.stage else { return };
        let items: Vec<_> = delta.changes.iter().map(Change::encode).collect();
        // The commit is the last that the engine decided, so its state is what the commit leads to.
        let snapshot = || engine.snapshot().map(|change| change.encode()).collect();
        if !engine.is_waiting() {
            upkeep.trust();
        }
        upkeep.committing(delta.version, &items, self.log.is_pressed(), snapshot);
        let is_deleted = delta.changes.last() == Some(&Change::Deleted);
        let wait = if is_deleted {
            // The longer of the two: those before it may not have waited to the end.
            let before = if engine.is_waiting() { self.log.head().wait } else { Duration::ZERO };
            Some(engine.held_for().max(before))
        } else {
            (!engine.is_waiting()).then_some(Duration::ZERO)
        };
        let state = if is_deleted { journal::State::Deleted } else { journal::State::Live };
        let entry = Entry { items, wait, state };
        *committing = Some(Arc::new(delta));
        match self.log.begin(entry) {
            Ok(()) => self.go_on(now, None, outcome),
            Err(error) => self.stick(now, error, outcome),
        }
    }

    fn stick(&mut self, now: Mono, error: LogError, outcome: &mut Outcome) {
        let look_again = matches!(error, LogError::Unreadable(_)).then(|| now + LOOK_AGAIN);
        (self.stage, self.pauses) = (Stage::Stuck(look_again), Pauses::default());
        outcome.end = Some(error);
    }

    fn keep_up(&mut self, now: Mono, reply: Option<Reply>, outcome: &mut Outcome) {
        let (Stage::Running { upkeep, .. } | Stage::Deleted(upkeep)) = &mut self.stage else { return };
        match upkeep.go_on(now, reply, &mut self.log) {
            Ok(request) => {
                outcome.asks.extend(request.map(|request| (self.term.number, Errands::Upkeep, request)));
            }
            Err(error) => outcome.effects.push(Said::Trouble(Trouble::Upkeep(error))),
        }
    }
}

fn new_log(
    rows: &Rows,
    limits: Limits,
    term: &Term,
    open_as: OpenAs,
    founding: &Arc<NamespaceConfig>,
) -> Log {
    let founded_with = vec![Change::Config(founding.clone()).encode()];
    Log::new(rows.clone(), limits, term.clone(), open_as).founded_with(founded_with)
}

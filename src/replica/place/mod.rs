//! One namespace at one replica: what is known of it, and its engine while it is led there.
//!
//! It knows nothing of other namespaces, and of elections what it is told: which term it has, and until when that surely
//! counts. That may reach it late, because a place is busy for as long as its namespace is large. It does no harm:
//! whoever has lost a term writes nothing more in it, because each commit compares the term's record, and
//! acknowledges nothing beyond the time that it was told of, which was true when it was said and is true for good. And no
//! term is given up, nor another one taken instead, before the place itself has said that it has stopped.

mod event;
mod follower;
mod observed;
mod office;
mod pauses;
mod terms;
mod upkeep;

use std::{collections::BTreeMap, sync::Arc};

pub use event::{Call, Effect, Event, Wish};
use follower::{Follower, Heard};
use office::{Errands, Office, Outcome, Said};
use terms::Yields;

use super::{Damaged, ReplicaConfig, Trouble};
use crate::{
    engine::{self, Caller, Engine, Kind, NamespaceConfig, State},
    journal::{LogError, OpenAs, Rows},
    store::{Batch, Key, Keys, Limits, Record, Reply, Request},
    types::{Mono, Namespace, Version},
};

/// One namespace at one replica.
#[derive(Debug)]
pub struct Place {
    config: ReplicaConfig,
    keys: Keys,
    rows: Rows,
    limits: Limits,
    calendar: Calendar,
    /// How it is run if it has no history yet.
    founding: Arc<NamespaceConfig>,
    /// What an operator has said, and the term to which it applies: if another replica leads in between, the operator has
    /// to look again. `None`: the first, because it was said before any was known.
    open_as: Option<(OpenAs, Option<u64>)>,
    follower: Follower,
    office: Option<Office>,
    /// The greatest version that executors and routers say they have seen.
    others_have_seen: Version,
    /// Who has asked for it to begin anew, and is to be told when it has.
    starts_over: Option<Caller>,
    /// Until when which term counts, as far as that was heard.
    leads: Option<(u64, Mono)>,
    /// Until when its engine was told that it leads.
    told: Mono,
    /// Another replica is to lead it.
    yields: Option<Yields>,
    /// It never leads again.
    is_retired: bool,
    calls: BTreeMap<Call, Asker>,
    last_call: u64,
}

/// What a process knows of the time of day: what the wall clock said once, counted on by its own clock. A new incarnation
/// must be above those that others began meanwhile.
#[derive(Clone, Copy, Debug)]
pub(super) struct Calendar {
    pub(super) unix_millis: u64,
    pub(super) began: Mono,
}

#[derive(Debug)]
enum Asker {
    Office(u64, Errands),
    Follower,
}

impl Place {
    pub(super) fn new(
        namespace: &Namespace,
        founding: Arc<NamespaceConfig>,
        keys: &Keys,
        limits: Limits,
        config: ReplicaConfig,
        calendar: Calendar,
    ) -> Self {
        let rows = Rows::new(keys, namespace);
        Self {
            follower: Follower::new(rows.clone(), limits, config.clone()),
            config,
            keys: keys.clone(),
            rows,
            limits,
            calendar,
            founding,
            open_as: None,
            office: None,
            others_have_seen: Version::default(),
            starts_over: None,
            leads: None,
            told: Mono::ZERO,
            yields: None,
            is_retired: false,
            calls: BTreeMap::new(),
            last_call: 0,
        }
    }

    /// The same, and it never leads.
    pub(super) fn retired(self) -> Self {
        Self { is_retired: true, ..self }
    }

    /// Its engine, if it is run here.
    pub fn engine(&self) -> Option<&Engine> {
        self.office.as_ref()?.engine()
    }

    /// Whether it is run here, and surely nobody else leads it.
    pub fn leads(&self, now: Mono) -> bool {
        self.engine().is_some() && now < self.told
    }

    /// Until when nobody else leads it, as long as it is run here.
    pub const fn leads_until(&self) -> Mono {
        self.told
    }

    /// The number of the term in which it is led here.
    pub fn term(&self) -> Option<u64> {
        self.office.as_ref().map(Office::term)
    }

    /// The newest committed state, whoever leads it.
    pub fn state(&self) -> Option<&State> {
        self.follower.state()
    }

    /// What of its history could not be read, and is passed over in its [state](Self::state).
    pub fn damaged(&self) -> Option<&Damaged> {
        self.follower.damaged()
    }

    /// How many shards there are, as far as is known.
    pub fn size(&self) -> usize {
        let founded = match self.founding.kind {
            Kind::Fixed { shards } => usize::try_from(shards).unwrap_or(usize::MAX),
            Kind::Ephemeral => 0,
        };
        let states = [self.engine().map(Engine::state), self.state()];
        states.into_iter().flatten().map(State::shard_count).fold(founded, usize::max)
    }

    /// When [`Event::Woke`] is due.
    pub fn next_wake(&self) -> Option<Mono> {
        let office = self.office.as_ref().and_then(Office::next_wake);
        [office, self.follower.next_wake()].into_iter().flatten().min()
    }

    /// What came of something that has happened.
    pub fn handle(&mut self, now: Mono, event: Event, out: &mut Vec<Effect>) {
        match event {
            Event::Replied(call, reply) => self.replied(now, call, reply, out),
            Event::Watched(batch) => self.watched(now, batch, out),
            Event::WatchBroke => {
                self.follow(out, |follower, founding| follower.missed(now, founding));
                if let Some(outcome) = self.office.as_mut().map(|office| office.missed(now)) {
                    self.act(now, outcome, out);
                }
            }
            Event::Heard(caller, message) => {
                self.note_seen(now, message.seen());
                self.tell(now, engine::Event::Heard(caller, message), out);
            }
            Event::Seen(seen) => {
                self.note_seen(now, seen);
                self.tell(now, engine::Event::Seen(seen), out);
            }
            Event::Asked(caller, request) => {
                if self.engine().is_some() {
                    self.tell(now, engine::Event::Asked(caller, request), out);
                } else {
                    let answer = engine::Effect::Answer(caller, Err(engine::RequestError::NotLeading));
                    out.push(Effect::Engine(answer));
                }
            }
            Event::Founding(founding) => self.founding = founding,
            Event::Open { open_as, is_led } => {
                // Whoever knows that another replica leads has nothing to open, now or when it leads one day.
                if self.office.is_some() || !is_led {
                    self.open_as = Some((open_as, None));
                    self.reopen(0, out);
                }
            }
            Event::Won(term) => self.enter(now, term, out),
            Event::Lost(term) => self.lose(term, out),
            Event::NotRenewed => self.not_renewed(out),
            Event::Leads { term, until } => self.leads = Some((term, until)),
            Event::HandOver => self.hand_over(now, out),
            Event::Keep => self.keep(),
            Event::Resign => self.resign(now, Yields::Asked, out),
            Event::Retire => self.retire(out),
            Event::Woke => self.woke(now, out),
        }
        self.lead_on(now, out);
    }

    fn replied(&mut self, now: Mono, call: Call, reply: Reply, out: &mut Vec<Effect>) {
        match self.calls.remove(&call) {
            None => {}
            Some(Asker::Follower) => {
                self.follow(out, |follower, founding| follower.replied(now, reply, founding));
            }
            Some(Asker::Office(term, errands)) => {
                // An office that is gone wants no answers.
                let office = self.office.as_mut().filter(|office| office.term() == term);
                if let Some(office) = office {
                    let outcome = office.replied(now, errands, reply);
                    self.act(now, outcome, out);
                }
            }
        }
    }

    fn unix_millis(&self, now: Mono) -> u64 {
        let since = now.since(self.calendar.began).as_millis();
        self.calendar.unix_millis.saturating_add(u64::try_from(since).unwrap_or(u64::MAX))
    }

    /// Whoever says so may speak to another replica next time, and this one may lead then.
    fn note_seen(&mut self, now: Mono, seen: Version) {
        let known = self.follower.seen().map_or_else(Version::default, |seen| seen.version);
        let known = Version { incarnation: known.incarnation.max(self.unix_millis(now)), ..known };
        if !seen.is_absurd_after(known) {
            self.others_have_seen = self.others_have_seen.max(seen);
        }
    }

    fn watched(&mut self, now: Mono, batch: Batch, out: &mut Vec<Effect>) {
        let is_head = |key: &str| matches!(self.keys.parse(key), Some(Key::Of(_, Record::Head)));
        let heads = batch.changes.iter().filter(|change| is_head(change.key()));
        let heads: Vec<_> = heads.map(|change| change.at()).collect();
        self.follow(out, |follower, founding| follower.watched(now, batch, founding));
        for at in heads {
            let Some(outcome) = self.office.as_mut().map(|office| office.head_changed(now, at)) else {
                continue;
            };
            self.act(now, outcome, out);
        }
    }

    fn follow(
        &mut self,
        out: &mut Vec<Effect>,
        hear: impl FnOnce(&mut Follower, &Arc<NamespaceConfig>) -> Heard,
    ) {
        let Heard { asks, news } = hear(&mut self.follower, &self.founding);
        out.extend(news.into_iter().map(Effect::from));
        if let Some(request) = asks {
            self.ask(Asker::Follower, request, out);
        }
    }

    fn woke(&mut self, now: Mono, out: &mut Vec<Effect>) {
        self.follow(out, |follower, founding| follower.woke(now, founding));
        if let Some(outcome) = self.office.as_mut().map(|office| office.woke(now)) {
            self.act(now, outcome, out);
        }
    }

    fn tell(&mut self, now: Mono, event: engine::Event, out: &mut Vec<Effect>) {
        if let Some(outcome) = self.office.as_mut().map(|office| office.tell(now, event)) {
            self.act(now, outcome, out);
        }
    }

    /// Tells the engine until when it leads.
    fn lead_on(&mut self, now: Mono, out: &mut Vec<Effect>) {
        let Some((term, until)) = self.leads.filter(|(_, until)| *until > self.told && *until > now) else {
            return;
        };
        let runs = |office: &&mut Office| office.term() == term && office.engine().is_some();
        let Some(office) = self.office.as_mut().filter(runs) else { return };
        let mut outcomes = Vec::new();
        if std::mem::replace(&mut self.told, until) == Mono::ZERO {
            // Before it decides anything.
            outcomes.push(office.tell(now, engine::Event::Seen(self.others_have_seen)));
        }
        outcomes.push(office.tell(now, engine::Event::Leads { until }));
        for outcome in outcomes {
            self.act(now, outcome, out);
        }
    }

    fn act(&mut self, now: Mono, outcome: Outcome, out: &mut Vec<Effect>) {
        let Outcome { asks, effects, opened, start_over, end } = outcome;
        for said in effects {
            self.tell_of(now, said, out);
        }
        for (term, errands, request) in asks {
            self.ask(Asker::Office(term, errands), request, out);
        }
        if opened {
            self.begin(now, out);
        }
        if let Some(start_over) = start_over {
            return self.start_over(now, start_over, out);
        }
        match end {
            None => self.yield_if_idle(now, out),
            // By another leader, most often, and then the new term is not to be had. But if somebody else wrote what only
            // a leader writes, our term is in force still, and would stand in everybody's way.
            Some(LogError::Deposed) => self.reopen(0, out),
            Some(LogError::Outranked { by }) => self.reopen(by, out),
            // Its follower tells of that, here as anywhere.
            Some(LogError::Deleted) => {}
            // Nobody else could do better; an operator has to look.
            Some(error) => out.push(Effect::Trouble(Trouble::Log(error))),
        }
    }

    /// An office has been opened: it begins with what the follower knows, if that is what it continues.
    fn begin(&mut self, now: Mono, out: &mut Vec<Effect>) {
        let Some(office) = &mut self.office else { return };
        let known = self.follower.as_of(now, office.log().continues(), office.log().head().link);
        let outcome = office.begin(now, known);
        self.act(now, outcome, out);
    }

    /// What an office says; what this replica commits itself, its follower learns at once.
    fn tell_of(&mut self, now: Mono, said: Said, out: &mut Vec<Effect>) {
        let Some(office) = &self.office else { return };
        let (head, at) = (office.log().head(), office.log().revision());
        match said {
            Said::Engine(effect) => out.push(Effect::Engine(effect)),
            Said::Trouble(trouble) => out.push(Effect::Trouble(trouble)),
            Said::Committed(delta) => {
                let news = self.follower.committed(now, delta, head, at, office.length());
                out.extend(news.map(Effect::from));
            }
            Said::Led(opened) => {
                // What the operator said was said once, and is done.
                self.open_as = None;
                out.extend(self.follower.led(now, opened, head, at).map(Effect::from));
                if let Some(caller) = self.starts_over.take() {
                    let done = engine::Answer::Done(head.link.version);
                    out.push(Effect::Engine(engine::Effect::Answer(caller, Ok(done))));
                    out.push(Effect::Resigned);
                }
                out.push(Effect::Led);
            }
        }
    }

    fn ask(&mut self, asker: Asker, request: Request, out: &mut Vec<Effect>) {
        self.last_call += 1;
        let call = Call(self.last_call);
        self.calls.insert(call, asker);
        out.push(Effect::Ask { call, request, within: self.config.call_within });
    }
}

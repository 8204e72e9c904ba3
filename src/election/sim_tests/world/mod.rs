//! Replicas, a store, a network and clocks, on virtual time; and what must hold whatever happens.

mod chaos;
mod truth;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    time::Duration,
};

use super::{
    chance::{Chance, Faults},
    node::{Caller, Node, Output},
};
use crate::{
    store::{
        Limits, Reply, Request, StoreError, StoreIdentity,
        kv::{Kv, Retention},
    },
    types::{Mono, Namespace, Version},
};

pub(super) struct World {
    now: Duration,
    events: BinaryHeap<Reverse<(Duration, u64, Event)>>,
    sequence: u64,
    kv: Kv,
    store_away: Duration,
    store_full: Duration,
    machines: Vec<Machine>,
    namespaces: Vec<Namespace>,
    chance: Chance,
    pub(super) faults: Faults,
    calm: bool,
    quiet: bool,
    calls: BTreeMap<u64, (usize, u64, Caller)>,
    last_call: u64,
    next_id: u64,
    histories: BTreeMap<Namespace, BTreeMap<Version, Vec<u64>>>,
    acknowledged: Vec<(Namespace, Version, u64)>,
    pub(super) violations: Vec<String>,
    /// What happened, to compare runs and to see that what should be tested was.
    pub(super) trace: u64,
    pub(super) coverage: BTreeMap<&'static str, u64>,
}

/// What a replica runs on; it stays when the replica crashes.
struct Machine {
    node: Option<Node>,
    /// Events for earlier runs are not for this one.
    run: u64,
    offset: Duration,
    ppm: i64,
    paused_until: Duration,
    mailbox: Vec<Event>,
    watch_stalled: Duration,
    woken_at: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Wake {
        machine: usize,
        run: u64,
    },
    Arrives {
        call: u64,
        request: Asked,
    },
    Answered {
        call: u64,
        reply: Answer,
    },
    Later {
        machine: usize,
        run: u64,
        job: u64,
    },
    Commit {
        machine: usize,
        run: u64,
        namespace: Namespace,
        term: u64,
    },
    Watch {
        machine: usize,
        run: u64,
    },
    Resume {
        machine: usize,
    },
    Start {
        machine: usize,
    },
    /// A tenth of a second has passed: chance may strike.
    Tenth,
}

/// Requests and replies have no order; their places in the queue do.
#[derive(Clone, Debug)]
struct Asked(Request);
#[derive(Clone, Debug)]
struct Answer(Reply);

macro_rules! all_alike {
    ($($name:ident),*) => {$(
        impl PartialEq for $name { fn eq(&self, _: &Self) -> bool { true } }
        impl Eq for $name {}
        impl PartialOrd for $name { fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> { Some(self.cmp(other)) } }
        impl Ord for $name { fn cmp(&self, _: &Self) -> std::cmp::Ordering { std::cmp::Ordering::Equal } }
    )*};
}
all_alike!(Asked, Answer);

impl World {
    pub(super) fn new(seed: u64, namespaces: usize) -> Self {
        let mut chance = Chance::new(seed);
        let faults = Faults::of(&mut chance);
        Self::with(chance, faults, namespaces)
    }

    pub(super) fn with(mut chance: Chance, faults: Faults, namespaces: usize) -> Self {
        let limits = Limits { operations: faults.operations, bytes: faults.bytes, rows: 7 };
        let machine = |_| Machine {
            node: None,
            run: 0,
            offset: chance.millis(0, 100_000),
            ppm: chance.between(0, 2 * faults.clock_ppm) as i64 - faults.clock_ppm as i64,
            paused_until: Duration::ZERO,
            mailbox: Vec::new(),
            watch_stalled: Duration::ZERO,
            woken_at: Duration::MAX,
        };
        let mut world = Self {
            machines: (0..faults.replicas).map(machine).collect(),
            now: Duration::from_secs(1),
            events: BinaryHeap::new(),
            sequence: 0,
            kv: Kv::new(limits, Retention::default()),
            store_away: Duration::ZERO,
            store_full: Duration::ZERO,
            namespaces: (0..namespaces).map(|n| Namespace::new(format!("n{n}")).unwrap()).collect(),
            chance,
            faults,
            calm: false,
            quiet: false,
            calls: BTreeMap::new(),
            last_call: 0,
            next_id: 0,
            histories: BTreeMap::new(),
            acknowledged: Vec::new(),
            violations: Vec::new(),
            trace: 0,
            coverage: BTreeMap::new(),
        };
        for machine in 0..world.machines.len() {
            world.at(Duration::ZERO, Event::Start { machine });
        }
        world.at(Duration::ZERO, Event::Tenth);
        world
    }

    /// Runs for so long, or until something is wrong.
    pub(super) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while self.violations.is_empty()
            && let Some(Reverse((at, _, _))) = self.events.peek()
            && *at <= end
        {
            let Some(Reverse((at, sequence, event))) = self.events.pop() else { break };
            self.now = at;
            self.trace = crate::hash::xxh3(
                &[self.trace, at.as_nanos() as u64, sequence].map(u64::to_le_bytes).concat(),
            );
            self.handle(event);
            self.check_leaders();
        }
        self.now = self.now.max(end);
    }

    /// Faults end; everybody is well.
    pub(super) fn calm(&mut self) {
        self.calm = true;
        (self.store_away, self.store_full) = (Duration::ZERO, Duration::ZERO);
        for machine in 0..self.machines.len() {
            self.machines[machine].watch_stalled = Duration::ZERO;
            self.machines[machine].paused_until = Duration::ZERO;
            self.at(Duration::ZERO, Event::Resume { machine });
            self.at(Duration::ZERO, Event::Start { machine });
        }
    }

    /// Nobody commits any more.
    pub(super) fn stop_commits(&mut self) {
        self.quiet = true;
    }

    /// Who leads, as each one sees it now.
    pub(super) fn leaders(&self, namespace: &Namespace) -> Vec<usize> {
        let leads = |machine: &Machine| {
            machine
                .node
                .as_ref()
                .is_some_and(|node| node.election.leads(namespace, self.local(machine)).is_some())
        };
        (0..self.machines.len()).filter(|place| leads(&self.machines[*place])).collect()
    }

    pub(super) fn namespaces(&self) -> Vec<Namespace> {
        self.namespaces.clone()
    }

    pub(super) fn commits(&self, namespace: &Namespace) -> usize {
        self.acknowledged.iter().filter(|(of, _, _)| of == namespace).count()
    }

    /// Runs until somebody leads the namespace, and says how long it took.
    pub(super) fn until_led(&mut self, namespace: &Namespace, most: Duration) -> Duration {
        let from = self.now;
        while self.leaders(namespace).is_empty() && self.now < from + most {
            self.run(Duration::from_millis(1));
        }
        self.now - from
    }

    pub(super) fn crash(&mut self, machine: usize) {
        self.machines[machine].node = None;
        self.machines[machine].run += 1;
    }

    pub(super) fn start(&mut self, machine: usize) {
        self.handle(Event::Start { machine });
    }

    pub(super) fn node(&mut self, machine: usize, act: impl FnOnce(&mut Node, Mono)) {
        let now = self.local(&self.machines[machine]);
        if let Some(node) = &mut self.machines[machine].node {
            act(node, now);
        }
        self.attend(machine);
    }

    /// What must hold at the end, when all has been calm for long enough.
    pub(super) fn check_end(&mut self) {
        for namespace in self.namespaces() {
            let Some(truth) = self.load(&namespace) else {
                self.wrong(format!("{namespace}: nothing was ever committed"));
                continue;
            };
            let at_most_once: BTreeSet<_> = truth.iter().collect();
            if at_most_once.len() != truth.len() {
                self.wrong(format!("{namespace}: something was committed twice: {truth:?}"));
            }
            for machine in 0..self.machines.len() {
                let follows =
                    self.machines[machine].node.as_ref().map(|node| node.follows(&namespace).to_vec());
                if follows.as_ref() != Some(&truth) {
                    self.wrong(format!("{namespace}: replica {machine} follows {follows:?}, not {truth:?}"));
                }
            }
            if self.leaders(&namespace).len() != 1 {
                self.wrong(format!("{namespace}: {} leaders at the end", self.leaders(&namespace).len()));
            }
        }
        for (namespace, version, id) in std::mem::take(&mut self.acknowledged) {
            let after = self.histories[&namespace].get(&version);
            if after.is_none_or(|ids| ids.last() != Some(&id)) {
                self.wrong(format!("{namespace}: {id} was acknowledged as {version}, which is {after:?}"));
            }
        }
    }

    fn wrong(&mut self, what: String) {
        self.violations.push(format!("after {:?}: {what}", self.now));
    }

    fn count(&mut self, what: &'static str) {
        *self.coverage.entry(what).or_default() += 1;
    }

    fn check_leaders(&mut self) {
        for namespace in self.namespaces() {
            let leaders = self.leaders(&namespace);
            if leaders.len() > 1 {
                self.wrong(format!("{namespace}: {leaders:?} lead at once"));
            }
        }
    }

    fn at(&mut self, after: Duration, event: Event) {
        self.sequence += 1;
        self.events.push(Reverse((self.now + after, self.sequence, event)));
    }

    /// What the machine's clock shows.
    fn local(&self, machine: &Machine) -> Mono {
        let skew = self.now.as_nanos() as i128 * i128::from(machine.ppm) / 1_000_000;
        Mono::from_nanos((machine.offset.as_nanos() as i128 + self.now.as_nanos() as i128 + skew) as u64)
    }

    /// How long it truly takes until the machine's clock shows so much more.
    fn truly(&self, machine: usize, local: Duration) -> Duration {
        let ppm = self.machines[machine].ppm;
        let nanos = local.as_nanos() as i128 * 1_000_000 / i128::from(1_000_000 + ppm);
        Duration::from_nanos(nanos as u64 + 1)
    }

    fn handle(&mut self, event: Event) {
        let to = match &event {
            Event::Wake { machine, run }
            | Event::Later { machine, run, .. }
            | Event::Commit { machine, run, .. }
            | Event::Watch { machine, run } => Some((*machine, *run)),
            Event::Answered { call, .. } => match self.calls.get(call) {
                Some((machine, run, _)) => Some((*machine, *run)),
                None => return,
            },
            Event::Arrives { .. } | Event::Resume { .. } | Event::Start { .. } | Event::Tenth => None,
        };
        if let Some((machine, run)) = to {
            let machine = &mut self.machines[machine];
            if machine.run != run || machine.node.is_none() {
                return;
            }
            if self.now < machine.paused_until {
                return machine.mailbox.push(event);
            }
        }
        match event {
            Event::Arrives { call, request } => self.arrives(call, request.0),
            Event::Resume { machine } => {
                for event in std::mem::take(&mut self.machines[machine].mailbox) {
                    self.at(Duration::ZERO, event);
                }
            }
            Event::Tenth => self.tenth(),
            Event::Start { machine } => self.start_node(machine),
            Event::Answered { call, reply } => {
                if let Some((machine, _, caller)) = self.calls.remove(&call) {
                    self.node(machine, |node, now| node.answered(now, caller, reply.0));
                }
            }
            Event::Wake { machine, .. } => {
                self.machines[machine].woken_at = Duration::MAX;
                self.node(machine, Node::tick);
            }
            Event::Later { machine, job, .. } => self.node(machine, |node, now| node.run(now, job, None)),
            Event::Commit { .. } if self.quiet => {}
            Event::Commit { machine, namespace, term, .. } => {
                self.next_id += 1;
                let id = self.next_id;
                self.node(machine, |node, now| node.commit(now, &namespace, term, id));
            }
            Event::Watch { machine, .. } => self.watch(machine),
        }
    }

    /// Does what a node wants, and sees that it is woken.
    fn attend(&mut self, machine: usize) {
        let run = self.machines[machine].run;
        let Some(node) = &mut self.machines[machine].node else { return };
        let (out, wake) = (std::mem::take(&mut node.out), node.election.wake());
        for output in out {
            match output {
                Output::Call { caller, request, within } => self.call(machine, caller, request, within),
                Output::Later { job, after } => self.at(after, Event::Later { machine, run, job }),
                Output::Commit { namespace, term, after } => {
                    self.at(after, Event::Commit { machine, run, namespace, term });
                }
                Output::Acknowledged { namespace, version, id } => {
                    self.count("commit");
                    self.acknowledged.push((namespace, version, id));
                }
                Output::Follows { namespace, version, ids, loaded } => {
                    self.count(if loaded { "loaded" } else { "advanced" });
                    let truth = self.histories.get(&namespace).and_then(|history| history.get(&version));
                    if truth != Some(&ids) {
                        self.wrong(format!(
                            "{namespace} {version}: {machine} follows {ids:?}, not {truth:?}"
                        ));
                    }
                }
                Output::Wrong(what) => self.wrong(format!("replica {machine}: {what}")),
            }
        }
        if let Some(wake) = wake {
            let after = self.truly(machine, wake.since(self.local(&self.machines[machine])));
            if self.now + after < self.machines[machine].woken_at {
                self.machines[machine].woken_at = self.now + after;
                self.at(after, Event::Wake { machine, run });
            }
        }
    }

    fn call(&mut self, machine: usize, caller: Caller, request: Request, within: Duration) {
        self.last_call += 1;
        let (call, run) = (self.last_call, self.machines[machine].run);
        self.calls.insert(call, (machine, run, caller));
        let lost = Reply::Outcome(Err(StoreError::Unknown { reason: "too late".into() }));
        self.at(self.truly(machine, within), Event::Answered { call, reply: Answer(lost) });
        if !self.strikes(self.faults.lost) {
            let after = self.on_the_way();
            if matches!(request, Request::Transact(_)) && self.strikes(self.faults.doubled) {
                let again = after + self.on_the_way() + self.chance.millis(0, 4000);
                self.at(again, Event::Arrives { call: u64::MAX, request: Asked(request.clone()) });
            }
            self.at(after, Event::Arrives { call, request: Asked(request) });
        }
    }

    fn on_the_way(&mut self) -> Duration {
        if self.strikes(self.faults.late) { self.chance.millis(20, 3000) } else { self.chance.millis(1, 8) }
    }

    fn strikes(&mut self, permille: u64) -> bool {
        !self.calm && self.chance.permille(permille)
    }

    fn arrives(&mut self, call: u64, request: Request) {
        if self.now < self.store_away {
            let away = Reply::Outcome(Err(StoreError::Unavailable { reason: "away".into() }));
            if self.chance.permille(500) {
                let after = self.on_the_way();
                self.at(after, Event::Answered { call, reply: Answer(away) });
            }
            return;
        }
        let reply = match request {
            Request::Identity => Reply::Identity(Ok(StoreIdentity("here".into()))),
            Request::Get(key) => Reply::Row(self.kv.get(&key)),
            Request::Range(range) => Reply::Page(self.kv.range(&range)),
            Request::Transact(_) if self.now < self.store_full => {
                Reply::Outcome(Err(StoreError::Full { reason: "no space".into() }))
            }
            Request::Transact(transaction) => {
                let writes = transaction.writes.clone();
                let outcome = self.kv.apply(transaction);
                self.record_history(&writes);
                Reply::Outcome(outcome)
            }
        };
        if !self.strikes(self.faults.lost) {
            let after = self.on_the_way();
            self.at(after, Event::Answered { call, reply: Answer(reply) });
        }
    }
}

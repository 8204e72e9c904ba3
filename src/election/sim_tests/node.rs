//! One replica: its part in the elections, and for each namespace a follower and, while it leads, a log.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;

use super::{
    chance::Chance,
    entries::{entry, ids, ids_of, item},
};
use crate::{
    election::{CallId, Effect, Election, ElectionConfig, ReplicaSession},
    journal::{
        Collect, Entry, Follow, Followed, Load, LoadError, Loaded, Log, LogError, OpenAs, Rows, Term,
        WriteSnapshot,
    },
    store::{Batch, Errand, Keys, Limits, Reply, Request, Revision, Step, WatchError},
    types::{Mono, Namespace, Version},
};

pub(super) struct Node {
    pub(super) election: Election,
    limits: Limits,
    chance: Chance,
    jobs: BTreeMap<u64, (Namespace, Job)>,
    last_job: u64,
    leading: BTreeMap<Namespace, Leading>,
    following: BTreeMap<Namespace, Following>,
    pub(super) watch_from: Revision,
    /// Election calls since the last full second, to see that it does not spin.
    pub(super) asked: u64,
    pub(super) out: Vec<Output>,
}

/// What a node wants from the world, or tells it.
pub(super) enum Output {
    Call {
        caller: Caller,
        request: Request,
        within: Duration,
    },
    /// To be called again after a pause.
    Later {
        job: u64,
        after: Duration,
    },
    /// Time for the next commit.
    Commit {
        namespace: Namespace,
        term: u64,
        after: Duration,
    },
    Acknowledged {
        namespace: Namespace,
        version: Version,
        id: u64,
    },
    Follows {
        namespace: Namespace,
        version: Version,
        ids: Vec<u64>,
        loaded: bool,
    },
    Wrong(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Caller {
    Election(CallId),
    Job(u64),
}

enum Job {
    Log(Box<Log>),
    Load(Load),
    Snapshot(WriteSnapshot),
    Collect(Collect),
    Follow(Box<Follow>),
}

struct Leading {
    term: u64,
    log: u64,
    /// What is committed, once it is loaded.
    ids: Option<Vec<u64>>,
    committing: Option<u64>,
    commits: u64,
}

struct Following {
    job: u64,
    awaits: bool,
    ids: Vec<u64>,
}

impl Node {
    pub(super) fn new(
        config: ElectionConfig,
        limits: Limits,
        name: &str,
        namespaces: &[Namespace],
        now: Mono,
        watch_from: Revision,
        mut chance: Chance,
    ) -> Self {
        let session: ReplicaSession = chance.next();
        let election = Election::new(config, &Keys::default(), limits, name, name, session).unwrap();
        let mut node = Self {
            election,
            limits,
            chance,
            jobs: BTreeMap::new(),
            last_job: 0,
            leading: BTreeMap::new(),
            following: BTreeMap::new(),
            watch_from,
            asked: 0,
            out: Vec::new(),
        };
        for namespace in namespaces {
            let follow = Follow::new(rows(namespace), limits, None);
            let job = node.start(namespace, Job::Follow(Box::new(follow)));
            node.following.insert(namespace.clone(), Following { job, awaits: false, ids: Vec::new() });
            node.election.contend(now, namespace);
            node.run(now, job, None);
        }
        node.tick(now);
        node
    }

    pub(super) fn tick(&mut self, now: Mono) {
        self.election.tick(now);
        self.take_effects(now);
    }

    pub(super) fn answered(&mut self, now: Mono, caller: Caller, reply: Reply) {
        match caller {
            Caller::Election(call) => {
                self.election.answered(now, call, reply);
                self.take_effects(now);
            }
            Caller::Job(job) => self.run(now, job, Some(reply)),
        }
    }

    pub(super) fn watched(&mut self, now: Mono, batch: &Batch) {
        self.watch_from = batch.revision.next();
        for change in &batch.changes {
            self.election.watched(now, change);
        }
        self.take_effects(now);
        let follows: Vec<_> =
            self.following.iter().map(|(name, f)| (name.clone(), f.job, f.awaits)).collect();
        for (namespace, job, awaits) in follows {
            let prefix = rows(&namespace).prefix();
            let its = |change: &crate::store::Change| match change {
                crate::store::Change::Put(row) => row.key.starts_with(&prefix),
                crate::store::Change::Deleted { key, .. } => key.starts_with(&prefix),
            };
            let changes = batch.changes.iter().filter(|change| its(change)).cloned().collect();
            if let Some((_, Job::Follow(follow))) = self.jobs.get_mut(&job) {
                follow.watched(Batch { changes, revision: batch.revision });
            }
            if !awaits {
                self.run(now, job, None);
            }
        }
    }

    pub(super) fn watch_ended(&mut self, now: Mono, error: &WatchError, from: Revision) {
        self.watch_from = from;
        self.election.missed(now);
        self.take_effects(now);
        for (job, awaits) in self.following.values().map(|f| (f.job, f.awaits)).collect::<Vec<_>>() {
            if let Some((_, Job::Follow(follow))) = self.jobs.get_mut(&job) {
                follow.watch_ended(error);
            }
            if !awaits {
                self.run(now, job, None);
            }
        }
    }

    pub(super) fn commit(&mut self, now: Mono, namespace: &Namespace, term: u64, id: u64) {
        let items = entry(&mut self.chance, id);
        let Some(leading) = self.leading.get_mut(namespace).filter(|leading| leading.term == term) else {
            return;
        };
        // Of course a leader may commit only while it surely leads; that nothing breaks if it tries is what we want to see.
        let (log, ready) = (leading.log, leading.ids.is_some() && leading.committing.is_none());
        if let (true, Some((_, Job::Log(job)))) = (ready, self.jobs.get_mut(&log)) {
            match job.begin(Entry { items, ..Entry::default() }) {
                Ok(()) => {
                    leading.committing = Some(id);
                    self.run(now, log, None);
                }
                Err(error) => self.out.push(Output::Wrong(format!("an idle log refused: {error}"))),
            }
        }
        let after = self.chance.millis(30, 600);
        self.out.push(Output::Commit { namespace: namespace.clone(), term, after });
    }

    pub(super) fn resign(&mut self, now: Mono, namespace: &Namespace) {
        self.election.resign(now, namespace);
        self.take_effects(now);
    }

    pub(super) fn leave(&mut self, now: Mono) {
        self.election.leave(now);
        self.take_effects(now);
    }

    /// What the follower of a namespace believes.
    pub(super) fn follows(&self, namespace: &Namespace) -> &[u64] {
        &self.following[namespace].ids
    }

    pub(super) fn run(&mut self, now: Mono, job: u64, reply: Option<Reply>) {
        let Some((namespace, machine)) = self.jobs.get_mut(&job) else { return };
        let namespace = namespace.clone();
        let done = match machine {
            Job::Log(log) => step(log.as_mut(), reply).map(Done::Log),
            Job::Load(load) => step(load, reply).map(Done::Load),
            Job::Snapshot(snapshot) => step(snapshot, reply).map(Done::Snapshot),
            Job::Collect(collect) => step(collect, reply).map(Done::Collect),
            Job::Follow(follow) => step(follow.as_mut(), reply).map(Done::Followed),
        };
        if let Some(following) = self.following.get_mut(&namespace).filter(|following| following.job == job) {
            following.awaits = !matches!(done, Next::Done(_));
        }
        match done {
            Next::Ask(request) => {
                let caller = Caller::Job(job);
                self.out.push(Output::Call { caller, request, within: Duration::from_millis(300) });
            }
            Next::Pause => {
                let after = self.chance.millis(5, 100);
                self.out.push(Output::Later { job, after });
            }
            Next::Done(Done::Followed(followed)) => self.followed(now, &namespace, followed),
            Next::Done(done) => self.done(now, &namespace, job, done),
        }
    }

    fn start(&mut self, namespace: &Namespace, job: Job) -> u64 {
        self.last_job += 1;
        self.jobs.insert(self.last_job, (namespace.clone(), job));
        self.last_job
    }

    fn take_effects(&mut self, now: Mono) {
        let effects: Vec<_> = self.election.effects().collect();
        for effect in effects {
            match effect {
                Effect::Ask { call, request, within } => {
                    self.asked += 1;
                    self.out.push(Output::Call { caller: Caller::Election(call), request, within });
                }
                Effect::Won { namespace, term } => self.won(now, &namespace, term),
                Effect::Lost { namespace, .. } => self.drop_lead(&namespace),
                Effect::NotRenewed { .. } => {}
                Effect::HandOver { namespace, .. } => self.resign(now, &namespace),
            }
        }
    }

    fn won(&mut self, now: Mono, namespace: &Namespace, term: Term) {
        self.drop_lead(namespace);
        let number = term.number;
        let Job::Follow(follow) = &self.jobs[&self.following[namespace].job].1 else { unreachable!() };
        let with = OpenAs { unix_millis: 1, seen: follow.seen(), ..OpenAs::default() };
        let log = Job::Log(Box::new(Log::new(rows(namespace), self.limits, term, with)));
        let log = self.start(namespace, log);
        let leading = Leading { term: number, log, ids: None, committing: None, commits: 0 };
        self.leading.insert(namespace.clone(), leading);
        self.run(now, log, None);
    }

    fn drop_lead(&mut self, namespace: &Namespace) {
        self.leading.remove(namespace);
        let follow = self.following[namespace].job;
        self.jobs.retain(|id, (of, _)| of != namespace || *id == follow);
    }

    fn done(&mut self, now: Mono, namespace: &Namespace, job: u64, done: Done) {
        if !matches!(done, Done::Log(_)) {
            self.jobs.remove(&job);
        }
        let Some(leading) = self.leading.get_mut(namespace) else { return };
        match done {
            Done::Log(Ok(version)) => match leading.committing.take() {
                None if leading.ids.is_none() => {
                    let load = self.start(namespace, Job::Load(Load::new(rows(namespace), self.limits)));
                    self.run(now, load, None);
                }
                None => {}
                Some(id) => {
                    leading.ids.as_mut().unwrap().push(id);
                    leading.commits += 1;
                    self.out.push(Output::Acknowledged { namespace: namespace.clone(), version, id });
                    self.keep_house(now, namespace);
                }
            },
            Done::Log(Err(LogError::Deposed)) => self.deposed(now, namespace),
            Done::Log(Err(LogError::Outranked { by })) => {
                self.drop_lead(namespace);
                self.election.renew(now, namespace, by);
                self.take_effects(now);
            }
            Done::Snapshot(Ok(link)) => {
                if let Some((_, Job::Log(log))) = self.jobs.get_mut(&leading.log) {
                    log.publish(link);
                }
            }
            Done::Load(Ok(loaded)) => {
                let (log, term) = (leading.log, leading.term);
                let Some((_, Job::Log(log))) = self.jobs.get(&log) else { return };
                if loaded.head != *log.head() {
                    return self.deposed(now, namespace);
                }
                leading.ids = Some(ids_of(&loaded));
                let after = self.chance.millis(1, 50);
                self.out.push(Output::Commit { namespace: namespace.clone(), term, after });
            }
            Done::Snapshot(Err(LogError::Deposed)) | Done::Collect(Err(LogError::Deposed)) => {}
            Done::Collect(Ok(_)) => {}
            Done::Log(Err(error)) | Done::Snapshot(Err(error)) | Done::Collect(Err(error)) => {
                self.out.push(Output::Wrong(error.to_string()));
            }
            Done::Load(Err(error)) => self.out.push(Output::Wrong(format!("after opening: {error}"))),
            Done::Followed(_) => unreachable!("followers are not a leader's"),
        }
    }

    fn deposed(&mut self, now: Mono, namespace: &Namespace) {
        self.drop_lead(namespace);
        self.election.doubt(now, namespace);
        self.take_effects(now);
    }

    /// Writes a snapshot now and then, and removes what it makes superfluous.
    fn keep_house(&mut self, now: Mono, namespace: &Namespace) {
        let leading = &self.leading[namespace];
        let items: Vec<Bytes> = leading.ids.iter().flatten().map(|id| item(*id, 1, 0, 0)).collect();
        let commits = leading.commits;
        let Some((_, Job::Log(log))) = self.jobs.get_mut(&leading.log) else { return };
        let job = match commits % 6 {
            2 => log.snapshot(&items).map(Job::Snapshot),
            5 => log.collect().map(Job::Collect),
            _ => return,
        };
        match job {
            Ok(job) => {
                let job = self.start(namespace, job);
                self.run(now, job, None);
            }
            Err(error) => self.out.push(Output::Wrong(error.to_string())),
        }
    }

    fn followed(&mut self, now: Mono, namespace: &Namespace, followed: Followed) {
        let following = self.following.get_mut(namespace).unwrap();
        let job = following.job;
        let loaded = matches!(followed, Followed::Loaded(_));
        let version = match followed {
            Followed::UpToDate { .. } => return,
            Followed::Loaded(state) => {
                following.ids = ids_of(&state);
                state.head.link.version
            }
            Followed::Advanced { head, deltas } => {
                following.ids.extend(deltas.iter().flat_map(|delta| ids(&delta.items)));
                head.link.version
            }
            Followed::Mismatch(mismatch) => return self.out.push(Output::Wrong(mismatch.to_string())),
            Followed::Unreadable(unreadable) => return self.out.push(Output::Wrong(unreadable.to_string())),
        };
        let ids = following.ids.clone();
        self.out.push(Output::Follows { namespace: namespace.clone(), version, ids, loaded });
        self.run(now, job, None);
    }
}

enum Next<T> {
    Ask(Request),
    Pause,
    Done(T),
}

enum Done {
    Log(Result<Version, LogError>),
    Load(Result<Box<Loaded>, LoadError>),
    Snapshot(Result<crate::journal::Link, LogError>),
    Collect(Result<u64, LogError>),
    Followed(Followed),
}

impl<T> Next<T> {
    fn map<U>(self, f: impl FnOnce(T) -> U) -> Next<U> {
        match self {
            Self::Ask(request) => Next::Ask(request),
            Self::Pause => Next::Pause,
            Self::Done(end) => Next::Done(f(end)),
        }
    }
}

fn step<E: Errand>(errand: &mut E, reply: Option<Reply>) -> Next<E::End> {
    match errand.next(reply) {
        Step::Ask(request) => Next::Ask(request),
        Step::Pause(_) => Next::Pause,
        Step::Done(end) => Next::Done(end),
    }
}

pub(super) fn rows(namespace: &Namespace) -> Rows {
    Rows::new(&Keys::default(), namespace)
}

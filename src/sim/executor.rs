//! A machine that runs an executor: one process at a time, which may pause, crash, leave and come back.

use std::{sync::Arc, time::Duration};

use super::{
    application::{Application, Whose},
    coverage::Met,
    happening::{Happening, Message, ProcessId},
    node::Node,
    node_clock::NodeClock,
    stage::Stage,
};
use crate::{
    session::{Effect, Ending, Grant, OnLeaseLoss, Profile, Session, SessionConfig, ToExecutor, ToLeader},
    types::{ExecutorId, Mono, ShardKey},
};

#[derive(Debug)]
pub(super) struct Machine {
    number: u8,
    id: ExecutorId,
    pub(super) clock: NodeClock,
    pub(super) process: Option<Process>,
    /// When the next wake-up is due, in true time.
    woken_at: Mono,
    build: u32,
    /// Whether it is to run at all. What crashes is then started again.
    pub(super) is_wanted: bool,
    effects: Vec<Effect>,
}

#[derive(Debug)]
pub(super) struct Process {
    pub(super) id: ProcessId,
    pub(super) session: Session,
    application: Application,
    next_work: Mono,
    /// Which replica it takes for the leader.
    target: u8,
    /// What was said to it last, until it answers.
    unanswered: Option<ToLeader>,
    /// When to try that again with another replica, because the last one does not lead and knows of nobody who does.
    retry_at: Option<Mono>,
    /// Set while the process is to leave: until when it may take.
    leaves_by: Option<Mono>,
    was_fenced: bool,
}

impl Machine {
    pub(super) fn new(number: u8, name: &str, clock: NodeClock) -> Self {
        Self {
            number,
            id: ExecutorId::new(name).expect("names in simulation are ids"),
            clock,
            process: None,
            woken_at: Mono::from_nanos(u64::MAX),
            build: 0,
            is_wanted: false,
            effects: Vec::new(),
        }
    }

    pub(super) const fn id(&self) -> &ExecutorId {
        &self.id
    }

    const fn node(&self) -> Node {
        Node::Executor(self.number)
    }

    /// Begins a process. The one before must have ended.
    pub(super) fn start(&mut self, stage: &mut Stage) {
        let now = self.clock.shown(stage.now);
        stage.processes += 1;
        let swarm = &stage.swarm;
        let lease = swarm.config.lease;
        let config = SessionConfig {
            executor: self.id.clone(),
            profile: Arc::new(Profile { build: format!("build-{}", self.build), ..Profile::default() }),
            answer_within: lease / 3,
            stop_within: swarm.stop_within,
            on_stuck: swarm.on_stuck,
            on_lease_loss: if swarm.is_exclusive() { OnLeaseLoss::Fence } else { OnLeaseLoss::Hold },
        };
        let nonce = stage.random.next();
        let id = ProcessId(stage.processes);
        stage.tell(|| format!("machine {} starts process {} as {}", self.number, id.0, self.id));
        self.process = Some(Process {
            id,
            session: Session::new(config, nonce, now),
            application: Application::default(),
            next_work: now + stage.random.about(stage.swarm.work_every),
            target: stage.random.index(stage.swarm.replicas.into()) as u8,
            unanswered: None,
            retry_at: None,
            leaves_by: None,
            was_fenced: false,
        });
        self.drive(stage, |session, now, out| session.wake(now, out));
    }

    /// The process is gone from one moment to the next.
    pub(super) fn crash(&mut self, stage: &mut Stage) {
        if let Some(process) = self.process.take() {
            stage.tell(|| format!("machine {}: process {} ends", self.number, process.id.0));
            stage.auditor.ended(stage.now, process.id);
        }
    }

    pub(super) fn hear(&mut self, stage: &mut Stage, from: Node, message: Message) {
        let Some(process) = &mut self.process else { return };
        match message {
            Message::ToExecutor(message) => {
                (process.unanswered, process.retry_at) = (None, None);
                if let Node::Replica(replica) = from {
                    process.target = replica;
                }
                if matches!(&*message, ToExecutor::Assigned(assigned) if assigned.since.is_none()) {
                    stage.met(Met::Resync);
                }
                self.drive(stage, |session, now, out| session.hear(now, *message, out));
            }
            Message::NotLeader(leader) => {
                let replicas = stage.swarm.replicas;
                if from != Node::Replica(process.target) {
                    return;
                }
                process.target = leader.unwrap_or((process.target + 1) % replicas);
                // A hint is good for one try; after that, and without one, a little time has to pass.
                let pause = match leader {
                    Some(_) if process.retry_at.is_none() => Duration::ZERO,
                    _ => stage.random.about(stage.swarm.config.lease / 20),
                };
                process.retry_at = Some(self.clock.shown(stage.now) + pause);
                stage.tell(|| format!("process {} is sent on to replica {}", process.id.0, process.target));
                self.arm(stage);
            }
            Message::Serve(number, shard) => {
                let is_served = process.session.holds(&shard, self.clock.shown(stage.now)).is_some();
                stage.send(self.node(), from, Message::Served(number, is_served));
            }
            _ => {}
        }
    }

    /// Called when something was due; does what is.
    pub(super) fn wake(&mut self, stage: &mut Stage) {
        // What was asked for and then asked for earlier still comes.
        if stage.now < self.woken_at {
            return;
        }
        self.woken_at = Mono::from_nanos(u64::MAX);
        let now = self.clock.shown(stage.now);
        let Some(process) = &mut self.process else { return };
        if process.retry_at.is_some_and(|at| at <= now) {
            process.retry_at = None;
            if let Some(message) = process.unanswered.clone() {
                let to = Node::Replica(process.target);
                stage.send(Node::Executor(self.number), to, Message::ToLeader(Box::new(message)));
            }
        }
        if process.next_work <= now {
            self.work(stage);
        }
        let due = |process: &Process| {
            let due = [process.session.next_wake(), process.leaves_by];
            due.into_iter().flatten().any(|due| due <= now)
        };
        if self.process.as_ref().is_some_and(due) {
            self.drive(stage, |session, now, out| session.wake(now, out));
        } else {
            self.arm(stage);
        }
    }

    /// The application says that it has stopped serving something.
    pub(super) fn stopped(&mut self, stage: &mut Stage, process: ProcessId, grant: &Grant) {
        let known = self.process.as_mut().filter(|known| known.id == process);
        if known.is_some_and(|known| known.application.stopped(grant)) {
            self.drive(stage, |session, now, out| session.stopped(now, grant, out));
        }
    }

    /// It is to go in good order, and its next process runs another build.
    pub(super) fn leave(&mut self, stage: &mut Stage, within: Duration) {
        self.build += 1;
        let now = self.clock.shown(stage.now);
        if let Some(process) = &mut self.process {
            process.leaves_by = Some(now + within);
            self.drive(stage, |session, now, out| session.drain(now, true, out));
        }
    }

    /// It is not to go any more.
    pub(super) fn stay(&mut self, stage: &mut Stage) {
        if let Some(process) = &mut self.process
            && process.leaves_by.take().is_some()
        {
            self.drive(stage, |session, now, out| session.drain(now, false, out));
        }
    }

    /// Whatever was stuck comes loose.
    pub(super) fn loosen(&self, stage: &mut Stage) {
        if let Some(process) = &self.process {
            process.application.loosen(stage, self.whose(process));
        }
    }

    pub(super) fn holds(&self, now: Mono, process: ProcessId, shard: &ShardKey) -> bool {
        let process = self.process.as_ref().filter(|known| known.id == process);
        process.is_some_and(|process| process.session.holds(shard, self.clock.shown(now)).is_some())
    }

    /// True time at which its lease ends, if nothing changes.
    pub(super) fn lease_end(&self, process: &Process) -> Mono {
        self.clock.when(process.session.held_until())
    }

    /// What its process serves, whatever it believes, and was not told to stop.
    pub(super) fn serves(&self) -> impl Iterator<Item = (ProcessId, &ShardKey)> {
        let process = self.process.iter();
        process.flat_map(|process| process.application.serves().map(|shard| (process.id, shard)))
    }

    fn work(&mut self, stage: &mut Stage) {
        let now = self.clock.shown(stage.now);
        let Some(process) = &mut self.process else { return };
        let whose = Whose { machine: self.number, process: process.id };
        process.next_work = now + stage.random.about(stage.swarm.work_every);
        let done = process.application.work(stage, whose, &mut process.session, now);
        if let Some(shard) = done {
            self.drive(stage, |session, now, out| session.done(now, &shard, out));
        }
    }

    const fn whose(&self, process: &Process) -> Whose {
        Whose { machine: self.number, process: process.id }
    }

    /// Lets the session do something, and does what it wants done.
    fn drive(&mut self, stage: &mut Stage, what: impl FnOnce(&mut Session, Mono, &mut Vec<Effect>)) {
        let now = self.clock.shown(stage.now);
        let mut effects = std::mem::take(&mut self.effects);
        if let Some(process) = &mut self.process {
            what(&mut process.session, now, &mut effects);
        }
        for effect in effects.drain(..) {
            self.carry_out(stage, effect);
        }
        self.effects = effects;
        self.leave_if_done(stage, now);
        self.arm(stage);
    }

    fn carry_out(&mut self, stage: &mut Stage, effect: Effect) {
        let Some(process) = &mut self.process else { return };
        let whose = Whose { machine: self.number, process: process.id };
        let name =
            |grant: &Grant| format!("process {}: shard {} under {}", process.id.0, grant.shard, grant.token);
        match effect {
            Effect::Send(message) => {
                if process.unanswered.is_some() {
                    process.target = (process.target + 1) % stage.swarm.replicas;
                    stage.tell(|| {
                        format!(
                            "process {} has no answer, and tries replica {}",
                            process.id.0, process.target
                        )
                    });
                }
                process.unanswered = Some(message.clone());
                stage.send(
                    Node::Executor(self.number),
                    Node::Replica(process.target),
                    Message::ToLeader(Box::new(message)),
                );
            }
            Effect::Start(grant) => {
                stage.tell(|| format!("{} starts", name(&grant)));
                if std::mem::take(&mut process.was_fenced) {
                    stage.met(Met::Resumption);
                }
                process.application.start(stage, whose, grant);
            }
            Effect::Stop(grant) => {
                stage.tell(|| format!("{} is to stop", name(&grant)));
                process.application.stop(stage, whose, grant);
            }
            Effect::Fenced => {
                stage.tell(|| format!("process {} is fenced", process.id.0));
                stage.met(Met::Fence);
                process.was_fenced = true;
            }
            // It asks again.
            Effect::Refused(_) => {}
            Effect::Abort(_) => self.end(stage),
            Effect::Ended(Ending::Superseded | Ending::Removed) => {
                stage.met(Met::Supersession);
                self.end(stage);
            }
            Effect::Ended(_) => self.end(stage),
        }
    }

    /// The process ends itself, and whoever watches over it starts the next one.
    fn end(&mut self, stage: &mut Stage) {
        self.crash(stage);
        let delay = stage.random.about(stage.swarm.config.lease / 2);
        stage.after(delay, Happening::Starts(self.number));
    }

    fn leave_if_done(&mut self, stage: &mut Stage, now: Mono) {
        let Some(process) = &mut self.process else { return };
        let Some(by) = process.leaves_by else { return };
        if process.session.is_empty() || now >= by {
            if process.session.is_empty() {
                let mut out = Vec::new();
                process.session.leave(&mut out);
                stage.met(Met::Departure);
                for effect in out {
                    self.carry_out(stage, effect);
                }
            }
            self.end(stage);
        }
    }

    /// Sees to it that it is woken when something is due.
    pub(super) fn arm(&mut self, stage: &mut Stage) {
        let Some(process) = &self.process else { return };
        let Process { session, next_work, leaves_by, retry_at, .. } = process;
        let due = [session.next_wake(), Some(*next_work), *leaves_by, *retry_at];
        let Some(due) = due.into_iter().flatten().min() else { return };
        let when = self.clock.when(due).max(stage.now);
        if when < self.woken_at {
            self.woken_at = when;
            stage.at(when, Happening::Wakes(self.node()));
        }
    }
}

//! A distributor's connection to the store: calls that may stay without an answer, and one watch.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    happening::{CallNumber, Message},
    node::Node,
    stage::{Stage, namespace},
};
use crate::{
    replica::ensemble,
    store::{Batch, Keys, Request, Revision, WatchError, Write},
    types::Mono,
};

#[derive(Debug)]
pub(super) struct Link {
    me: Node,
    run: u32,
    /// The key of the namespace's head.
    head: Arc<str>,
    calls: BTreeMap<CallNumber, Pending>,
    last_call: u32,
    watch: Watch,
}

/// A call that has no answer yet.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) of: ensemble::Call,
    /// Whether it moves the namespace's head.
    pub(super) is_commit: bool,
    by: Mono,
}

/// One poll at a time: what has happened from a revision on?
#[derive(Debug)]
struct Watch {
    number: CallNumber,
    /// `None`: from now on. Then it has to be answered before anything else counts.
    from: Option<Revision>,
    again_at: Mono,
}

/// What a watch says.
#[derive(Debug)]
pub(super) enum Heard {
    Nothing,
    /// From now on it misses nothing.
    Opened,
    Changes(Batch),
}

/// A poll that has no answer for so long is sent again.
const POLL_WITHIN: Duration = Duration::from_secs(1);

impl Link {
    pub(super) fn new(me: Node, run: u32, now: Mono) -> Self {
        let watch = Watch { number: CallNumber { run, call: 0 }, from: None, again_at: now };
        let head = Keys::default().head(namespace());
        Self { me, run, head, calls: BTreeMap::new(), last_call: 0, watch }
    }

    pub(super) const fn run(&self) -> u32 {
        self.run
    }

    pub(super) fn ask(
        &mut self,
        stage: &mut Stage,
        now: Mono,
        of: ensemble::Call,
        request: Request,
        within: Duration,
    ) {
        let number = self.number();
        let moves_head = |write: &Write| matches!(write, Write::Put(key, _) if *key == self.head);
        let is_commit =
            matches!(&request, Request::Transact(transaction) if transaction.writes.iter().any(moves_head));
        self.calls.insert(number, Pending { of, is_commit, by: now + within });
        stage.send(self.me, Node::Store, Message::Call(number, Box::new(request)));
    }

    /// Which calls have taken too long.
    pub(super) fn late(&self, now: Mono) -> Vec<CallNumber> {
        self.calls.iter().filter(|(_, pending)| pending.by <= now).map(|(number, _)| *number).collect()
    }

    /// The first answer to a call counts.
    pub(super) fn answered(&mut self, number: CallNumber) -> Option<Pending> {
        self.calls.remove(&number)
    }

    pub(super) fn next_wake(&self) -> Mono {
        self.calls.values().map(|pending| pending.by).fold(self.watch.again_at, Mono::min)
    }

    pub(super) fn poll_again(&mut self, stage: &mut Stage, now: Mono) {
        if self.watch.again_at <= now {
            self.poll(stage, now);
        }
    }

    pub(super) fn poll(&mut self, stage: &mut Stage, now: Mono) {
        let (number, from) = (self.number(), self.watch.from);
        self.watch = Watch { number, from, again_at: now + POLL_WITHIN };
        stage.send(self.me, Node::Store, Message::Poll(number, from));
    }

    /// Whether this is the poll that counts.
    pub(super) fn awaits(&self, number: CallNumber) -> bool {
        number == self.watch.number
    }

    /// The poll was answered, and the next one follows at once.
    pub(super) fn polled(&mut self, stage: &mut Stage, now: Mono, told: Result<Batch, WatchError>) -> Heard {
        let heard = match told {
            Ok(batch) if self.watch.from.replace(batch.revision.next()).is_none() => Heard::Opened,
            Ok(batch) => Heard::Changes(batch),
            Err(error) => {
                if !matches!(error, WatchError::Broken { .. }) {
                    self.watch.from = None;
                }
                Heard::Nothing
            }
        };
        self.poll(stage, now);
        heard
    }

    const fn number(&mut self) -> CallNumber {
        self.last_call += 1;
        CallNumber { run: self.run, call: self.last_call }
    }
}

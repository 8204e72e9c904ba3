//! The connections of executors, as the desk knows them.

use std::collections::BTreeMap;

use tokio::sync::mpsc;

use super::{
    desk::Command,
    host::{DeskError, DeskHandle},
};
use crate::{
    session::{ToExecutor, ToLeader},
    types::{Namespace, SessionId},
};

/// Messages that wait for an executor that reads slowly. Then its line is cut: it connects again and is told everything.
const MAX_WAITING: usize = 256;

/// One executor's connection.
#[derive(Debug)]
pub struct Line {
    number: u64,
    desk: DeskHandle,
    receiver: mpsc::Receiver<ToExecutor>,
}

impl Line {
    pub(super) const fn new(number: u64, desk: DeskHandle, receiver: mpsc::Receiver<ToExecutor>) -> Self {
        Self { number, desk, receiver }
    }

    /// Says something to the namespace's leader.
    pub fn say(&self, message: ToLeader) -> Result<(), DeskError> {
        self.desk.send(Command::Say(self.number, message))
    }

    /// What the executor is told next. `None`: this replica does not lead the namespace, or the executor reads too
    /// slowly.
    pub async fn next(&mut self) -> Option<ToExecutor> {
        self.receiver.recv().await
    }
}

impl Line {
    /// What else the executor is told, as far as it is known by now.
    pub fn waiting(&mut self) -> impl Iterator<Item = ToExecutor> {
        std::iter::from_fn(|| self.receiver.try_recv().ok())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // If the desk is too busy to hear it, it finds out by itself when it has something to say.
        let _ = self.desk.send(Command::HangUp(self.number));
    }
}

/// All lines, by number and by session.
#[derive(Debug, Default)]
pub(super) struct Lines {
    last: u64,
    open: BTreeMap<u64, Open>,
    of_session: BTreeMap<(Namespace, SessionId), u64>,
}

#[derive(Debug)]
struct Open {
    namespace: Namespace,
    sender: mpsc::Sender<ToExecutor>,
    session: Option<SessionId>,
}

impl Lines {
    pub(super) fn open(&mut self, namespace: Namespace) -> (u64, mpsc::Receiver<ToExecutor>) {
        self.last += 1;
        let (sender, receiver) = mpsc::channel(MAX_WAITING);
        self.open.insert(self.last, Open { namespace, sender, session: None });
        (self.last, receiver)
    }

    pub(super) fn namespace(&self, line: u64) -> Option<&Namespace> {
        Some(&self.open.get(&line)?.namespace)
    }

    /// Answers what was said on the line; pushes for that session go there from now on.
    pub(super) fn reply(&mut self, line: u64, message: ToExecutor) {
        let Some(open) = self.open.get_mut(&line) else { return };
        if let ToExecutor::Registered { session, .. } | ToExecutor::Acknowledged { session, .. } = &message
            && open.session != Some(*session)
        {
            if let Some(before) = open.session.replace(*session) {
                self.of_session.remove(&(open.namespace.clone(), before));
            }
            self.of_session.insert((open.namespace.clone(), *session), line);
        }
        self.tell(line, message);
    }

    pub(super) fn push(&mut self, namespace: &Namespace, session: SessionId, message: ToExecutor) {
        if let Some(line) = self.of_session.get(&(namespace.clone(), session)) {
            self.tell(*line, message);
        }
    }

    pub(super) fn close(&mut self, line: u64) {
        let Some(Open { namespace, session: Some(session), .. }) = self.open.remove(&line) else { return };
        let key = (namespace, session);
        if self.of_session.get(&key) == Some(&line) {
            self.of_session.remove(&key);
        }
    }

    /// This replica does not lead the namespace any more.
    pub(super) fn close_all(&mut self, namespace: &Namespace) {
        let of_it = self.open.iter().filter(|(_, open)| open.namespace == *namespace);
        let lines: Vec<u64> = of_it.map(|(line, _)| *line).collect();
        lines.into_iter().for_each(|line| self.close(line));
    }

    fn tell(&mut self, line: u64, message: ToExecutor) {
        if self.open.get(&line).is_some_and(|open| open.sender.try_send(message).is_err()) {
            self.close(line);
        }
    }
}

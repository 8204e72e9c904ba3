//! The connections of a namespace's executors.

use std::collections::BTreeMap;

use tokio::sync::mpsc;

use super::Command;
use crate::{
    server::host::{DeskError, refused},
    session::{ToExecutor, ToLeader},
    types::SessionId,
};

/// Messages that wait for an executor that reads slowly. Then its line is cut: it connects again and is told everything.
const MAX_WAITING: usize = 256;

/// One executor's connection.
#[derive(Debug)]
pub struct Line {
    number: u64,
    seat: mpsc::Sender<Command>,
    receiver: mpsc::Receiver<ToExecutor>,
}

impl Line {
    pub(in crate::server) const fn new(
        number: u64,
        seat: mpsc::Sender<Command>,
        receiver: mpsc::Receiver<ToExecutor>,
    ) -> Self {
        Self { number, seat, receiver }
    }

    /// Says something to the namespace's leader.
    pub fn say(&self, message: ToLeader) -> Result<(), DeskError> {
        self.seat.try_send(Command::Say(self.number, message)).map_err(|error| refused(&error))
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
        // If the namespace's task is too busy to hear it, it finds out by itself when it has something to say.
        let _ = self.seat.try_send(Command::HangUp(self.number));
    }
}

/// Lines that are open before those are looked for that nobody has any more: a line that is over may not have said so, because
/// there was no room for that.
const SWEEP_FROM: usize = 1024;

/// All lines, by number and by session.
#[derive(Debug, Default)]
pub(super) struct Lines {
    last: u64,
    open: BTreeMap<u64, Open>,
    of_session: BTreeMap<SessionId, u64>,
    /// How many there were that somebody has, when that was looked at last.
    in_use: usize,
}

#[derive(Debug)]
struct Open {
    sender: mpsc::Sender<ToExecutor>,
    session: Option<SessionId>,
}

impl Lines {
    pub(super) fn open(&mut self) -> (u64, mpsc::Receiver<ToExecutor>) {
        if self.open.len() >= SWEEP_FROM.max(2 * self.in_use) {
            self.sweep();
        }
        self.last += 1;
        let (sender, receiver) = mpsc::channel(MAX_WAITING);
        self.open.insert(self.last, Open { sender, session: None });
        (self.last, receiver)
    }

    pub(super) fn is_open(&self, line: u64) -> bool {
        self.open.contains_key(&line)
    }

    /// Answers what was said on the line; pushes for that session go there from now on.
    pub(super) fn reply(&mut self, line: u64, message: ToExecutor) {
        let Some(open) = self.open.get_mut(&line) else { return };
        if let ToExecutor::Registered { session, .. } | ToExecutor::Acknowledged { session, .. } = &message
            && open.session != Some(*session)
        {
            if let Some(before) = open.session.replace(*session) {
                self.of_session.remove(&before);
            }
            self.of_session.insert(*session, line);
        }
        self.tell(line, message);
    }

    pub(super) fn push(&mut self, session: SessionId, message: ToExecutor) {
        if let Some(line) = self.of_session.get(&session) {
            self.tell(*line, message);
        }
    }

    pub(super) fn close(&mut self, line: u64) {
        let Some(Open { session: Some(session), .. }) = self.open.remove(&line) else { return };
        if self.of_session.get(&session) == Some(&line) {
            self.of_session.remove(&session);
        }
    }

    fn sweep(&mut self) {
        let over = self.open.iter().filter(|(_, open)| open.sender.is_closed());
        for line in over.map(|(line, _)| *line).collect::<Vec<_>>() {
            self.close(line);
        }
        self.in_use = self.open.len();
    }

    /// This replica does not lead the namespace any more.
    pub(super) fn close_all(&mut self) {
        self.open.clear();
        self.of_session.clear();
    }

    fn tell(&mut self, line: u64, message: ToExecutor) {
        if self.open.get(&line).is_some_and(|open| open.sender.try_send(message).is_err()) {
            self.close(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_nobody_has_any_more_are_not_kept() {
        let mut lines = Lines::default();
        let kept: Vec<_> = (0..100).map(|_| lines.open()).collect();
        for _ in 0..100_000 {
            drop(lines.open());
        }
        assert!(lines.open.len() <= SWEEP_FROM, "{}", lines.open.len());
        assert!(kept.iter().all(|(line, _)| lines.is_open(*line)));
    }
}

//! What watchers are told, encoded once for all of them.

use std::{collections::VecDeque, sync::Arc};

use parking_lot::Mutex;

use super::frames::{self, Numbers};
use crate::{
    engine::{Delta, State},
    proto::v1::{WatchFrame, WatchResponse, wire},
    types::Version,
};

/// Commits that are kept for those who come back, or read slowly.
const MAX_LOGGED: usize = 10_000;
/// And their bytes.
const MAX_LOGGED_BYTES: usize = 16 << 20;

#[derive(Debug)]
pub(super) struct FanOut {
    numbers: Numbers,
    /// Commits in order, each on top of the one before.
    log: VecDeque<Logged>,
    log_bytes: usize,
    /// Everything, as it was encoded last.
    everything: Mutex<Option<(Version, Arc<[WatchResponse]>)>>,
}

#[derive(Debug)]
struct Logged {
    since: Version,
    frame: WatchResponse,
}

/// What a watcher has to be told.
#[derive(Clone, Debug, PartialEq)]
pub enum Since {
    /// Nothing yet.
    Nothing,
    /// It has seen more than this replica.
    Behind,
    /// These frames; then it is at the version.
    Frames(Vec<WatchResponse>, Version),
}

impl FanOut {
    pub(super) fn new(state: &State) -> Self {
        let mut numbers = Numbers::default();
        for record in state.sessions() {
            numbers.give(record.id);
        }
        Self { numbers, log: VecDeque::new(), log_bytes: 0, everything: Mutex::new(None) }
    }

    pub(super) fn advance(&mut self, since: Version, delta: &Delta) {
        let frame = WatchResponse::new(&WatchFrame::Delta(frames::delta(&mut self.numbers, since, delta)));
        self.log_bytes += frame.len();
        self.log.push_back(Logged { since, frame });
        while self.log.len() > MAX_LOGGED || self.log_bytes > MAX_LOGGED_BYTES {
            let Some(oldest) = self.log.pop_front() else { break };
            self.log_bytes -= oldest.frame.len();
        }
    }

    /// `is_new`: the watcher knows nobody's number on this stream yet.
    pub(super) fn since(&self, state: &State, have: Option<Version>, is_new: bool) -> Since {
        let version = state.version();
        match have {
            Some(have) if have > version => Since::Behind,
            Some(have) if have == version && !is_new => Since::Nothing,
            Some(have) => match self.logged(have, version) {
                Some(deltas) => {
                    let introduction = is_new.then(|| self.introduction(state, have));
                    Since::Frames(introduction.into_iter().chain(deltas).collect(), version)
                }
                None => self.everything(state),
            },
            None => self.everything(state),
        }
    }

    /// The commits after that version.
    fn logged(&self, have: Version, version: Version) -> Option<impl Iterator<Item = WatchResponse>> {
        let first = match have == version {
            true => self.log.len(),
            // They are in order.
            false => self.log.binary_search_by_key(&have, |logged| logged.since).ok()?,
        };
        Some(self.log.range(first..).map(|logged| logged.frame.clone()))
    }

    /// Who is who, for a watcher that has the shards already.
    fn introduction(&self, state: &State, have: Version) -> WatchResponse {
        let have = Some(have.into());
        let executors = self.numbers.executors(state);
        let delta = wire::WatchDelta { since: have, version: have, executors, ..wire::WatchDelta::default() };
        WatchResponse::new(&WatchFrame::Delta(delta))
    }

    /// Everything, as it was encoded for somebody else if what has changed since is known; otherwise as it is now.
    fn everything(&self, state: &State) -> Since {
        let version = state.version();
        let mut everything = self.everything.lock();
        if let Some((of, parts)) = &*everything
            && let Some(deltas) = self.logged(*of, version)
        {
            return Since::Frames(parts.iter().cloned().chain(deltas).collect(), version);
        }
        let parts = frames::parts(&self.numbers, state).into_iter().map(WatchFrame::Part);
        let parts: Arc<[WatchResponse]> = parts.map(|part| WatchResponse::new(&part)).collect();
        *everything = Some((version, parts.clone()));
        Since::Frames(parts.to_vec(), version)
    }
}

//! What watchers are told, encoded once for all of them.

use std::{
    collections::{VecDeque, vec_deque},
    sync::Arc,
};

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
    /// Sessions that it ended: commits before it may name them.
    ended: Vec<wire::WatchExecutor>,
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

    /// `state` is what the commit changes.
    pub(super) fn advance(&mut self, state: &State, delta: &Delta) {
        let since = state.version();
        let ended = frames::ended(&self.numbers, state, delta);
        let frame = WatchResponse::new(&WatchFrame::Delta(frames::delta(&mut self.numbers, since, delta)));
        self.log_bytes += frame.len();
        self.log.push_back(Logged { since, frame, ended });
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
                Some(logged) => {
                    let introduction = is_new.then(|| self.introduction(state, have, logged.clone()));
                    let deltas = logged.map(|logged| logged.frame.clone());
                    Since::Frames(introduction.into_iter().chain(deltas).collect(), version)
                }
                None => self.everything(state),
            },
            None => self.everything(state),
        }
    }

    /// The commits after that version.
    fn logged(&self, have: Version, version: Version) -> Option<vec_deque::Iter<'_, Logged>> {
        let first = match have == version {
            true => self.log.len(),
            // They are in order.
            false => self.log.binary_search_by_key(&have, |logged| logged.since).ok()?,
        };
        Some(self.log.range(first..))
    }

    /// Who is who, for a watcher that has the shards already; also who was, until one of the commits that it is told of.
    fn introduction<'a>(
        &self,
        state: &State,
        have: Version,
        commits: impl Iterator<Item = &'a Logged>,
    ) -> WatchResponse {
        let have = Some(have.into());
        let mut executors = self.numbers.executors(state);
        executors.extend(commits.flat_map(|logged| logged.ended.iter().cloned()));
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
            let deltas = deltas.map(|logged| logged.frame.clone());
            return Since::Frames(parts.iter().cloned().chain(deltas).collect(), version);
        }
        let parts = frames::parts(&self.numbers, state).into_iter().map(WatchFrame::Part);
        let parts: Arc<[WatchResponse]> = parts.map(|part| WatchResponse::new(&part)).collect();
        *everything = Some((version, parts.clone()));
        Since::Frames(parts.to_vec(), version)
    }
}

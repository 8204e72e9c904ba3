//! What happens around a file, as far as events tell.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
    time::Duration,
};

use notify::{
    Event, EventKind,
    event::{AccessKind, AccessMode, ModifyKind},
};
use parking_lot::{Condvar, Mutex};

use crate::{
    clock::{Clock, SystemClock},
    types::Mono,
};

/// The symlink whose swap makes a mounted ConfigMap show its next version.
const CONFIG_MAP_LINK: &str = "..data";

/// Counts events; the thread that reads the file waits here for them.
#[derive(Debug)]
pub(super) struct Activity {
    file_name: OsString,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    moment: Moment,
    /// Somebody wrote to the file and has not closed it.
    being_written: bool,
    stopped: bool,
}

/// How many events there had been at some moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Moment {
    /// In the directory, of whatever kind.
    events: u64,
    /// Of somebody writing to the file.
    writes: u64,
    /// Of the file being closed, replaced or removed.
    wholes: u64,
}

impl Activity {
    pub(super) fn of(path: &Path) -> Self {
        let file_name = path.file_name().unwrap_or_default().into();
        Self { file_name, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Now; `None` once stopped. To be taken before the file is read.
    pub(super) fn moment(&self) -> Option<Moment> {
        let state = self.state.lock();
        (!state.stopped).then_some(state.moment)
    }

    pub(super) fn stop(&self) {
        self.state.lock().stopped = true;
        self.changed.notify_all();
    }

    /// Takes an event.
    pub(super) fn note(&self, event: notify::Result<Event>) {
        let mut state = self.state.lock();
        // Events were lost: anything may have happened, also the closing that would be waited for.
        let lost = event.as_ref().map_or(true, Event::need_rescan);
        match event.ok().filter(|_| !lost).map(|event| self.meaning(&event)) {
            Some(Meaning::Nothing) => return,
            Some(Meaning::Noise) => {}
            Some(Meaning::Written) => {
                state.moment.writes += 1;
                state.being_written = true;
            }
            Some(Meaning::Whole) => {
                state.moment.wholes += 1;
                state.being_written = false;
            }
            None => {
                state.moment.writes += 1;
                state.being_written = false;
            }
        }
        state.moment.events += 1;
        self.changed.notify_all();
    }

    fn meaning(&self, event: &Event) -> Meaning {
        let closes = event.kind == EventKind::Access(AccessKind::Close(AccessMode::Write));
        // Our own reading is an access too: to answer it with reading would never end.
        if matches!(event.kind, EventKind::Access(_)) && !closes {
            return Meaning::Nothing;
        }
        let is_ours = |name: &OsStr| *name == *self.file_name || *name == *CONFIG_MAP_LINK;
        if !event.paths.iter().filter_map(|path| path.file_name()).any(is_ours) {
            return Meaning::Noise;
        }
        match event.kind {
            EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Any) => Meaning::Written,
            EventKind::Modify(ModifyKind::Name(_)) | EventKind::Remove(_) => Meaning::Whole,
            _ if closes => Meaning::Whole,
            // Created: empty still, or a link to something whole. If it is written to, that is the next event.
            _ => Meaning::Noise,
        }
    }

    /// Waits until nobody has written for `confirm` and the last writer has closed the file. False if somebody wrote
    /// since `moment`, or it was stopped. A writer that neither writes nor closes for `patience` is given up on.
    pub(super) fn is_unwritten(&self, moment: Moment, confirm: Duration, patience: Duration) -> bool {
        let mut state = self.state.lock();
        self.wait_until(&mut state, confirm, |state| {
            state.moment.writes != moment.writes || state.being_written
        });
        while state.being_written && !state.stopped {
            let writes = state.moment.writes;
            if !self.wait_until(&mut state, patience, |state| {
                !state.being_written || state.moment.writes != writes
            }) {
                state.being_written = false;
            }
        }
        state.moment.writes == moment.writes && !state.stopped
    }

    /// Whether the file was closed, replaced or removed since.
    pub(super) fn was_replaced_since(&self, moment: Moment) -> bool {
        self.state.lock().moment.wholes != moment.wholes
    }

    /// Waits for an event after `moment`; false if none comes within `poll`.
    pub(super) fn wait_for_event(&self, moment: Moment, poll: Duration) -> bool {
        self.wait_until(&mut self.state.lock(), poll, |state| state.moment.events != moment.events)
    }

    /// Waits until the events pause for `quiet`, at most ten times as long.
    pub(super) fn settle(&self, quiet: Duration) {
        let clock = SystemClock::new();
        let mut state = self.state.lock();
        while clock.now() < Mono::ZERO + quiet * 10 {
            let events = state.moment.events;
            if state.stopped || !self.wait_until(&mut state, quiet, |state| state.moment.events != events) {
                return;
            }
        }
    }

    /// Waits until `done` or stopped; false when `at_most` passed before.
    fn wait_until(
        &self,
        state: &mut parking_lot::MutexGuard<'_, State>,
        at_most: Duration,
        done: impl Fn(&State) -> bool,
    ) -> bool {
        let timeout = self.changed.wait_while_for(state, |state| !state.stopped && !done(state), at_most);
        !timeout.timed_out()
    }
}

/// What an event means to somebody who wants to read the whole file.
enum Meaning {
    /// Not a change at all.
    Nothing,
    /// A change of something, perhaps of another file.
    Noise,
    /// The file was written to, and may be half done.
    Written,
    /// The file was closed, replaced or removed.
    Whole,
}

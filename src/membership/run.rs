//! What lies between a source's `start` and its `stop`.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use parking_lot::Mutex;
use tokio::{runtime::Handle, task::AbortHandle};

use super::{MemberSink, MemberSourceError};
use crate::types::Member;

/// At most one run of a source. `R` is what ends the run's thread or task when dropped.
pub(super) struct Run<R> {
    running: Mutex<Option<(SinkSlot, R)>>,
    /// Held during a delivery, by whichever run.
    delivering: Arc<Mutex<()>>,
}

/// Emptied by `stop`.
type SinkSlot = Arc<Mutex<Option<Arc<dyn MemberSink>>>>;

impl<R> Run<R> {
    /// Calls `spawn` unless there is a run already.
    pub(super) fn start(
        &self,
        sink: Arc<dyn MemberSink>,
        spawn: impl FnOnce(Outlet) -> Result<R, MemberSourceError>,
    ) -> Result<(), MemberSourceError> {
        let mut running = self.running.lock();
        if running.is_none() {
            let sink = Arc::new(Mutex::new(Some(sink)));
            let outlet = Outlet { sink: sink.clone(), delivering: self.delivering.clone() };
            *running = Some((sink, spawn(outlet)?));
        }
        Ok(())
    }

    /// Never waits for a delivery, which may be what calls it.
    pub(super) fn stop(&self) {
        let run = self.running.lock().take();
        if let Some((sink, _ends_when_dropped)) = run {
            // Dropped after the lock: the sink may own this source.
            let _sink = sink.lock().take();
        }
    }
}

#[cfg(feature = "gossip")]
impl<R> Run<R> {
    /// Does something with the run, if there is one.
    pub(super) fn with(&self, f: impl FnOnce(&R)) {
        if let Some((_, run)) = &*self.running.lock() {
            f(run);
        }
    }
}

impl<R> Default for Run<R> {
    fn default() -> Self {
        Self { running: Mutex::default(), delivering: Arc::default() }
    }
}

impl<R> Drop for Run<R> {
    fn drop(&mut self) {
        self.stop();
    }
}

impl<R> fmt::Debug for Run<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.running.lock().is_some() { "running" } else { "stopped" })
    }
}

/// The sink of one run. Silent once the run is stopped; waits for a delivery of the run before, so that the sink sees
/// one call at a time and never an older list after a newer one.
pub(super) struct Outlet {
    sink: SinkSlot,
    delivering: Arc<Mutex<()>>,
}

impl Outlet {
    pub(super) fn members(&self, members: Vec<Member>) {
        self.deliver(|sink| sink.members(members));
    }

    pub(super) fn failed(&self, reason: MemberSourceError) {
        self.deliver(|sink| sink.failed(reason));
    }

    fn deliver(&self, call: impl FnOnce(&dyn MemberSink)) {
        let _one_at_a_time = self.delivering.lock();
        // Cloned, so that the call itself does not hold the slot that `stop` empties.
        let sink = self.sink.lock().clone();
        // A sink of the embedder's own, or whoever waits for the resolver's news, may panic: the source goes on.
        if let Some(sink) = sink
            && catch_unwind(AssertUnwindSafe(|| call(&*sink))).is_err()
        {
            tracing::error!("whoever was told of members panicked; the source goes on");
        }
    }
}

/// A task of the runtime that a source was started in. Ends when dropped.
#[derive(Debug)]
pub(super) struct Task(AbortHandle);

impl Task {
    pub(super) fn spawn(
        kind: &'static str,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Self, MemberSourceError> {
        let runtime = Handle::try_current().map_err(|_| MemberSourceError::NoRuntime { kind })?;
        Ok(Self(runtime.spawn(work).abort_handle()))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_sink_ends_no_run() {
        struct Panics(Mutex<usize>);
        impl MemberSink for Panics {
            fn members(&self, _: Vec<Member>) {
                *self.0.lock() += 1;
                panic!("at every delivery");
            }
            fn failed(&self, _: MemberSourceError) {
                *self.0.lock() += 10;
            }
        }
        let (run, sink) = (Run::default(), Arc::new(Panics(Mutex::default())));
        let mut outlet = None;
        run.start(sink.clone(), |given| {
            outlet = Some(given);
            Ok(())
        })
        .unwrap();
        let outlet = outlet.unwrap();
        outlet.members(vec![]);
        outlet.members(vec![]);
        outlet.failed(MemberSourceError::Empty { what: "x".into() });
        assert_eq!(*sink.0.lock(), 12);
    }
}

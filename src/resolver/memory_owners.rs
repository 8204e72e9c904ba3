//! Assignments from the process itself.

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use parking_lot::Mutex;

use super::{
    AskError, MapVersion, OwnerMap, OwnerMapEdit, OwnerMapError, OwnerSink, OwnerSource, OwnerSourceError,
};
use crate::types::ShardKey;

/// Assignments that the embedder sets itself: for tests, benchmarks, and services with a control plane of their own.
///
/// ```
/// use std::sync::Arc;
/// use shardway::resolver::MemoryOwners;
/// use shardway::types::{Member, ShardKey, Token};
///
/// let owners = Arc::new(MemoryOwners::new());
/// owners.edit(|edit, version| {
///     let token = Token { incarnation: version.incarnation, generation: version.generation };
///     edit.assign(ShardKey::new("orders-17")?, &Member::new("10.0.0.7:7933")?, token);
///     Ok::<_, Box<dyn std::error::Error>>(())
/// })?;
/// assert_eq!(owners.current().len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct MemoryOwners {
    state: Mutex<State>,
    answer: Option<Answer>,
}

#[derive(Default)]
struct State {
    map: Arc<OwnerMap>,
    sink: Option<Arc<dyn OwnerSink>>,
}

/// Decides what becomes of a key that the map does not know; see [`MemoryOwners::answering`].
type Answer = Box<dyn Fn(&ShardKey, &mut OwnerMapEdit, MapVersion) -> Result<(), AskError> + Send + Sync>;

impl MemoryOwners {
    /// Knows nothing, and answers every question with "no such shard".
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets `answer` decide about unknown keys: it may assign the key in the edit, or refuse.
    pub fn answering(
        answer: impl Fn(&ShardKey, &mut OwnerMapEdit, MapVersion) -> Result<(), AskError> + Send + Sync + 'static,
    ) -> Self {
        Self { answer: Some(Box::new(answer)), ..Self::default() }
    }

    /// The newest map.
    pub fn current(&self) -> Arc<OwnerMap> {
        Arc::clone(&self.state.lock().map)
    }

    /// Makes the next generation from this one and delivers it. When `change` fails, everything stays as it was.
    ///
    /// `change` must not call back into this value: edits take turns.
    pub fn edit<E: From<OwnerMapError>>(
        &self,
        change: impl FnOnce(&mut OwnerMapEdit, MapVersion) -> Result<(), E>,
    ) -> Result<MapVersion, E> {
        let mut state = self.state.lock();
        let version = next(state.map.version());
        let mut edit = state.map.edit();
        change(&mut edit, version)?;
        state.deliver(edit.finish(version)?);
        Ok(version)
    }

    /// Says that the assignments still hold, as a distributor's idle frame does.
    pub fn confirm(&self) {
        let state = self.state.lock();
        if let Some(sink) = &state.sink {
            sink.unchanged(state.map.version());
        }
    }
}

impl State {
    /// Under the lock, so that maps arrive in the order of their versions.
    fn deliver(&mut self, map: OwnerMap) {
        self.map = Arc::new(map);
        if let Some(sink) = &self.sink {
            sink.owners(Arc::clone(&self.map));
        }
    }
}

impl OwnerSource for MemoryOwners {
    fn kind(&self) -> &'static str {
        "memory"
    }

    fn start(&self, sink: Arc<dyn OwnerSink>) -> Result<(), OwnerSourceError> {
        let mut state = self.state.lock();
        if state.sink.is_none() {
            if state.map.version() > MapVersion::default() {
                sink.owners(Arc::clone(&state.map));
            }
            state.sink = Some(sink);
        }
        Ok(())
    }

    fn stop(&self) {
        self.state.lock().sink = None;
    }

    fn ask<'a>(
        &'a self,
        key: &'a ShardKey,
        _within: Duration,
    ) -> Pin<Box<dyn Future<Output = Result<(), AskError>> + Send + 'a>> {
        Box::pin(async move {
            let answer = self.answer.as_ref().ok_or(AskError::NotFound)?;
            let mut state = self.state.lock();
            let version = next(state.map.version());
            let mut edit = state.map.edit();
            answer(key, &mut edit, version)?;
            let map = edit.finish(version).map_err(|error| AskError::Failed { reason: error.to_string() })?;
            state.deliver(map);
            Ok(())
        })
    }
}

/// Incarnation 1 from the first edit on: version 0.0 is the map that was never filled.
fn next(version: MapVersion) -> MapVersion {
    MapVersion { incarnation: version.incarnation.max(1), generation: version.generation + 1 }
}

impl fmt::Debug for MemoryOwners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryOwners").field("map", &self.current()).finish_non_exhaustive()
    }
}

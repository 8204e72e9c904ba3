//! One source for many resolvers.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Weak},
};

use parking_lot::Mutex;

use super::{MemberSink, MemberSource, MemberSourceError};
use crate::{telemetry::Recorder, types::Member};

/// Lets many resolvers follow one source: a fleet often serves many namespaces, and needs to be watched only once.
///
/// Each [`handle`](Self::handle) is a source of its own, for one resolver. The source behind them runs as long as one of
/// them does, and whoever joins later is given the last list at once.
///
/// ```
/// use std::sync::Arc;
/// use shardway::membership::{SharedMembers, StaticMembers};
/// use shardway::resolver::Resolver;
/// use shardway::types::{Member, Namespace};
///
/// let fleet = SharedMembers::new(Arc::new(StaticMembers::new(vec![Member::new("10.0.0.1:7933")?])));
/// for name in ["orders", "carts"] {
///     let resolver = Resolver::builder(Namespace::new(name)?).members(fleet.handle()).build();
///     resolver.start()?;
///     assert_eq!(resolver.member_count(), 1);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct SharedMembers(Arc<Fan>);

struct Fan {
    source: Arc<dyn MemberSource>,
    state: Mutex<State>,
    /// Held while sinks are told, so that each hears of lists in their order.
    telling: Mutex<()>,
}

#[derive(Default)]
struct State {
    next_handle: u64,
    sinks: BTreeMap<u64, Arc<dyn MemberSink>>,
    last: Option<Vec<Member>>,
}

struct Handle {
    number: u64,
    fan: Arc<Fan>,
}

impl SharedMembers {
    /// Shares `source`, which must not be given to a resolver itself.
    pub fn new(source: Arc<dyn MemberSource>) -> Self {
        Self(Arc::new(Fan { source, state: Mutex::default(), telling: Mutex::new(()) }))
    }

    /// A source for one more resolver.
    pub fn handle(&self) -> Arc<dyn MemberSource> {
        let mut state = self.0.state.lock();
        state.next_handle += 1;
        Arc::new(Handle { number: state.next_handle, fan: Arc::clone(&self.0) })
    }
}

impl MemberSource for Handle {
    fn kind(&self) -> &'static str {
        self.fan.source.kind()
    }

    fn start(&self, sink: Arc<dyn MemberSink>) -> Result<(), MemberSourceError> {
        {
            let _telling = self.fan.telling.lock();
            let last = {
                let mut state = self.fan.state.lock();
                if state.sinks.contains_key(&self.number) {
                    return Ok(());
                }
                state.sinks.insert(self.number, Arc::clone(&sink));
                state.last.clone()
            };
            if let Some(last) = last {
                sink.members(last);
            }
        }
        // Does nothing when it runs for others already.
        let started = self.fan.source.start(Arc::new(Feed(Arc::downgrade(&self.fan))));
        if started.is_err() {
            self.stop();
        }
        started
    }

    fn stop(&self) {
        let is_last = {
            let mut state = self.fan.state.lock();
            let was_there = state.sinks.remove(&self.number).is_some();
            let is_last = was_there && state.sinks.is_empty();
            if is_last {
                // Whoever starts next must not be given what nobody has watched since.
                state.last = None;
            }
            is_last
        };
        if is_last {
            self.fan.source.stop();
            self.begin_again_for_newcomers();
        }
    }

    fn leave(&self) {
        self.fan.source.leave();
    }

    fn record(&self, recorder: &dyn Recorder) {
        self.fan.source.record(recorder);
    }
}

impl Handle {
    /// One who started while the last of the others stopped found the source running, and then it was not.
    fn begin_again_for_newcomers(&self) {
        let has_newcomers = !self.fan.state.lock().sinks.is_empty();
        let feed = Feed(Arc::downgrade(&self.fan));
        if has_newcomers && let Err(reason) = self.fan.source.start(Arc::new(feed.clone())) {
            feed.failed(reason);
        }
    }
}

/// What the source behind the handles tells.
#[derive(Clone)]
struct Feed(Weak<Fan>);

impl Feed {
    fn tell(&self, remember: Option<&Vec<Member>>, tell: impl Fn(&dyn MemberSink)) {
        let Some(fan) = self.0.upgrade() else {
            return;
        };
        let _telling = fan.telling.lock();
        let sinks: Vec<_> = {
            let mut state = fan.state.lock();
            if let Some(members) = remember {
                state.last = Some(members.clone());
            }
            state.sinks.values().cloned().collect()
        };
        for sink in sinks {
            tell(&*sink);
        }
    }
}

impl MemberSink for Feed {
    fn members(&self, members: Vec<Member>) {
        self.tell(Some(&members), |sink| sink.members(members.clone()));
    }

    fn failed(&self, reason: MemberSourceError) {
        self.tell(None, |sink| sink.failed(reason.clone()));
    }
}

impl fmt::Debug for Fan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resolvers = self.state.lock().sinks.len();
        f.debug_struct("Fan").field("kind", &self.source.kind()).field("resolvers", &resolvers).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Told(Mutex<Vec<usize>>);

    impl MemberSink for Told {
        fn members(&self, members: Vec<Member>) {
            self.0.lock().push(members.len());
        }
        fn failed(&self, _: MemberSourceError) {
            self.0.lock().push(usize::MAX);
        }
    }

    #[derive(Default)]
    struct Source {
        sink: Mutex<Option<Arc<dyn MemberSink>>>,
    }

    impl MemberSource for Source {
        fn kind(&self) -> &'static str {
            "test"
        }
        fn start(&self, sink: Arc<dyn MemberSink>) -> Result<(), MemberSourceError> {
            self.sink.lock().get_or_insert(sink);
            Ok(())
        }
        fn stop(&self) {
            *self.sink.lock() = None;
        }
    }

    impl Source {
        fn deliver(&self, count: usize) {
            let sink = self.sink.lock().clone().expect("it runs");
            sink.members((0..count).map(|i| Member::new(format!("h{i}:1")).unwrap()).collect());
        }
    }

    #[test]
    fn all_handles_are_told_and_the_source_runs_as_long_as_one_does() {
        let source = Arc::new(Source::default());
        let shared = SharedMembers::new(source.clone());
        let (a, b) = (shared.handle(), shared.handle());
        let (told_a, told_b) = (Arc::new(Told::default()), Arc::new(Told::default()));
        a.start(told_a.clone()).unwrap();
        a.start(told_a.clone()).unwrap();
        source.deliver(3);
        b.start(told_b.clone()).unwrap();
        assert_eq!(
            (told_a.0.lock().clone(), told_b.0.lock().clone()),
            (vec![3], vec![3]),
            "the last list at once"
        );
        source.deliver(4);
        a.stop();
        a.stop();
        source.deliver(5);
        assert_eq!((told_a.0.lock().clone(), told_b.0.lock().clone()), (vec![3, 4], vec![3, 4, 5]));
        b.stop();
        assert!(source.sink.lock().is_none(), "nobody listens any more");
        a.start(told_a.clone()).unwrap();
        source.sink.lock().clone().unwrap().failed(MemberSourceError::Empty { what: "x".into() });
        assert_eq!(*told_a.0.lock(), [3, 4, usize::MAX], "an old list is not given as a new one");
    }
}

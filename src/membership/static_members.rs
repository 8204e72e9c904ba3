//! A list that does not change.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{MAX_MEMBERS, MemberSink, MemberSource, MemberSourceError};
use crate::types::Member;

/// Members that are known from the start and never change. Delivered once per `start`.
#[derive(Debug)]
pub struct StaticMembers {
    members: Vec<Member>,
    running: Mutex<bool>,
}

impl StaticMembers {
    /// A source of exactly these members.
    pub const fn new(members: Vec<Member>) -> Self {
        Self { members, running: Mutex::new(false) }
    }
}

impl MemberSource for StaticMembers {
    fn kind(&self) -> &'static str {
        "static"
    }

    fn start(&self, sink: Arc<dyn MemberSink>) -> Result<(), MemberSourceError> {
        if self.members.len() > MAX_MEMBERS {
            return Err(MemberSourceError::TooMany {
                what: "the static list".into(),
                count: self.members.len(),
            });
        }
        if !std::mem::replace(&mut *self.running.lock(), true) {
            sink.members(self.members.clone());
        }
        Ok(())
    }

    fn stop(&self) {
        *self.running.lock() = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Deliveries(Mutex<Vec<Vec<Member>>>);

    impl MemberSink for Deliveries {
        fn members(&self, members: Vec<Member>) {
            self.0.lock().push(members);
        }
        fn failed(&self, reason: MemberSourceError) {
            panic!("a static list cannot fail: {reason}");
        }
    }

    #[test]
    fn delivers_once_per_start() {
        let members = vec![Member::new("a:1").unwrap(), Member::new("b:1").unwrap()];
        let source = StaticMembers::new(members.clone());
        let sink = Arc::new(Deliveries::default());
        source.start(sink.clone()).unwrap();
        source.start(sink.clone()).unwrap();
        assert_eq!(*sink.0.lock(), vec![members.clone()], "a second start changes nothing");
        source.stop();
        source.stop();
        source.start(sink.clone()).unwrap();
        assert_eq!(*sink.0.lock(), vec![members.clone(), members]);
    }

    #[test]
    fn a_sink_may_stop_the_source_from_within_a_delivery() {
        struct StopsAtOnce(Arc<StaticMembers>);
        impl MemberSink for StopsAtOnce {
            fn members(&self, _: Vec<Member>) {
                self.0.stop();
            }
            fn failed(&self, _: MemberSourceError) {}
        }
        let source = Arc::new(StaticMembers::new(vec![]));
        source.start(Arc::new(StopsAtOnce(source.clone()))).unwrap();
        assert!(!*source.running.lock());
    }

    #[test]
    fn too_long_a_list_is_refused() {
        let source = StaticMembers::new(vec![Member::new("a:1").unwrap(); MAX_MEMBERS + 1]);
        let refused = source.start(Arc::new(Deliveries::default())).unwrap_err();
        assert_eq!(refused.to_string(), "the static list names 10001 members, more than the 10000 allowed");
    }
}

//! What is logged, as a subscriber of `tracing` sees it.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{members, told_resolver};

/// What is logged while it lives, a line an event.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(text);
        Ok(text.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_hold_is_logged_once_when_it_begins_and_once_when_it_ends() {
    let log = Log::default();
    let writer = log.clone();
    let lines = || -> Vec<String> {
        String::from_utf8(std::mem::take(&mut *log.0.lock())).unwrap().lines().map(str::to_owned).collect()
    };
    let to_log =
        tracing_subscriber::fmt().with_ansi(false).without_time().with_writer(move || writer.clone());
    tracing::subscriber::with_default(to_log.finish(), || {
        let (resolver, sink) = told_resolver();
        sink.members(members(10));
        assert_eq!(lines(), [""; 0]);
        sink.members(members(4));
        let warning = " WARN shardway::resolver::members: membership fell from 10 to 4 at once; \
                       6 members are kept that it no longer names namespace=\"m\"";
        assert_eq!(lines(), [warning]);
        sink.members(members(4));
        sink.members(members(3));
        resolver.set_panic_threshold(Some(0.6));
        assert_eq!(lines(), [""; 0], "the same alarm");
        sink.members(members(10));
        let [end] = &lines()[..] else { panic!("one line") };
        assert!(end.starts_with(" INFO") && end.contains("is followed again"), "{end}");
        sink.members(members(2));
        assert_eq!(lines().len(), 1, "another alarm");
    });
}

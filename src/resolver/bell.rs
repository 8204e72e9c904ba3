//! Waking those who wait for a newer snapshot.
//!
//! There is no queue: a listener remembers what it saw last and compares. So a slow one gets the newest state, and
//! nobody waits for it.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

#[derive(Debug, Default)]
pub(super) struct Bell {
    rung: Mutex<Rung>,
    threads: Condvar,
}

#[derive(Debug, Default)]
struct Rung {
    times: u64,
    next_listener: u64,
    /// At most one for each listener that is being awaited.
    wakers: BTreeMap<u64, Waker>,
}

impl Bell {
    pub(super) fn ring(&self) {
        let wakers = {
            let mut rung = self.rung.lock();
            rung.times += 1;
            std::mem::take(&mut rung.wakers)
        };
        self.threads.notify_all();
        // Outside the lock: a waker may run the task at once.
        for waker in wakers.into_values() {
            waker.wake();
        }
    }

    /// How often it has been rung; to be read before looking at the state that it announces.
    pub(super) fn times(&self) -> u64 {
        self.rung.lock().times
    }

    /// Blocks the thread until it has been rung more than `times` times; `false` after `within`.
    pub(super) fn wait(&self, times: u64, within: Duration) -> bool {
        let mut rung = self.rung.lock();
        !self.threads.wait_while_for(&mut rung, |rung| rung.times <= times, within).timed_out()
    }

    /// Completes once it has been rung more than `times` times.
    pub(super) fn rung_after(&self, times: u64) -> RungAfter<'_> {
        RungAfter { bell: self, times, listener: None }
    }
}

pub(super) struct RungAfter<'a> {
    bell: &'a Bell,
    times: u64,
    listener: Option<u64>,
}

impl Future for RungAfter<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut rung = self.bell.rung.lock();
        if rung.times > self.times {
            return Poll::Ready(());
        }
        let listener = self.listener.unwrap_or_else(|| {
            rung.next_listener += 1;
            rung.next_listener
        });
        rung.wakers.insert(listener, context.waker().clone());
        drop(rung);
        self.listener = Some(listener);
        Poll::Pending
    }
}

impl Drop for RungAfter<'_> {
    fn drop(&mut self) {
        if let Some(listener) = self.listener {
            self.bell.rung.lock().wakers.remove(&listener);
        }
    }
}

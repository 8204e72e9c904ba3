//! Transactions that wait for the writer.

use std::collections::VecDeque;

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use crate::store::{Outcome, StoreError, Transaction};

/// At most so many wait; more are told to come back. Each namespace's leader has one at a time, plus renewals.
const MAX_WAITING: usize = 4_096;
/// And so many bytes of them.
const MAX_WAITING_BYTES: usize = 64 << 20;
/// At most so many bytes, and one transaction more, become durable together: what the disk writes in some 20 ms.
const MAX_TOGETHER_BYTES: usize = 4 << 20;

/// A transaction, and who waits for its outcome.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) transaction: Transaction,
    pub(super) answer: oneshot::Sender<Result<Outcome, StoreError>>,
}

/// First in, first out; taken by one writer, many at a time.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    requests: VecDeque<Request>,
    bytes: usize,
    closed: bool,
}

impl Queue {
    pub(super) fn push(&self, request: Request) -> Result<(), StoreError> {
        let mut waiting = self.waiting.lock();
        let unavailable = |reason: String| Err(StoreError::Unavailable { reason });
        if waiting.closed {
            return unavailable("it was closed".to_owned());
        }
        if waiting.requests.len() >= MAX_WAITING || waiting.bytes >= MAX_WAITING_BYTES {
            let (requests, bytes) = (waiting.requests.len(), waiting.bytes);
            return unavailable(format!("{requests} transactions of {bytes} bytes wait for its disk"));
        }
        waiting.bytes += request.transaction.bytes();
        waiting.requests.push_back(request);
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for requests and takes those that go together; `None` once it is closed and empty.
    pub(super) fn take(&self) -> Option<Vec<Request>> {
        let mut waiting = self.waiting.lock();
        while waiting.requests.is_empty() {
            if waiting.closed {
                return None;
            }
            self.changed.wait(&mut waiting);
        }
        let mut taken = Vec::new();
        let mut bytes = 0;
        while let Some(request) = waiting.requests.pop_front_if(|_| bytes < MAX_TOGETHER_BYTES) {
            bytes += request.transaction.bytes();
            taken.push(request);
        }
        waiting.bytes -= bytes;
        Some(taken)
    }

    /// Takes no more. What waits is still done.
    pub(super) fn close(&self) {
        self.waiting.lock().closed = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::store::Write;

    fn request(bytes: usize) -> Request {
        let value = Bytes::from(vec![0; bytes - 1]);
        let transaction = Transaction::default().write(Write::Put("k".into(), value));
        Request { transaction, answer: oneshot::channel().0 }
    }

    #[test]
    fn what_goes_together_is_bounded_and_what_waits_too() {
        let queue = Queue::default();
        for _ in 0..10 {
            queue.push(request(1 << 20)).unwrap();
        }
        let sizes: Vec<_> = (0..3).map(|_| queue.take().unwrap().len()).collect();
        assert_eq!(sizes, [4, 4, 2]);
        for _ in 0..MAX_WAITING {
            queue.push(request(1)).unwrap();
        }
        assert!(matches!(queue.push(request(1)), Err(StoreError::Unavailable { .. })));
        assert_eq!(queue.take().unwrap().len(), MAX_WAITING);
        for _ in 0..64 {
            queue.push(request(1 << 20)).unwrap();
        }
        assert!(queue.push(request(1)).is_err(), "bytes are bounded too");
    }

    #[test]
    fn a_closed_queue_is_emptied_and_takes_no_more() {
        let queue = Queue::default();
        queue.push(request(1)).unwrap();
        queue.close();
        assert!(queue.push(request(1)).is_err());
        assert_eq!(queue.take().map(|taken| taken.len()), Some(1));
        assert!(queue.take().is_none());
    }
}

//! Calls: each has a deadline, and is repeated only when that cannot do it twice.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout, timeout_at};
use tonic::{Status, metadata::AsciiMetadataValue};

use super::{
    config::{EtcdConfig, EtcdConfigError},
    fault::Fault,
    link::{Link, Method},
    links::Links,
    wire,
};
use crate::store::Revision;

/// How long to wait before a call is made again: doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Who makes calls.
pub(super) struct Client {
    pub(super) links: Links,
    pub(super) call_timeout: Duration,
    /// The newest revision that an answer or a watch has shown.
    seen: AtomicU64,
}

/// Something to do over one connection.
pub(super) trait Attempt: Sync {
    type Answer: Send;
    /// Whether doing it twice is the same as doing it once.
    fn is_repeatable(&self) -> bool;
    fn make(
        &self,
        link: &Arc<Link>,
        token: Option<AsciiMetadataValue>,
        within: Duration,
    ) -> impl Future<Output = Result<Self::Answer, Status>> + Send;
}

/// Where a call that ran out of time had got to.
#[derive(Default)]
struct Progress {
    /// The connection on which it was sent, if the answer is still out.
    sent: Option<Arc<Link>>,
    /// Why the last attempt failed.
    reason: Option<String>,
}

impl Client {
    pub(super) fn new(config: EtcdConfig) -> Result<Self, EtcdConfigError> {
        Ok(Self { call_timeout: config.call_timeout, links: Links::new(config)?, seen: AtomicU64::new(0) })
    }

    /// A call that can be repeated until the deadline.
    pub(super) async fn read<M: Method>(&self, request: M) -> Result<M::Answer, Fault> {
        self.attempt(&Unary { request, is_repeatable: true }).await
    }

    /// A call that is repeated only while it surely was not executed.
    pub(super) async fn write<M: Method>(&self, request: M) -> Result<M::Answer, Fault> {
        self.attempt(&Unary { request, is_repeatable: false }).await
    }

    /// Does something within the deadline, on whichever endpoint takes it.
    pub(super) async fn attempt<A: Attempt>(&self, attempt: &A) -> Result<A::Answer, Fault> {
        let deadline = Instant::now() + self.call_timeout;
        let mut progress = Progress::default();
        if let Ok(outcome) = timeout_at(deadline, self.attempts(attempt, deadline, &mut progress)).await {
            return outcome;
        }
        let reason = progress.reason.map_or_else(String::new, |reason| format!(", after {reason}"));
        let reason = format!("no answer within {:?}{reason}", self.call_timeout);
        match progress.sent {
            None => Err(Fault::NotDone(reason)),
            Some(link) => {
                self.links.give_up(&link);
                Err(Fault::Lost(reason))
            }
        }
    }

    /// To be asked for before a call, and given to [`check`](Self::check) after it.
    pub(super) fn seen(&self) -> Revision {
        Revision(self.seen.load(Ordering::Acquire))
    }

    /// The revision of a linearizable answer, which comes from the same cluster as ever, and is not behind one that was
    /// seen before the call was made.
    pub(super) fn check(&self, header: wire::ResponseHeader, seen: Revision) -> Result<Revision, Fault> {
        self.links.check_cluster(header.cluster_id)?;
        let now = Revision(u64::try_from(header.revision).unwrap_or_default());
        if now < seen {
            return Err(Fault::WentBack { seen, now });
        }
        self.saw(now);
        Ok(now)
    }

    /// Takes note of a revision that was committed.
    pub(super) fn saw(&self, revision: Revision) {
        self.seen.fetch_max(revision.0, Ordering::AcqRel);
    }

    async fn attempts<A: Attempt>(
        &self,
        attempt: &A,
        deadline: Instant,
        progress: &mut Progress,
    ) -> Result<A::Answer, Fault> {
        let mut has_renewed = false;
        let mut pause = FIRST_PAUSE;
        loop {
            let fault = match self.links.get().await {
                Err(fault) => fault,
                Ok(link) => {
                    let token = link.token();
                    progress.sent = Some(link.clone());
                    let outcome = self.attempt_once(attempt, &link, token.clone(), deadline).await;
                    progress.sent = None;
                    match outcome {
                        Ok(answer) => return Ok(answer),
                        Err(Fault::Token(_)) if !has_renewed => {
                            has_renewed = true;
                            match link.renew(token).await {
                                Ok(()) => continue,
                                Err(fault) => fault,
                            }
                        }
                        Err(fault) => fault,
                    }
                }
            };
            match fault {
                Fault::Lost(reason) if attempt.is_repeatable() => progress.reason = Some(reason),
                Fault::NotDone(reason) => progress.reason = Some(reason),
                fault => return Err(fault),
            }
            sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }

    async fn attempt_once<A: Attempt>(
        &self,
        attempt: &A,
        link: &Arc<Link>,
        token: Option<AsciiMetadataValue>,
        deadline: Instant,
    ) -> Result<A::Answer, Fault> {
        let mut within = deadline.saturating_duration_since(Instant::now());
        if attempt.is_repeatable() {
            // Leaves time to ask another endpoint when this one is silent.
            within = within.min(self.call_timeout / 2);
        }
        let answer = timeout(within, attempt.make(link, token, within)).await;
        let fault = match answer {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(status)) => Fault::of(&status),
            Err(_elapsed) => Fault::Lost(format!("no answer within {within:?}")),
        };
        if matches!(fault, Fault::NotDone(_) | Fault::Lost(_)) {
            self.links.give_up(link);
        }
        Err(fault)
    }
}

/// One request, one answer.
struct Unary<M> {
    request: M,
    is_repeatable: bool,
}

impl<M: Method> Attempt for Unary<M> {
    type Answer = M::Answer;

    fn is_repeatable(&self) -> bool {
        self.is_repeatable
    }

    async fn make(
        &self,
        link: &Arc<Link>,
        token: Option<AsciiMetadataValue>,
        within: Duration,
    ) -> Result<M::Answer, Status> {
        link.ask(self.request.clone(), token, Some(within)).await
    }
}

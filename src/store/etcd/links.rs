//! Which endpoint is asked: the one that answered last, as long as it does; then the next.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until, timeout};
use tonic::transport::Endpoint;

use super::{
    config::{EtcdConfig, EtcdConfigError},
    fault::{Fault, shorten},
    link::Link,
};

/// How long to wait before all endpoints are tried again, when none could be connected to: doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The connection to a cluster: one at a time.
pub(super) struct Links {
    endpoints: Vec<Endpoint>,
    config: EtcdConfig,
    current: Mutex<Option<Arc<Link>>>,
    /// Which endpoint is tried next.
    next: AtomicUsize,
    /// Held by whoever connects.
    connecting: tokio::sync::Mutex<Pace>,
    /// Of whoever answered first, ever.
    cluster: OnceLock<u64>,
}

#[derive(Default)]
struct Pace {
    failures: u32,
    not_before: Option<Instant>,
}

impl Links {
    pub(super) fn new(config: EtcdConfig) -> Result<Self, EtcdConfigError> {
        Ok(Self {
            endpoints: config.targets()?,
            config,
            current: Mutex::default(),
            next: AtomicUsize::new(0),
            connecting: tokio::sync::Mutex::default(),
            cluster: OnceLock::new(),
        })
    }

    /// The connection that there is, or another. Tries each endpoint once; the caller bounds the time.
    pub(super) async fn get(&self) -> Result<Arc<Link>, Fault> {
        if let Some(link) = self.current() {
            return Ok(link);
        }
        let mut pace = self.connecting.lock().await;
        if let Some(link) = self.current() {
            return Ok(link);
        }
        if let Some(not_before) = pace.not_before {
            sleep_until(not_before).await;
        }
        let mut faults = Vec::new();
        for _ in &self.endpoints {
            // Whoever gives up waiting in the middle has not chosen the same endpoint for the one behind.
            let endpoint = &self.endpoints[self.next.fetch_add(1, Ordering::Relaxed) % self.endpoints.len()];
            match self.connect(endpoint).await {
                Ok(link) => {
                    *pace = Pace::default();
                    let link = Arc::new(link);
                    *self.current.lock() = Some(link.clone());
                    return Ok(link);
                }
                Err(fault) => faults.push((endpoint, fault)),
            }
        }
        let pause = LONGEST_PAUSE.min(FIRST_PAUSE * 2u32.saturating_pow(pace.failures));
        *pace = Pace { failures: pace.failures.saturating_add(1), not_before: Some(Instant::now() + pause) };
        Err(sum_up(faults))
    }

    /// Not to be used for another call. The next one goes to the next endpoint.
    pub(super) fn give_up(&self, link: &Arc<Link>) {
        let mut current = self.current.lock();
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, link)) {
            *current = None;
        }
    }

    /// Refuses what comes from another cluster than ever before.
    pub(super) fn check_cluster(&self, cluster: u64) -> Result<(), Fault> {
        let known = *self.cluster.get_or_init(|| cluster);
        if known == cluster {
            return Ok(());
        }
        Err(Fault::Corrupt(format!("it belongs to cluster {cluster:x}, not {known:x} as before")))
    }

    fn current(&self) -> Option<Arc<Link>> {
        self.current.lock().clone()
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<Link, Fault> {
        let connecting = Link::connect(endpoint, self.config.login.clone(), self.config.max_answer());
        let link = timeout(self.config.connect_timeout, connecting).await.unwrap_or_else(|_| {
            Err(Fault::NotDone(format!("no connection within {:?}", self.config.connect_timeout)))
        })?;
        // Before anything is asked of it: a foreign cluster must not even be written to.
        self.check_cluster(link.member.cluster)?;
        Ok(link)
    }
}

/// Worth trying again if one of them is; says why for each.
fn sum_up(faults: Vec<(&Endpoint, Fault)>) -> Fault {
    let text = |fault: &Fault| match fault {
        Fault::NotDone(reason) | Fault::Denied(reason) | Fault::Corrupt(reason) | Fault::Token(reason) => {
            reason.clone()
        }
        other => format!("{other:?}"),
    };
    let reasons: Vec<_> =
        faults.iter().map(|(endpoint, fault)| format!("{}: {}", endpoint.uri(), text(fault))).collect();
    let reason = shorten(&reasons.join("; "));
    let all = |is: fn(&Fault) -> bool| faults.iter().all(|(_, fault)| is(fault));
    if all(|fault| matches!(fault, Fault::Denied(_) | Fault::Token(_))) {
        Fault::Denied(reason)
    } else if all(|fault| matches!(fault, Fault::Corrupt(_))) {
        Fault::Corrupt(reason)
    } else {
        Fault::NotDone(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_endpoint_that_may_come_back_makes_it_worth_trying_again() {
        let endpoint = Endpoint::from_static("http://etcd:2379");
        let sum = |faults: &[Fault]| sum_up(faults.iter().map(|fault| (&endpoint, fault.clone())).collect());
        let (away, denied, foreign) =
            (Fault::NotDone("a".into()), Fault::Denied("d".into()), Fault::Corrupt("c".into()));
        assert!(matches!(sum(&[denied.clone(), denied.clone()]), Fault::Denied(_)));
        assert!(matches!(sum(&[foreign.clone(), foreign.clone()]), Fault::Corrupt(_)));
        let Fault::NotDone(reason) = sum(&[away, denied, foreign]) else { panic!("it is") };
        assert_eq!(reason, "http://etcd:2379/: a; http://etcd:2379/: d; http://etcd:2379/: c");
    }
}

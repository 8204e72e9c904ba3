//! Watches: a stream from etcd, and proof that silence means that nothing happened.

use std::{mem, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    select,
    sync::mpsc,
    time::{Instant, Interval, MissedTickBehavior, interval_at, timeout},
};
use tonic::{Status, Streaming, metadata::AsciiMetadataValue};

use super::{
    Etcd,
    client::{Attempt, Client},
    fault::{Fault, chain, shorten},
    link::{Link, WATCH_REQUESTS},
    request::revision,
    told::Told,
    wire::{self, WatchRequest, WatchResponse, watch_request::RequestUnion},
};
use crate::store::{Answer, Batch, Revision, Watch, WatchError};

/// A watch of etcd's.
pub(super) struct EtcdWatch {
    etcd: Arc<Etcd>,
    /// One that we may read.
    key: Bytes,
    stream: Stream,
    told: Told,
    tick: Interval,
    /// Whether something was told since the last tick: then nobody needs to ask how far etcd is.
    told_since_tick: bool,
    /// When the stream last said anything.
    heard: Instant,
    /// The question where etcd is now, while the answer is out.
    asking: Option<Asking>,
    over: Option<WatchError>,
}

type Asking = Pin<Box<dyn Future<Output = Result<Revision, Fault>> + Send>>;

/// A stream with one watch on it.
struct Stream {
    link: Arc<Link>,
    requests: mpsc::Sender<WatchRequest>,
    responses: Streaming<WatchResponse>,
    id: i64,
}

impl EtcdWatch {
    /// Begins to watch what begins with the prefix, from the revision on.
    pub(super) async fn open(etcd: Arc<Etcd>, prefix: &str, from: Revision) -> Result<Self, WatchError> {
        let from = from.max(Revision(1));
        let create = etcd.root.watch(prefix, from.0);
        let stream = match etcd.client.attempt(&Open { create }).await.map_err(Fault::of_watch)? {
            Opened::Stream(stream) => stream,
            Opened::Compacted(at) => return Err(WatchError::Compacted { oldest: at.next() }),
        };
        let key = etcd.root.start(prefix);
        etcd.check_watchable(key.clone(), from).await?;
        let every = etcd.progress_every;
        let mut tick = interval_at(Instant::now() + every, every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            told: Told::new(etcd.root.clone(), Revision(from.0 - 1)),
            etcd,
            key,
            stream: *stream,
            tick,
            told_since_tick: false,
            heard: Instant::now(),
            asking: None,
            over: None,
        })
    }

    async fn next_batch(&mut self) -> Result<Batch, WatchError> {
        if let Some(over) = &self.over {
            return Err(over.clone());
        }
        loop {
            // Each of these may be dropped and asked again, so the whole may.
            let batch = select! {
                biased;
                response = self.stream.responses.message() => self.hear(response),
                now = answer(&mut self.asking) => self.conclude(now),
                _ = self.tick.tick() => {
                    self.ask();
                    Ok(None)
                }
            };
            match batch {
                Ok(None) => {}
                Ok(Some(batch)) => {
                    self.told_since_tick = true;
                    self.etcd.client.saw(batch.revision);
                    return Ok(batch);
                }
                Err(over) => {
                    if matches!(over, WatchError::Broken { .. }) {
                        self.etcd.client.links.give_up(&self.stream.link);
                    }
                    self.over = Some(over.clone());
                    return Err(over);
                }
            }
        }
    }

    fn hear(&mut self, response: Result<Option<WatchResponse>, Status>) -> Result<Option<Batch>, WatchError> {
        let response = match response {
            Ok(Some(response)) => response,
            Ok(None) => return Err(broken("etcd ended the stream")),
            Err(status) => return Err(broken(&chain(&status))),
        };
        self.heard = Instant::now();
        let header = response.header.unwrap_or_default();
        self.etcd.client.links.check_cluster(header.cluster_id).map_err(Fault::of_watch)?;
        if response.compact_revision > 0 {
            return Err(WatchError::Compacted { oldest: revision(response.compact_revision).next() });
        }
        if response.canceled {
            return Err(broken(&format!("etcd ended the watch: {}", response.cancel_reason)));
        }
        if !response.events.is_empty() {
            return self.told.take(response);
        }
        // What the watch itself says is always in order with its events; what the stream says, from some versions on.
        if response.watch_id != self.stream.id && !self.stream.link.member.orders_progress {
            return Ok(None);
        }
        let until = revision(header.revision);
        // A member may lag behind what it, or another, has told before.
        Ok(self.told.nothing_until(until))
    }

    /// Asks how far the stream is, and how far etcd is, when there was nothing to tell for a while.
    fn ask(&mut self) {
        if mem::take(&mut self.told_since_tick) || self.asking.is_some() {
            return;
        }
        let request = RequestUnion::ProgressRequest(wire::WatchProgressRequest {});
        // There is no room when the connection is stuck, which shows in what is not heard.
        let _ = self.stream.requests.try_send(WatchRequest { request_union: Some(request) });
        let (etcd, key) = (self.etcd.clone(), self.key.clone());
        self.asking = Some(Box::pin(async move { etcd.recently(key).await }));
    }

    /// Concludes from where etcd is: at the least where it was when last asked, which was not long ago. That it is
    /// behind what was told is a fault of the call.
    fn conclude(&mut self, now: Result<Revision, Fault>) -> Result<Option<Batch>, WatchError> {
        self.asking = None;
        let now = now.map_err(Fault::of_watch)?;
        // When etcd has gone on, either the stream says so too, or its member is cut off from the others, or stuck.
        let patience = self.etcd.silence;
        if now > self.told.until() && self.heard.elapsed() > patience {
            let reason = format!("etcd is at revision {}, but the watch is silent for {patience:?}", now.0);
            return Err(broken(&reason));
        }
        Ok(None)
    }
}

impl Watch for EtcdWatch {
    fn next(&mut self) -> Answer<'_, Batch, WatchError> {
        Box::pin(self.next_batch())
    }
}

/// Opening a stream and a watch on it, which may be done again when it fails.
struct Open {
    create: wire::WatchCreateRequest,
}

enum Opened {
    Stream(Box<Stream>),
    /// The revision to watch from is forgotten: etcd was compacted at this one.
    Compacted(Revision),
}

impl Attempt for Open {
    type Answer = Opened;

    fn is_repeatable(&self) -> bool {
        true
    }

    async fn make(
        &self,
        link: &Arc<Link>,
        token: Option<AsciiMetadataValue>,
        _within: Duration,
    ) -> Result<Opened, Status> {
        let (requests, receiver) = mpsc::channel(WATCH_REQUESTS);
        let create = RequestUnion::CreateRequest(self.create.clone());
        // etcd answers nothing at all before the first request, so it must be there already.
        let _ = requests.try_send(WatchRequest { request_union: Some(create) });
        let has_token = token.is_some();
        let mut responses = link.watch(receiver, token).await?;
        let ended = || Status::unavailable("etcd ended the stream");
        let response = responses.message().await?.ok_or_else(ended)?;
        if response.compact_revision > 0 {
            return Ok(Opened::Compacted(revision(response.compact_revision)));
        }
        if response.canceled || !response.created {
            let reason = response.cancel_reason;
            // What other calls say with a code, watches say like this, also of a token that has expired.
            let is_denied = reason.contains("permission denied") || reason.contains("auth");
            return Err(match is_denied {
                true if has_token => Status::unauthenticated(reason),
                true => Status::permission_denied(reason),
                false => Status::unavailable(reason),
            });
        }
        let id = response.watch_id;
        Ok(Opened::Stream(Box::new(Stream { link: link.clone(), requests, responses, id })))
    }
}

/// At which revision etcd is compacted, if it is, which only a watch is told that asks for too much.
pub(super) async fn compacted_at(client: &Client, key: Bytes) -> Option<Revision> {
    let create = wire::WatchCreateRequest { key, start_revision: 1, ..Default::default() };
    let mut stream = match client.attempt(&Open { create }).await {
        Ok(Opened::Stream(stream)) => stream,
        Ok(Opened::Compacted(at)) => return Some(at),
        Err(_) => return None,
    };
    let response = timeout(client.call_timeout, stream.responses.message()).await.ok()?.ok()??;
    (response.compact_revision > 0).then(|| revision(response.compact_revision))
}

/// Never, while nothing is asked.
async fn answer(asking: &mut Option<Asking>) -> Result<Revision, Fault> {
    match asking {
        Some(asking) => asking.await,
        None => std::future::pending().await,
    }
}

fn broken(reason: &str) -> WatchError {
    WatchError::Broken { reason: shorten(reason) }
}

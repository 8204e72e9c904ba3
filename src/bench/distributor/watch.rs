//! What a change costs those who watch.

use tokio::{sync::mpsc, task::JoinSet};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Streaming, transport::Channel};

use super::replica::{Failure, lost};
use crate::{
    proto::v1::{
        WatchFrame, WatchResponse,
        wire::{WatchOpen, WatchRequest, router_client::RouterClient, watch_request},
    },
    types::{Namespace, Token, Version},
};

/// Somebody who watches and has read everything up to a version.
pub(super) struct Watcher {
    frames: Streaming<WatchResponse>,
    /// Kept open: whoever closes it only listens.
    _to: mpsc::Sender<WatchRequest>,
}

impl Watcher {
    pub(super) async fn open(
        channel: Channel,
        namespace: &Namespace,
        number: usize,
        have: Version,
    ) -> Result<Self, Failure> {
        let (to, receiver) = mpsc::channel(1);
        let watcher = format!("watcher-{number}");
        let open = WatchOpen { namespace: namespace.to_string(), have: Some(have.into()), watcher };
        to.send(WatchRequest { frame: Some(watch_request::Frame::Open(open)) }).await?;
        let response = RouterClient::new(channel).watch(ReceiverStream::new(receiver)).await;
        Ok(Self { frames: response?.into_inner(), _to: to })
    }

    /// Reads until the shard has a token above this, and nobody is asked to let go of it. How many bytes that took.
    async fn read(mut self, shard: String, above: Token) -> Result<usize, Failure> {
        let mut bytes = 0;
        loop {
            let frame = self.frames.message().await?.ok_or_else(|| lost("a watch"))?;
            let (len, frame) = (frame.len(), frame.frame()?);
            let shards = match frame {
                WatchFrame::Idle(_) => continue,
                WatchFrame::Part(part) => part.shards,
                WatchFrame::Delta(delta) => delta.shards,
            };
            bytes += len;
            let is_granted = |token: Option<Token>| token.is_some_and(|token| token > above);
            if shards
                .iter()
                .any(|of| of.shard == shard && !of.revoking && is_granted(of.token.map(Token::from)))
            {
                return Ok(bytes);
            }
        }
    }
}

/// The fewest and the most bytes that a watcher has read until it knew where the shard went.
pub(super) async fn read_all(
    watchers: Vec<Watcher>,
    shard: &str,
    above: Token,
) -> Result<(usize, usize), Failure> {
    let mut readers = JoinSet::new();
    for watcher in watchers {
        readers.spawn(watcher.read(shard.to_owned(), above));
    }
    let (mut fewest, mut most) = (usize::MAX, 0);
    while let Some(read) = readers.join_next().await {
        let bytes = read??;
        (fewest, most) = (fewest.min(bytes), most.max(bytes));
    }
    Ok((fewest, most))
}

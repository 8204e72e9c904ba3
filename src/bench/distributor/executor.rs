//! An executor over gRPC whose shards start and stop at once.

use std::{sync::Arc, time::Duration};

use tokio::{sync::mpsc, task::JoinHandle};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Streaming, transport::Channel};

use super::ledger::Ledger;
use crate::{
    clock::Clock,
    proto::v1::{
        MAX_SESSION_BYTES, read_to_executor,
        wire::{SessionRequest, SessionResponse, executor_client::ExecutorClient},
        write_to_leader,
    },
    session::{Effect, OnLeaseLoss, OnStuck, Profile, Session, SessionConfig, ToLeader},
    types::{ExecutorId, NameError, Namespace},
};

/// Frames on their way to the replica.
const MAX_FRAMES: usize = 64;

/// Runs until it is dropped, as if its process had crashed.
pub(super) struct Executor {
    task: JoinHandle<()>,
    drain: mpsc::Sender<()>,
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Executor {
    pub(super) fn start(
        number: u32,
        namespace: Namespace,
        channel: Channel,
        ledger: Arc<Ledger>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, NameError> {
        let config = SessionConfig {
            executor: ExecutorId::new(format!("executor-{number}"))?,
            profile: Arc::new(Profile::default()),
            answer_within: Duration::from_millis(300),
            stop_within: Duration::from_secs(1),
            on_stuck: OnStuck::Release,
            on_lease_loss: OnLeaseLoss::Fence,
        };
        let (drain, drains) = mpsc::channel(1);
        let session = Session::new(config, u64::from(number) + 1, clock.now());
        let executor = Running { number, namespace, channel, ledger, clock, session, stream: None };
        Ok(Self { task: tokio::spawn(executor.run(drains)), drain })
    }

    /// Asks to be rid of all shards.
    pub(super) async fn drain(&self) {
        let _ = self.drain.send(()).await;
    }
}

struct Running {
    number: u32,
    namespace: Namespace,
    channel: Channel,
    ledger: Arc<Ledger>,
    clock: Arc<dyn Clock>,
    session: Session,
    stream: Option<Stream>,
}

struct Stream {
    to: mpsc::Sender<SessionRequest>,
    from: Streaming<SessionResponse>,
}

impl Running {
    async fn run(mut self, mut drains: mpsc::Receiver<()>) {
        let mut effects = Vec::new();
        loop {
            let wake = self.session.next_wake().map(|wake| wake.since(self.clock.now()));
            tokio::select! {
                frame = next(&mut self.stream) => match frame.map(|frame| read_to_executor(frame.frame)) {
                    Some(Ok(message)) => self.session.hear(self.clock.now(), message, &mut effects),
                    Some(Err(_)) | None => self.stream = None,
                },
                () = tokio::time::sleep(wake.unwrap_or_default()), if wake.is_some() => {
                    self.session.wake(self.clock.now(), &mut effects);
                }
                Some(()) = drains.recv() => self.session.drain(self.clock.now(), true, &mut effects),
            }
            while !effects.is_empty() {
                for effect in std::mem::take(&mut effects) {
                    self.carry_out(effect, &mut effects).await;
                }
            }
        }
    }

    async fn carry_out(&mut self, effect: Effect, next: &mut Vec<Effect>) {
        match effect {
            Effect::Send(message) => self.say(&message).await,
            Effect::Start(grant) => self.ledger.note(self.number, &grant.shard, true),
            Effect::Stop(grant) => {
                self.ledger.note(self.number, &grant.shard, false);
                self.session.stopped(self.clock.now(), &grant, next);
            }
            _ => {}
        }
    }

    /// What is lost with a stream is said again by the session.
    async fn say(&mut self, message: &ToLeader) {
        let frame = Some(write_to_leader(message));
        let request = SessionRequest { namespace: self.namespace.to_string(), frame };
        match &self.stream {
            Some(stream) => {
                if stream.to.try_send(request).is_err() {
                    self.stream = None;
                }
            }
            None => {
                let (to, receiver) = mpsc::channel(MAX_FRAMES);
                if to.try_send(request).is_ok()
                    && let Ok(response) = ExecutorClient::new(self.channel.clone())
                        .max_decoding_message_size(MAX_SESSION_BYTES)
                        .session(ReceiverStream::new(receiver))
                        .await
                {
                    self.stream = Some(Stream { to, from: response.into_inner() });
                }
            }
        }
    }
}

async fn next(stream: &mut Option<Stream>) -> Option<SessionResponse> {
    match stream {
        Some(stream) => stream.from.message().await.ok().flatten(),
        None => std::future::pending().await,
    }
}

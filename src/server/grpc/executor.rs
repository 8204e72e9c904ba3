//! For those who own shards.

use std::pin::{Pin, pin};

use tokio::sync::mpsc;
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Request, Response, Status, Streaming};

use super::{
    Office,
    delivery::{self, deliver},
    desk_problem, patience, peers,
};
use crate::{
    proto::v1::{
        read_to_leader,
        wire::{
            self, BeatRequest, BeatResponse, SessionRequest, SessionResponse,
            executor_client::ExecutorClient, executor_server::Executor, problem::Reason,
        },
        write_to_executor,
    },
    server::Line,
    types::Namespace,
};

/// Frames on their way to an executor, besides what its line holds.
const MAX_FRAMES: usize = 16;

pub(super) struct ExecutorService(pub(super) Office);

#[tonic::async_trait]
impl Executor for ExecutorService {
    type SessionStream = Pin<Box<dyn Stream<Item = Result<SessionResponse, Status>> + Send>>;

    async fn session(
        &self,
        request: Request<Streaming<SessionRequest>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let patience = patience::of(request.metadata());
        let mut frames = request.into_inner();
        let Some(first) = frames.message().await? else {
            return Err(Status::invalid_argument("the stream ended before its first frame"));
        };
        let (namespace, _) = self.0.namespace(&first.namespace)?;
        self.0.admit_executor(patience).await?;
        let line = self.line(&namespace).await?;
        let conversation = Conversation { office: self.0.clone(), namespace, line };
        let (sender, receiver) = mpsc::channel(MAX_FRAMES);
        tokio::spawn(conversation.hold(first, frames, sender));
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn beat(&self, request: Request<BeatRequest>) -> Result<Response<BeatResponse>, Status> {
        let patience = patience::of(request.metadata());
        let is_passed_on = peers::is_passed_on(&request);
        let Some(frame) = request.into_inner().frame else {
            return Err(crate::proto::Invalid::missing("frame").into());
        };
        let (namespace, _) = self.0.namespace(&frame.namespace)?;
        self.0.admit_executor(patience).await?;
        let message = read_to_leader(frame.frame.clone())?;
        let mut line = match self.0.desk.line(&namespace).await {
            Ok(line) => line,
            Err(error) => {
                let problem = self.0.not_leading(&namespace).await;
                return match self.0.peers.at(&problem.leader) {
                    Some(leader) if !is_passed_on && !problem.leader.is_empty() => {
                        let request = peers::pass_on(BeatRequest { frame: Some(frame) }, patience);
                        let mut leader =
                            ExecutorClient::new(leader).max_decoding_message_size(peers::MAX_PASSED_BYTES);
                        leader.beat(request).await.map_err(|status| peers::told(&namespace, status))
                    }
                    _ if problem.leader.is_empty() => Err(desk_problem(error).into_status()),
                    _ => Err(problem.into_status()),
                };
            }
        };
        line.say(message).map_err(|error| desk_problem(error).into_status())?;
        let answer = tokio::time::timeout(patience, line.next()).await;
        let frames = match answer {
            Ok(Some(answer)) => std::iter::once(answer).chain(line.waiting()).collect(),
            Ok(None) => return Err(self.0.not_leading(&namespace).await.into_status()),
            // Repetitions are not answered.
            Err(_) => Vec::new(),
        };
        let frames = frames.iter().map(|message| SessionResponse { frame: Some(write_to_executor(message)) });
        Ok(Response::new(BeatResponse { frames: frames.collect() }))
    }
}

impl ExecutorService {
    async fn line(&self, namespace: &Namespace) -> Result<Line, Status> {
        match self.0.desk.line(namespace).await {
            Ok(line) => Ok(line),
            Err(_) => Err(self.0.not_leading(namespace).await.into_status()),
        }
    }
}

/// A session's stream.
struct Conversation {
    office: Office,
    namespace: Namespace,
    line: Line,
}

impl Conversation {
    async fn hold(
        mut self,
        first: SessionRequest,
        mut frames: Streaming<SessionRequest>,
        to: mpsc::Sender<Result<SessionResponse, Status>>,
    ) {
        // One that is being stopped resigns first; then the line is over, and who leads next is known.
        let mut cut_off = pin!(self.office.readiness.cut_off());
        let mut heard = self.hear(first);
        loop {
            if let Err(status) = heard {
                return delivery::end(&to, status).await;
            }
            tokio::select! {
                frame = frames.message() => match frame {
                    Ok(Some(frame)) => heard = self.hear(frame),
                    Ok(None) => return,
                    Err(status) => heard = Err(status),
                },
                why = &mut cut_off => heard = Err(why.problem().into_status()),
                message = self.line.next() => {
                    let Some(message) = message else {
                        let problem = self.office.not_leading(&self.namespace).await;
                        return delivery::end(&to, problem.into_status()).await;
                    };
                    heard = Ok(());
                    let response = SessionResponse { frame: Some(write_to_executor(&message)) };
                    match deliver(&to, response).await {
                        Ok(true) => {}
                        Ok(false) => return,
                        Err(problem) => heard = Err(problem.into_status()),
                    }
                }
            }
        }
    }

    fn hear(&self, frame: SessionRequest) -> Result<(), Status> {
        if !frame.namespace.is_empty() && frame.namespace != self.namespace.as_str() {
            let rule = format!("must be \"{}\" or empty: a stream is of one namespace", self.namespace);
            return Err(crate::proto::Invalid::new("namespace", &frame.namespace, rule).into());
        }
        let message = read_to_leader(frame.frame)?;
        self.line.say(message).map_err(|error| {
            let reason = wire::Problem { retry_after_ms: 100, ..desk_problem(error) };
            debug_assert_ne!(reason.reason(), Reason::Unspecified);
            reason.into_status()
        })
    }
}

//! One connection to one endpoint. When it is lost it is over: it never connects again by itself, so that it cannot end
//! up at another cluster, and so that a request that finds it gone is known not to have been sent.

use std::{
    fmt, io, mem,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::{net::TcpStream, sync::mpsc};
use tonic::{
    Request, Response, Status, Streaming,
    client::Grpc,
    codegen::{Service, http::uri::PathAndQuery, tokio_stream::Stream},
    metadata::{AsciiMetadataValue, MetadataValue},
    transport::{Channel, Endpoint, Uri},
};
use tonic_prost::ProstCodec;

use super::{
    config::EtcdLogin,
    fault::{Fault, chain, is_about_certificates, shorten},
    wire,
};

/// How many requests a watch may have on their way to etcd: to create it, and to ask for its progress.
pub(super) const WATCH_REQUESTS: usize = 4;

/// A connection.
pub(super) struct Link {
    channel: Channel,
    max_answer: usize,
    login: Option<EtcdLogin>,
    token: Mutex<Option<AsciiMetadataValue>>,
    /// Held by whoever gets a new token, so that nobody gets a second one meanwhile.
    renewing: tokio::sync::Mutex<()>,
    /// Who answers on the other side. Set as soon as the connection stands.
    pub(super) member: Member,
}

/// What an endpoint says about itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Member {
    pub(super) cluster: u64,
    /// Whether what it answers to a request for progress is in order with the events of the watch.
    pub(super) orders_progress: bool,
}

/// A request with its method's name and the type of its answer.
pub(super) trait Method: prost::Message + Clone + Sync + 'static {
    type Answer: prost::Message + Default + Send + Sync + 'static;
    const PATH: &'static str;
}

macro_rules! methods {
    ($($request:ident -> $answer:ident, $path:literal;)*) => {$(
        impl Method for wire::$request {
            type Answer = wire::$answer;
            const PATH: &'static str = $path;
        }
    )*};
}

methods! {
    RangeRequest -> RangeResponse, "/etcdserverpb.KV/Range";
    TxnRequest -> TxnResponse, "/etcdserverpb.KV/Txn";
    CompactionRequest -> CompactionResponse, "/etcdserverpb.KV/Compact";
    StatusRequest -> StatusResponse, "/etcdserverpb.Maintenance/Status";
    AuthenticateRequest -> AuthenticateResponse, "/etcdserverpb.Auth/Authenticate";
}

impl Link {
    /// Connects, logs in and finds out who answers. The caller bounds the time.
    pub(super) async fn connect(
        endpoint: &Endpoint,
        login: Option<EtcdLogin>,
        max_answer: usize,
    ) -> Result<Self, Fault> {
        let channel = endpoint.connect_with_connector(Once::default()).await.map_err(|error| {
            let reason = shorten(&chain(&error));
            if is_about_certificates(&error) { Fault::Denied(reason) } else { Fault::NotDone(reason) }
        })?;
        let mut link = Self {
            channel,
            max_answer,
            login,
            token: Mutex::default(),
            renewing: tokio::sync::Mutex::default(),
            member: Member::default(),
        };
        link.renew(None).await?;
        let status = link.ask(wire::StatusRequest {}, link.token(), None).await;
        let status = status.map_err(|status| Fault::of(&status).without_effect())?;
        link.member = Member {
            cluster: status.header.unwrap_or_default().cluster_id,
            orders_progress: orders_progress(&status.version),
        };
        Ok(link)
    }

    /// Asks once.
    pub(super) async fn ask<M: Method>(
        &self,
        message: M,
        token: Option<AsciiMetadataValue>,
        within: Option<Duration>,
    ) -> Result<M::Answer, Status> {
        let mut request = request(message, token);
        if let Some(within) = within {
            request.set_timeout(within);
        }
        let path = PathAndQuery::from_static(M::PATH);
        let mut grpc = self.grpc().await?;
        grpc.unary(request, path, ProstCodec::default()).await.map(Response::into_inner)
    }

    /// Opens a stream of watches, and sends what is in `requests` already.
    pub(super) async fn watch(
        &self,
        requests: mpsc::Receiver<wire::WatchRequest>,
        token: Option<AsciiMetadataValue>,
    ) -> Result<Streaming<wire::WatchResponse>, Status> {
        let path = PathAndQuery::from_static("/etcdserverpb.Watch/Watch");
        let request = request(Outgoing(requests), token);
        let mut grpc = self.grpc().await?;
        grpc.streaming(request, path, ProstCodec::default()).await.map(Response::into_inner)
    }

    /// The token that calls are made with at the moment.
    pub(super) fn token(&self) -> Option<AsciiMetadataValue> {
        self.token.lock().clone()
    }

    /// Gets another token than the one that was refused; at once, if somebody else has got one.
    pub(super) async fn renew(&self, refused: Option<AsciiMetadataValue>) -> Result<(), Fault> {
        let Some(login) = &self.login else { return Ok(()) };
        let _one_at_a_time = self.renewing.lock().await;
        if self.token() != refused {
            return Ok(());
        }
        let request =
            wire::AuthenticateRequest { name: login.user.clone(), password: login.password.clone() };
        let token = match self.ask(request, None, None).await {
            Ok(answer) => {
                let token: Result<AsciiMetadataValue, _> = MetadataValue::try_from(answer.token);
                let mut token = token.map_err(|_| Fault::Corrupt("etcd's token is not ASCII".into()))?;
                token.set_sensitive(true);
                Some(token)
            }
            // A user that etcd has no use for yet, or any more, does no harm.
            Err(status) if status.message().contains("authentication is not enabled") => None,
            Err(status) => return Err(Fault::of(&status).without_effect()),
        };
        *self.token.lock() = token;
        Ok(())
    }

    async fn grpc(&self) -> Result<Grpc<Channel>, Status> {
        let mut grpc = Grpc::new(self.channel.clone()).max_decoding_message_size(self.max_answer);
        grpc.ready().await.map_err(|error| Status::from_error(error.into()))?;
        Ok(grpc)
    }
}

fn request<M>(message: M, token: Option<AsciiMetadataValue>) -> Request<M> {
    let mut request = Request::new(message);
    let metadata = request.metadata_mut();
    // A member without a leader is to say so at once, instead of when it has given up.
    metadata.insert("hasleader", AsciiMetadataValue::from_static("true"));
    if let Some(token) = token {
        metadata.insert("token", token);
    }
    request
}

impl fmt::Debug for wire::AuthenticateRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticateRequest").field("name", &self.name).finish_non_exhaustive()
    }
}

impl fmt::Debug for wire::AuthenticateResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticateResponse").finish_non_exhaustive()
    }
}

/// Connects once.
#[derive(Default)]
struct Once {
    done: bool,
}

impl Service<Uri> for Once {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let is_first = !mem::replace(&mut self.done, true);
        Box::pin(async move {
            if !is_first {
                return Err(io::Error::new(io::ErrorKind::NotConnected, "the connection was lost"));
            }
            let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
            let stream = TcpStream::connect((host, uri.port_u16().unwrap_or_default())).await?;
            stream.set_nodelay(true)?;
            Ok(TokioIo::new(stream))
        })
    }
}

/// What a watch sends. Ends when the watch lets go of the other side.
struct Outgoing(mpsc::Receiver<wire::WatchRequest>);

impl Stream for Outgoing {
    type Item = wire::WatchRequest;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}

/// Before 3.4.25 and 3.5.8, the answer to a request for progress could overtake events of the revisions that it claims
/// to have told (etcd's issue 15220).
fn orders_progress(version: &str) -> bool {
    let mut numbers = version.split(['.', '-', '+']).map(|number| number.parse::<u32>().ok());
    match [numbers.next().flatten(), numbers.next().flatten(), numbers.next().flatten()] {
        [Some(3), Some(4), Some(patch)] => patch >= 25,
        [Some(3), Some(5), Some(patch)] => patch >= 8,
        [Some(major), Some(minor), Some(_)] => (major, minor) > (3, 5),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_believed_from_the_versions_on_that_order_it() {
        for old in ["3.3.27", "3.4.24", "3.5.0", "3.5.7", "3.5.7-rc.1", "", "three", "3.5", "2.9.9"] {
            assert!(!orders_progress(old), "{old}");
        }
        for new in ["3.4.25", "3.4.37", "3.5.8", "3.5.16+git", "3.6.0-rc.0", "3.6.1", "4.0.0"] {
            assert!(orders_progress(new), "{new}");
        }
    }
}

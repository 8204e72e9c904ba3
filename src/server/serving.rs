//! The services on a port: what one connection may ask for, and how all of them are sent away.

use std::{future::Future, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};
use tokio_stream::{StreamExt, wrappers::ReceiverStream};
use tonic::{service::Routes, transport::Server};

use super::{
    host::Host,
    listen::{Bounds, Listener},
    readiness::{NotReady, Readiness},
};

/// What the port of the services lets in. The first bytes are HTTP/2's preface.
pub const SERVICE_BOUNDS: Bounds =
    Bounds { connections: 4096, first_bytes: 24, first_bytes_within: Duration::from_secs(5) };
/// Streams of one connection: a process may watch each of a thousand namespaces, and ask besides.
pub const MAX_STREAMS: u32 = 2048;
/// Bytes of a request's headers: what gRPC clients take in turn.
pub const MAX_HEADER_BYTES: u32 = 8 << 10;
/// Both sides notice a connection that is dead: a ping this often...
const PING_EVERY: Duration = Duration::from_secs(10);
/// ... is answered within this.
const PING_WITHIN: Duration = Duration::from_secs(5);
/// Connections that were let in and are not served yet.
const MAX_WAITING: usize = 16;

/// The services of a host, ready to be served.
#[derive(Debug)]
pub struct Serving {
    routes: Routes,
    readiness: Readiness,
}

impl Serving {
    /// These of this host.
    pub fn new(host: &Host, routes: Routes) -> Self {
        Self { routes, readiness: host.readiness().clone() }
    }

    /// Serves until it is to stop, and then for as long as `grace` what is under way.
    ///
    /// When the store is lost, everybody who is connected is told to go (GOAWAY), so that whoever has a single connection
    /// looks for another replica. Who comes all the same is served.
    pub async fn run(self, listener: Listener, stop: impl Future<Output = ()>, grace: Duration) {
        let mut servers = JoinSet::new();
        let mut stop = std::pin::pin!(stop);
        let (stopping, stopped) = watch::channel(false);
        let mut is_stopped = false;
        while !is_stopped {
            let (sender, incoming) = mpsc::channel(MAX_WAITING);
            let sent_away = sent_away(self.readiness.standing(), stopped.clone());
            let server = Server::builder()
                .http2_keepalive_interval(Some(PING_EVERY))
                .http2_keepalive_timeout(Some(PING_WITHIN))
                .max_concurrent_streams(MAX_STREAMS)
                .http2_max_header_list_size(MAX_HEADER_BYTES)
                .add_routes(self.routes.clone());
            let incoming = ReceiverStream::new(incoming).map(Ok::<_, std::io::Error>);
            servers.spawn(server.serve_with_incoming_shutdown(incoming, sent_away));
            // The receiver is gone when this server takes no more.
            is_stopped = tokio::select! {
                () = &mut stop => true,
                () = let_in(&listener, &sender) => false,
            };
            while let Some(Ok(Err(error))) = servers.try_join_next() {
                tracing::warn!(%error, "a server ended");
            }
        }
        let _ = stopping.send(true);
        drop(listener);
        let ended = async { while servers.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, ended).await.is_err() {
            tracing::warn!("connections that did not end within {grace:?} are cut");
        }
    }
}

/// Until nobody serves what is let in.
async fn let_in(listener: &Listener, to: &mpsc::Sender<super::listen::Connection>) {
    loop {
        tokio::select! {
            connection = listener.accept() => if to.send(connection).await.is_err() { return },
            () = to.closed() => return,
        }
    }
}

/// When everybody who is connected is to go: as the store is lost, or in the end.
async fn sent_away(mut standing: watch::Receiver<Result<(), NotReady>>, mut stopped: watch::Receiver<bool>) {
    let is_cut_off = |standing: &Result<(), NotReady>| standing.is_err_and(NotReady::has_no_news);
    let lost = async {
        // Whoever comes after it was lost is not sent away again.
        if standing.wait_for(|standing| !is_cut_off(standing)).await.is_err()
            || standing.wait_for(is_cut_off).await.is_err()
        {
            std::future::pending().await
        }
    };
    tokio::select! {
        () = lost => {}
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
}

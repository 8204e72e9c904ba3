//! The admin port: health, readiness, metrics and a read-only API, over HTTP/1.1.
//!
//! It changes nothing and asks nobody who they are, so it listens on loopback unless it is told otherwise. A page in a
//! browser on the same machine can reach it, though, by a name of its own that leads here; such names are refused.

mod answers;
mod host_header;
mod pages;
mod replies;
mod rings;

use std::{collections::BTreeSet, future::Future, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::get,
};
use host_header::is_allowed;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use replies::Refusal;
use tokio::sync::watch;
use tonic::codegen::Service;

use super::{
    host::{DeskHandle, Host},
    listen::{Bounds, Connection, Listener},
    metrics::Metrics,
    readiness::Readiness,
    rings::Rings,
    room::Rooms,
};

/// What the admin port lets in: a few people and machines that look.
pub const ADMIN_BOUNDS: Bounds =
    Bounds { connections: 64, first_bytes: 1, first_bytes_within: Duration::from_secs(5) };
/// A request's headers come within this, and its answer as well.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// A connection is used for no longer than this, so that one who reads too slowly makes room.
const CONNECTION_LIFE: Duration = Duration::from_mins(1);
/// How long it may take to end then.
const CONNECTION_GRACE: Duration = Duration::from_secs(5);
/// Bytes of a request's line and headers.
const MAX_REQUEST_BYTES: usize = 16 << 10;
/// Headers of a request.
const MAX_HEADERS: usize = 64;

/// What the admin port answers with.
#[derive(Clone, Debug)]
pub struct AdminHttp {
    desk: DeskHandle,
    rooms: Arc<Rooms>,
    rings: Rings,
    readiness: Readiness,
    metrics: Arc<Metrics>,
    /// The replica's name.
    name: Arc<str>,
}

impl AdminHttp {
    /// That of this host.
    pub fn new(host: &Host) -> Self {
        Self {
            desk: host.desk().clone(),
            rooms: host.rooms().clone(),
            rings: host.rings().clone(),
            readiness: host.readiness().clone(),
            metrics: host.metrics().clone(),
            name: host.name().into(),
        }
    }

    /// Serves until it is to stop. `hosts`: by which names, besides addresses and localhost, it may be asked.
    pub async fn run(self, listener: Listener, hosts: BTreeSet<String>, stop: impl Future<Output = ()>) {
        let routes = self.routes(hosts);
        let (stopping, stopped) = watch::channel(());
        let accept = async {
            loop {
                let connection = listener.accept().await;
                tokio::spawn(converse(connection, routes.clone(), stopped.clone()));
            }
        };
        tokio::select! {
            () = accept => {}
            () = stop => {}
        }
        drop(stopping);
    }

    fn routes(self, hosts: BTreeSet<String>) -> Router {
        Router::new()
            .route("/healthz", get(answers::health))
            .route("/readyz", get(answers::readiness))
            .route("/metrics", get(answers::metrics))
            .route("/api/v1/replicas", get(answers::replicas))
            .route("/api/v1/namespaces", get(answers::namespaces))
            .route("/api/v1/namespaces/{namespace}", get(answers::namespace))
            .route("/api/v1/namespaces/{namespace}/owner", get(answers::owner))
            .route("/api/v1/namespaces/{namespace}/executors", get(answers::executors))
            .route("/api/v1/namespaces/{namespace}/shards", get(answers::shards))
            .fallback(answers::nothing)
            .layer(from_fn(in_time))
            .layer(from_fn_with_state(Arc::new(hosts), guard))
            .with_state(self)
    }
}

/// One connection, until it ends, has lived long enough, or the process stops.
async fn converse(connection: Connection, routes: Router, mut stopped: watch::Receiver<()>) {
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let mut routes = routes.clone();
        routes.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(ANSWER_WITHIN)
        .max_buf_size(MAX_REQUEST_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(connection), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        () = tokio::time::sleep(CONNECTION_LIFE) => {}
        _ = stopped.changed() => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(CONNECTION_GRACE, connection).await;
}

/// Refuses whoever comes by a name that is not ours, and keeps browsers from guessing what an answer is.
async fn guard(State(hosts): State<Arc<BTreeSet<String>>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).map(|host| host.to_str().unwrap_or("?"));
    if !is_allowed(host, &hosts) {
        let why = "the Host header names neither an address, nor localhost, nor a host of admin_hosts";
        return Refusal::new(StatusCode::MISDIRECTED_REQUEST, why).into_response();
    }
    let mut response = next.run(request).await;
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ] {
        response.headers_mut().insert(name, header::HeaderValue::from_static(value));
    }
    response
}

async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(ANSWER_WITHIN, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "this replica has too much to do").into_response()
        }
    }
}

//! What surrounds every call: its deadline is kept, and how it ends is counted.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use hyper::body::{Bytes, Frame, SizeHint};
use tonic::{Code, Status};

use super::patience;
use crate::{
    clock::Clock,
    proto::v1::wire::{Problem, problem::Reason},
    server::metrics::{Metrics, OpenCall},
};

/// What it needs.
#[derive(Clone)]
pub(super) struct Oversight {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Arc<Metrics>,
}

/// Around every call.
pub(super) async fn oversee(State(oversight): State<Oversight>, request: Request, next: Next) -> Response {
    let began = oversight.clock.now();
    let path = request.uri().path().to_owned();
    let within = patience::whole(request.headers());
    let mut call = oversight.metrics.calls().begin(&path);
    let response = match tokio::time::timeout(within, next.run(request)).await {
        Ok(response) => response,
        Err(_) => overdue().into_http(),
    };
    let took = oversight.clock.now().since(began);
    let end = Status::from_header_map(response.headers());
    call.answered(took, end.as_ref());
    response.map(|inner| Body::new(Answer { inner, call }))
}

pub(super) fn overdue() -> Status {
    let problem = Problem::new(Reason::TooLate, "the call", "was not answered before its deadline");
    problem.remedy("ask again, with more time; what was asked for may have happened").into_status()
}

/// An answer on its way, and what it ends with.
struct Answer {
    inner: Body,
    call: OpenCall,
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.inner).poll_frame(context);
        match &frame {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(status) = frame.trailers_ref().and_then(Status::from_header_map) {
                    self.call.end_with(&status);
                }
            }
            Poll::Ready(Some(Err(error))) => {
                self.call.end_with(&Status::new(Code::Internal, error.to_string()));
            }
            Poll::Ready(None) | Poll::Pending => {}
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, middleware::from_fn_with_state, routing::post};
    use tonic::codegen::Service;

    use super::*;
    use crate::{clock::SystemClock, telemetry::PrometheusText};

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_not_answered_in_time_ends_with_its_deadline_and_is_counted() {
        let oversight = Oversight { clock: Arc::new(SystemClock::new()), metrics: Arc::default() };
        let metrics = oversight.metrics.clone();
        let mut routes = Router::new()
            .route("/grpc.health.v1.Health/Check", post(async || std::future::pending::<()>().await))
            .layer(from_fn_with_state(oversight, oversee));
        let request =
            Request::post("/grpc.health.v1.Health/Check").header("grpc-timeout", "1S").body(Body::empty());
        let response = routes.call(request.unwrap()).await.unwrap();
        let status = Status::from_header_map(response.headers()).unwrap();
        assert_eq!(status.code(), Code::DeadlineExceeded);
        assert_eq!(Problem::of_status(&status).unwrap().reason(), Reason::TooLate);
        let count = |open: u32, ended: &str| {
            let text = PrometheusText::default();
            metrics.calls().record(&text);
            let text = text.finish();
            let line = format!("shardway_calls_open{{method=\"grpc.health.v1.Health/Check\"}} {open}\n");
            assert!(text.contains(&line) && text.contains(ended), "{text}");
        };
        count(1, "");
        drop(response);
        let labels = "method=\"grpc.health.v1.Health/Check\",code=\"deadline_exceeded\",reason=\"TOO_LATE\"";
        count(0, &format!("shardway_calls_total{{{labels}}} 1\n"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_waits_is_open_and_one_whose_caller_goes_was_cancelled() {
        let oversight = Oversight { clock: Arc::new(SystemClock::new()), metrics: Arc::default() };
        let metrics = oversight.metrics.clone();
        let text = || {
            let text = PrometheusText::default();
            metrics.calls().record(&text);
            text.finish()
        };
        let path = "/shardway.v1.Router/Lookup";
        let mut routes = Router::new()
            .route(path, post(async || std::future::pending::<()>().await))
            .layer(from_fn_with_state(oversight, oversee));
        {
            let mut waiting = std::pin::pin!(routes.call(Request::post(path).body(Body::empty()).unwrap()));
            assert!(polled(waiting.as_mut()).await.is_pending());
            let open = "shardway_calls_open{method=\"shardway.v1.Router/Lookup\"} 1\n";
            assert!(text().contains(open), "{}", text());
        }
        let ended = "method=\"shardway.v1.Router/Lookup\",code=\"cancelled\",reason=\"\"";
        assert!(text().contains(&format!("shardway_calls_total{{{ended}}} 1\n")), "{}", text());
        let _ = routes.call(Request::post("/who/knows").body(Body::empty()).unwrap()).await;
        assert!(text().contains("method=\"unknown\"") && !text().contains("who/knows"), "{}", text());
    }

    async fn polled<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
        std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
    }
}

//! `grpc.health.v1`: whether clients should be sent here. All services are well together, or none is.

use std::{pin::Pin, sync::Arc};

use tokio::sync::mpsc;
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Request, Response, Status};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus, health_server::Health,
};

use crate::server::{NotReady, Readiness};

pub(super) struct HealthService {
    pub(super) readiness: Readiness,
    /// What is served, by its full names. The empty name stands for all of it.
    pub(super) services: Arc<[&'static str]>,
}

impl HealthService {
    fn knows(&self, service: &str) -> bool {
        service.is_empty() || self.services.contains(&service)
    }
}

#[tonic::async_trait]
impl Health for HealthService {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let service = request.into_inner().service;
        if !self.knows(&service) {
            return Err(Status::not_found(format!("service \"{service}\" is not served here")));
        }
        Ok(Response::new(status(self.readiness.check())))
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let is_known = self.knows(&request.into_inner().service);
        let readiness = self.readiness.clone();
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            let mut standing = readiness.standing();
            let mut told = None;
            loop {
                standing.borrow_and_update();
                let standing_now = readiness.check();
                let now = if is_known { status(standing_now) } else { of(ServingStatus::ServiceUnknown) };
                if told != Some(now) {
                    told = Some(now);
                    if sender.send(Ok(now)).await.is_err() {
                        return;
                    }
                }
                if standing_now == Err(NotReady::Stopping) {
                    return;
                }
                tokio::select! {
                    changed = standing.changed() => if changed.is_err() { return },
                    () = sender.closed() => return,
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}

fn status(standing: Result<(), NotReady>) -> HealthCheckResponse {
    of(if standing.is_ok() { ServingStatus::Serving } else { ServingStatus::NotServing })
}

fn of(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}

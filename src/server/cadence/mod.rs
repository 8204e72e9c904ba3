//! `uber.cadence.sharddistributor.v1` over gRPC, as Cadence's Go services speak it.

mod api;
mod by_ring;
mod caller;
mod executor;
mod failure;
mod stand_in;
mod stand_ins;
mod state;
mod told;

use std::sync::Arc;

use stand_ins::StandIns;
use tonic::{Request, metadata::MetadataMap, server::NamedService, service::Routes, transport::Channel};

use super::grpc::{Office, peers, too_late};
use crate::proto::{
    cadence::wire::{
        shard_distributor_api_server::ShardDistributorApiServer,
        shard_distributor_executor_api_server::ShardDistributorExecutorApiServer,
    },
    v1::{
        MAX_SESSION_BYTES,
        wire::{Problem, problem::Reason},
    },
};

/// Who is answered where the services are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    /// Everybody.
    All,
    /// Other replicas, with what their callers want of the leader: callers themselves have an address of their own.
    Replicas,
}

/// What both services need, wherever they are served.
#[derive(Clone)]
pub(super) struct Desk {
    office: Office,
    audience: Audience,
    stand_ins: Arc<StandIns>,
}

/// The services of the package.
pub(super) const NAMES: [&str; 2] =
    [ShardDistributorApiServer::<()>::NAME, ShardDistributorExecutorApiServer::<()>::NAME];

/// Adds the services to others.
pub(super) fn add(routes: Routes, desk: Desk) -> Routes {
    let api = ShardDistributorApiServer::new(desk.clone()).max_decoding_message_size(MAX_SESSION_BYTES);
    let executor = ShardDistributorExecutorApiServer::new(desk).max_decoding_message_size(MAX_SESSION_BYTES);
    routes.add_service(api).add_service(executor)
}

impl Desk {
    pub(super) fn new(office: Office) -> Self {
        Self { office, audience: Audience::All, stand_ins: Arc::default() }
    }

    /// The same, for others.
    pub(super) fn facing(&self, audience: Audience) -> Self {
        Self { audience, ..self.clone() }
    }

    /// Whether the caller is spoken to here.
    fn check<T>(&self, request: &Request<T>) -> Result<(), tonic::Status> {
        if self.audience == Audience::Replicas && !peers::is_passed_on(request) {
            return Err(tonic::Status::unimplemented("this package is served at another address"));
        }
        caller::check(request.metadata())
    }

    /// The leader, if it can be asked instead.
    fn leader(&self, problem: &Problem, request: &MetadataMap) -> Option<Channel> {
        let may_pass_on = !peers::has_been_passed_on(request) && problem.reason() == Reason::NotLeading;
        let leader = Some(&problem.leader).filter(|leader| may_pass_on && !leader.is_empty())?;
        self.office.peers.at(leader)
    }
}

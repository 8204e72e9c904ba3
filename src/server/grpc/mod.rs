//! `shardway.v1` over gRPC: what callers say is checked, passed on, and answered.

mod admin;
mod executor;
mod patience;
mod peers;
mod refusal;
mod router;

use std::sync::Arc;

use admin::AdminService;
use executor::ExecutorService;
use peers::Peers;
use router::RouterService;
use tonic::{Status, service::Routes};

use super::{
    host::{DeskError, DeskHandle, Host},
    room::{Room, Rooms},
};
use crate::{
    clock::Clock,
    engine::{Answer, Request, RequestError},
    proto::{
        Invalid,
        v1::wire::{
            Problem, admin_server::AdminServer, executor_server::ExecutorServer, problem::Reason,
            router_server::RouterServer,
        },
    },
    types::Namespace,
};

/// Largest message that is taken: a beat of a million shards fits.
const MAX_MESSAGE_BYTES: usize = 64 << 20;
/// Largest request of an operator.
const MAX_ASKED_BYTES: usize = 1 << 20;

/// What all services need.
#[derive(Clone)]
struct Office {
    desk: DeskHandle,
    rooms: Arc<Rooms>,
    clock: Arc<dyn Clock>,
    peers: Peers,
    /// The replica's name.
    name: Arc<str>,
}

/// The services of a replica.
pub fn services(host: &Host, clock: Arc<dyn Clock>) -> Routes {
    let office = Office {
        desk: host.desk().clone(),
        rooms: host.rooms().clone(),
        clock,
        peers: Peers::default(),
        name: host.name().into(),
    };
    let router =
        RouterServer::new(RouterService(office.clone())).max_decoding_message_size(MAX_MESSAGE_BYTES);
    let executor =
        ExecutorServer::new(ExecutorService(office.clone())).max_decoding_message_size(MAX_MESSAGE_BYTES);
    let admin = AdminServer::new(AdminService(office)).max_decoding_message_size(MAX_ASKED_BYTES);
    Routes::new(router).add_service(executor).add_service(admin)
}

impl Office {
    /// The namespace of a request, and its room.
    fn namespace(&self, name: &str) -> Result<(Namespace, Arc<Room>), Status> {
        let namespace = Namespace::new(name).map_err(|error| Invalid::name("namespace", error))?;
        match self.rooms.get(&namespace) {
            Some(room) => Ok((namespace, room)),
            None => {
                let subject = format!("namespace \"{namespace}\"");
                let problem = Problem::new(Reason::NoSuchNamespace, subject, "does not exist here");
                Err(problem.remedy("look at its spelling, or create it").into_status())
            }
        }
    }

    async fn ask(&self, namespace: &Namespace, request: Request) -> Result<Answer, Problem> {
        match self.desk.ask(namespace, request).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(RequestError::NotLeading)) => Err(self.not_leading(namespace).await),
            Ok(Err(error)) => Err(refusal::problem(&error)),
            Err(error) => Err(desk_problem(error)),
        }
    }

    /// Who asked should ask the leader, if anybody knows one.
    async fn not_leading(&self, namespace: &Namespace) -> Problem {
        let leader = self.desk.leader(namespace).await.ok().flatten().filter(|leader| !leader.is_here);
        let subject = format!("namespace \"{namespace}\"");
        let problem = Problem::new(Reason::NotLeading, subject, "is not led by this replica");
        match leader {
            Some(leader) => Problem {
                leader: leader.address.clone(),
                ..problem.remedy(format!("ask {}", leader.address))
            },
            None => problem.remedy("ask again: a leader is being elected"),
        }
    }
}

fn desk_problem(error: DeskError) -> Problem {
    let reason = match error {
        DeskError::Busy => Reason::Busy,
        DeskError::Gone => Reason::NotLeading,
    };
    Problem::new(reason, "", error.to_string())
}

//! `shardway.v1` over gRPC: what callers say is checked, passed on, and answered.

mod admin;
pub(super) mod delivery;
mod executor;
mod health;
mod oversight;
pub(super) mod patience;
pub(super) mod peers;
mod refusal;
mod ring_watch;
mod router;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use admin::AdminService;
use axum::middleware::from_fn_with_state;
use executor::ExecutorService;
use health::HealthService;
use oversight::{Oversight, oversee};
use peers::Peers;
use router::RouterService;
use tonic::{Status, server::NamedService, service::Routes};
use tonic_health::pb::health_server::HealthServer;

use super::{
    cadence::{self, Audience},
    catalogue::Catalogue,
    host::{DeskError, DeskHandle, Host},
    metrics::Metrics,
    readiness::{NotReady, Readiness},
    rings::{NotPlaced, Place, Rings},
    room::{Room, Rooms},
};
use crate::{
    clock::Clock,
    engine::{Answer, Request, RequestError},
    proto::{
        Invalid,
        v1::{
            self, MAX_SESSION_BYTES,
            wire::{
                Problem, admin_server::AdminServer, executor_server::ExecutorServer, problem::Reason,
                router_server::RouterServer,
            },
        },
    },
    types::{Namespace, ShardKey},
};

/// Largest answer of another replica: what an operator asked of it, in pages.
const MAX_PASSED_BYTES: usize = 64 << 20;
/// Largest message that is taken of those who look up: a key and a few names fit many times.
const MAX_LOOKUP_BYTES: usize = 64 << 10;
/// Largest request of an operator.
const MAX_ASKED_BYTES: usize = 1 << 20;

/// Between two attempts to place a shard that nobody can be given.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// What all services need.
#[derive(Clone)]
pub(super) struct Office {
    pub(super) desk: DeskHandle,
    pub(super) rooms: Arc<Rooms>,
    pub(super) rings: Rings,
    pub(super) readiness: Readiness,
    pub(super) clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    pub(super) peers: Peers,
    /// The replica's name.
    name: Arc<str>,
    catalogue: Catalogue,
    /// The namespaces of its settings file.
    named: Arc<BTreeSet<Namespace>>,
}

/// What is served to everybody, as health and reflection tell of it.
const OWN: [&str; 3] = [RouterServer::<()>::NAME, ExecutorServer::<()>::NAME, AdminServer::<()>::NAME];

/// The services of a replica: of both packages, health and reflection.
pub fn services(host: &Host, clock: Arc<dyn Clock>) -> Routes {
    let office = Office::of(host, clock);
    let routes = cadence::add(own_services(office.clone()), cadence::Desk::new(office.clone()));
    overseen(routes, office, OWN.into_iter().chain(cadence::NAMES))
}

/// The services of a replica that serves Cadence's package at an address of its own: what is served elsewhere, and there.
/// Elsewhere that package is open to other replicas alone, with what their callers want of the leader.
pub fn services_apart(host: &Host, clock: Arc<dyn Clock>) -> (Routes, Routes) {
    let office = Office::of(host, clock);
    let desk = cadence::Desk::new(office.clone());
    let for_replicas = desk.facing(Audience::Replicas);
    let own = overseen(cadence::add(own_services(office.clone()), for_replicas), office.clone(), OWN);
    (own, overseen(cadence::add(Routes::default(), desk), office, cadence::NAMES))
}

/// With health and reflection, which tell of these services, and what surrounds every call.
fn overseen(
    routes: Routes,
    Office { readiness, clock, metrics, .. }: Office,
    names: impl IntoIterator<Item = &'static str>,
) -> Routes {
    let services: Arc<[&str]> = names.into_iter().collect();
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(v1::DESCRIPTORS)
        .register_encoded_file_descriptor_set(crate::proto::cadence::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
    let reflection = services.iter().fold(reflection, |reflection, name| reflection.with_service_name(*name));
    let routes = routes
        .add_service(HealthServer::new(HealthService { readiness, services }))
        .add_service(reflection.build_v1().expect("descriptors that a test has made"));
    routes.into_axum_router().layer(from_fn_with_state(Oversight { clock, metrics }, oversee)).into()
}

fn own_services(office: Office) -> Routes {
    let router = RouterServer::new(RouterService(office.clone())).max_decoding_message_size(MAX_LOOKUP_BYTES);
    let executor =
        ExecutorServer::new(ExecutorService(office.clone())).max_decoding_message_size(MAX_SESSION_BYTES);
    let admin = AdminServer::new(AdminService(office)).max_decoding_message_size(MAX_ASKED_BYTES);
    Routes::new(router).add_service(executor).add_service(admin)
}

impl Office {
    fn of(host: &Host, clock: Arc<dyn Clock>) -> Self {
        Self {
            desk: host.desk().clone(),
            rooms: host.rooms().clone(),
            rings: host.rings().clone(),
            readiness: host.readiness().clone(),
            clock,
            metrics: host.metrics().clone(),
            peers: Peers::default(),
            name: host.name().into(),
            catalogue: host.catalogue().clone(),
            named: host.named().clone(),
        }
    }

    /// The namespace of a request, and its room. One that a ring answers for has none: what is asked takes more.
    fn namespace(&self, name: &str) -> Result<(Namespace, Arc<Room>), Status> {
        match self.place(name)? {
            (namespace, Place::Room(room)) => Ok((namespace, room)),
            (namespace, Place::Ring(_)) => Err(self.is_ring(&namespace).into_status()),
        }
    }

    /// The namespace of a request, and what answers for it.
    fn place(&self, name: &str) -> Result<(Namespace, Place), Status> {
        let namespace = Namespace::new(name).map_err(|error| Invalid::name("namespace", error))?;
        match self.answering(&namespace) {
            Some(place) => Ok((namespace, place)),
            None if self.rooms.is_complete() => Err(no_such(&namespace).into_status()),
            None => Err(unknown_yet(&namespace)),
        }
    }

    /// What answers for a namespace.
    pub(super) fn answering(&self, namespace: &Namespace) -> Option<Place> {
        self.rings.place(namespace, &self.rooms)
    }

    /// A ring answers for the namespace, and what was asked takes sessions, grants or a history.
    pub(super) fn is_ring(&self, namespace: &Namespace) -> Problem {
        if !self.rooms.is_complete() {
            // It may be one that has taken the ring's place.
            return unknown(namespace);
        }
        let subject = format!("namespace \"{namespace}\"");
        let rule =
            "is answered from a ring of the members that its settings name: nobody is assigned anything";
        let remedy = "create a fixed or ephemeral namespace of this name, and it takes the ring's place";
        Problem::new(Reason::IsRing, subject, rule).remedy(remedy)
    }

    /// There is nothing to tell those any more who watch what has answered for the namespace.
    pub(super) fn is_over(&self, namespace: &Namespace) -> Problem {
        if self.answering(namespace).is_none() {
            return no_such(namespace);
        }
        let subject = format!("namespace \"{namespace}\"");
        let rule = "was answered from a ring and is so no more, or is now";
        Problem::new(Reason::ChangedKind, subject, rule).remedy("watch it again")
    }

    /// Lets no executor in that had better go elsewhere. Whoever comes while the replica starts is kept waiting for a moment.
    /// Whom this replica leads it needs the store's watch for nothing: if they were sent away from
    /// it they would have nowhere to go, and lose what they have.
    pub(super) async fn admit_executor(&self, patience: Duration) -> Result<(), Status> {
        match self.readiness.wait(patience).await {
            Ok(()) | Err(NotReady::Unhearing(_)) => Ok(()),
            Err(why) => Err(why.problem().into_status()),
        }
    }

    /// The same for who wants to hear of a namespace, for which the store has to be heard. A ring does without the store.
    pub(super) async fn admit_to(&self, place: &Place, patience: Duration) -> Result<(), Status> {
        match (place, self.readiness.check()) {
            (Place::Room(_), _) => {
                self.readiness.wait(patience).await.map_err(|why| why.problem().into_status())
            }
            (Place::Ring(_), Err(why @ NotReady::Stopping)) => Err(why.problem().into_status()),
            (Place::Ring(_), _) => Ok(()),
        }
    }

    /// Makes sure that the shard is there, if the namespace makes its shards on demand. As long as there is nobody to give it
    /// to, or nobody who could decide that, it asks again, until `within` is over.
    pub(super) async fn ensure(
        &self,
        namespace: &Namespace,
        room: &Room,
        shard: &ShardKey,
        within: Duration,
    ) -> Result<(), Problem> {
        // Nobody serves yet, or nobody leads.
        let is_passing = |problem: &Problem| match problem.reason() {
            Reason::Unassigned => true,
            Reason::NotLeading => problem.leader.is_empty(),
            _ => false,
        };
        let is_there = || room.find(shard).is_some_and(|found| found.exists);
        let mut last = None;
        let ensuring = async {
            while !is_there() {
                match self.ask(namespace, Request::Ensure(shard.clone())).await {
                    Err(problem) if is_passing(&problem) => last = Some(problem),
                    answer => return answer.map(|_| ()),
                }
                tokio::time::sleep(ASK_AGAIN_AFTER).await;
            }
            Ok(())
        };
        let ensured = tokio::time::timeout(within, ensuring).await;
        match ensured {
            Ok(ensured) => ensured,
            Err(_) => Err(last.unwrap_or_else(too_late)),
        }
    }

    pub(super) async fn ask(&self, namespace: &Namespace, request: Request) -> Result<Answer, Problem> {
        match self.desk.ask(namespace, request).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(RequestError::NotLeading)) => Err(self.not_leading(namespace).await),
            Ok(Err(error)) => Err(refusal::problem(&error)),
            Err(error) => Err(desk_problem(error)),
        }
    }

    /// Who asked should ask the leader, if anybody knows one.
    pub(super) async fn not_leading(&self, namespace: &Namespace) -> Problem {
        if self.rooms.get(namespace).is_none() {
            return no_such(namespace);
        }
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

/// Nobody has answered for as long as the caller waits.
pub(super) fn too_late() -> Problem {
    Problem::new(Reason::StoreAway, "", "there was no answer in time").remedy("ask again")
}

pub(super) fn no_such(namespace: &Namespace) -> Problem {
    let subject = format!("namespace \"{namespace}\"");
    let problem = Problem::new(Reason::NoSuchNamespace, subject, "does not exist here");
    problem.remedy("look at its spelling, or create it")
}

fn unknown_yet(namespace: &Namespace) -> Status {
    unknown(namespace).into_status()
}

/// This replica has not read what there is of the namespace yet.
fn unknown(namespace: &Namespace) -> Problem {
    let subject = format!("namespace \"{namespace}\"");
    let problem = Problem::new(Reason::StoreAway, subject, "is not known to this replica yet");
    problem.remedy("ask again, or another replica")
}

/// Why a ring names no owner.
pub(super) fn not_placed(namespace: &Namespace, shard: &ShardKey, why: NotPlaced) -> Problem {
    match why {
        NotPlaced::NoSuchShard => {
            Problem::new(Reason::NoSuchShard, format!("shard \"{shard}\""), "does not exist")
        }
        NotPlaced::NoMembers(failure) => {
            let because = failure.map_or_else(String::new, |failure| format!(": {failure}"));
            let rule = format!("has a ring without members{because}");
            Problem::new(Reason::Unassigned, format!("namespace \"{namespace}\""), rule)
                .remedy("see to its source of members, then ask again")
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

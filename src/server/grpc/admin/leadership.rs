//! Who leads, who should rather, and what leaders wait for an operator to say.

use std::{collections::BTreeMap, time::Duration};

use tonic::{Response, Status};

use super::{
    super::{desk_problem, peers, unknown_yet},
    AdminService,
    leading::{Asked, Needs, Place, told},
    namespaces::confirmed,
    wire_duration,
};
use crate::{
    clock::unix_millis,
    journal::{Mode, OpenAs},
    lease::MAX_LEASE,
    proto::{
        Invalid,
        v1::wire::{
            AdoptNamespaceRequest, AdoptNamespaceResponse, ListReplicasResponse, Problem, ReplicaState,
            ResignLeadershipRequest, ResignLeadershipResponse, problem::Reason,
        },
    },
    types::Version,
};

impl AdminService {
    pub(super) async fn replicas(&self) -> Result<ListReplicasResponse, Status> {
        let namespaces = self.0.rooms.names();
        let me = self.0.name.clone();
        let look = self.0.desk.look(move |sight| {
            let mut replicas: BTreeMap<String, ReplicaState> = sight
                .election
                .living(sight.now)
                .map(|(name, address)| {
                    let (replica, is_self) = (name.to_owned(), name == &*me);
                    let state = ReplicaState { replica, address: address.into(), is_self, leads: Vec::new() };
                    (name.to_owned(), state)
                })
                .collect();
            for namespace in namespaces {
                let leader = sight.leader(&namespace).and_then(|leader| replicas.get_mut(&leader.replica));
                if let Some(replica) = leader {
                    replica.leads.push(namespace.to_string());
                }
            }
            ListReplicasResponse { replicas: replicas.into_values().collect() }
        });
        look.await.map_err(|error| desk_problem(error).into_status())
    }

    pub(super) async fn resign(
        &self,
        asked: Asked<ResignLeadershipRequest>,
    ) -> Result<Response<ResignLeadershipResponse>, Status> {
        let (namespace, _) = self.0.namespace(&asked.message.namespace)?;
        match self.place(&asked, &namespace, Needs::Leadership).await? {
            Place::Here => {
                self.0.desk.resign(&namespace).map_err(|error| desk_problem(error).into_status())?;
                Ok(Response::new(ResignLeadershipResponse {}))
            }
            Place::At(mut leader) => {
                let left = asked.left(&self.0);
                let answer = leader.resign_leadership(peers::pass_on(asked.message, left)).await;
                answer.map_err(|status| told(&namespace, status))
            }
        }
    }

    pub(super) async fn adopt(
        &self,
        asked: Asked<AdoptNamespaceRequest>,
    ) -> Result<Response<AdoptNamespaceResponse>, Status> {
        let (namespace, room) = self.0.namespace(&asked.message.namespace)?;
        confirmed(&namespace, &asked.message.confirm)?;
        let longest_lease = longest_lease(asked.message.longest_lease)?;
        match self.place(&asked, &namespace, Needs::Leadership).await? {
            Place::Here => {
                let mut versions = room.versions();
                let of = namespace.clone();
                let look = self.0.desk.look(move |sight| sight.election.longest_lease(&of));
                let leader_lease = look.await.map_err(|error| desk_problem(error).into_status())?;
                let known = room.read(|state| {
                    let state = state?;
                    Some((state.version(), state.adoption_wait(longest_lease, leader_lease)))
                });
                let Some((from, wait)) = known else { return Err(unknown_yet(&namespace)) };
                let open_as = OpenAs { mode: Mode::Adopt { wait }, seen: None, unix_millis: unix_millis() };
                self.0.desk.open(&namespace, open_as).map_err(|error| desk_problem(error).into_status())?;
                let is_new = |version: &Option<Version>| {
                    version.is_some_and(|version| version.incarnation > from.incarnation)
                };
                match tokio::time::timeout(asked.left(&self.0), versions.wait_for(is_new)).await {
                    Ok(Ok(version)) => Ok(Response::new(AdoptNamespaceResponse {
                        version: version.map(Into::into),
                        wait: Some(wire_duration(wait)),
                    })),
                    _ => {
                        let subject = format!("the adoption of namespace \"{namespace}\"");
                        let problem =
                            Problem::new(Reason::TooLate, subject, "is under way, and not done yet");
                        Err(problem.remedy("look at the namespace's version").into_status())
                    }
                }
            }
            Place::At(mut leader) => {
                let left = asked.left(&self.0);
                let answer = leader.adopt_namespace(peers::pass_on(asked.message, left)).await;
                answer.map_err(|status| told(&namespace, status))
            }
        }
    }
}

/// What an operator knows of leases that the store does not.
fn longest_lease(lease: Option<prost_types::Duration>) -> Result<Duration, Invalid> {
    let Some(lease) = lease else { return Ok(Duration::ZERO) };
    let known = Duration::try_from(lease).ok().filter(|known| *known <= MAX_LEASE);
    known.ok_or_else(|| {
        let rule = format!("must be at least 0 and at most {} s", MAX_LEASE.as_secs());
        Invalid::new("longest_lease", lease, rule)
    })
}

//! Namespaces as they are, and how they are run.

use std::collections::BTreeMap;

use tokio::task::JoinSet;
use tonic::{Response, Status, transport::Channel};

use super::{
    super::{desk_problem, peers},
    AdminService,
    leading::{Asked, GLANCE},
    pages, rings,
};
use crate::{
    engine::{Condition, Freeze, NamespaceConfig, State},
    journal::LogError,
    proto::{
        Invalid,
        v1::wire::{
            self, FreezeLevel, GetNamespaceRequest, GetNamespaceResponse, ListNamespacesRequest,
            ListNamespacesResponse, Problem, admin_client::AdminClient, problem::Reason,
        },
    },
    server::{Leader, Room, desk::Sight, rings::Place, settings},
    types::Namespace,
};

/// What is known of a namespace without asking its task.
struct Known {
    leader: Option<Leader>,
    trouble: Option<LogError>,
    /// What is wrong with it, in words.
    wrong: Option<String>,
    /// Whether it is run without part of its history.
    is_damaged: bool,
    /// What its engine says, if it is run here.
    conditions: Option<Vec<Condition>>,
}

impl Known {
    fn of(namespace: &Namespace, sight: Sight<'_>) -> Self {
        let shown = sight.shown(namespace);
        Self {
            leader: sight.leader(namespace),
            trouble: shown.as_ref().and_then(|shown| shown.trouble()),
            wrong: shown.as_ref().and_then(|shown| shown.wrong()),
            is_damaged: shown.as_ref().is_some_and(|shown| shown.is_damaged()),
            conditions: shown.and_then(|shown| shown.conditions(sight.now)),
        }
    }
}

impl AdminService {
    pub(super) async fn namespace(
        &self,
        asked: Asked<GetNamespaceRequest>,
    ) -> Result<Response<GetNamespaceResponse>, Status> {
        let namespace = match self.0.place(&asked.message.namespace)? {
            (namespace, Place::Room(_)) => namespace,
            (namespace, Place::Ring(ring)) => {
                let namespace = Some(rings::described(&namespace, &ring));
                return Ok(Response::new(GetNamespaceResponse { namespace }));
            }
        };
        let mut described = self.describe(std::slice::from_ref(&namespace)).await?.pop();
        let there =
            |mut leader: AdminClient<Channel>, asked| async move { leader.get_namespace(asked).await };
        if let Some(described) = &mut described
            && let Some(said) = self.glance(&asked, &namespace, there).await
            && let Some(said) = said.into_inner().namespace
        {
            heed(described, said);
        }
        Ok(Response::new(GetNamespaceResponse { namespace: described }))
    }

    pub(super) async fn namespaces(
        &self,
        asked: Asked<ListNamespacesRequest>,
    ) -> Result<Response<ListNamespacesResponse>, Status> {
        let size = pages::size(asked.message.page_size)?;
        let after = pages::after(&asked.message.page, |page| Namespace::new(page).ok())?;
        let mut names = self.0.rooms.names();
        names.extend(self.ring_names());
        names.sort_unstable();
        let names = names.into_iter();
        let names = names.filter(|name| after.as_ref().is_none_or(|after| name > after));
        let (names, next_page) = pages::cut(names, size, Namespace::clone);
        let mut namespaces = self.describe(&names).await?;
        if !asked.is_passed_on() {
            self.let_leaders_say(&asked, &mut namespaces).await;
        }
        Ok(Response::new(ListNamespacesResponse { namespaces, next_page }))
    }

    /// How the namespaces are, as far as it is known here.
    pub(super) async fn describe(&self, names: &[Namespace]) -> Result<Vec<wire::Namespace>, Status> {
        let of = names.to_vec();
        let look = move |sight: Sight<'_>| of.iter().map(|name| Known::of(name, sight)).collect::<Vec<_>>();
        let known = self.0.desk.look(look).await.map_err(|error| desk_problem(error).into_status())?;
        let described = names.iter().zip(known).filter_map(|(name, known)| {
            // One that was deleted meanwhile is left out.
            let described = match self.0.answering(name)? {
                Place::Room(room) => described(name, &room, &known),
                Place::Ring(ring) => return Some(rings::described(name, &ring)),
            };
            Some(wire::Namespace { in_settings: self.0.named.contains(name), ..described })
        });
        Ok(described.collect())
    }

    /// Each leader tells the same page; what it says of its own namespaces counts. Who does not answer soon is done
    /// without.
    async fn let_leaders_say(&self, asked: &Asked<ListNamespacesRequest>, all: &mut [wire::Namespace]) {
        let within = asked.left(&self.0).min(GLANCE);
        let led = all.iter().filter(|namespace| !namespace.leader.is_empty());
        let leaders: BTreeMap<String, String> =
            led.map(|namespace| (namespace.leader.clone(), namespace.leader_address.clone())).collect();
        let mut answers = JoinSet::new();
        for (replica, address) in leaders {
            let leader = Leader { replica, address, is_here: false };
            let Some(mut client) = self.client(&leader).filter(|_| leader.replica != *self.0.name) else {
                continue;
            };
            let request = peers::pass_on(asked.message.clone(), within);
            answers.spawn(async move {
                let answer = tokio::time::timeout(within, client.list_namespaces(request)).await;
                (leader.replica, answer.ok()?.ok()?.into_inner().namespaces).into()
            });
        }
        while let Some(answer) = answers.join_next().await {
            let Ok(Some((leader, namespaces))) = answer else { continue };
            let mut said: BTreeMap<_, _> =
                namespaces.into_iter().map(|namespace| (namespace.name.clone(), namespace)).collect();
            for namespace in all.iter_mut().filter(|namespace| namespace.leader == leader) {
                if let Some(said) = said.remove(&namespace.name) {
                    heed(namespace, said);
                }
            }
        }
    }
}

/// What only the leader knows is as it says.
fn heed(namespace: &mut wire::Namespace, said: wire::Namespace) {
    if said.leader == namespace.leader {
        (namespace.conditions, namespace.trouble) = (said.conditions, said.trouble);
    }
}

fn described(name: &Namespace, room: &Room, known: &Known) -> wire::Namespace {
    let leader = known.leader.clone();
    let (leader, leader_address) = leader.map(|leader| (leader.replica, leader.address)).unwrap_or_default();
    let frozen = room.read(|state| state.map_or(Freeze::Off, State::freeze));
    let namespace = wire::Namespace {
        name: name.to_string(),
        watchers: u32::try_from(room.watchers().len()).unwrap_or(u32::MAX),
        leader,
        leader_address,
        conditions: conditions(known, frozen).into_iter().map(Into::into).collect(),
        trouble: known.wrong.clone().unwrap_or_default(),
        freeze: freeze_level(frozen).into(),
        ..wire::Namespace::default()
    };
    room.read(|state| match state {
        Some(state) => with_state(namespace, state),
        None => namespace,
    })
}

fn with_state(namespace: wire::Namespace, state: &State) -> wire::Namespace {
    let owned: usize = state.sessions().map(|record| state.owned_by(record.id)).sum();
    let executors = state.sessions().filter(|record| record.standing.is_current()).count();
    wire::Namespace {
        config: Some(wire::NamespaceConfig { yaml: settings::to_yaml(state.config()) }),
        version: Some(state.version().into()),
        shards: state.shard_count() as u64,
        unassigned_shards: state.shard_count().saturating_sub(owned) as u64,
        moving_shards: state.moving_count() as u64,
        quarantined_shards: state.quarantined_count() as u64,
        executors: u32::try_from(executors).unwrap_or(u32::MAX),
        policy_epoch: state.policy().epoch,
        ..namespace
    }
}

/// In the words of the protocol file, the gravest first.
fn conditions(known: &Known, frozen: Freeze) -> Vec<&'static str> {
    let mut words = Vec::new();
    match (&known.leader, &known.trouble) {
        (_, Some(LogError::NeedsAdoption(_))) => words.push("needs adoption"),
        (_, Some(_)) => words.push("cannot be run"),
        (None, None) => words.push("no leader"),
        // It leads, and reads the history still.
        (Some(leader), None) if leader.is_here && known.conditions.is_none() => words.push("no leader"),
        (Some(_), None) => {}
    }
    if known.is_damaged {
        words.push("damaged");
    }
    for condition in known.conditions.iter().flatten() {
        match condition {
            Condition::NeedsAdoption(_) => words.push("needs adoption"),
            Condition::Waiting => words.push("waiting"),
            Condition::Restrained => words.push("restrained"),
            // Told below, whoever leads.
            Condition::Frozen(_) => {}
        }
    }
    if frozen != Freeze::Off {
        words.push("frozen");
    }
    words
}

const fn freeze_level(freeze: Freeze) -> FreezeLevel {
    match freeze {
        Freeze::Off => FreezeLevel::Off,
        Freeze::Balance => FreezeLevel::Balance,
        Freeze::All => FreezeLevel::All,
    }
}

pub(super) fn freeze(level: i32) -> Result<Freeze, Invalid> {
    match FreezeLevel::try_from(level) {
        Ok(FreezeLevel::Off) => Ok(Freeze::Off),
        Ok(FreezeLevel::Balance) => Ok(Freeze::Balance),
        Ok(FreezeLevel::All) => Ok(Freeze::All),
        Ok(FreezeLevel::Unspecified) | Err(_) => {
            Err(Invalid::new("level", level, "must be 1 (off), 2 (balance) or 3 (all)"))
        }
    }
}

/// How a namespace is to be run, as a request says it.
pub(super) fn config(config: Option<wire::NamespaceConfig>) -> Result<NamespaceConfig, Invalid> {
    let wire::NamespaceConfig { yaml } = config.ok_or_else(|| Invalid::missing("config"))?;
    settings::parse_namespace("config.yaml", &yaml).map_err(|error| {
        let problems: Vec<_> = error.problems.iter().map(ToString::to_string).collect();
        let problem = if error.count == 1 { "problem" } else { "problems" };
        Invalid::new("config.yaml", "", format!("has {} {problem}: {}", error.count, problems.join("; ")))
    })
}

/// What a caller repeats to show that it is meant.
pub(super) fn confirmed(what: &str, confirm: &str) -> Result<(), Status> {
    if confirm == what {
        return Ok(());
    }
    let value = Invalid::new("confirm", confirm, "").value;
    let problem = Problem::new(Reason::NotConfirmed, "confirm", format!("is not \"{what}\""));
    let problem = Problem { value: format!("\"{value}\""), ..problem };
    Err(problem.remedy("say its name once more, if that is meant").into_status())
}

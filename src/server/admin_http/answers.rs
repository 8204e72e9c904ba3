//! What each path of the admin port answers.

use std::collections::BTreeMap;

use axum::{
    extract::{Path, Query, State, rejection::QueryRejection},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

use super::{
    AdminHttp,
    pages::Page,
    replies::{Executor, Json, Namespace, Owner, Readiness, Reason, Refusal, Replica, Shard, VersionReply},
    rings,
};
use crate::{
    engine,
    server::{DeskError, NotReady, Room, metrics::Led, rings::Place},
    telemetry::PrometheusText,
    types::{self, ShardKey},
};

type Result<T> = std::result::Result<Json<T>, Refusal>;
/// What follows the question mark.
type Asked<T> = std::result::Result<Query<T>, QueryRejection>;

/// Whether the process works at all. Not whether anything it needs does: starting it again would not help.
pub(super) async fn health(State(admin): State<AdminHttp>) -> Response {
    if admin.desk.is_gone() {
        return Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "nothing is decided here any more")
            .into_response();
    }
    "ok\n".into_response()
}

/// Whether clients should be sent here, and why not.
pub(super) async fn readiness(State(admin): State<AdminHttp>) -> Json<Readiness> {
    let standing = admin.readiness.check();
    let status = if standing.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let reasons = standing.err().map(|why| Reason { reason: why.as_str(), text: admin.describe(why) });
    Json(status, Readiness { ready: standing.is_ok(), reasons: reasons.into_iter().collect() })
}

pub(super) async fn metrics(State(admin): State<AdminHttp>) -> std::result::Result<Response, Refusal> {
    let names = admin.rooms.names();
    let led = admin.desk.look(move |sight| {
        let led = names.into_iter().filter_map(|name| Some((sight.shown(&name)?.led(sight.now)?, name)));
        led.map(|(led, name)| (name, led)).collect::<BTreeMap<_, Led>>()
    });
    let led = led.await?;
    let text = PrometheusText::default();
    admin.metrics.record(&text, admin.readiness.check().is_ok(), &admin.rooms, &admin.rings, &led);
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text.finish()).into_response())
}

#[derive(Serialize)]
pub(super) struct Replicas {
    replicas: Vec<Replica>,
}

pub(super) async fn replicas(State(admin): State<AdminHttp>) -> Result<Replicas> {
    let (name, namespaces) = (admin.name.clone(), admin.rooms.names());
    let replicas = admin.desk.look(move |sight| {
        let mut leads = BTreeMap::<String, Vec<String>>::new();
        for namespace in namespaces {
            if let Some(leader) = sight.leader(&namespace) {
                leads.entry(leader.replica).or_default().push(namespace.to_string());
            }
        }
        let living = sight.election.living(sight.now).map(|(replica, address)| Replica {
            replica: replica.into(),
            address: address.into(),
            leads: leads.remove(replica).unwrap_or_default(),
            is_self: replica == &*name,
        });
        living.collect()
    });
    Ok(Json(StatusCode::OK, Replicas { replicas: replicas.await? }))
}

#[derive(Serialize)]
pub(super) struct Namespaces {
    namespaces: Vec<Namespace>,
    next_page: Option<String>,
}

pub(super) async fn namespaces(State(admin): State<AdminHttp>, page: Asked<Page>) -> Result<Namespaces> {
    let Query(page) = page?;
    let names = admin.names().into_iter().filter(|name| name.as_str() > page.behind());
    let (names, next_page) = page.take(names, ToString::to_string);
    let mut namespaces = Vec::new();
    for name in names {
        // One that is gone meanwhile is left out.
        if let Ok((name, place)) = admin.place(name.as_str()) {
            namespaces.push(admin.describe_namespace(&name, &place).await?);
        }
    }
    Ok(Json(StatusCode::OK, Namespaces { namespaces, next_page }))
}

pub(super) async fn namespace(State(admin): State<AdminHttp>, Path(name): Path<String>) -> Result<Namespace> {
    let (name, place) = admin.place(&name)?;
    Ok(Json(StatusCode::OK, admin.describe_namespace(&name, &place).await?))
}

#[derive(Deserialize)]
pub(super) struct OfKey {
    key: String,
}

pub(super) async fn owner(
    State(admin): State<AdminHttp>,
    Path(name): Path<String>,
    of: Asked<OfKey>,
) -> Result<Owner> {
    let Query(OfKey { key }) = of?;
    let (_, place) = admin.place(&name)?;
    let key =
        ShardKey::new(&key).map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error.to_string()))?;
    let not_current = admin.readiness.check().is_err();
    let room = match place {
        Place::Room(room) => room,
        Place::Ring(ring) => return Ok(Json(StatusCode::OK, rings::owner(&ring, &key, not_current)?)),
    };
    let found = room.find(&key).ok_or_else(unknown)?;
    if !found.exists {
        return Err(Refusal::new(StatusCode::NOT_FOUND, format!("there is no shard \"{key}\"")));
    }
    let shards = |id| room.read(|state| state.map_or(0, |state| state.owned_by(id)));
    let owner = found.owner.as_ref();
    let reply = Owner {
        shard: found.shard_key.as_str().into(),
        version: Some(found.version.into()),
        not_current,
        executor: owner.map(|record| Executor::new(record, shards(record.id))),
        token: owner.and(found.shard).map(|shard| shard.token.into()),
    };
    Ok(Json(StatusCode::OK, reply))
}

#[derive(Serialize)]
pub(super) struct Executors {
    pub(super) executors: Vec<Executor>,
    pub(super) next_page: Option<String>,
    /// Absent: a ring answers.
    pub(super) version: Option<VersionReply>,
}

pub(super) async fn executors(
    State(admin): State<AdminHttp>,
    Path(name): Path<String>,
    page: Asked<Page>,
) -> Result<Executors> {
    let Query(page) = page?;
    let room = match admin.place(&name)? {
        (_, Place::Room(room)) => room,
        (_, Place::Ring(ring)) => return Ok(Json(StatusCode::OK, rings::executors(&ring, &page))),
    };
    read(&room, |state| {
        let mut records: Vec<_> = state.sessions().map(|record| (place(record), record)).collect();
        records.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let behind = records.into_iter().filter(|(place, _)| &**place > page.behind());
        let (records, next_page) = page.take(behind, |(place, _)| place.clone());
        let executors =
            records.into_iter().map(|(_, record)| Executor::new(record, state.owned_by(record.id)));
        Executors { executors: executors.collect(), next_page, version: Some(state.version().into()) }
    })
}

/// Where a session stands in the list: with its executor's others, in the order in which they began.
fn place(record: &engine::SessionRecord) -> String {
    let (began, ordinal) = (record.id.began, record.id.ordinal);
    format!("{} {:020}.{:020}.{ordinal:010}", record.executor, began.incarnation, began.generation)
}

#[derive(Serialize)]
pub(super) struct Shards {
    pub(super) shards: Vec<Shard>,
    pub(super) next_page: Option<String>,
    /// Absent: a ring answers.
    pub(super) version: Option<VersionReply>,
}

/// Those that a commit has named, in the order of their names.
pub(super) async fn shards(
    State(admin): State<AdminHttp>,
    Path(name): Path<String>,
    page: Asked<Page>,
) -> Result<Shards> {
    let Query(page) = page?;
    let room = match admin.place(&name)? {
        (_, Place::Room(room)) => room,
        (_, Place::Ring(ring)) => return Ok(Json(StatusCode::OK, rings::shards(&ring, &page))),
    };
    read(&room, |state| {
        let behind = state.shards_behind(page.behind());
        let (records, next_page) = page.take(behind, |record| record.key.as_str().into());
        let shards = records.iter().map(|record| Shard::new(record, state)).collect();
        Shards { shards, next_page, version: Some(state.version().into()) }
    })
}

pub(super) async fn nothing() -> Refusal {
    let paths = "/healthz, /readyz, /metrics, /api/v1/replicas, /api/v1/namespaces[/NAMESPACE[/owner?key=KEY|/executors|/shards]]";
    Refusal::new(StatusCode::NOT_FOUND, format!("there is nothing here; there are {paths}"))
}

fn read<T>(room: &Room, read: impl FnOnce(&engine::State) -> T) -> Result<T> {
    let reply = room.read(|state| state.map(read)).ok_or_else(unknown)?;
    Ok(Json(StatusCode::OK, reply))
}

fn unknown() -> Refusal {
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "nothing is known of the namespace here yet")
}

impl AdminHttp {
    /// Why the replica is not ready, with what helps to mend it.
    fn describe(&self, why: NotReady) -> String {
        let failure = || match self.metrics.store().last_failure() {
            Some(failure) => format!("; the store last said: {failure}"),
            None => String::new(),
        };
        match why {
            NotReady::Starting => format!("this replica {why}{}", failure()),
            NotReady::CutOff(since) => {
                let time = self.readiness.out_of_reach_for(since).as_secs_f64();
                format!("this replica {why} {time:.1} s ago{}", failure())
            }
            NotReady::Unhearing(since) => {
                format!(
                    "this replica {why}, for {:.1} s",
                    self.readiness.out_of_reach_for(since).as_secs_f64()
                )
            }
            NotReady::Reading(_) | NotReady::Moved | NotReady::Unfinished | NotReady::Stopping => {
                format!("this replica {why}")
            }
        }
    }

    async fn describe_namespace(
        &self,
        name: &types::Namespace,
        place: &Place,
    ) -> std::result::Result<Namespace, DeskError> {
        let room = match place {
            Place::Room(room) => room,
            Place::Ring(ring) => return Ok(rings::describe(name, ring)),
        };
        let of = name.clone();
        let seen = self.desk.look(move |sight| {
            let wrong = sight.shown(&of).and_then(|shown| shown.wrong());
            (sight.leader(&of).map(|leader| leader.replica), wrong)
        });
        let (leader, trouble) = seen.await?;
        let (version, census) = room.census().unzip();
        let census = census.unwrap_or_default();
        Ok(Namespace {
            name: name.to_string(),
            kind: room.read(|state| {
                Some(match state?.config().kind {
                    engine::Kind::Fixed { .. } => "fixed",
                    engine::Kind::Ephemeral => "ephemeral",
                })
            }),
            version: version.map(Into::into),
            shards: census.shards,
            unassigned_shards: census.unowned(),
            moving_shards: census.moving,
            quarantined_shards: census.quarantined,
            executors: census.sessions().collect(),
            watchers: room.watchers().len(),
            leader,
            trouble,
        })
    }
}

impl From<DeskError> for Refusal {
    fn from(error: DeskError) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
    }
}

impl From<QueryRejection> for Refusal {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(StatusCode::BAD_REQUEST, rejection.body_text())
    }
}

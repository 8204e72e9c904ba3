//! For those who look owners up, and for operators.

use std::{pin::Pin, sync::Arc, time::Duration};

use tokio::sync::mpsc;
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Request, Response, Status, Streaming, metadata::MetadataMap};

use super::{
    Desk, by_ring, caller,
    failure::{of_problem, passed_back, unassigned},
    state,
};
use crate::{
    engine::{self, Answer, State},
    proto::{
        Invalid,
        cadence::{
            Failure, WatchNamespaceStateResponse,
            wire::{
                DrainShardsRequest, DrainShardsResponse, ForceResetNamespaceRequest,
                ForceResetNamespaceResponse, GetDrainedShardsRequest, GetDrainedShardsResponse,
                GetExecutorStateRequest, GetExecutorStateResponse, GetNamespaceStateRequest,
                GetNamespaceStateResponse, GetShardOwnerRequest, GetShardOwnerResponse, InspectShardRequest,
                InspectShardResponse, ListNamespacesRequest, ListNamespacesResponse, UndrainShardsRequest,
                UndrainShardsResponse, WatchNamespaceStateRequest,
                shard_distributor_api_client::ShardDistributorApiClient,
                shard_distributor_api_server::ShardDistributorApi,
            },
        },
    },
    server::{
        Found, NotOwned, Room, Whole,
        grpc::{
            Office,
            delivery::{self, deliver},
            patience, peers,
        },
        rings::Place,
    },
    types::{ExecutorId, Namespace, ShardKey, Version},
};

/// States on their way to a watcher: it is given the newest when it has taken the last.
const MAX_FRAMES: usize = 1;
/// How long a watcher waits for a replica that knows nothing of the namespace yet.
const UNKNOWN_FOR: Duration = Duration::from_secs(5);
/// Most shards that one call drains or undrains.
const MAX_DRAINED_AT_ONCE: usize = 10_000;

type Answered<T> = Result<Response<T>, Status>;

/// Asks the leader, if that is another replica and nobody has done so before; otherwise says what is the problem.
macro_rules! from_leader {
    ($desk:expr, $metadata:expr, $namespace:expr, $problem:expr, $method:ident($message:expr)) => {{
        let problem = $problem;
        match $desk.leader(&problem, &$metadata) {
            Some(leader) => {
                let request = peers::pass_on($message, patience::of(&$metadata));
                let mut leader =
                    ShardDistributorApiClient::new(leader).max_decoding_message_size(peers::MAX_PASSED_BYTES);
                let answer = leader.$method(request).await;
                answer
                    .map(|answer| Response::new(answer.into_inner()))
                    .map_err(|status| passed_back(&$namespace, status))
            }
            None => Err(of_problem(&$namespace, problem).into()),
        }
    }};
}

#[tonic::async_trait]
impl ShardDistributorApi for Desk {
    type WatchNamespaceStateStream =
        Pin<Box<dyn Stream<Item = Result<WatchNamespaceStateResponse, Status>> + Send>>;

    async fn get_shard_owner(
        &self,
        request: Request<GetShardOwnerRequest>,
    ) -> Answered<GetShardOwnerResponse> {
        self.check(&request)?;
        let (metadata, _, message) = request.into_parts();
        let patience = patience::of(&metadata);
        let (namespace, place) = self.place(&message.namespace)?;
        let shard = shard_key("shard_key", &message.shard_key)?;
        let room = match place {
            Place::Room(room) => room,
            Place::Ring(ring) => {
                let (owner, metadata) = by_ring::owner(&namespace, &ring, &shard, patience).await?;
                return Ok(Response::new(GetShardOwnerResponse {
                    owner,
                    namespace: message.namespace,
                    metadata,
                }));
            }
        };
        if let Err(problem) = self.office.ensure(&namespace, &room, &shard, patience).await {
            return from_leader!(self, metadata, namespace, problem, get_shard_owner(message));
        }
        let found = owned(&room, &namespace, &shard, patience).await?;
        let (owner, metadata) = owner(found);
        Ok(Response::new(GetShardOwnerResponse { owner, namespace: message.namespace, metadata }))
    }

    async fn inspect_shard(&self, request: Request<InspectShardRequest>) -> Answered<InspectShardResponse> {
        self.check(&request)?;
        let patience = patience::of(request.metadata());
        let message = request.into_inner();
        let (namespace, place) = self.place(&message.namespace)?;
        let shard = shard_key("shard_key", &message.shard_key)?;
        let (owner, metadata) = match place {
            Place::Room(room) => owner(owned(&room, &namespace, &shard, patience).await?),
            Place::Ring(ring) => by_ring::owner(&namespace, &ring, &shard, patience).await?,
        };
        Ok(Response::new(InspectShardResponse { owner, namespace: message.namespace, metadata }))
    }

    async fn watch_namespace_state(
        &self,
        request: Request<Streaming<WatchNamespaceStateRequest>>,
    ) -> Answered<Self::WatchNamespaceStateStream> {
        self.check(&request)?;
        let patience = patience::of(request.metadata());
        let name = caller::name(request.metadata());
        let address = request.remote_addr().map_or_else(String::new, |address| address.to_string());
        let mut frames = request.into_inner();
        // Go's clients send one message and never close their side.
        let Some(first) = frames.message().await? else {
            return Err(Status::invalid_argument("the stream ended before its first message"));
        };
        let (namespace, place) = self.place(&first.namespace)?;
        self.office.admit_to(&place, patience).await?;
        let Some(watcher) = place.watchers().enter(name, address) else {
            return Err(Status::resource_exhausted("there are as many watchers as one replica serves"));
        };
        let (sender, receiver) = mpsc::channel(MAX_FRAMES);
        let room = match place {
            Place::Room(room) => room,
            Place::Ring(ring) => {
                tokio::spawn(by_ring::watch(self.office.clone(), namespace, ring, watcher, frames, sender));
                return Ok(Response::new(Box::pin(ReceiverStream::new(receiver))));
            }
        };
        let office = self.office.clone();
        let over = self.office.readiness.over();
        tokio::spawn(async move {
            tokio::select! {
                why = until_gone(frames) => delivery::end(&sender, why).await,
                why = over => delivery::end(&sender, why.problem().into_status()).await,
                status = tell(&office, &namespace, &room, &sender) => {
                    if let Err(status) = status {
                        delivery::end(&sender, status).await;
                    }
                }
            }
            drop(watcher);
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn get_namespace_state(
        &self,
        request: Request<GetNamespaceStateRequest>,
    ) -> Answered<GetNamespaceStateResponse> {
        self.check(&request)?;
        let (metadata, _, message) = request.into_parts();
        let (namespace, room) = match self.place(&message.namespace)? {
            (namespace, Place::Room(room)) => (namespace, room),
            (_, Place::Ring(ring)) => {
                let executors = by_ring::executors(&ring);
                return Ok(Response::new(GetNamespaceStateResponse {
                    namespace: message.namespace,
                    executors,
                }));
            }
        };
        // Only the leader hears beats. Without one, they are left out.
        let problem = self.office.not_leading(&namespace).await;
        if self.leader(&problem, &metadata).is_some() {
            return from_leader!(self, metadata, namespace, problem, get_namespace_state(message));
        }
        let mut executors = known(&room, state::executors)?;
        state::add_beats(&mut executors, &namespace, &self.stand_ins, self.office.clock.now());
        Ok(Response::new(GetNamespaceStateResponse { namespace: message.namespace, executors }))
    }

    async fn get_executor_state(
        &self,
        request: Request<GetExecutorStateRequest>,
    ) -> Answered<GetExecutorStateResponse> {
        self.check(&request)?;
        let (metadata, _, message) = request.into_parts();
        let (namespace, room) = match self.place(&message.namespace)? {
            (namespace, Place::Room(room)) => (namespace, room),
            (namespace, Place::Ring(ring)) => {
                let executors = by_ring::executors(&ring).into_iter();
                let executor = { executors }.find(|executor| executor.executor_id == message.executor_id);
                let executor = executor.ok_or_else(|| not_registered(&message.executor_id, &namespace))?;
                return Ok(Response::new(GetExecutorStateResponse {
                    namespace: message.namespace,
                    executor: Some(executor),
                }));
            }
        };
        let id = ExecutorId::new(&message.executor_id);
        let id = id.map_err(|error| Failure::from(Invalid::name("executor_id", error)))?;
        let problem = self.office.not_leading(&namespace).await;
        if self.leader(&problem, &metadata).is_some() {
            return from_leader!(self, metadata, namespace, problem, get_executor_state(message));
        }
        let found = known(&room, |state| Some(state::executor(state, state.session_of(&id)?)))?;
        let executor = found.ok_or_else(|| not_registered(&id, &namespace))?;
        let mut executors = [executor];
        state::add_beats(&mut executors, &namespace, &self.stand_ins, self.office.clock.now());
        let [executor] = executors;
        Ok(Response::new(GetExecutorStateResponse { namespace: message.namespace, executor: Some(executor) }))
    }

    async fn list_namespaces(
        &self,
        request: Request<ListNamespacesRequest>,
    ) -> Answered<ListNamespacesResponse> {
        self.check(&request)?;
        let rooms = &self.office.rooms;
        let known = rooms.names().into_iter().filter_map(|name| Some((rooms.get(&name)?, name)));
        let stored = known.map(|(room, name)| room.read(|room| state::config(&name, room)));
        let rings = self.office.rings.all_answering(rooms);
        let rings = rings.map(|(name, ring)| by_ring::config(name, ring));
        let mut namespaces: Vec<_> = stored.chain(rings).collect();
        namespaces.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Ok(Response::new(ListNamespacesResponse { namespaces }))
    }

    async fn drain_shards(&self, request: Request<DrainShardsRequest>) -> Answered<DrainShardsResponse> {
        self.check(&request)?;
        let (metadata, _, message) = request.into_parts();
        let (namespace, _) = self.namespace(&message.namespace)?;
        let keys = shard_keys(&message.shard_keys)?;
        match self.order(&metadata, &namespace, engine::Request::DrainShards(keys)).await {
            Ok(_) => Ok(Response::new(DrainShardsResponse {})),
            Err(problem) => from_leader!(self, metadata, namespace, *problem, drain_shards(message)),
        }
    }

    async fn undrain_shards(
        &self,
        request: Request<UndrainShardsRequest>,
    ) -> Answered<UndrainShardsResponse> {
        self.check(&request)?;
        let (metadata, _, message) = request.into_parts();
        let (namespace, _) = self.namespace(&message.namespace)?;
        let keys = shard_keys(&message.shard_keys)?;
        let undrained = match self.order(&metadata, &namespace, engine::Request::UndrainShards(keys)).await {
            Ok(Answer::Undrained(keys)) => keys,
            Ok(_) => Vec::new(),
            Err(problem) => {
                return from_leader!(self, metadata, namespace, *problem, undrain_shards(message));
            }
        };
        let undrained_shard_keys = undrained.iter().map(ToString::to_string).collect();
        Ok(Response::new(UndrainShardsResponse { undrained_shard_keys }))
    }

    async fn get_drained_shards(
        &self,
        request: Request<GetDrainedShardsRequest>,
    ) -> Answered<GetDrainedShardsResponse> {
        self.check(&request)?;
        let namespace = request.into_inner().namespace;
        let room = match self.place(&namespace)? {
            (_, Place::Room(room)) => room,
            // Nobody can drain any.
            (_, Place::Ring(_)) => {
                return Ok(Response::new(GetDrainedShardsResponse { namespace, shard_keys: Vec::new() }));
            }
        };
        let drained = |state: &State| {
            let drained = state.shards().filter(|shard| shard.drained);
            drained.map(|shard| shard.key.to_string()).collect()
        };
        Ok(Response::new(GetDrainedShardsResponse { shard_keys: known(&room, drained)?, namespace }))
    }

    async fn force_reset_namespace(
        &self,
        request: Request<ForceResetNamespaceRequest>,
    ) -> Answered<ForceResetNamespaceResponse> {
        self.check(&request)?;
        let (metadata, _, message) = request.into_parts();
        let (namespace, room) = self.namespace(&message.namespace)?;
        let count = |state: &State| state.sessions().count() + state.shard_count();
        let records = known(&room, count)?;
        match self.order(&metadata, &namespace, engine::Request::Reset).await {
            Ok(_) => {
                let deleted_keys = i64::try_from(records).unwrap_or(i64::MAX);
                Ok(Response::new(ForceResetNamespaceResponse { deleted_keys }))
            }
            Err(problem) => from_leader!(self, metadata, namespace, *problem, force_reset_namespace(message)),
        }
    }
}

impl Desk {
    /// Asks the leader, if that is this replica, for as long as the caller waits.
    async fn order(
        &self,
        metadata: &MetadataMap,
        namespace: &Namespace,
        request: engine::Request,
    ) -> Result<Answer, Box<crate::proto::v1::wire::Problem>> {
        let asked = tokio::time::timeout(patience::of(metadata), self.office.ask(namespace, request)).await;
        match asked {
            Ok(answer) => answer.map_err(Box::new),
            Err(_) => Err(Box::new(super::too_late())),
        }
    }
}

fn not_registered(executor: &str, namespace: &Namespace) -> Status {
    Status::not_found(format!("executor \"{executor}\" of namespace \"{namespace}\" is not registered"))
}

/// Until the watcher has gone, or its stream is broken, as this says. One that closes its side still listens.
pub(super) async fn until_gone(mut frames: Streaming<WatchNamespaceStateRequest>) -> Status {
    loop {
        match frames.message().await {
            Ok(Some(_)) => {}
            Ok(None) => std::future::pending().await,
            Err(status) => return status,
        }
    }
}

/// Everything at once, and again whenever it has changed.
async fn tell(
    office: &Office,
    namespace: &Namespace,
    room: &Arc<Room>,
    to: &mpsc::Sender<Result<WatchNamespaceStateResponse, Status>>,
) -> Result<(), Status> {
    let mut versions = room.versions();
    let mut have = None;
    let mut waits_since = None;
    loop {
        versions.mark_unchanged();
        if room.is_gone() {
            return Err(of_problem(namespace, office.is_over(namespace)).into());
        }
        let now = office.clock.now();
        match room.whole(now, have) {
            Whole::Is(serial, message) => {
                have = Some(serial);
                let delivered = deliver(to, message).await;
                if !delivered.map_err(|problem| Status::from(of_problem(namespace, problem)))? {
                    return Ok(());
                }
                continue;
            }
            // Whatever else changes meanwhile is part of it.
            Whole::Later(until) => {
                tokio::time::sleep(until.since(now)).await;
                continue;
            }
            // An empty state would take everything from a watcher that was at another replica before.
            Whole::Nothing if now.since(*waits_since.get_or_insert(now)) >= UNKNOWN_FOR => {
                return Err(unknown());
            }
            Whole::Nothing | Whole::Same => {}
        }
        tokio::select! {
            changed = versions.changed() => if changed.is_err() { return Ok(()) },
            () = to.closed() => return Ok(()),
            () = tokio::time::sleep(UNKNOWN_FOR), if have.is_none() => {}
        }
    }
}

fn known<T>(room: &Room, read: impl FnOnce(&State) -> T) -> Result<T, Status> {
    room.read(|state| state.map(read)).ok_or_else(unknown)
}

fn unknown() -> Status {
    Status::unavailable("this replica knows nothing of the namespace yet; ask again, or another one")
}

async fn owned(
    room: &Room,
    namespace: &Namespace,
    shard: &ShardKey,
    patience: Duration,
) -> Result<Found, Status> {
    let found = room.owned(shard, Version::default(), patience).await;
    let (of, named) = (|| namespace.to_string(), || shard.to_string());
    found.map_err(|why| match why {
        NotOwned::Gone => Failure::NoSuchNamespace(of()).into(),
        NotOwned::NoSuchShard => Failure::NoSuchShard(of(), named()).into(),
        NotOwned::Drained => Failure::ShardDrained(of(), named()).into(),
        NotOwned::Unassigned => unassigned(namespace, shard).into(),
        NotOwned::Unknown | NotOwned::Older(_) => unknown(),
    })
}

fn owner(found: Found) -> (String, std::collections::BTreeMap<String, String>) {
    found.owner.map_or_else(Default::default, |record| {
        (record.executor.to_string(), record.profile.metadata.clone())
    })
}

fn shard_key(field: &str, key: &str) -> Result<ShardKey, Status> {
    ShardKey::new(key).map_err(|error| Failure::from(Invalid::name(field, error)).into())
}

fn shard_keys(keys: &[String]) -> Result<Vec<ShardKey>, Status> {
    if keys.is_empty() || keys.len() > MAX_DRAINED_AT_ONCE {
        let rule = format!("must be 1 to {MAX_DRAINED_AT_ONCE}");
        return Err(Failure::from(Invalid::new("shard_keys", keys.len(), rule)).into());
    }
    let keys = keys.iter().enumerate();
    keys.map(|(at, key)| shard_key(&format!("shard_keys[{at}]"), key)).collect()
}

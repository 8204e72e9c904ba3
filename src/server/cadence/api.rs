//! For those who look owners up, and for operators.

use std::{pin::Pin, sync::Arc, time::Duration};

use tokio::sync::mpsc;
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Request, Response, Status, Streaming, metadata::MetadataMap};

use super::{
    Desk, caller,
    failure::{of_problem, passed_back, unassigned},
    state,
};
use crate::{
    clock::Clock,
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
        grpc::{patience, peers},
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
                let answer = ShardDistributorApiClient::new(leader).$method(request).await;
                answer.map(|answer| Response::new(answer.into_inner())).map_err(passed_back)
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
        let (namespace, room) = self.namespace(&message.namespace)?;
        let shard = shard_key("shard_key", &message.shard_key)?;
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
        let (namespace, room) = self.namespace(&message.namespace)?;
        let shard = shard_key("shard_key", &message.shard_key)?;
        let found = owned(&room, &namespace, &shard, patience).await?;
        let (owner, metadata) = owner(found);
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
        let (namespace, room) = self.namespace(&first.namespace)?;
        self.office.admit(patience).await?;
        let Some(watcher) = room.watchers().enter(name, address) else {
            return Err(Status::resource_exhausted("there are as many watchers as one replica serves"));
        };
        let (sender, receiver) = mpsc::channel(MAX_FRAMES);
        let clock = self.office.clock.clone();
        let over = self.office.readiness.over();
        tokio::spawn(async move {
            tokio::select! {
                () = until_gone(frames) => {}
                why = over => {
                    let _ = sender.send(Err(why.problem().into_status())).await;
                }
                status = tell(&*clock, &namespace, &room, &sender) => {
                    if let Err(status) = status {
                        let _ = sender.send(Err(status)).await;
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
        let (namespace, room) = self.namespace(&message.namespace)?;
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
        let (namespace, room) = self.namespace(&message.namespace)?;
        let id = ExecutorId::new(&message.executor_id);
        let id = id.map_err(|error| Failure::from(Invalid::name("executor_id", error)))?;
        let problem = self.office.not_leading(&namespace).await;
        if self.leader(&problem, &metadata).is_some() {
            return from_leader!(self, metadata, namespace, problem, get_executor_state(message));
        }
        let found = known(&room, |state| Some(state::executor(state, state.session_of(&id)?)))?;
        let text = || format!("executor \"{id}\" of namespace \"{namespace}\" is not registered");
        let executor = found.ok_or_else(|| Status::not_found(text()))?;
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
        let namespaces = known.map(|(room, name)| room.read(|room| state::config(&name, room))).collect();
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
        let (_, room) = self.namespace(&namespace)?;
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

/// Until the watcher has gone. One that closes its side still listens.
async fn until_gone(mut frames: Streaming<WatchNamespaceStateRequest>) {
    loop {
        match frames.message().await {
            Ok(Some(_)) => {}
            Ok(None) => std::future::pending().await,
            Err(_) => return,
        }
    }
}

/// Everything at once, and again whenever it has changed.
async fn tell(
    clock: &dyn Clock,
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
            return Err(Failure::NoSuchNamespace(namespace.to_string()).into());
        }
        let now = clock.now();
        match room.whole(now, have) {
            Whole::Is(serial, message) => {
                have = Some(serial);
                if to.send(Ok(message)).await.is_err() {
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

//! For operators.

mod executors;
mod existence;
mod history;
mod leadership;
mod leading;
mod namespaces;
mod pages;
mod rings;
mod shards;
mod words;

use std::time::Duration;

use leading::Asked;
use tonic::{Request, Response, Status, transport::Channel};

use super::{Office, unknown_yet};
use crate::{
    dynconfig,
    engine::{self, Answer},
    proto::{
        Invalid,
        v1::wire::{admin_client::AdminClient, *},
    },
    server::rings::Place,
    types::{ExecutorId, ShardKey},
};

/// Longest policy.
const MAX_POLICY_BYTES: usize = 64 << 10;

pub(super) struct AdminService(pub(super) Office);

/// Checks a request, asks the namespace's leader for what it asks for, wherever that is, and answers. Every method has
/// messages of its own, which share no trait.
macro_rules! change {
    ($self:ident, $request:ident, $method:ident, |$message:ident| $change:expr, $answered:expr) => {{
        let asked = Asked::new(&$self.0, $request);
        let (namespace, _) = $self.0.namespace(&asked.message.namespace)?;
        let $message = &asked.message;
        let change = $change;
        let there = |mut leader: AdminClient<Channel>, asked| async move { leader.$method(asked).await };
        $self.change(asked, &namespace, change, there, $answered).await
    }};
}

#[tonic::async_trait]
impl admin_server::Admin for AdminService {
    async fn list_namespaces(
        &self,
        request: Request<ListNamespacesRequest>,
    ) -> Result<Response<ListNamespacesResponse>, Status> {
        self.namespaces(Asked::new(&self.0, request)).await
    }

    async fn get_namespace(
        &self,
        request: Request<GetNamespaceRequest>,
    ) -> Result<Response<GetNamespaceResponse>, Status> {
        self.namespace(Asked::new(&self.0, request)).await
    }

    async fn create_namespace(
        &self,
        request: Request<CreateNamespaceRequest>,
    ) -> Result<Response<CreateNamespaceResponse>, Status> {
        self.create(Asked::new(&self.0, request)).await
    }

    async fn configure_namespace(
        &self,
        request: Request<ConfigureNamespaceRequest>,
    ) -> Result<Response<ConfigureNamespaceResponse>, Status> {
        change!(
            self,
            request,
            configure_namespace,
            |message| {
                let config = namespaces::config(message.config.clone())?;
                engine::Request::Configure(Box::new(config))
            },
            |answer| { ConfigureNamespaceResponse { version: done(&answer) } }
        )
    }

    async fn delete_namespace(
        &self,
        request: Request<DeleteNamespaceRequest>,
    ) -> Result<Response<DeleteNamespaceResponse>, Status> {
        self.delete(Asked::new(&self.0, request)).await
    }

    async fn adopt_namespace(
        &self,
        request: Request<AdoptNamespaceRequest>,
    ) -> Result<Response<AdoptNamespaceResponse>, Status> {
        self.adopt(Asked::new(&self.0, request)).await
    }

    async fn list_executors(
        &self,
        request: Request<ListExecutorsRequest>,
    ) -> Result<Response<ListExecutorsResponse>, Status> {
        self.executors(Asked::new(&self.0, request)).await
    }

    async fn list_shards(
        &self,
        request: Request<ListShardsRequest>,
    ) -> Result<Response<ListShardsResponse>, Status> {
        self.shards(Asked::new(&self.0, request)).await
    }

    async fn list_watchers(
        &self,
        request: Request<ListWatchersRequest>,
    ) -> Result<Response<ListWatchersResponse>, Status> {
        let ListWatchersRequest { namespace, page_size, page } = request.into_inner();
        let (_, place) = self.0.place(&namespace)?;
        let size = pages::size(page_size)?;
        let after = pages::after(&page, |page| page.parse().ok())?;
        let reports = place.watchers().reports_after(after, size + 1);
        let (reports, next_page) = pages::cut(reports, size, |(number, _)| *number);
        let watchers = reports.into_iter().map(|(_, report)| WatcherState {
            watcher: report.name,
            address: report.address,
            seen: Some(report.version.into()),
            policy_epoch: report.policy_epoch,
        });
        Ok(Response::new(ListWatchersResponse { watchers: watchers.collect(), next_page }))
    }

    async fn list_history(
        &self,
        request: Request<ListHistoryRequest>,
    ) -> Result<Response<ListHistoryResponse>, Status> {
        self.history(request.get_ref()).map(Response::new)
    }

    async fn list_rounds(
        &self,
        request: Request<ListRoundsRequest>,
    ) -> Result<Response<ListRoundsResponse>, Status> {
        self.rounds(Asked::new(&self.0, request)).await
    }

    async fn get_round(
        &self,
        request: Request<GetRoundRequest>,
    ) -> Result<Response<GetRoundResponse>, Status> {
        change!(self, request, get_round, |message| engine::Request::Round(message.number), |answer| {
            let Answer::Round(text) = answer else { return GetRoundResponse::default() };
            GetRoundResponse { text: text.map_or_else(String::new, Into::into) }
        })
    }

    async fn drain(&self, request: Request<DrainRequest>) -> Result<Response<DrainResponse>, Status> {
        change!(
            self,
            request,
            drain,
            |message| engine::Request::Drain(executor("executor", &message.executor)?),
            |answer| { DrainResponse { version: done(&answer) } }
        )
    }

    async fn undrain(&self, request: Request<UndrainRequest>) -> Result<Response<UndrainResponse>, Status> {
        change!(
            self,
            request,
            undrain,
            |message| engine::Request::Undrain(executor("executor", &message.executor)?),
            |answer| { UndrainResponse { version: done(&answer) } }
        )
    }

    async fn remove_executor(
        &self,
        request: Request<RemoveExecutorRequest>,
    ) -> Result<Response<RemoveExecutorResponse>, Status> {
        change!(
            self,
            request,
            remove_executor,
            |message| {
                let executor = executor("executor", &message.executor)?;
                namespaces::confirmed(&executor, &message.confirm)?;
                engine::Request::Remove(executor)
            },
            |answer| { RemoveExecutorResponse { version: done(&answer) } }
        )
    }

    async fn may_stop(&self, request: Request<MayStopRequest>) -> Result<Response<MayStopResponse>, Status> {
        change!(
            self,
            request,
            may_stop,
            |message| engine::Request::MayStop(executor("executor", &message.executor)?),
            executors::may_stop
        )
    }

    async fn move_shard(
        &self,
        request: Request<MoveShardRequest>,
    ) -> Result<Response<MoveShardResponse>, Status> {
        change!(
            self,
            request,
            move_shard,
            |message| {
                let shard = shard(&message.shard)?;
                engine::Request::Move(shard, executor("to", &message.to)?)
            },
            |answer| { MoveShardResponse { version: done(&answer) } }
        )
    }

    async fn pin_shard(
        &self,
        request: Request<PinShardRequest>,
    ) -> Result<Response<PinShardResponse>, Status> {
        change!(
            self,
            request,
            pin_shard,
            |message| {
                let shard = shard(&message.shard)?;
                let to = if_named(&message.executor)?;
                engine::Request::Pin(shard, to)
            },
            |answer| { PinShardResponse { version: done(&answer) } }
        )
    }

    async fn release_shard(
        &self,
        request: Request<ReleaseShardRequest>,
    ) -> Result<Response<ReleaseShardResponse>, Status> {
        change!(
            self,
            request,
            release_shard,
            |message| engine::Request::Release(shard(&message.shard)?),
            |answer| { ReleaseShardResponse { version: done(&answer) } }
        )
    }

    async fn freeze(&self, request: Request<FreezeRequest>) -> Result<Response<FreezeResponse>, Status> {
        change!(
            self,
            request,
            freeze,
            |message| engine::Request::Freeze(namespaces::freeze(message.level)?),
            |answer| { FreezeResponse { version: done(&answer) } }
        )
    }

    async fn allow_expiry(
        &self,
        request: Request<AllowExpiryRequest>,
    ) -> Result<Response<AllowExpiryResponse>, Status> {
        if let (_, Place::Ring(ring)) = self.0.place(&request.get_ref().namespace)? {
            return rings::let_go(&ring);
        }
        change!(self, request, allow_expiry, |_message| engine::Request::AllowExpiry, |answer| {
            AllowExpiryResponse { version: done(&answer) }
        })
    }

    async fn get_policy(
        &self,
        request: Request<GetPolicyRequest>,
    ) -> Result<Response<GetPolicyResponse>, Status> {
        let (namespace, room) = self.0.namespace(&request.get_ref().namespace)?;
        let policy = room.read(|state| state.map(|state| policy(state.policy())));
        let policy = policy.ok_or_else(|| unknown_yet(&namespace))?;
        Ok(Response::new(GetPolicyResponse { policy: Some(policy) }))
    }

    async fn set_policy(
        &self,
        request: Request<SetPolicyRequest>,
    ) -> Result<Response<SetPolicyResponse>, Status> {
        change!(
            self,
            request,
            set_policy,
            |message| {
                let text = message.text.clone();
                check_policy(&text)?;
                engine::Request::SetPolicy(text)
            },
            |answer| {
                let Answer::Policy(text) = answer else { return SetPolicyResponse::default() };
                SetPolicyResponse { policy: Some(policy(&text)) }
            }
        )
    }

    async fn preview_plan(
        &self,
        request: Request<PreviewPlanRequest>,
    ) -> Result<Response<PreviewPlanResponse>, Status> {
        self.preview(Asked::new(&self.0, request)).await
    }

    async fn list_replicas(
        &self,
        _: Request<ListReplicasRequest>,
    ) -> Result<Response<ListReplicasResponse>, Status> {
        self.replicas().await.map(Response::new)
    }

    async fn resign_leadership(
        &self,
        request: Request<ResignLeadershipRequest>,
    ) -> Result<Response<ResignLeadershipResponse>, Status> {
        self.resign(Asked::new(&self.0, request)).await
    }
}

fn done(answer: &Answer) -> Option<Version> {
    match answer {
        Answer::Done(version) => Some((*version).into()),
        _ => None,
    }
}

fn executor(field: &str, id: &str) -> Result<ExecutorId, Invalid> {
    ExecutorId::new(id).map_err(|error| Invalid::name(field, error))
}

fn shard(key: &str) -> Result<ShardKey, Invalid> {
    ShardKey::new(key).map_err(|error| Invalid::name("shard", error))
}

/// An executor that may be left out.
fn if_named(id: &str) -> Result<Option<ExecutorId>, Invalid> {
    if id.is_empty() { Ok(None) } else { executor("executor", id).map(Some) }
}

fn policy(policy: &engine::PolicyText) -> WatchPolicy {
    WatchPolicy { epoch: policy.epoch, text: policy.text.to_string() }
}

/// An empty one sets nothing, which a file must not.
fn check_policy(text: &str) -> Result<(), Invalid> {
    if text.len() > MAX_POLICY_BYTES {
        return Err(Invalid::new("text", "", format!("must be at most {MAX_POLICY_BYTES} bytes")));
    }
    if text.is_empty() {
        return Ok(());
    }
    let settings = dynconfig::Settings::parse("text", text, dynconfig::Strictness::Strict);
    settings.map(|_| ()).map_err(|error| Invalid::new("text", "", format!("was refused: {error}")))
}

fn wire_duration(duration: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(duration.subsec_nanos()).unwrap_or_default(),
    }
}

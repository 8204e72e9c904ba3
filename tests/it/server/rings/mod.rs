//! Namespaces that every replica answers from a ring: the same owners as in the callers' own processes, whoever asks.

mod answers;
mod moving;
mod told;

use std::{collections::BTreeMap, fs, path::PathBuf, sync::Arc, time::Duration};

use serde_json::Value;
use shardway::{
    engine::Keying,
    membership::{FileMembers, RestraintConfig},
    proto::{
        cadence::wire::{GetShardOwnerRequest, shard_distributor_api_client::ShardDistributorApiClient},
        v1::{
            WatchFrame, WatchResponse,
            wire::{
                self, LookupRequest, LookupResponse, Problem, Source, WatchOpen, WatchRequest,
                problem::Reason, router_client::RouterClient, watch_request,
            },
        },
    },
    resolver::Resolver,
    server::{MembersFrom, RingConfig},
    types::Namespace,
};
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Status, Streaming, transport::Channel};

use super::operated::{DEADLINE, Served};
use crate::store::scratch::ScratchDir;

const SHARDS: u32 = 64;

/// A file of members that somebody replaces.
struct Fleet(ScratchDir);

impl Fleet {
    fn of(members: &str) -> Self {
        let fleet = Self(ScratchDir::new());
        fleet.is_now(members);
        fleet
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("members.yaml")
    }

    fn is_now(&self, members: &str) {
        let new = self.0.path().join("new");
        fs::write(&new, members).unwrap();
        fs::rename(&new, self.path()).unwrap();
    }

    /// Any key is a shard. What vanishes is believed at once.
    fn config(&self) -> RingConfig {
        let restraint = RestraintConfig { min_share: 0.0, ..RestraintConfig::default() };
        RingConfig { restraint, ..RingConfig::new(MembersFrom::File(self.path())) }
    }

    fn hashed(&self) -> RingConfig {
        RingConfig { shards: Some(SHARDS), keys: Keying::Hashed, ..self.config() }
    }

    /// What a caller's own process would ask.
    fn resolver(&self) -> Resolver {
        let resolver = Resolver::builder(Namespace::new("mine").unwrap())
            .members(Arc::new(FileMembers::new(self.path())))
            .restraint(self.config().restraint)
            .build();
        resolver.start().unwrap();
        resolver
    }
}

fn keys() -> impl Iterator<Item = String> {
    (0..40).map(|number| format!("order-{number}"))
}

fn owner_of(resolver: &Resolver, key: &str) -> String {
    resolver.lookup(key).unwrap().identity().to_owned()
}

async fn lookup(
    channel: &Channel,
    namespace: &str,
    key: &str,
    owners: u32,
) -> Result<LookupResponse, Status> {
    let lookup = LookupRequest { namespace: namespace.into(), key: key.into(), owners, at_least: None };
    let mut request = Request::new(lookup);
    request.set_timeout(Duration::from_secs(2));
    RouterClient::new(channel.clone()).lookup(request).await.map(tonic::Response::into_inner)
}

fn first(answer: &LookupResponse) -> &str {
    assert_eq!((answer.source(), answer.version), (Source::Ring, None));
    assert_eq!((answer.owners[0].session, answer.owners[0].token), (None, None));
    &answer.owners[0].executor
}

async fn cadence_owner(channel: &Channel, namespace: &str, key: &str) -> Result<String, Status> {
    let request = GetShardOwnerRequest { shard_key: key.into(), namespace: namespace.into() };
    let mut request = Request::new(request);
    request.set_timeout(Duration::from_secs(2));
    let answer = ShardDistributorApiClient::new(channel.clone()).get_shard_owner(request).await?.into_inner();
    assert!(answer.metadata.contains_key("address"), "{answer:?}");
    Ok(answer.owner)
}

async fn http_owner(served: &Served, namespace: &str, key: &str) -> Value {
    let key: String = key.bytes().map(|byte| format!("%{byte:02X}")).collect();
    served.json(&format!("/api/v1/namespaces/{namespace}/owner?key={key}")).await
}

/// Who owns what, as a watch of either package tells it.
#[derive(Default)]
struct View {
    members: BTreeMap<u32, String>,
    owners: BTreeMap<String, u32>,
    parts: usize,
    deltas: usize,
    changed: usize,
    ring: Option<wire::WatchRing>,
}

impl View {
    fn hear(&mut self, response: &WatchResponse) {
        let (members, gone, shards) = match response.frame().unwrap() {
            WatchFrame::Part(part) => {
                assert_eq!((part.version, part.shard_count, part.hashed_keys), (None, SHARDS.into(), true));
                self.parts += 1;
                self.ring = part.ring.or(self.ring.take());
                (part.executors, Vec::new(), part.shards)
            }
            WatchFrame::Delta(delta) => {
                assert_eq!((delta.since, delta.version), (None, None));
                (self.deltas, self.changed) = (self.deltas + 1, delta.shards.len());
                (delta.executors, delta.gone_executors, delta.shards)
            }
            WatchFrame::Idle(idle) => return assert_eq!(idle.version, None),
        };
        gone.iter().for_each(|number| assert!(self.members.remove(number).is_some()));
        self.members.extend(members.into_iter().map(|member| (member.number, member.executor)));
        self.owners.extend(shards.into_iter().map(|shard| (shard.shard, shard.owner)));
    }

    /// Hears until it is so.
    async fn hear_until(
        &mut self,
        what: &str,
        stream: &mut Streaming<WatchResponse>,
        is_so: impl Fn(&Self) -> bool,
    ) {
        let hearing = async {
            while !is_so(self) {
                self.hear(&next(stream).await.unwrap());
            }
        };
        assert!(timeout(DEADLINE, hearing).await.is_ok(), "{what}: {:?} {:?}", self.members, self.owners);
    }

    fn is_of(&self, resolver: &Resolver) -> bool {
        self.members.len() == resolver.member_count()
            && (0..SHARDS).all(|shard| {
                let shard = shard.to_string();
                let owner =
                    self.owners.get(&shard).and_then(|owner| self.members.get(&(owner.checked_sub(1)?)));
                owner.is_some_and(|owner| *owner == owner_of(resolver, &shard))
            })
    }
}

async fn watch(
    channel: &Channel,
    namespace: &str,
) -> Result<(mpsc::Sender<WatchRequest>, Streaming<WatchResponse>), Status> {
    let (sender, frames) = mpsc::channel(1);
    let open = WatchOpen { namespace: namespace.into(), ..WatchOpen::default() };
    sender.send(WatchRequest { frame: Some(watch_request::Frame::Open(open)) }).await.unwrap();
    let stream = RouterClient::new(channel.clone()).watch(ReceiverStream::new(frames)).await?;
    Ok((sender, stream.into_inner()))
}

async fn next<T>(stream: &mut Streaming<T>) -> Result<T, Status> {
    timeout(DEADLINE, stream.message())
        .await
        .expect("a frame")
        .map(|frame| frame.expect("an end that says why"))
}

fn reason(status: &Status) -> Reason {
    Problem::of_status(status).unwrap_or_else(|| panic!("{status}")).reason()
}

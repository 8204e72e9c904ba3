//! For those who look owners up.

use std::{pin::Pin, sync::Arc, time::Duration};

use tokio::sync::mpsc;
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Request, Response, Status, Streaming};

use super::{
    Office,
    delivery::{self, deliver},
    desk_problem, no_such, not_placed, patience, peers,
};
use crate::{
    engine::SessionRecord,
    proto::{
        Invalid,
        v1::{
            WatchFrame, WatchResponse,
            wire::{
                EnsureShardRequest, EnsureShardResponse, LookupRequest, LookupResponse, Owner, Problem,
                Source, WatchIdle, WatchOpen, WatchRequest, problem::Reason, router_client::RouterClient,
                router_server::Router, watch_request::Frame,
            },
        },
    },
    server::{
        Found, NotOwned, Room, Since, Watcher,
        rings::{Place, Placed, Ring},
    },
    types::{Member, Namespace, ShardKey, Version},
};

/// Frames on their way to a watcher. More wait in the room, where all share them.
const MAX_FRAMES: usize = 4;
/// How often a watcher hears that nothing has happened.
const IDLE_EVERY: Duration = Duration::from_secs(1);
/// Most owners that may be asked for.
const MAX_OWNERS: u32 = 16;
/// Longest name of a watcher.
const MAX_WATCHER_BYTES: usize = 256;

pub(super) struct RouterService(pub(super) Office);

#[tonic::async_trait]
impl Router for RouterService {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<WatchResponse, Status>> + Send>>;

    async fn lookup(&self, request: Request<LookupRequest>) -> Result<Response<LookupResponse>, Status> {
        let patience = patience::of(request.metadata());
        let LookupRequest { namespace, key, owners, at_least } = request.into_inner();
        let (namespace, place) = self.0.place(&namespace)?;
        let shard = ShardKey::new(&key).map_err(|error| Invalid::name("key", error))?;
        if owners > MAX_OWNERS {
            return Err(Invalid::new("owners", owners, "must be at most 16").into());
        }
        let room = match place {
            Place::Room(room) => room,
            Place::Ring(_) if at_least.is_some() => return Err(self.0.is_ring(&namespace).into_status()),
            Place::Ring(ring) => {
                let (shard, owners) =
                    self.0.owners_by_ring(&namespace, &ring, &shard, owners, patience).await?;
                return Ok(Response::new(LookupResponse {
                    owners,
                    source: Source::Ring.into(),
                    version: None,
                    shard: shard.as_str().into(),
                    not_current: self.0.readiness.check().is_err(),
                }));
            }
        };
        let at_least = at_least.map(Version::from).unwrap_or_default();
        let (found, is_current) = self.0.owned(&namespace, &room, &shard, at_least, patience).await?;
        Ok(Response::new(LookupResponse {
            not_current: !is_current,
            version: Some(found.version.into()),
            owners: owner(&found).into_iter().chain(successors(&room, &found, owners)).collect(),
            source: Source::Distributor.into(),
            shard: found.shard_key.as_str().into(),
        }))
    }

    async fn ensure_shard(
        &self,
        request: Request<EnsureShardRequest>,
    ) -> Result<Response<EnsureShardResponse>, Status> {
        let patience = patience::of(request.metadata());
        let is_passed_on = peers::is_passed_on(&request);
        let message = request.into_inner();
        let (namespace, place) = self.0.place(&message.namespace)?;
        let shard = ShardKey::new(&message.key).map_err(|error| Invalid::name("key", error))?;
        let room = match place {
            Place::Room(room) => room,
            Place::Ring(ring) => {
                let (shard, owners) = self.0.owners_by_ring(&namespace, &ring, &shard, 1, patience).await?;
                let (owner, shard) = (owners.into_iter().next(), shard.as_str().into());
                return Ok(Response::new(EnsureShardResponse { owner, shard, version: None }));
            }
        };
        if let Err(problem) = self.0.ensure(&namespace, &room, &shard, patience).await {
            let may_pass_on = problem.reason() == Reason::NotLeading && !is_passed_on;
            let leader = Some(&problem.leader).filter(|leader| may_pass_on && !leader.is_empty());
            let Some(leader) = leader.and_then(|leader| self.0.peers.at(leader)) else {
                return Err(problem.into_status());
            };
            let passed_on = peers::pass_on(message, patience);
            let mut leader = RouterClient::new(leader).max_decoding_message_size(peers::MAX_PASSED_BYTES);
            return leader.ensure_shard(passed_on).await.map_err(|status| peers::told(&namespace, status));
        }
        let (found, _) = self.0.owned(&namespace, &room, &shard, Version::default(), patience).await?;
        Ok(Response::new(EnsureShardResponse {
            version: Some(found.version.into()),
            owner: owner(&found),
            shard: found.shard_key.as_str().into(),
        }))
    }

    async fn watch(
        &self,
        request: Request<Streaming<WatchRequest>>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let address = request.remote_addr().map_or_else(String::new, |address| address.to_string());
        let patience = patience::of(request.metadata());
        let mut frames = request.into_inner();
        let Some(WatchRequest { frame: Some(Frame::Open(open)) }) = frames.message().await? else {
            return Err(Invalid::new("frame", "", "must be open in the first frame").into());
        };
        let WatchOpen { namespace, have, watcher } = open;
        let (namespace, place) = self.0.place(&namespace)?;
        self.0.admit_to(&place, patience).await?;
        if watcher.len() > MAX_WATCHER_BYTES {
            return Err(Invalid::new("open.watcher", watcher, "must be at most 256 bytes").into());
        }
        let Some(watcher) = place.watchers().enter(watcher, address) else {
            let problem = Problem::new(Reason::TooMany, "watchers", "are as many as one replica serves");
            return Err(problem.remedy("watch another replica").into_status());
        };
        let (sender, receiver) = mpsc::channel(MAX_FRAMES);
        let office = self.0.clone();
        let room = match place {
            Place::Room(room) => room,
            Place::Ring(ring) => {
                tokio::spawn(watch_ring(office, namespace, ring, watcher, frames, sender));
                return Ok(Response::new(Box::pin(ReceiverStream::new(receiver))));
            }
        };
        let have = have.map(Version::from);
        if let Some(have) = have {
            self.0.desk.seen(&namespace, have).map_err(|error| desk_problem(error).into_status())?;
        }
        let over = self.0.readiness.over();
        tokio::spawn(async move {
            tokio::select! {
                why = hear(&office, &namespace, frames, &watcher) => delivery::end(&sender, why).await,
                why = over => delivery::end(&sender, why.problem().into_status()).await,
                status = tell(&office, &namespace, &room, have, &sender) => {
                    if let Err(status) = status {
                        delivery::end(&sender, status).await;
                    }
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}

/// Tells a watcher of a ring what it has to know, until it goes or the ring answers no more.
async fn watch_ring(
    office: Office,
    namespace: Namespace,
    ring: Arc<Ring>,
    watcher: Watcher,
    frames: Streaming<WatchRequest>,
    to: mpsc::Sender<Result<WatchResponse, Status>>,
) {
    let idle = WatchResponse::new(&WatchFrame::Idle(WatchIdle::default()));
    let told = tokio::select! {
        why = hear(&office, &namespace, frames, &watcher) => Err(why),
        why = office.readiness.stopping() => Err(why.problem().into_status()),
        told = office.tell_of_ring(&namespace, &ring, &to, Placed::since, Some(idle)) => {
            told.map_err(Problem::into_status)
        }
    };
    if let Err(status) = told {
        delivery::end(&to, status).await;
    }
}

/// What the watcher says of itself, until it goes, or says what it may not; then, why its stream ends.
async fn hear(
    office: &Office,
    namespace: &Namespace,
    mut frames: Streaming<WatchRequest>,
    watcher: &Watcher,
) -> Status {
    let figures = office.metrics.namespace(namespace);
    let (since, mut last) = (office.clock.now(), Version::default());
    loop {
        match frames.message().await {
            Ok(Some(WatchRequest { frame: Some(Frame::Seen(seen)) })) => {
                let version = seen.version.map(Version::from).unwrap_or_default();
                watcher.report(version, seen.policy_epoch);
                if version > last {
                    last = version;
                    figures.in_force(version, since, office.clock.now());
                }
            }
            Ok(Some(WatchRequest { frame: Some(Frame::Open(_)) })) => {
                return Invalid::new("frame", "open", "must be open in the first frame alone").into();
            }
            // What a later client says.
            Ok(Some(WatchRequest { frame: None })) => {}
            // A client that only closes its side still listens.
            Ok(None) => std::future::pending().await,
            Err(status) => return status,
        }
    }
}

/// What the watcher has to know, until it goes or this replica has nothing to tell.
async fn tell(
    office: &Office,
    namespace: &Namespace,
    room: &Arc<Room>,
    mut have: Option<Version>,
    to: &mpsc::Sender<Result<WatchResponse, Status>>,
) -> Result<(), Status> {
    let mut versions = room.versions();
    let mut is_new = true;
    loop {
        versions.mark_unchanged();
        if room.is_gone() {
            return Err(office.is_over(namespace).into_status());
        }
        match room.since(have, is_new) {
            Since::Nothing => {}
            Since::Behind => {
                let problem =
                    Problem::new(Reason::StoreAway, "have", "is newer than what this replica knows");
                return Err(problem.remedy("watch another replica, or wait").into_status());
            }
            Since::Frames(frames, version) => {
                for frame in frames {
                    if !deliver(to, frame).await.map_err(Problem::into_status)? {
                        return Ok(());
                    }
                }
                (have, is_new) = (Some(version), false);
                continue;
            }
        }
        tokio::select! {
            changed = versions.changed() => if changed.is_err() { return Ok(()) },
            () = to.closed() => return Ok(()),
            () = tokio::time::sleep(IDLE_EVERY) => {
                // A replica that has lost the store cannot know that nothing has happened.
                if let Some(version) = have
                    && office.readiness.check().is_ok()
                    && !deliver(to, idle(version)).await.map_err(Problem::into_status)?
                {
                    return Ok(());
                }
            }
        }
    }
}

fn idle(version: Version) -> WatchResponse {
    WatchResponse::new(&WatchFrame::Idle(WatchIdle { version: Some(version.into()) }))
}

impl Office {
    /// Who owns the shard that a key is of, and whom the ring would ask next, as the ring says.
    async fn owners_by_ring(
        &self,
        namespace: &Namespace,
        ring: &Ring,
        key: &ShardKey,
        owners: u32,
        patience: Duration,
    ) -> Result<(ShardKey, Vec<Owner>), Status> {
        let most = usize::try_from(owners).unwrap_or(usize::MAX);
        let found = ring.owners(key, most, patience).await;
        let (shard, members) = found.map_err(|why| not_placed(namespace, key, why).into_status())?;
        let owner = |member: &Member| Owner {
            executor: member.identity().into(),
            identity: member.identity().into(),
            metadata: ring.metadata(member),
            session: None,
            token: None,
        };
        Ok((shard, members.iter().map(owner).collect()))
    }

    /// Who owns the shard, and whether that is surely so: whoever has lost the store says what it knows, and waits for
    /// nothing more.
    async fn owned(
        &self,
        namespace: &Namespace,
        room: &Room,
        shard: &ShardKey,
        at_least: Version,
        patience: Duration,
    ) -> Result<(Found, bool), Status> {
        let Some(why) = self.readiness.check().err().filter(|why| why.has_no_news()) else {
            // Whoever waits for an owner need not wait here.
            return tokio::select! {
                found = owned(namespace, room, shard, at_least, patience) => Ok((found?, true)),
                why = self.readiness.over() => Err(why.problem().into_status()),
            };
        };
        let known = room.find(shard);
        match known.filter(|found| found.owner.is_some() && found.version >= at_least) {
            Some(found) => Ok((found, false)),
            None => Err(why.problem().into_status()),
        }
    }
}

/// Waits until the shard has an owner, at a version that is new enough.
async fn owned(
    namespace: &Namespace,
    room: &Room,
    shard: &ShardKey,
    at_least: Version,
    patience: Duration,
) -> Result<Found, Status> {
    let subject = || format!("shard \"{shard}\"");
    let problem = match room.owned(shard, at_least, patience).await {
        Ok(found) => return Ok(found),
        Err(NotOwned::Gone) => return Err(no_such(namespace).into_status()),
        Err(NotOwned::Unknown) => {
            Problem::new(Reason::StoreAway, "this replica", "knows nothing of the namespace yet")
        }
        Err(NotOwned::Older(version)) => {
            let rule = format!("is at {version}, older than at_least");
            Problem::new(Reason::StoreAway, "this replica", rule)
        }
        Err(NotOwned::NoSuchShard) => {
            let problem = Problem::new(Reason::NoSuchShard, subject(), "does not exist");
            return Err(problem.remedy("create it, if the namespace is ephemeral").into_status());
        }
        Err(NotOwned::Drained) => {
            let problem = Problem::new(Reason::ShardDrained, subject(), "is drained, so nobody is given it");
            return Err(problem.remedy("undrain it").into_status());
        }
        Err(NotOwned::Unassigned) => {
            Problem::new(Reason::Unassigned, subject(), "has no owner at the moment")
        }
    };
    Err(problem.remedy("ask again").into_status())
}

fn owner(found: &Found) -> Option<Owner> {
    let token = found.shard.as_ref().map(|shard| shard.token.into());
    found.owner.as_ref().map(|record| Owner { token, ..executor(record) })
}

/// Those that the ring would ask after the owner.
fn successors(room: &Room, found: &Found, owners: u32) -> Vec<Owner> {
    let Some(owner) = found.owner.as_ref().filter(|_| owners > 1) else { return Vec::new() };
    let most = usize::try_from(owners - 1).unwrap_or(usize::MAX);
    room.successors(&found.shard_key, owner.id, most).iter().map(executor).collect()
}

fn executor(record: &SessionRecord) -> Owner {
    Owner {
        executor: record.executor.as_str().into(),
        identity: record.profile.identity.clone(),
        metadata: record.profile.metadata.clone(),
        session: Some(record.id.into()),
        token: None,
    }
}

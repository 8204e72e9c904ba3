//! Shards.

use tonic::{Response, Status, transport::Channel};

use super::{super::unknown_yet, AdminService, leading::Asked, pages, rings};
use crate::{
    engine::{ShardRecord, State},
    proto::v1::wire::{ListShardsRequest, ListShardsResponse, ShardState, admin_client::AdminClient},
    server::rings::Place,
    types::{ExecutorId, ShardKey, Version},
};

/// Shards that are looked at for one page: what is being committed waits meanwhile. Who asks for few of many may have to
/// ask again.
pub(super) const MAX_LOOKED_AT: usize = 50_000;

/// Which shards are asked for.
struct Wanted {
    executor: Option<ExecutorId>,
    only_troubled: bool,
    after: Option<ShardKey>,
    size: usize,
}

struct Page {
    shards: Vec<ShardState>,
    next_page: String,
    version: Version,
}

impl AdminService {
    pub(super) async fn shards(
        &self,
        asked: Asked<ListShardsRequest>,
    ) -> Result<Response<ListShardsResponse>, Status> {
        let ListShardsRequest { namespace, executor, only_troubled, page_size, page } = &asked.message;
        let (namespace, room) = match self.0.place(namespace)? {
            (namespace, Place::Room(room)) => (namespace, room),
            (_, Place::Ring(ring)) => return Ok(Response::new(rings::shards(&ring, &asked.message)?)),
        };
        let wanted = Wanted {
            executor: super::if_named(executor)?,
            only_troubled: *only_troubled,
            after: pages::after(page, |page| ShardKey::new(page).ok())?,
            size: pages::size(*page_size)?,
        };
        let there = |mut leader: AdminClient<Channel>, asked| async move { leader.list_shards(asked).await };
        if let Some(known) = self.glance(&asked, &namespace, there).await {
            return Ok(known);
        }
        let Some(Page { mut shards, next_page, version }) =
            room.read(|state| state.map(|state| wanted.page(state)))
        else {
            return Err(unknown_yet(&namespace));
        };
        let keys: Vec<String> = shards.iter().map(|shard| shard.shard.clone()).collect();
        let loads = self
            .look(&namespace, move |_, engine| {
                keys.iter().map(|key| engine.shard_load(key)).collect::<Vec<_>>()
            })
            .await?;
        for (shard, load) in shards.iter_mut().zip(loads.into_iter().flatten()) {
            shard.load = load;
        }
        Ok(Response::new(ListShardsResponse { shards, next_page, version: Some(version.into()) }))
    }
}

impl Wanted {
    fn page(&self, state: &State) -> Page {
        let (mut shards, mut next_page) = (Vec::new(), String::new());
        let mut last = None;
        for (looked_at, record) in state.shards_after(self.after.as_ref().map(ShardKey::as_str)).enumerate() {
            if shards.len() == self.size || looked_at == MAX_LOOKED_AT {
                next_page = last.map_or_else(String::new, |key: ShardKey| key.as_str().into());
                break;
            }
            if self.includes(state, &record) {
                shards.push(described(state, &record));
            }
            last = Some(record.key);
        }
        Page { shards, next_page, version: state.version() }
    }

    fn includes(&self, state: &State, record: &ShardRecord) -> bool {
        let is_troubled = record.owner.is_none() || record.handover.is_some() || record.quarantined;
        let is_of = |executor: &ExecutorId| {
            let owner = record.owner.and_then(|owner| state.session_record(owner));
            owner.is_some_and(|owner| owner.executor == *executor)
        };
        (is_troubled || !self.only_troubled) && self.executor.as_ref().is_none_or(is_of)
    }
}

fn described(state: &State, record: &ShardRecord) -> ShardState {
    let executor = |session| {
        let record = state.session_record(session);
        record.map_or_else(String::new, |record| record.executor.as_str().into())
    };
    ShardState {
        shard: record.key.as_str().into(),
        executor: record.owner.map_or_else(String::new, executor),
        session: record.owner.map(Into::into),
        token: record.owner.map(|_| record.token.into()),
        revoking: record.handover.is_some(),
        to: record.handover.and_then(|handover| handover.to).map_or_else(String::new, executor),
        pin: record.pin.as_ref().map_or_else(String::new, |executor| executor.as_str().into()),
        quarantined: record.quarantined,
        load: None,
    }
}

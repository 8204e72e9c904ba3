//! What has happened, and what would happen next.

use tonic::{Response, Status, transport::Channel};

use super::{AdminService, leading::Asked, pages, wire_duration, words};
use crate::{
    engine::{self, MAX_LISTED_ROUNDS, Preview, PreviewedMove, RoundNote},
    plan::{NoRoom, Reason},
    proto::v1::wire::{
        HistoryEntry, ListHistoryRequest, ListHistoryResponse, ListRoundsRequest, ListRoundsResponse,
        PlannedMove, PreviewPlanRequest, PreviewPlanResponse, RoundState, admin_client::AdminClient,
    },
    server::room::MAX_NOTES,
    types::Mono,
};

/// Commits or rounds that are listed if nothing else is said.
const NEWEST: u32 = 20;
/// Moves of a preview that are listed.
const MAX_MOVES: usize = 1_000;

impl AdminService {
    pub(super) fn history(&self, request: &ListHistoryRequest) -> Result<ListHistoryResponse, Status> {
        let (_, room) = self.0.namespace(&request.namespace)?;
        let notes = room.newest_commits(pages::newest(request.newest, NEWEST, MAX_NOTES)?);
        let entries = room.read(|state| {
            let entry = |note: &crate::server::CommitNote| HistoryEntry {
                version: Some(note.version.into()),
                at: Some(timestamp(note.unix_millis)),
                changes: note.changes.iter().map(|change| words::line(change, state)).collect(),
                change_count: u32::try_from(note.count).unwrap_or(u32::MAX),
            };
            notes.iter().map(|note| entry(note)).collect()
        });
        Ok(ListHistoryResponse { entries })
    }

    pub(super) async fn rounds(
        &self,
        asked: Asked<ListRoundsRequest>,
    ) -> Result<Response<ListRoundsResponse>, Status> {
        let (namespace, _) = self.0.namespace(&asked.message.namespace)?;
        let newest = pages::newest(asked.message.newest, NEWEST, MAX_LISTED_ROUNDS)?;
        let here = move |now, engine: &engine::Engine| {
            let rounds = engine.rounds(newest).iter().map(|note| round(now, note)).collect();
            ListRoundsResponse { rounds }
        };
        let there = |mut leader: AdminClient<Channel>, asked| async move { leader.list_rounds(asked).await };
        self.learn(asked, &namespace, here, there).await
    }

    pub(super) async fn preview(
        &self,
        asked: Asked<PreviewPlanRequest>,
    ) -> Result<Response<PreviewPlanResponse>, Status> {
        let (namespace, _) = self.0.namespace(&asked.message.namespace)?;
        let here = |now, engine: &engine::Engine| previewed(engine.preview(now, MAX_MOVES));
        let there = |mut leader: AdminClient<Channel>, asked| async move { leader.preview_plan(asked).await };
        self.learn(asked, &namespace, here, there).await
    }
}

fn round(now: Mono, note: &RoundNote) -> RoundState {
    let RoundNote { number, at, report, quarantines, is_kept } = note;
    let moves = Reason::ALL.iter().map(|reason| (reason.as_str().into(), report.moved(*reason)));
    let unplaced = NoRoom::ALL.iter().map(|why| (why.as_str().into(), report.unplaced(*why)));
    RoundState {
        number: *number,
        ago: Some(wire_duration(now.since(*at))),
        moves: moves.filter(|(_, count)| *count > 0).collect(),
        unplaced: unplaced.filter(|(_, count)| *count > 0).collect(),
        quarantines: u32::try_from(*quarantines).unwrap_or(u32::MAX),
        max_over_mean: report.max_over_mean,
        budget: report.budget,
        is_kept: *is_kept,
    }
}

fn previewed(preview: Preview) -> PreviewPlanResponse {
    let Preview { version, moves, count, text } = preview;
    let name = |executor: Option<crate::types::ExecutorId>| {
        executor.map_or_else(String::new, |executor| executor.as_str().into())
    };
    let planned = |PreviewedMove { shard, from, to, reason }: PreviewedMove| PlannedMove {
        shard: shard.as_str().into(),
        from: name(from),
        to: name(to),
        reason: reason.as_str().into(),
    };
    PreviewPlanResponse {
        moves: moves.into_iter().map(planned).collect(),
        move_count: u32::try_from(count).unwrap_or(u32::MAX),
        version: Some(version.into()),
        text: text.map_or_else(String::new, Into::into),
    }
}

fn timestamp(unix_millis: u64) -> prost_types::Timestamp {
    let seconds = i64::try_from(unix_millis / 1000).unwrap_or(i64::MAX);
    let nanos = i32::try_from(unix_millis % 1000 * 1_000_000).unwrap_or_default();
    prost_types::Timestamp { seconds, nanos }
}

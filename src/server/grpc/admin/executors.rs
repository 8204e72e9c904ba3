//! Executors, and whether one may stop.

use tonic::{Response, Status, transport::Channel};

use super::{super::unknown_yet, AdminService, leading::Asked, pages, rings};
use crate::{
    engine::{Answer, SessionRecord, SessionVitals, State},
    plan::{Obstacle, StopAnswer},
    proto::v1::wire::{
        ExecutorState, ListExecutorsRequest, ListExecutorsResponse, MayStopResponse,
        admin_client::AdminClient,
    },
    server::{rings::Place, room::standing},
    types::{SessionId, ShardKey},
};

impl AdminService {
    pub(super) async fn executors(
        &self,
        asked: Asked<ListExecutorsRequest>,
    ) -> Result<Response<ListExecutorsResponse>, Status> {
        let ListExecutorsRequest { namespace, executor, page_size, page } = &asked.message;
        let (namespace, room) = match self.0.place(namespace)? {
            (namespace, Place::Room(room)) => (namespace, room),
            (_, Place::Ring(ring)) => return Ok(Response::new(rings::executors(&ring, &asked.message)?)),
        };
        let executor = super::if_named(executor)?;
        let size = pages::size(*page_size)?;
        let after = pages::after(page, pages::session)?;
        let there =
            |mut leader: AdminClient<Channel>, asked| async move { leader.list_executors(asked).await };
        if let Some(known) = self.glance(&asked, &namespace, there).await {
            return Ok(known);
        }
        let page = room.read(|state| {
            let state = state?;
            let sessions = state.sessions_after(after);
            let wanted = sessions.filter(|record| executor.as_ref().is_none_or(|of| *of == record.executor));
            let (page, next_page) = pages::cut(wanted, size, |record| record.id);
            let page: Vec<_> = page.into_iter().map(|record| (record.id, described(state, record))).collect();
            Some((page, next_page, state.version()))
        });
        let Some((page, next_page, version)) = page else { return Err(unknown_yet(&namespace)) };
        let sessions: Vec<SessionId> = page.iter().map(|(session, _)| *session).collect();
        let vitals = self
            .look(&namespace, move |now, engine| {
                sessions.into_iter().map(|session| engine.session_vitals(session, now)).collect::<Vec<_>>()
            })
            .await?;
        let vitals = vitals.into_iter().flatten().chain(std::iter::repeat(None));
        let executors = page.into_iter().zip(vitals).map(|((_, state), vitals)| with_vitals(state, vitals));
        Ok(Response::new(ListExecutorsResponse {
            executors: executors.collect(),
            next_page,
            version: Some(version.into()),
        }))
    }
}

fn described(state: &State, record: &SessionRecord) -> ExecutorState {
    ExecutorState {
        executor: record.executor.as_str().into(),
        session: Some(record.id.into()),
        standing: standing(record.standing).into(),
        profile: Some((&*record.profile).into()),
        shards: u32::try_from(state.owned_by(record.id)).unwrap_or(u32::MAX),
        drained: state.has_drained(&record.executor),
        ..ExecutorState::default()
    }
}

fn with_vitals(state: ExecutorState, vitals: Option<SessionVitals>) -> ExecutorState {
    let Some(SessionVitals { silent_for, age, load }) = vitals else { return state };
    ExecutorState {
        load: Some(load),
        silent_for: silent_for.map(super::wire_duration),
        age: Some(super::wire_duration(age)),
        ..state
    }
}

pub(super) fn may_stop(answer: Answer) -> MayStopResponse {
    let Answer::MayStop(answer) = answer else { return MayStopResponse::default() };
    let StopAnswer { holds, moving_away, max_over_mean_after, obstacles } = &*answer;
    MayStopResponse {
        yes: answer.may_stop(),
        reasons: obstacles.iter().map(obstacle_line).collect(),
        holds: *holds,
        moving_away: *moving_away,
        max_over_mean_after: *max_over_mean_after,
    }
}

fn obstacle_line(obstacle: &Obstacle<ShardKey>) -> String {
    match obstacle {
        Obstacle::OnlyOne => "no other executor can be given shards".into(),
        Obstacle::NoRoom { shards, first } => {
            format!("{shards} shards would find no room elsewhere, \"{first}\" the first of them")
        }
        Obstacle::Pinned { shards, first } => {
            format!("{shards} of its shards are pinned to it, \"{first}\" the first of them")
        }
        Obstacle::MovesTo { shards } => format!("{shards} shards are on their way to it"),
    }
}

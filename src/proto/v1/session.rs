//! What an executor and its namespace's leader say to each other.

use std::time::Duration;

use super::{
    identity::{executor_id, grants, profile, session_id, shard_key, version},
    wire::{self, session_request as request, session_response as response},
};
use crate::{
    proto::Invalid,
    session::{Assigned, Beat, By, Ending, Pace, Refusal, Register, ToExecutor, ToLeader},
    types::ShardKey,
};

/// Most loads, releases or grants in one frame: more than a namespace has shards would be one too many.
pub const MAX_FRAME_ITEMS: usize = 1_000_000;
/// Largest message of a session, either way: a million shards fit. Clients have to allow for it, for what gRPC libraries
/// take by default is the assignment of some ten thousand shards.
pub const MAX_SESSION_BYTES: usize = 64 << 20;

/// Reads what an executor says.
pub fn read_to_leader(frame: Option<request::Frame>) -> Result<ToLeader, Invalid> {
    match frame.ok_or_else(|| Invalid::new("frame", "", "must be one of register, beat, leave"))? {
        request::Frame::Register(register) => {
            read_register(register).map_err(|error| error.within("register"))
        }
        request::Frame::Beat(beat) => read_beat(beat).map_err(|error| error.within("beat")),
        request::Frame::Leave(leave) => Ok(ToLeader::Leave(session_id("leave.session", leave.session)?)),
    }
}

/// Writes what an executor says.
pub fn write_to_leader(message: &ToLeader) -> request::Frame {
    match message {
        ToLeader::Register(register) => request::Frame::Register(wire::Register {
            executor: register.executor.as_str().into(),
            nonce: register.nonce,
            attempt: register.attempt,
            profile: Some((&*register.profile).into()),
            seen: Some(register.seen.into()),
        }),
        ToLeader::Beat(beat) => request::Frame::Beat(wire::Beat {
            session: Some(beat.session.into()),
            seq: beat.seq,
            applied: Some(beat.applied.into()),
            seen: Some(beat.seen.into()),
            draining: beat.draining,
            loads: beat.loads.iter().map(write_load).collect(),
            released: beat.released.iter().map(Into::into).collect(),
            done: beat.done.iter().map(Into::into).collect(),
        }),
        ToLeader::Leave(session) => request::Frame::Leave(wire::Leave { session: Some((*session).into()) }),
    }
}

/// Reads what a leader says.
pub fn read_to_executor(frame: Option<response::Frame>) -> Result<ToExecutor, Invalid> {
    let one_of = "must be one of registered, refused, acknowledged, assigned, ended";
    match frame.ok_or_else(|| Invalid::new("frame", "", one_of))? {
        response::Frame::Registered(registered) => Ok(ToExecutor::Registered {
            nonce: registered.nonce,
            attempt: registered.attempt,
            session: session_id("registered.session", registered.session)?,
            pace: pace("registered.pace", registered.pace)?,
        }),
        response::Frame::Refused(refused) => Ok(ToExecutor::Refused {
            nonce: refused.nonce,
            why: REFUSALS
                .into_iter()
                .find_map(|(why, wire)| (wire == refused.why()).then_some(why))
                .ok_or_else(|| Invalid::new("refused.why", refused.why, "is not known"))?,
        }),
        response::Frame::Acknowledged(acknowledged) => Ok(ToExecutor::Acknowledged {
            session: session_id("acknowledged.session", acknowledged.session)?,
            seq: acknowledged.seq,
            pace: pace("acknowledged.pace", acknowledged.pace)?,
        }),
        response::Frame::Assigned(assigned) => {
            read_assigned(assigned).map(ToExecutor::Assigned).map_err(|error| error.within("assigned"))
        }
        response::Frame::Ended(ended) => Ok(ToExecutor::Ended {
            session: session_id("ended.session", ended.session)?,
            why: ENDINGS
                .into_iter()
                .find_map(|(why, wire)| (wire == ended.why()).then_some(why))
                .ok_or_else(|| Invalid::new("ended.why", ended.why, "is not known"))?,
        }),
    }
}

/// Writes what a leader says.
pub fn write_to_executor(message: &ToExecutor) -> response::Frame {
    match message {
        ToExecutor::Registered { nonce, attempt, session, pace } => {
            response::Frame::Registered(wire::Registered {
                nonce: *nonce,
                attempt: *attempt,
                session: Some((*session).into()),
                pace: Some(write_pace(*pace)),
            })
        }
        ToExecutor::Refused { nonce, why } => {
            let why = REFUSALS.into_iter().find_map(|(known, wire)| (known == *why).then_some(wire));
            response::Frame::Refused(wire::Refused { nonce: *nonce, why: why.unwrap_or_default().into() })
        }
        ToExecutor::Acknowledged { session, seq, pace } => {
            response::Frame::Acknowledged(wire::Acknowledged {
                session: Some((*session).into()),
                seq: *seq,
                pace: Some(write_pace(*pace)),
            })
        }
        ToExecutor::Assigned(assigned) => response::Frame::Assigned(wire::Assigned {
            session: Some(assigned.session.into()),
            since: assigned.since.map(Into::into),
            version: Some(assigned.version.into()),
            granted: assigned.granted.iter().map(Into::into).collect(),
            revoked: assigned.revoked.iter().map(Into::into).collect(),
            cleared: assigned.cleared.iter().map(Into::into).collect(),
        }),
        ToExecutor::Ended { session, why } => {
            let why = ENDINGS.into_iter().find_map(|(known, wire)| (known == *why).then_some(wire));
            let (session, why) = (Some((*session).into()), why.unwrap_or_default().into());
            response::Frame::Ended(wire::Ended { session, why })
        }
    }
}

/// Those that an executor of this package can meet with.
const REFUSALS: [(Refusal, wire::refused::Why); 3] = [
    (Refusal::Superseded, wire::refused::Why::Superseded),
    (Refusal::TooMany, wire::refused::Why::TooMany),
    (Refusal::BadProfile, wire::refused::Why::BadProfile),
];

const ENDINGS: [(Ending, wire::ended::Why); 5] = [
    (Ending::Expired, wire::ended::Why::Expired),
    (Ending::Superseded, wire::ended::Why::Superseded),
    (Ending::Left, wire::ended::Why::Left),
    (Ending::Voided, wire::ended::Why::Voided),
    (Ending::Removed, wire::ended::Why::Removed),
];

fn read_register(register: wire::Register) -> Result<ToLeader, Invalid> {
    let wire::Register { executor, nonce, attempt, profile: wire_profile, seen } = register;
    Ok(ToLeader::Register(Register {
        executor: executor_id("executor", &executor)?,
        nonce,
        attempt,
        profile: profile("profile", wire_profile)?,
        seen: version(seen),
        // Only the other package registers executors because they beat.
        by: By::Request,
    }))
}

fn read_beat(beat: wire::Beat) -> Result<ToLeader, Invalid> {
    let wire::Beat { session, seq, applied, seen, draining, loads, released, done } = beat;
    for (field, count) in [("loads", loads.len()), ("released", released.len()), ("done", done.len())] {
        bound(field, count)?;
    }
    Ok(ToLeader::Beat(Beat {
        session: session_id("session", session)?,
        seq,
        applied: version(applied),
        seen: version(seen),
        draining,
        loads: loads.into_iter().enumerate().map(read_load).collect::<Result<_, _>>()?,
        released: grants("released", released)?,
        done: grants("done", done)?,
    }))
}

fn read_assigned(assigned: wire::Assigned) -> Result<Assigned, Invalid> {
    let wire::Assigned { session, since, version, granted, revoked, cleared } = assigned;
    for (field, count) in [("granted", granted.len()), ("revoked", revoked.len()), ("cleared", cleared.len())]
    {
        bound(field, count)?;
    }
    Ok(Assigned {
        session: session_id("session", session)?,
        since: since.map(Into::into),
        version: version.ok_or_else(|| Invalid::missing("version"))?.into(),
        granted: grants("granted", granted)?,
        revoked: grants("revoked", revoked)?,
        cleared: grants("cleared", cleared)?,
    })
}

fn bound(field: &str, count: usize) -> Result<(), Invalid> {
    if count > MAX_FRAME_ITEMS {
        return Err(Invalid::new(field, count, format!("must be at most {MAX_FRAME_ITEMS}")));
    }
    Ok(())
}

fn read_load((at, load): (usize, wire::ShardLoad)) -> Result<(ShardKey, f64), Invalid> {
    let wire::ShardLoad { shard, load } = load;
    let shard = shard_key(&format!("loads[{at}].shard"), &shard)?;
    if !load.is_finite() || load < 0.0 {
        let field = format!("loads[{at}].load");
        return Err(Invalid::new(field, load, "must be a finite number, at least 0"));
    }
    Ok((shard, load))
}

fn write_load((shard, load): &(ShardKey, f64)) -> wire::ShardLoad {
    wire::ShardLoad { shard: shard.as_str().into(), load: *load }
}

fn pace(field: &str, pace: Option<wire::Pace>) -> Result<Pace, Invalid> {
    let wire::Pace { hold, beat_every, answer_within } = pace.ok_or_else(|| Invalid::missing(field))?;
    let read = |name: &str, value: Option<prost_types::Duration>| {
        let field = format!("{field}.{name}");
        let value = value.ok_or_else(|| Invalid::missing(&field))?;
        Duration::try_from(value).map_err(|_| Invalid::new(field, value, "must not be negative"))
    };
    Ok(Pace {
        hold: read("hold", hold)?,
        beat_every: read("beat_every", beat_every)?,
        answer_within: read("answer_within", answer_within)?,
    })
}

fn write_pace(pace: Pace) -> wire::Pace {
    // Longer ones than 292 billion years are not configurable.
    let write = |duration: Duration| Some(duration.try_into().unwrap_or_default());
    wire::Pace {
        hold: write(pace.hold),
        beat_every: write(pace.beat_every),
        answer_within: write(pace.answer_within),
    }
}

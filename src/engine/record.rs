//! Changes as bytes: what a namespace's history is written in.
//!
//! A change is one message with one field, whose number says what kind of change it is. Fields and kinds that this
//! binary does not know are kept and written again: an older leader forgets nothing that a newer one has said.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use super::{
    Change, Freeze, Handover, PolicyText, SessionRecord, ShardRecord, Standing,
    change::{Extra, MAX_PAST_NONCES},
    record_config, record_profile, record_times,
    requests::MAX_POLICY_BYTES,
};
use crate::{
    journal::{Encoder, Field, Fields, Unknown, WireError},
    session::Ending,
    types::{ExecutorId, MAX_EXECUTOR_ID_BYTES, MAX_SHARD_KEY_BYTES, SessionId, ShardKey, Token, Version},
};

mod kind {
    pub(super) const CONFIG: u32 = 1;
    pub(super) const POLICY: u32 = 2;
    pub(super) const FREEZE: u32 = 3;
    pub(super) const LONGEST_LEASE: u32 = 4;
    pub(super) const SESSION: u32 = 5;
    pub(super) const SESSION_ENDED: u32 = 6;
    pub(super) const SHARD: u32 = 7;
    pub(super) const SHARD_RETIRED: u32 = 8;
    pub(super) const LOAD: u32 = 9;
    pub(super) const DRAINED: u32 = 20;
    pub(super) const DELETED: u32 = 21;
    pub(super) const SESSION_AGE: u32 = 30;
    pub(super) const SHARD_TIMES: u32 = 31;
}

impl Change {
    /// The change as bytes.
    pub fn encode(&self) -> Bytes {
        let mut out = Encoder::default();
        match self {
            Self::Config(config) => out.message(kind::CONFIG, |out| record_config::encode(config, out)),
            Self::Policy(policy) => out.message(kind::POLICY, |out| {
                out.number(1, policy.epoch);
                out.bytes(2, policy.text.as_bytes());
            }),
            Self::Freeze(freeze) => out.message(kind::FREEZE, |out| out.number(1, *freeze as u64)),
            Self::LongestLease(lease) => out.message(kind::LONGEST_LEASE, |out| out.number(1, nanos(*lease))),
            Self::Session(record) => out.message(kind::SESSION, |out| encode_session(record, out)),
            Self::SessionEnded(id, why) => out.message(kind::SESSION_ENDED, |out| {
                encode_id(1, *id, out);
                out.number(2, *why as u64);
            }),
            Self::Shard(record) => out.message(kind::SHARD, |out| encode_shard(record, out)),
            Self::ShardRetired(key) => out.message(kind::SHARD_RETIRED, |out| out.bytes(1, key.as_bytes())),
            Self::Drained(executor, is_so) => out.message(kind::DRAINED, |out| {
                out.bytes(1, executor.as_bytes());
                out.number(2, (*is_so).into());
            }),
            Self::Deleted => out.message(kind::DELETED, |_| ()),
            Self::SessionAge(id, age) => out.message(kind::SESSION_AGE, |out| {
                encode_id(1, *id, out);
                out.number(2, age.as_secs());
            }),
            Self::ShardTimes(key, times) => {
                out.message(kind::SHARD_TIMES, |out| record_times::encode(key, *times, out));
            }
            Self::Load(key, load) => out.message(kind::LOAD, |out| {
                out.bytes(1, key.as_bytes());
                out.fixed(2, load.to_bits());
            }),
            Self::Other(bytes) => return bytes.clone(),
        }
        out.finish()
    }

    /// The change that the bytes say.
    pub fn decode(bytes: &Bytes) -> Result<Self, WireError> {
        let mut fields = Fields::of(bytes);
        let field = fields.next().ok_or(WireError { at: 0, what: "a change without content" })??;
        if let Some(second) = fields.next() {
            return Err(second?.error("a second change in one"));
        }
        Ok(match field.number {
            kind::CONFIG => Self::Config(Arc::new(field.message(record_config::decode)?)),
            kind::POLICY => Self::Policy(field.message(decode_policy)?),
            kind::FREEZE => Self::Freeze(field.message(|fields| only_number(fields, freeze))?),
            kind::LONGEST_LEASE => Self::LongestLease(
                field.message(|fields| only_number(fields, |_, n| Ok(Duration::from_nanos(n))))?,
            ),
            kind::SESSION => Self::Session(field.message(decode_session)?),
            kind::SESSION_ENDED => {
                let (id, why) = field.message(decode_ended)?;
                Self::SessionEnded(id, why)
            }
            kind::SHARD => Self::Shard(field.message(decode_shard)?),
            kind::SHARD_RETIRED => Self::ShardRetired(field.message(decode_retired)?),
            kind::DRAINED => {
                let (executor, is_so) = field.message(decode_drained)?;
                Self::Drained(executor, is_so)
            }
            kind::DELETED => Self::Deleted,
            kind::SESSION_AGE => field.message(record_times::decode_age)?,
            kind::SHARD_TIMES => field.message(record_times::decode_times)?,
            kind::LOAD => {
                let (key, load) = field.message(decode_load)?;
                Self::Load(key, load)
            }
            _ => Self::Other(bytes.clone()),
        })
    }
}

fn encode_session(record: &SessionRecord, out: &mut Encoder) {
    encode_id(1, record.id, out);
    out.bytes(2, record.executor.as_bytes());
    out.fixed(3, record.nonce);
    for nonce in &record.past_nonces {
        // As an item, because a nonce may be zero.
        out.item(4, &nonce.to_le_bytes());
    }
    out.number(5, record.attempt.into());
    out.message(6, |out| record_profile::encode(&record.profile, &record.profile_extra, out));
    out.number(
        7,
        match record.standing {
            Standing::Active => 0,
            Standing::Draining { by_operator: false } => 1,
            Standing::Draining { by_operator: true } => 2,
            Standing::Superseded => 3,
            Standing::Pending => 4,
            Standing::Removed => 5,
        },
    );
    out.number(8, record.unfenced.into());
    encode_extra(&record.extra, out);
}

fn decode_session(fields: Fields) -> Result<SessionRecord, WireError> {
    let mut record = SessionRecord {
        id: SessionId::default(),
        executor: ExecutorId::new("unnamed").expect("letters"),
        nonce: 0,
        past_nonces: Vec::new(),
        attempt: 0,
        profile: Arc::default(),
        standing: Standing::Active,
        unfenced: false,
        profile_extra: Extra::default(),
        extra: Extra::default(),
    };
    let (mut unknown, mut is_named) = (Unknown::default(), false);
    for field in fields {
        let field = field?;
        match field.number {
            1 => record.id = field.message(decode_id)?,
            2 => {
                let name = field.text(MAX_EXECUTOR_ID_BYTES)?;
                record.executor = ExecutorId::new(name).map_err(|_| field.error("no executor id"))?;
                is_named = true;
            }
            3 => record.nonce = field.number()?,
            4 if record.past_nonces.len() < MAX_PAST_NONCES => {
                let bytes = <[u8; 8]>::try_from(&*field.bytes()?).map_err(|_| field.error("no nonce"))?;
                record.past_nonces.push(u64::from_le_bytes(bytes));
            }
            5 => record.attempt = field.small()?,
            6 => {
                let (profile, extra) = field.message(record_profile::decode)?;
                (record.profile, record.profile_extra) = (Arc::new(profile), extra);
            }
            8 => record.unfenced = field.number()? != 0,
            7 => {
                record.standing = match field.number()? {
                    0 => Standing::Active,
                    1 => Standing::Draining { by_operator: false },
                    2 => Standing::Draining { by_operator: true },
                    3 => Standing::Superseded,
                    4 => Standing::Pending,
                    5 => Standing::Removed,
                    // Whatever a later binary means by it, nothing more may be given to it. It keeps what it holds.
                    _ => Standing::Superseded,
                }
            }
            _ => unknown.keep(&field),
        }
    }
    record.extra = Extra::from(unknown);
    if is_named { Ok(record) } else { Err(WireError { at: 0, what: "a session without an executor" }) }
}

fn encode_shard(record: &ShardRecord, out: &mut Encoder) {
    out.bytes(1, record.key.as_bytes());
    if let Some(owner) = record.owner {
        encode_id(2, owner, out);
    }
    out.number(3, record.token.incarnation);
    out.number(4, record.token.generation);
    if let Some(handover) = record.handover {
        out.message(5, |out| {
            if let Some(to) = handover.to {
                encode_id(1, to, out);
            }
            out.number(2, handover.since.incarnation);
            out.number(3, handover.since.generation);
            encode_extra(&record.handover_extra, out);
        });
    }
    if let Some(pin) = &record.pin {
        out.bytes(6, pin.as_bytes());
    }
    out.number(7, record.quarantined.into());
    out.number(8, record.drained.into());
    encode_extra(&record.extra, out);
}

fn decode_shard(fields: Fields) -> Result<ShardRecord, WireError> {
    let mut key = None;
    let mut record = ShardRecord::new(ShardKey::new("unnamed").expect("letters"));
    let mut unknown = Unknown::default();
    for field in fields {
        let field = field?;
        match field.number {
            1 => key = Some(shard_key(&field)?),
            2 => record.owner = Some(field.message(decode_id)?),
            3 => record.token.incarnation = field.number()?,
            4 => record.token.generation = field.number()?,
            5 => {
                let (handover, extra) = field.message(decode_handover)?;
                (record.handover, record.handover_extra) = (Some(handover), extra);
            }
            6 => {
                let name = field.text(MAX_EXECUTOR_ID_BYTES)?;
                record.pin = Some(ExecutorId::new(name).map_err(|_| field.error("no executor id"))?);
            }
            7 => record.quarantined = field.number()? != 0,
            8 => record.drained = field.number()? != 0,
            _ => unknown.keep(&field),
        }
    }
    record.key = key.ok_or(WireError { at: 0, what: "a shard without a key" })?;
    record.extra = Extra::from(unknown);
    if record.owner.is_some() && record.token == Token::default() {
        return Err(WireError { at: 0, what: "an owner without a token" });
    }
    Ok(record)
}

fn decode_handover(fields: Fields) -> Result<(Handover, Extra), WireError> {
    let mut handover = Handover { to: None, since: Version::default() };
    let mut unknown = Unknown::default();
    for field in fields {
        let field = field?;
        match field.number {
            1 => handover.to = Some(field.message(decode_id)?),
            2 => handover.since.incarnation = field.number()?,
            3 => handover.since.generation = field.number()?,
            _ => unknown.keep(&field),
        }
    }
    Ok((handover, Extra::from(unknown)))
}

fn decode_drained(fields: Fields) -> Result<(ExecutorId, bool), WireError> {
    let (mut executor, mut is_so) = (None, false);
    for field in fields {
        let field = field?;
        match field.number {
            1 => {
                let name = field.text(MAX_EXECUTOR_ID_BYTES)?;
                executor = Some(ExecutorId::new(name).map_err(|_| field.error("no executor id"))?);
            }
            2 => is_so = field.number()? != 0,
            _ => {}
        }
    }
    Ok((executor.ok_or(WireError { at: 0, what: "a drain without an executor" })?, is_so))
}

fn encode_id(number: u32, id: SessionId, out: &mut Encoder) {
    out.message(number, |out| {
        out.number(1, id.began.incarnation);
        out.number(2, id.began.generation);
        out.number(3, id.ordinal.into());
    });
}

pub(super) fn decode_id(fields: Fields) -> Result<SessionId, WireError> {
    let mut id = SessionId::default();
    for field in fields {
        let field = field?;
        match field.number {
            1 => id.began.incarnation = field.number()?,
            2 => id.began.generation = field.number()?,
            3 => id.ordinal = field.small()?,
            _ => {}
        }
    }
    Ok(id)
}

fn decode_ended(fields: Fields) -> Result<(SessionId, Ending), WireError> {
    let (mut id, mut why) = (SessionId::default(), Ending::Expired);
    for field in fields {
        let field = field?;
        match field.number {
            1 => id = field.message(decode_id)?,
            2 => {
                let number = field.number()?;
                // It is over, for whatever reason a later binary has.
                let known = Ending::ALL.into_iter().find(|ending| *ending as u64 == number);
                why = known.unwrap_or(Ending::Removed);
            }
            _ => {}
        }
    }
    Ok((id, why))
}

fn decode_policy(fields: Fields) -> Result<PolicyText, WireError> {
    let mut policy = PolicyText::default();
    for field in fields {
        let field = field?;
        match field.number {
            1 => policy.epoch = field.number()?,
            2 => policy.text = field.text(MAX_POLICY_BYTES)?.into(),
            _ => {}
        }
    }
    Ok(policy)
}

fn decode_load(fields: Fields) -> Result<(ShardKey, f64), WireError> {
    let (mut key, mut load) = (None, 0.0);
    for field in fields {
        let field = field?;
        match field.number {
            1 => key = Some(shard_key(&field)?),
            2 => {
                load = f64::from_bits(field.number()?);
                if !(load.is_finite() && load >= 0.0) {
                    return Err(field.error("no load"));
                }
            }
            _ => {}
        }
    }
    Ok((key.ok_or(WireError { at: 0, what: "a load without a shard" })?, load))
}

fn decode_retired(fields: Fields) -> Result<ShardKey, WireError> {
    for field in fields {
        let field = field?;
        if field.number == 1 {
            return shard_key(&field);
        }
    }
    Err(WireError { at: 0, what: "a shard without a key" })
}

pub(super) fn shard_key(field: &Field) -> Result<ShardKey, WireError> {
    ShardKey::new(field.text(MAX_SHARD_KEY_BYTES)?).map_err(|_| field.error("no shard key"))
}

/// What a later binary froze in another way is frozen as far as it can be.
fn freeze(_: &Field, number: u64) -> Result<Freeze, WireError> {
    let all = [Freeze::Off, Freeze::Balance, Freeze::All];
    Ok(all.into_iter().find(|freeze| *freeze as u64 == number).unwrap_or(Freeze::All))
}

/// The message's number under 1, which is 0 when there is none.
fn only_number<T>(fields: Fields, read: impl Fn(&Field, u64) -> Result<T, WireError>) -> Result<T, WireError>
where
    T: Default,
{
    let mut value = T::default();
    for field in fields {
        let field = field?;
        if field.number == 1 {
            value = read(&field, field.number()?)?;
        }
    }
    Ok(value)
}

pub(super) fn encode_extra(extra: &Extra, out: &mut Encoder) {
    if let Some(unknown) = extra.get() {
        out.unknown(unknown);
    }
}

pub(super) fn nanos(length: Duration) -> u64 {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)
}

//! What snapshots say of time, as bytes: whole seconds before the snapshot.

use std::time::Duration;

use super::{
    Change,
    change::ShardTimes,
    record::{decode_id, shard_key},
};
use crate::{
    journal::{Encoder, Field, Fields, WireError},
    types::{SessionId, ShardKey},
};

pub(super) fn encode(key: &ShardKey, times: ShardTimes, out: &mut Encoder) {
    // Nothing and no time at all are different things.
    let seconds = |time: Option<Duration>| time.map_or(0, |time| time.as_secs() + 1);
    out.bytes(1, key.as_bytes());
    out.number(2, seconds(times.moved_ago));
    out.number(3, seconds(times.quarantined_for));
}

pub(super) fn decode_age(fields: Fields) -> Result<Change, WireError> {
    let (mut id, mut age) = (SessionId::default(), Duration::ZERO);
    for field in fields {
        let field = field?;
        match field.number {
            1 => id = field.message(decode_id)?,
            2 => age = Duration::from_secs(field.number()?),
            _ => {}
        }
    }
    Ok(Change::SessionAge(id, age))
}

pub(super) fn decode_times(fields: Fields) -> Result<Change, WireError> {
    let (mut key, mut times) = (None, ShardTimes::default());
    for field in fields {
        let field = field?;
        let seconds = |field: &Field| Ok(field.number()?.checked_sub(1).map(Duration::from_secs));
        match field.number {
            1 => key = Some(shard_key(&field)?),
            2 => times.moved_ago = seconds(&field)?,
            3 => times.quarantined_for = seconds(&field)?,
            _ => {}
        }
    }
    let key = key.ok_or(WireError { at: 0, what: "times without a shard" })?;
    Ok(Change::ShardTimes(key, times))
}

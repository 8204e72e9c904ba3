//! What an executor says about itself, as bytes.

use super::change::Extra;
use crate::{
    journal::{Encoder, Fields, Unknown, WireError},
    session::Profile,
};

pub(super) fn encode(profile: &Profile, extra: &Extra, out: &mut Encoder) {
    out.bytes(1, profile.identity.as_bytes());
    out.number(2, profile.weight.into());
    // A bound of zero is one.
    out.number(3, profile.max_shards.map_or(0, |shards| u64::from(shards) + 1));
    out.bytes(4, profile.zone.as_bytes());
    out.bytes(5, profile.build.as_bytes());
    for (key, value) in &profile.metadata {
        out.message(6, |out| {
            out.bytes(1, key.as_bytes());
            out.bytes(2, value.as_bytes());
        });
    }
    out.number(7, profile.max_load.map_or(0, |load| load.saturating_add(1)));
    super::record::encode_extra(extra, out);
}

pub(super) fn decode(fields: Fields) -> Result<(Profile, Extra), WireError> {
    let (mut profile, mut unknown) = (Profile::default(), Unknown::default());
    for field in fields {
        let field = field?;
        match field.number {
            1 => profile.identity = field.text(Profile::MAX_TEXT_BYTES)?,
            2 => profile.weight = u16::try_from(field.number()?).map_err(|_| field.error("no weight"))?,
            3 => {
                let shards = field.number()?.checked_sub(1).map(u32::try_from).transpose();
                profile.max_shards = shards.map_err(|_| field.error("too many shards"))?;
            }
            4 => profile.zone = field.text(Profile::MAX_TEXT_BYTES)?,
            5 => profile.build = field.text(Profile::MAX_TEXT_BYTES)?,
            6 => {
                let (key, value) = field.message(decode_entry)?;
                profile.metadata.insert(key, value);
            }
            7 => profile.max_load = field.number()?.checked_sub(1),
            _ => unknown.keep(&field),
        }
    }
    if profile.is_within_bounds() {
        Ok((profile, Extra::from(unknown)))
    } else {
        Err(WireError { at: 0, what: "a profile beyond its bounds" })
    }
}

fn decode_entry(fields: Fields) -> Result<(String, String), WireError> {
    let (mut key, mut value) = (String::new(), String::new());
    for field in fields {
        let field = field?;
        match field.number {
            1 => key = field.text(Profile::MAX_METADATA_BYTES)?,
            2 => value = field.text(Profile::MAX_METADATA_BYTES)?,
            _ => {}
        }
    }
    Ok((key, value))
}

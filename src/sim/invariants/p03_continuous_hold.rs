//! P3: `still_held()` is true only if ownership never lapsed since the guard was made.

use crate::types::{Mono, ShardKey};

/// A guard that was made at some time says that it still holds. The shard was last taken hold of at `since`.
pub(in crate::sim) fn still_held(shard: &ShardKey, made: Mono, since: Option<Mono>) -> Result<(), String> {
    let seconds = |at: Mono| at.as_nanos() as f64 / 1e9;
    match since {
        Some(since) if since <= made => Ok(()),
        Some(since) => Err(format!(
            "a guard of shard {shard}, made at {:.6} s, says that it still holds, but the hold began anew at {:.6} s",
            seconds(made),
            seconds(since)
        )),
        None => Err(format!("a guard of shard {shard} says that it still holds, but its process does not")),
    }
}

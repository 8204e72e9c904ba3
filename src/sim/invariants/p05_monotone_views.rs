//! P5: a view is never replaced by an older one, and each shows what was committed at its version and nothing else.

use crate::{
    engine::ShardRecord,
    sim::ledger::Ledger,
    types::{SessionId, Token, Version},
};

/// A router's view went from one version to another.
pub(in crate::sim) fn moved(from: Version, to: Version) -> Result<(), String> {
    if to < from { Err(format!("the view goes back from {from} to {to}")) } else { Ok(()) }
}

/// A view of a version says that a shard is owned, or that nobody owns it.
pub(in crate::sim) fn shows(
    ledger: &Ledger,
    key: &str,
    at: Version,
    shown: Option<(&str, Token)>,
) -> Result<(), String> {
    let then = ledger.shard_at(key, at);
    let owned = then.and_then(|record| Some((executor(ledger, record)?, record.token)));
    if shown != owned {
        return Err(format!("the view of {at} shows shard {key} owned by {shown:?}, but it was {owned:?}"));
    }
    Ok(())
}

fn executor<'a>(ledger: &'a Ledger, record: &ShardRecord) -> Option<&'a str> {
    let owner: SessionId = record.owner?;
    ledger.executor_of(owner).map(|executor| executor.as_str())
}

//! Commits in a few words, for people who read histories.

use std::fmt;

use crate::engine::{Change, Delta, SessionRecord, ShardRecord};

/// A commit, as a history tells it.
pub(super) struct Brief<'a>(pub(super) &'a Delta);

/// Changes of a commit that are told; the rest is counted.
const MAX_TOLD: usize = 40;

impl fmt::Display for Brief<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Delta { version, changes } = self.0;
        write!(f, "{version}:")?;
        for (at, change) in changes.iter().take(MAX_TOLD).enumerate() {
            f.write_str(if at == 0 { " " } else { "; " })?;
            tell(f, change)?;
        }
        match changes.len().saturating_sub(MAX_TOLD) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

fn tell(f: &mut fmt::Formatter<'_>, change: &Change) -> fmt::Result {
    match change {
        Change::Shard(record) => write!(f, "{}", shard(record)),
        Change::ShardRetired(key) => write!(f, "shard {key} is retired"),
        Change::Session(SessionRecord { id, executor, standing, .. }) => {
            write!(f, "session {id} of {executor} is {standing:?}")
        }
        Change::SessionEnded(id, why) => write!(f, "session {id} ends: {why:?}"),
        other => write!(f, "{other:?}"),
    }
}

/// A shard in a few words.
pub(super) fn shard(record: &ShardRecord) -> String {
    let ShardRecord { key, owner, token, handover, pin, quarantined, drained, .. } = record;
    let mut text = match owner {
        Some(owner) => format!("shard {key} is {owner}'s under {token}"),
        None => format!("shard {key} is nobody's, after {token}"),
    };
    if let Some(handover) = handover {
        text += &match handover.to {
            Some(to) => format!(", on its way to {to} since {}", handover.since),
            None => format!(", on its way since {}", handover.since),
        };
    }
    if let Some(pin) = pin {
        text += &format!(", pinned to {pin}");
    }
    if *quarantined {
        text += ", in quarantine";
    }
    if *drained {
        text += ", drained";
    }
    text
}

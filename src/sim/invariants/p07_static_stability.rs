//! P7: while the distributor is away, known shards are found, and after an outage of any length with all executors
//! alive nothing has moved: the same sessions, the same tokens.

use crate::{
    sim::{brief, ledger::Ledger},
    types::{SessionId, ShardKey, Token},
};

/// How things stood when the outage began.
#[derive(Debug)]
pub(in crate::sim) struct Before {
    sessions: Vec<SessionId>,
    shards: Vec<(ShardKey, Option<SessionId>, Token)>,
}

impl Before {
    pub(in crate::sim) fn outage(ledger: &Ledger) -> Self {
        let shards = ledger.shards().map(|record| (record.key.clone(), record.owner, record.token));
        Self { sessions: ledger.sessions.keys().copied().collect(), shards: shards.collect() }
    }

    /// The outage is over and everybody has had time to say so.
    ///
    /// Shards that were shed since are excused: balance goes on where it was when the leader is back, within its own
    /// bounds (P9), and an outage of a leader is over long before this looks. Nothing else is.
    pub(in crate::sim) fn is_as_it_was(
        &self,
        ledger: &Ledger,
        is_shed: impl Fn(&ShardKey) -> bool,
    ) -> Result<(), String> {
        if let Some(gone) = self.sessions.iter().find(|session| !ledger.sessions.contains_key(session)) {
            return Err(format!("session {gone} is over, although its executor has lived all the while"));
        }
        for (key, owner, token) in self.shards.iter().filter(|(key, ..)| !is_shed(key)) {
            let now = ledger.shard(key);
            if now.is_none_or(|now| (now.owner, now.token) != (*owner, *token)) {
                let owner = owner.map_or_else(|| "nobody".to_owned(), |owner| owner.to_string());
                let now = now.map_or_else(|| "it is gone".to_owned(), brief::shard);
                return Err(format!("shard {key} was {owner}'s under {token} before the outage, and {now}"));
            }
        }
        Ok(())
    }
}

/// A commit follows another one in the same store. A new incarnation voids all sessions, and only a restored store needs one.
pub(in crate::sim) fn goes_on(before: u64, after: u64) -> Result<(), String> {
    if before == 0 || before == after {
        return Ok(());
    }
    Err(format!(
        "incarnation {after} follows {before} although nothing was restored, and all sessions are void"
    ))
}

/// A lookup of a shard that the view knows, by a policy that sets no limit to its age.
pub(in crate::sim) fn found(key: &str, found: bool) -> Result<(), String> {
    if found {
        Ok(())
    } else {
        Err(format!("shard {key} is known and owned, and the lookup answers nothing"))
    }
}

//! P7: while the distributor is away, known shards are found, and after an outage of any length with all executors
//! alive nothing has moved: the same sessions, the same tokens.

use crate::{
    engine::ShardRecord,
    sim::{brief, ledger::Ledger},
    types::{SessionId, ShardKey, Token},
};

/// How things stood when the outage began.
#[derive(Debug)]
pub(in crate::sim) struct Before(Vec<(ShardKey, Option<SessionId>, Token)>);

impl Before {
    pub(in crate::sim) fn outage<'a>(shards: impl Iterator<Item = &'a ShardRecord>) -> Self {
        Self(shards.map(|record| (record.key.clone(), record.owner, record.token)).collect())
    }

    /// The outage is over and everybody has had time to say so. Balance may have gone on where it was.
    pub(in crate::sim) fn is_as_it_was(
        &self,
        ledger: &Ledger,
        is_balanced: impl Fn(&ShardKey) -> bool,
    ) -> Result<(), String> {
        for (key, owner, token) in self.0.iter().filter(|(key, ..)| !is_balanced(key)) {
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

/// A lookup of a shard that the view knows, by a policy that sets no limit to its age.
pub(in crate::sim) fn found(key: &str, found: bool) -> Result<(), String> {
    if found {
        Ok(())
    } else {
        Err(format!("shard {key} is known and owned, and the lookup answers nothing"))
    }
}

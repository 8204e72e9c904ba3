//! P2: a token grows with every change of owner and stays otherwise, so that a resource which refuses smaller ones is
//! safe from former owners whatever clocks do.

use std::collections::BTreeMap;

use crate::{
    engine::ShardRecord,
    sim::happening::{Deed, ProcessId},
    types::{ShardKey, Token, Version},
};

#[derive(Debug, Default)]
pub(in crate::sim) struct Fencing {
    /// The greatest token that was ever granted of each shard.
    granted: BTreeMap<ShardKey, Token>,
    /// What the resource has accepted last.
    accepted: BTreeMap<ShardKey, (Token, ProcessId)>,
}

impl Fencing {
    /// A commit changed a shard.
    pub(in crate::sim) fn committed(
        &mut self,
        before: Option<&ShardRecord>,
        after: &ShardRecord,
    ) -> Result<(), String> {
        let (owner, token) = before.map_or((None, Token::default()), |before| (before.owner, before.token));
        // Whoever has released a shard may be given it again, under another token; and whoever is given one may lose it
        // in the same commit.
        let is_grant = after.token != token || after.owner.is_some() && after.owner != owner;
        if !is_grant {
            return Ok(());
        }
        let last = self.granted.get(&after.key).copied().unwrap_or_default();
        if after.token <= last {
            return Err(format!(
                "shard {} is granted under {}, and was under {last}",
                after.key, after.token
            ));
        }
        self.granted.insert(after.key.clone(), after.token);
        Ok(())
    }

    /// Another history begins at this version: what is granted from now on has to exceed all that ever was.
    pub(in crate::sim) fn begun_anew(&self, version: Version) -> Result<(), String> {
        let Version { incarnation, generation } = version;
        let (least, most) = (Token { incarnation, generation }, self.granted.values().max());
        match most {
            Some(most) if least <= *most => {
                Err(format!("another history begins as {version}, and {most} was granted before"))
            }
            _ => Ok(()),
        }
    }

    /// A write reaches the resource. Tells whether it is accepted.
    pub(in crate::sim) fn written(&mut self, deed: &Deed) -> Result<bool, String> {
        let Deed { grant, process, .. } = deed;
        match self.accepted.get(&grant.shard) {
            Some((last, _)) if grant.token < *last => Ok(false),
            Some((last, writer)) if grant.token == *last && writer != process => Err(format!(
                "shard {}: processes {writer:?} and {process:?} both write under {last}, and the resource cannot tell them apart",
                grant.shard
            )),
            _ => {
                self.accepted.insert(grant.shard.clone(), (grant.token, *process));
                Ok(true)
            }
        }
    }
}

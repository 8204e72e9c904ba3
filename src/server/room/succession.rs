//! Who would be asked after a shard's owner: the ring's next executors.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    engine::{Change, Delta, SessionRecord, State},
    ring::{HashRing, RingSpec},
    types::{Member, SessionId, ShardKey},
};

/// A ring of those who may be given shards.
#[derive(Debug)]
pub(super) struct Succession {
    ring: HashRing,
    sessions: BTreeMap<String, SessionId>,
}

impl Succession {
    /// Where two have one identity, the session that began last has it. A fleet that no ring can hold has no successors.
    pub(super) fn new(state: &State) -> Self {
        let (mut members, mut sessions, mut identities) = (Vec::new(), BTreeMap::new(), BTreeSet::new());
        let mut active: Vec<_> = state.sessions().filter(|record| record.is_active()).collect();
        active.reverse();
        for record in active {
            let Some(member) =
                member(record).filter(|member| identities.insert(member.identity().to_owned()))
            else {
                continue;
            };
            sessions.insert(member.address().to_owned(), record.id);
            members.push(member);
        }
        let spec = RingSpec::default();
        Self { ring: HashRing::new(spec, members).unwrap_or_else(|_| HashRing::empty(spec)), sessions }
    }

    /// Whether a commit changes it.
    pub(super) fn is_changed_by(delta: &Delta) -> bool {
        delta.changes.iter().any(|change| matches!(change, Change::Session(_) | Change::SessionEnded(..)))
    }

    /// The ring's next executors, without the owner: at most so many.
    pub(super) fn after(&self, shard: &ShardKey, owner: SessionId, most: usize) -> Vec<SessionId> {
        let asked = self.ring.lookup_n(shard.as_bytes(), most + 1);
        let sessions = asked.into_iter().filter_map(|member| self.sessions.get(member.address()).copied());
        sessions.filter(|session| *session != owner).take(most).collect()
    }
}

fn member(record: &SessionRecord) -> Option<Member> {
    let profile = &record.profile;
    let identity = if profile.identity.is_empty() { record.executor.as_str() } else { &profile.identity };
    let member = Member::new(record.executor.as_str()).ok()?.with_identity(identity).ok()?;
    member.with_weight(profile.weight.max(1)).ok()
}

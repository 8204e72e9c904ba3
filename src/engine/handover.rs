//! Shards on their way from one session to another, and what becomes of those whose owner is gone.

use super::{
    Change, Engine, Handover, ShardRecord,
    state::{Index, Slot},
};
use crate::{
    planted::{Planted, is},
    session::Grant,
    types::{SessionId, Token},
};

impl Engine {
    /// A session has let go of a shard: only that one stay, under that token, ends. If it was to go to somebody, the
    /// grant is part of the same commit; if not, the round that follows finds an owner.
    pub(super) fn released(&mut self, slot: Slot, grant: &Grant) {
        let Some(index) = self.state.index_of(&grant.shard) else { return };
        let Some(shard) = self.state.shard_at(index) else { return };
        if shard.owner != Some(slot) || shard.token != grant.token || is(Planted::ReleaseForgotten) {
            return;
        }
        let to = shard
            .handover
            .and_then(|moving| moving.to)
            .filter(|&to| self.can_receive(to) || is(Planted::DestinationStays));
        let record = ShardRecord { handover: None, ..self.state.record_of(index) };
        match to {
            Some(to) if self.may_grant() => self.grant(index, record, to),
            _ => self.change(Change::Shard(ShardRecord { owner: None, ..record })),
        }
    }

    /// What a planted fault does: takes whatever is in handover for released.
    pub(super) fn release_absent(&mut self, slot: Slot) {
        let moving: Vec<Index> = self.state.moving().collect();
        for index in moving {
            let ShardRecord { key: shard, token, .. } = self.state.record_of(index);
            self.released(slot, &Grant { shard, token });
        }
    }

    /// Makes a session the owner, under a new token. At most once per commit, so that tokens differ.
    pub(super) fn grant(&mut self, index: Index, record: ShardRecord, to: Slot) {
        let Some(owner) = self.state.id_of(to) else { return };
        debug_assert!(
            !self.is_granted_now(index) || is(Planted::GrantedTwice),
            "a shard is granted at most once per commit"
        );
        let token: Token = self.next_token();
        debug_assert!(token > record.token || is(Planted::GrantedTwice), "tokens grow");
        self.change(Change::Shard(ShardRecord { owner: Some(owner), token, handover: None, ..record }));
    }

    /// Whatever is on its way to the session goes to nobody yet: in the commit that drains or ends it, so that it is
    /// given nothing more, and no later session is taken for it.
    pub(super) fn lose_destination(&mut self, id: SessionId) {
        let Some(slot) = self.state.slot_of(id) else { return };
        let moving: Vec<Index> = self.state.moving_to(slot).collect();
        for index in moving {
            let record = self.state.record_of(index);
            if let Some(handover) = record.handover {
                let handover = Some(Handover { to: None, ..handover });
                self.change(Change::Shard(ShardRecord { handover, ..record }));
            }
        }
    }

    /// Whether a session could take a shard: it is there, serves, and was heard.
    pub(super) fn can_receive(&self, slot: Slot) -> bool {
        self.state.session(slot).is_some_and(|session| session.record.is_active())
            && self.liveness.is_heard(slot)
    }
}

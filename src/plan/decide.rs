//! A round: what is read becomes what is done.
//!
//! Phases, and what holds behind each:
//!
//! 1. *Quarantine*: shards that are suspected of crashing their owners are named, and given to nobody.
//! 2. *Place*: exactly the shards of lost sessions lose their owner, and every shard without one is given to somebody,
//!    if there is anybody with room.
//! 3. *Redirect*: no move leads to a session that is lost to it. Nothing else about moves in flight is decided again.
//! 4. *Pins*: every pinned shard is where its pin is, or on its way there, if the executor can take it.
//! 5. *Drain*: every shard of a draining executor is on its way elsewhere, if there is room.
//! 6. *Balance*: if none of the above had anything to do, and the namespace is not frozen, the strategy moves shards
//!    between executors that are all well, within a budget.
//!
//! Where aims conflict, drain beats repair beats balance: nobody is given a shard who is to lose all of theirs, not even
//! when nobody else is there; and nothing that is broken waits for a budget.

use super::{
    Action, Config, ExecutorSlot, Input, MAX_NAMED, Move, NoRoom, Pin, Plan, Reason, ShardSlot, Tally,
    balance,
    input::Row,
    place::{Choice, Placer},
    scale::Scale,
};

/// Decides a round. Equal inputs and configs give equal plans.
pub fn decide(input: &Input, config: &Config) -> Plan {
    let mut draft = Draft::new(input, config);
    draft.quarantine();
    draft.place();
    draft.redirect();
    draft.follow_pins();
    draft.drain();
    let is_quiet = draft.plan.moves.is_empty();
    (draft.plan.report.max_over_mean, draft.plan.report.cv) = balance::unevenness(input, config);
    if is_quiet && !config.freeze {
        balance::run(&mut draft);
    }
    draft.plan
}

/// A plan in the making.
pub(super) struct Draft<'a> {
    pub(super) input: &'a Input,
    pub(super) config: &'a Config,
    pub(super) placer: Placer<'a>,
    pub(super) plan: Plan,
}

impl<'a> Draft<'a> {
    pub(super) fn new(input: &'a Input, config: &'a Config) -> Self {
        Self { input, config, placer: Placer::new(input, config), plan: Plan::default() }
    }

    /// See [`Losses`](super::Losses) for the three signs.
    fn quarantine(&mut self) {
        self.plan.quarantine = self.input.released.iter().map(|shard| (*shard, None)).collect();
        let Some(rule) = self.config.quarantine else { return };
        let is_suspect = |row: &&Row| {
            let explained = row.losses;
            let unexplained = self.input.losses - explained;
            !row.is_quarantined && explained as usize >= rule.losses.max(1) && unexplained < explained
        };
        let suspects: Vec<ShardSlot> =
            self.input.waiting.iter().filter(is_suspect).map(|row| row.shard).collect();
        let most = (f64::from(self.input.total.shards) * rule.max_share).max(1.0);
        if suspects.len() as f64 <= most {
            let until = self.input.now + rule.hold;
            self.plan.quarantine.extend(suspects.into_iter().map(|shard| (shard, Some(until))));
        }
    }

    fn place(&mut self) {
        let held_back = self.held_back();
        for row in heaviest_first(&self.input.waiting, &self.placer.scale) {
            let reason = if row.owner.is_some() { Reason::OwnerLost } else { Reason::Unowned };
            if held_back.binary_search(&row.shard).is_ok() || row.is_quarantined {
                self.give_to_nobody(row, NoRoom::Quarantined);
                continue;
            }
            if let Some(to) = self.promised(row) {
                // It is counted there already.
                self.push(row.shard, Action::Grant(to), reason);
                continue;
            }
            if let Some(to) = row.to {
                self.placer.leave(to, Tally::of(row.load));
            }
            match self.placer.choose(row, None) {
                Ok(choice) => {
                    self.note_choice(choice);
                    self.placer.take(choice.to, Tally::of(row.load));
                    self.push(row.shard, Action::Grant(choice.to), reason);
                }
                Err(why) => self.give_to_nobody(row, why),
            }
        }
    }

    /// Shards quarantined by this very round, in order.
    fn held_back(&self) -> Vec<ShardSlot> {
        let now = self.plan.quarantine.iter().filter(|(_, until)| until.is_some());
        let mut held_back: Vec<_> = now.map(|(shard, _)| *shard).collect();
        held_back.sort_unstable();
        held_back
    }

    /// The destination of a shard whose owner was lost on the way, if it still can go there.
    fn promised(&self, row: &Row) -> Option<ExecutorSlot> {
        let to = row.to?;
        let is_open = self.placer.desk(to).is_some_and(|desk| desk.is_open);
        (is_open && row.pin.is_none_or(|pin| pin == Pin::To(to))).then_some(to)
    }

    fn redirect(&mut self) {
        for row in &self.input.adrift {
            if let Some(to) = row.to {
                self.placer.leave(to, Tally::of(row.load));
            }
            // Not to its owner, which was told to let go: it is as likely as anybody once it has.
            let to = self.placer.choose(row, row.owner).ok();
            if let Some(choice) = to {
                self.note_choice(choice);
                self.placer.take(choice.to, Tally::of(row.load));
            }
            if to.is_some() || row.to.is_some() {
                self.push(row.shard, Action::Redirect(to.map(|choice| choice.to)), Reason::DestinationLost);
            }
        }
    }

    fn follow_pins(&mut self) {
        for row in &self.input.misplaced {
            if let Ok(choice) = self.placer.choose(row, row.owner) {
                self.hand_over(row, choice.to, Reason::Pinned);
            }
        }
    }

    fn drain(&mut self) {
        for row in heaviest_first(&self.input.leaving, &self.placer.scale) {
            match self.placer.choose(row, None) {
                Ok(choice) => {
                    self.note_choice(choice);
                    self.hand_over(row, choice.to, Reason::Drain);
                }
                Err(_) => self.plan.report.undrained += 1,
            }
        }
    }

    /// Sends a shard from its living owner to another executor.
    pub(super) fn hand_over(&mut self, row: &Row, to: ExecutorSlot, reason: Reason) {
        let tally = Tally::of(row.load);
        if let Some(owner) = row.owner {
            self.placer.leave(owner, tally);
        }
        self.placer.take(to, tally);
        self.push(row.shard, Action::HandOver(to), reason);
    }

    fn give_to_nobody(&mut self, row: &Row, why: NoRoom) {
        let report = &mut self.plan.report;
        report.unplaced[why as usize] += 1;
        if report.unplaced(why) as usize <= MAX_NAMED {
            report.unplaced_shards.push((row.shard, why));
        }
        if row.owner.is_some() {
            self.push(row.shard, Action::Unassign, Reason::OwnerLost);
        }
    }

    fn note_choice(&mut self, choice: Choice) {
        let report = &mut self.plan.report;
        let is_retiring = self.placer.desk(choice.to).is_some_and(|desk| desk.is_retiring);
        report.onto_retiring += u32::from(is_retiring);
        report.on_ring += u32::from(choice.is_on_ring);
        report.off_ring += u32::from(!choice.is_on_ring);
    }

    fn push(&mut self, shard: ShardSlot, action: Action, reason: Reason) {
        self.plan.report.moves[reason as usize] += 1;
        self.plan.moves.push(Move { shard, action, reason });
    }
}

/// The order in which shards are placed: what is left to fill the gaps is small. Equal ones as they come.
pub(super) fn heaviest_first<'r>(rows: &'r [Row], scale: &Scale) -> Vec<&'r Row> {
    let mut rows: Vec<_> = rows.iter().collect();
    rows.sort_by(|a, b| scale.weigh_one(b.load).total_cmp(&scale.weigh_one(a.load)));
    rows
}

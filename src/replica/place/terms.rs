//! How a namespace comes to be led here, not to be any more, or in another term.

use std::time::Duration;

use super::{
    Effect, Place, Wish,
    office::{Office, StartOver},
};
use crate::{
    engine::Engine,
    journal::{Mode, OpenAs, Seen, Term},
    planted::{Planted, is},
    types::{Mono, Version},
};

/// Why this replica is to resign, and when.
#[derive(Clone, Copy, Debug)]
pub(super) enum Yields {
    /// Somebody has asked for it: as soon as no commit is on its way.
    Asked,
    /// Another replica should rather lead: when no lease is running out either, which the next leader would have to wait
    /// for from its beginning.
    Advised {
        /// Not to be looked at before.
        at: Mono,
        /// Not to be waited for any longer: among thousands of executors, somebody is always late.
        until: Mono,
    },
}

/// Looking whether it does harm to resign goes through all sessions, so it is not done with every event.
const YIELD_EVERY: Duration = Duration::from_millis(100);

impl Place {
    pub(super) fn enter(&mut self, now: Mono, term: Term, out: &mut Vec<Effect>) {
        if self.is_retired {
            return;
        }
        let resume = OpenAs { unix_millis: self.unix_millis(now), ..OpenAs::default() };
        if self.open_as.take_if(|(_, of)| of.is_some_and(|of| of != term.number)).is_some()
            && self.starts_over.take().is_some()
        {
            out.push(Effect::Resigned);
        }
        let mut open_as = self.open_as.map_or(resume, |(open_as, _)| open_as);
        // What this replica has seen counts whoever opens it, and however. What others say that they have seen keeps its
        // leader from granting, and is exceeded by whatever incarnation begins.
        let mine = self.follower.seen().filter(|_| !is(Planted::SeenForgotten));
        let others = Seen { version: self.others_have_seen, lineage: None };
        let continues = matches!(open_as.mode, Mode::Resume | Mode::Revive);
        let others = Some(others).filter(|seen| !continues && seen.version > Version::default());
        open_as.seen = [open_as.seen, mine, others].into_iter().flatten().max_by_key(|seen| seen.version);
        let office = Office::new(
            self.rows.clone(),
            self.limits,
            term,
            open_as,
            self.founding.clone(),
            self.config.clone(),
        );
        (self.told, self.yields) = (Mono::ZERO, None);
        let outcome = self.office.insert(office).woke(now);
        self.act(now, outcome, out);
    }

    pub(super) fn lose(&mut self, term: u64, out: &mut Vec<Effect>) {
        if self.office.take_if(|office| office.term() == term).is_some() {
            out.push(Effect::Resigned);
        }
    }

    /// The term that a reopening or a new beginning needs is not to be had: what was said for it is void, and whoever
    /// waits for it has to ask again.
    pub(super) fn not_renewed(&mut self, out: &mut Vec<Effect>) {
        self.open_as.take_if(|(_, term)| term.is_some());
        if self.starts_over.take().is_some() {
            out.push(Effect::Resigned);
        }
    }

    /// With another term, because a history is opened once in a term.
    pub(super) fn reopen(&mut self, above: u64, out: &mut Vec<Effect>) {
        if let Some(office) = self.office.take() {
            let (term, above) = (office.term(), above.max(office.term()));
            if let Some((_, of)) = &mut self.open_as {
                *of = Some(above.saturating_add(1));
            }
            out.push(Effect::Resigned);
            out.push(Effect::Wish(Wish::Renew { term, above }));
        }
    }

    /// In a term of its own, so that whatever is on its way in this one comes to nothing.
    pub(super) fn start_over(&mut self, now: Mono, with: StartOver, out: &mut Vec<Effect>) {
        let mode = Mode::Reset { wait: with.wait };
        let open_as = OpenAs { mode, seen: None, unix_millis: self.unix_millis(now) };
        (self.founding, self.starts_over) = (with.config, Some(with.caller));
        // Nobody is told that it is not led any more: whoever asked for this still waits for the answer.
        if let Some(office) = self.office.take() {
            let term = office.term();
            self.open_as = Some((open_as, Some(term.saturating_add(1))));
            out.push(Effect::Wish(Wish::Renew { term, above: term }));
        }
    }

    /// Whoever is late now has been heard or has expired by then. A leader that went before would make the next one listen
    /// from the beginning.
    pub(super) fn hand_over(&mut self, now: Mono, out: &mut Vec<Effect>) {
        let waits = self.engine().map_or(Duration::ZERO, Engine::held_for) * 3 / 2;
        self.resign(now, Yields::Advised { at: now, until: now + waits }, out);
    }

    /// Nobody would take it who was to have it.
    pub(super) fn keep(&mut self) {
        self.yields.take_if(|yields| matches!(yields, Yields::Advised { .. }));
    }

    /// As soon as no commit is on its way.
    pub(super) fn resign(&mut self, now: Mono, why: Yields, out: &mut Vec<Effect>) {
        self.yields = self.office.is_some().then_some(why);
        self.yield_if_idle(now, out);
    }

    pub(super) fn yield_if_idle(&mut self, now: Mono, out: &mut Vec<Effect>) {
        let Some(office) = self.office.as_ref().filter(|office| office.is_idle()) else { return };
        match &mut self.yields {
            None => return,
            Some(Yields::Asked) => {}
            Some(Yields::Advised { at, .. }) if now < *at => return,
            Some(Yields::Advised { at, until }) => {
                if now < *until && !office.hears_everybody() {
                    *at = now + YIELD_EVERY;
                    return;
                }
            }
        }
        let term = office.term();
        (self.office, self.yields) = (None, None);
        out.push(Effect::Resigned);
        out.push(Effect::Wish(Wish::Resign(term)));
    }

    pub(super) fn retire(&mut self, out: &mut Vec<Effect>) {
        self.is_retired = true;
        if self.office.take().is_some() {
            out.push(Effect::Resigned);
        }
        out.push(Effect::Wish(Wish::Retired));
    }
}

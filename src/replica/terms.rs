//! How a namespace comes not to be led here any more, or in another term.

use std::time::Duration;

use super::{Effect, Replica, office::StartOver};
use crate::{
    journal::{Mode, OpenAs},
    types::{Mono, Namespace},
};

/// Why this replica is to resign, and when.
#[derive(Clone, Debug)]
pub(super) enum Yields {
    /// Somebody has asked for it: as soon as no commit is on its way.
    Asked,
    /// Another replica should rather lead: when no lease is running out either, which the next leader would have to wait
    /// for from its beginning.
    Advised {
        /// Which.
        to: String,
        /// Not to be looked at before.
        at: Mono,
        /// Not to be waited for any longer: among thousands of executors, somebody is always late.
        until: Mono,
    },
}

/// Looking whether it does harm to resign goes through all sessions, so it is not done with every event.
const YIELD_EVERY: Duration = Duration::from_millis(100);

impl Replica {
    pub(super) fn lose(&mut self, namespace: &Namespace, term: u64, out: &mut Vec<Effect>) {
        let Some(place) = self.namespaces.get_mut(namespace) else { return };
        if place.office.take_if(|office| office.term() == term).is_some() {
            out.push(Effect::Resigned(namespace.clone()));
        }
    }

    /// The term that a reopening or a new beginning needs is not to be had: what was said for it is void, and whoever
    /// waits for it has to ask again.
    pub(super) fn not_renewed(&mut self, namespace: &Namespace, out: &mut Vec<Effect>) {
        let Some(place) = self.namespaces.get_mut(namespace) else { return };
        place.open_as.take_if(|(_, term)| term.is_some());
        if place.starts_over.take().is_some() {
            out.push(Effect::Resigned(namespace.clone()));
        }
    }

    /// With another term, because a history is opened once in a term.
    pub(super) fn reopen(&mut self, now: Mono, namespace: &Namespace, above: u64, out: &mut Vec<Effect>) {
        let Some(place) = self.namespaces.get_mut(namespace) else { return };
        if let Some(office) = place.office.take() {
            let above = above.max(office.term());
            if let Some((_, term)) = &mut place.open_as {
                *term = Some(above.saturating_add(1));
            }
            out.push(Effect::Resigned(namespace.clone()));
            self.election.renew(now, namespace, above);
        }
    }

    /// As soon as no commit is on its way.
    pub(super) fn resign(&mut self, now: Mono, namespace: &Namespace, why: Yields, out: &mut Vec<Effect>) {
        if let Some(place) = self.namespaces.get_mut(namespace) {
            place.yields = place.office.is_some().then_some(why);
        }
        self.yield_if_idle(now, namespace, out);
    }

    /// In a term of its own, so that whatever is on its way in this one comes to nothing.
    pub(super) fn start_over(&mut self, now: Mono, namespace: &Namespace, with: StartOver) {
        let unix_millis = self.unix_millis(now);
        let Some(place) = self.namespaces.get_mut(namespace) else { return };
        let mode = Mode::Reset { wait: with.wait };
        let open_as = OpenAs { mode, seen: None, unix_millis };
        (place.founding, place.starts_over) = (with.config, Some(with.caller));
        // Nobody is told that it is not led any more: whoever asked for this still waits for the answer.
        if let Some(office) = place.office.take() {
            place.open_as = Some((open_as, Some(office.term().saturating_add(1))));
            self.election.renew(now, namespace, office.term());
        }
    }

    /// Whoever is late now has been heard or has expired by then. A leader that went before would make the next one listen
    /// from the beginning.
    pub(super) fn waits_for_the_late(&self, namespace: &Namespace) -> Duration {
        self.engine(namespace).map_or(Duration::ZERO, |engine| engine.held_for() * 3 / 2)
    }

    pub(super) fn yield_if_idle(&mut self, now: Mono, namespace: &Namespace, out: &mut Vec<Effect>) {
        let Some(place) = self.namespaces.get_mut(namespace) else { return };
        let Some(office) = place.office.as_ref().filter(|office| office.is_idle()) else { return };
        match &mut place.yields {
            None => return,
            Some(Yields::Asked) => {}
            Some(Yields::Advised { at, .. }) if now < *at => return,
            Some(Yields::Advised { to, at, until }) => {
                if !self.election.living(now).any(|(name, _)| name == to) {
                    // Nobody would take it.
                    place.yields = None;
                    return;
                }
                if now < *until && !office.hears_everybody() {
                    *at = now + YIELD_EVERY;
                    return;
                }
            }
        }
        (place.office, place.yields) = (None, None);
        out.push(Effect::Resigned(namespace.clone()));
        self.election.resign(now, namespace);
    }

    pub(super) fn drop_office(&mut self, namespace: &Namespace, out: &mut Vec<Effect>) {
        if let Some(place) = self.namespaces.get_mut(namespace)
            && place.office.take().is_some()
        {
            out.push(Effect::Resigned(namespace.clone()));
        }
    }
}

//! How a namespace comes not to be led here any more, or in another term.

use super::{Effect, Replica, office::StartOver};
use crate::{
    journal::{Mode, OpenAs},
    types::{Mono, Namespace},
};

impl Replica {
    pub(super) fn lose(&mut self, namespace: &Namespace, term: u64, out: &mut Vec<Effect>) {
        let Some(place) = self.namespaces.get_mut(namespace) else { return };
        if place.office.take_if(|office| office.term() == term).is_some() {
            out.push(Effect::Resigned(namespace.clone()));
        }
    }

    /// With another term, because a history is opened once in a term.
    pub(super) fn reopen(&mut self, now: Mono, namespace: &Namespace, above: u64, out: &mut Vec<Effect>) {
        let Some(place) = self.namespaces.get_mut(namespace) else { return };
        if let Some(office) = place.office.take() {
            out.push(Effect::Resigned(namespace.clone()));
            self.election.renew(now, namespace, above.max(office.term()));
        }
    }

    /// As soon as no commit is on its way.
    pub(super) fn resign(&mut self, now: Mono, namespace: &Namespace, out: &mut Vec<Effect>) {
        if let Some(place) = self.namespaces.get_mut(namespace) {
            place.yields = place.office.is_some();
        }
        self.yield_if_idle(now, namespace, out);
    }

    /// In a term of its own, so that whatever is on its way in this one comes to nothing.
    pub(super) fn start_over(&mut self, now: Mono, namespace: &Namespace, with: StartOver) {
        let Some(place) = self.namespaces.get_mut(namespace) else { return };
        let mode = Mode::Reset { wait: with.wait };
        place.open_as = Some(OpenAs { mode, seen: None, unix_millis: self.unix_millis });
        (place.founding, place.starts_over) = (with.config, Some(with.caller));
        // Nobody is told that it is not led any more: whoever asked for this still waits for the answer.
        if let Some(office) = place.office.take() {
            self.election.renew(now, namespace, office.term());
        }
    }

    pub(super) fn yield_if_idle(&mut self, now: Mono, namespace: &Namespace, out: &mut Vec<Effect>) {
        let Some(place) = self.namespaces.get_mut(namespace) else { return };
        if place.yields && place.office.take_if(|office| office.is_idle()).is_some() {
            place.yields = false;
            out.push(Effect::Resigned(namespace.clone()));
            self.election.resign(now, namespace);
        }
    }

    pub(super) fn drop_office(&mut self, namespace: &Namespace, out: &mut Vec<Effect>) {
        if let Some(place) = self.namespaces.get_mut(namespace)
            && place.office.take().is_some()
        {
            out.push(Effect::Resigned(namespace.clone()));
        }
    }
}

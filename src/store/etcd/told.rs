//! What a watch has told: etcd's responses as whole revisions, each once.

use super::{
    request::{Root, revision},
    wire::{Event, WatchResponse, event::EventType},
};
use crate::store::{Batch, Change, Revision, WatchError};

/// Most bytes of keys and values of one revision that are held until it is complete. Far more than one request can
/// write, but a range that is deleted in one may have any number of rows.
const MAX_HELD_BYTES: usize = 64 << 20;
/// What a change costs beyond its key and value.
const BYTES_PER_CHANGE: usize = 64;

/// Puts together what etcd sends.
#[derive(Debug)]
pub(super) struct Told {
    root: Root,
    /// Everything up to and with it was told.
    until: u64,
    /// Changes of one revision, the rest of which is still to come.
    held: Vec<Change>,
    held_revision: u64,
    held_bytes: usize,
}

impl Told {
    pub(super) fn new(root: Root, until: Revision) -> Self {
        Self { root, until: until.0, held: Vec::new(), held_revision: 0, held_bytes: 0 }
    }

    pub(super) fn until(&self) -> Revision {
        Revision(self.until)
    }

    /// Takes events, and answers with what is complete, if that is news.
    pub(super) fn take(&mut self, response: WatchResponse) -> Result<Option<Batch>, WatchError> {
        let Some(last) = response.events.iter().rev().find_map(at) else { return Ok(None) };
        let mut changes = Vec::with_capacity(self.held.len() + response.events.len());
        changes.append(&mut self.held);
        let mut newest = self.held_revision;
        for event in response.events {
            let Some(at) = at(&event) else { continue };
            // etcd may send again what it has sent before a member was restarted.
            if at <= self.until {
                continue;
            }
            if at < newest {
                let reason = format!("etcd tells revision {at} after {newest}");
                return Err(WatchError::Broken { reason });
            }
            if at > newest {
                newest = at;
                self.held_bytes = 0;
            }
            let size = |bytes: &[u8]| bytes.len();
            let kv = event.kv.as_ref();
            self.held_bytes += BYTES_PER_CHANGE + kv.map_or(0, |kv| size(&kv.key) + size(&kv.value));
            changes.extend(self.change(event));
        }
        if newest <= self.until {
            return Ok(None);
        }
        let complete = if response.fragment { newest - 1 } else { newest };
        self.held_revision = if response.fragment { newest } else { 0 };
        if response.fragment {
            if self.held_bytes > MAX_HELD_BYTES {
                // It would be as large the next time. Whoever reads everything anew can go on behind it.
                return Err(WatchError::Compacted { oldest: Revision(last + 1) });
            }
            let split = changes.iter().position(|change| change.at().0 == newest);
            self.held = changes.split_off(split.unwrap_or(changes.len()));
        } else {
            self.held_bytes = 0;
        }
        if complete <= self.until {
            return Ok(None);
        }
        self.until = complete;
        Ok(Some(Batch { changes, revision: Revision(complete) }))
    }

    /// Takes etcd's word that there is nothing more to tell up to a revision, and answers with that, if it is news.
    pub(super) fn nothing_until(&mut self, revision: Revision) -> Option<Batch> {
        // What is held is still to be told. A member may lag behind what another has told.
        if !self.held.is_empty() || revision.0 <= self.until {
            return None;
        }
        self.until = revision.0;
        Some(Batch { changes: vec![], revision })
    }

    fn change(&self, event: Event) -> Option<Change> {
        let is_deletion = event.r#type() == EventType::Delete;
        let row = event.kv?;
        if is_deletion {
            return Some(Change::Deleted { key: self.root.strip(&row.key)?, at: revision(row.mod_revision) });
        }
        self.root.row(row).map(Change::Put)
    }
}

fn at(event: &Event) -> Option<u64> {
    event.kv.as_ref().map(|kv| revision(kv.mod_revision).0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::etcd::wire::KeyValue;

    /// A row written at a revision, or with an empty value deleted.
    fn event(at: u64, key: &str, value: &str) -> Event {
        let kv =
            KeyValue { key: key.to_owned().into(), value: value.to_owned().into(), mod_revision: at as i64 };
        let kind = if value.is_empty() { EventType::Delete } else { EventType::Put };
        Event { r#type: kind.into(), kv: Some(kv) }
    }

    fn response(events: &[Event], fragment: bool) -> WatchResponse {
        WatchResponse { events: events.to_vec(), fragment, ..Default::default() }
    }

    fn told(until: u64) -> Told {
        Told::new(Root::new("r/"), Revision(until))
    }

    #[test]
    fn a_revision_is_told_when_it_is_complete() {
        let mut told = told(4);
        let first = [event(5, "r/a", "1"), event(6, "r/a", "2"), event(6, "r/b", "2")];
        let batch = told.take(response(&first, true)).unwrap().unwrap();
        assert_eq!((batch.changes.len(), batch.revision), (1, Revision(5)));
        assert_eq!(told.nothing_until(Revision(9)), None, "the rest of 6 is still to come");
        assert_eq!(told.take(response(&[event(6, "r/c", "")], true)).unwrap(), None);
        let batch =
            told.take(response(&[event(6, "r/d", "2"), event(8, "r/a", "3")], false)).unwrap().unwrap();
        assert_eq!((batch.changes.len(), batch.revision), (5, Revision(8)));
        assert_eq!(batch.changes[2], Change::Deleted { key: "c".into(), at: Revision(6) });
        assert_eq!(told.nothing_until(Revision(8)), None, "that was told");
        assert_eq!(told.nothing_until(Revision(9)).unwrap().revision, Revision(9));
        assert_eq!(told.until(), Revision(9));
    }

    #[test]
    fn what_was_told_is_not_told_again() {
        let mut told = told(5);
        assert_eq!(told.take(response(&[event(4, "r/a", "1"), event(5, "r/a", "2")], false)).unwrap(), None);
        let again = [event(5, "r/a", "2"), event(6, "r/a", "3")];
        assert_eq!(told.take(response(&again, false)).unwrap().unwrap().changes.len(), 1);
        let backwards = [event(9, "r/a", "4"), event(8, "r/a", "5")];
        assert!(matches!(told.take(response(&backwards, false)), Err(WatchError::Broken { .. })));
    }

    #[test]
    fn what_is_not_text_is_not_ours_but_counts() {
        let mut told = told(1);
        let mut foreign = event(2, "r/", "1");
        foreign.kv.as_mut().unwrap().key = vec![b'r', b'/', 0xff].into();
        let batch = told.take(response(&[foreign], false)).unwrap().unwrap();
        assert_eq!(batch, Batch { changes: vec![], revision: Revision(2) });
    }

    #[test]
    fn a_revision_that_is_too_large_to_hold_is_given_up() {
        let mut told = told(1);
        let large = "v".repeat(1 << 20);
        let events: Vec<_> = (0..8).map(|number| event(2, &format!("r/{number}"), &large)).collect();
        let error = (0..10).find_map(|_| told.take(response(&events, true)).err());
        assert_eq!(error, Some(WatchError::Compacted { oldest: Revision(3) }));
    }

    proptest! {
        /// However etcd cuts what it sends, and wherever it begins again, each revision is told once and whole.
        #[test]
        fn cuts_change_nothing(
            sizes in prop::collection::vec(1..4usize, 1..20),
            cuts in prop::collection::vec((1..6usize, any::<bool>(), 0..6usize), 1..40),
        ) {
            let events: Vec<_> = sizes
                .iter()
                .zip(2..)
                .flat_map(|(size, at)| (0..*size).map(move |number| event(at, &format!("r/{number}"), "v")))
                .collect();
            let mut told = told(1);
            let mut at = 0;
            let mut seen = Vec::new();
            let mut cuts = cuts.into_iter().cycle();
            while at < events.len() {
                let (size, is_cut, back) = cuts.next().unwrap();
                // What is not a fragment ends with its revision, and what is sent again begins with one.
                let mut end = (at + size).min(events.len());
                let is_whole = |end: usize| end == events.len() || at_of(&events[end]) != at_of(&events[end - 1]);
                let fragment = is_cut && !is_whole(end);
                while !fragment && !is_whole(end) {
                    end += 1;
                }
                let mut start = at;
                if at > 0 && is_whole(at) {
                    start -= back.min(at);
                    while start > 0 && !is_whole(start) {
                        start -= 1;
                    }
                }
                let before = told.until();
                if let Some(batch) = told.take(response(&events[start..end], fragment)).unwrap() {
                    prop_assert!(batch.revision > before);
                    let is_new = |change: &Change| before < change.at() && change.at() <= batch.revision;
                    prop_assert!(batch.changes.iter().all(is_new));
                    seen.extend(batch.changes);
                }
                at = end;
            }
            let expected: Vec<_> = events.iter().filter_map(|event| told.change(event.clone())).collect();
            prop_assert_eq!(seen, expected);
            prop_assert_eq!(told.until().0, sizes.len() as u64 + 1);
        }
    }

    fn at_of(event: &Event) -> u64 {
        at(event).unwrap()
    }
}

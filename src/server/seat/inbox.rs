//! What a namespace's task is told by the desk, which never waits for it and loses nothing.
//!
//! A task may be busy for longer than elections take. What is older then is left out when the newest says it all, so
//! that there is never much: one time until which it leads, the last term, and so many batches of the watch; with
//! more of them it is quicker to read again what there is.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::replica::place::Event;

/// Batches of the store's watch that wait for a task.
const MAX_BATCHES: usize = 256;

#[derive(Debug, Default)]
pub(in crate::server) struct Inbox {
    news: Mutex<VecDeque<Event>>,
    filled: Notify,
}

impl Inbox {
    /// What the task hears next, behind what it has not heard yet.
    pub(in crate::server) fn put(&self, event: Event) {
        merge(&mut self.news.lock(), event);
        self.filled.notify_one();
    }

    /// Everything.
    pub(super) fn take(&self) -> impl Iterator<Item = Event> + use<> {
        std::mem::take(&mut *self.news.lock()).into_iter()
    }

    /// Waits until there may be something.
    pub(super) async fn filled(&self) {
        self.filled.notified().await;
    }
}

fn merge(news: &mut VecDeque<Event>, event: Event) {
    let is_stale: &dyn Fn(&Event) -> bool = match &event {
        Event::Leads { term, .. } => {
            let same = |old: &mut Event| matches!(old, Event::Leads { term: of, .. } if of == term);
            if let Some(old) = news.iter_mut().find_map(|old| same(old).then_some(old)) {
                *old = event;
                return;
            }
            &|_| false
        }
        // It has not been heard of, and need not be.
        Event::Lost(term) if news.iter().any(|old| matches!(old, Event::Won(won) if won.number == *term)) => {
            let term = *term;
            news.retain(|old| match old {
                Event::Won(won) => won.number != term,
                Event::Leads { term: of, .. } => *of != term,
                _ => true,
            });
            return;
        }
        Event::Watched(_) => {
            let is_batch = |old: &&Event| matches!(old, Event::Watched(_));
            if news.iter().filter(is_batch).count() >= MAX_BATCHES {
                return merge(news, Event::WatchBroke);
            }
            &|_| false
        }
        Event::WatchBroke => &|old| matches!(old, Event::Watched(_) | Event::WatchBroke),
        Event::Founding(_) => &|old| matches!(old, Event::Founding(_)),
        Event::Open { .. } => &|old| matches!(old, Event::Open { .. }),
        Event::NotRenewed => &|old| matches!(old, Event::NotRenewed),
        Event::HandOver | Event::Keep => &|old| matches!(old, Event::HandOver | Event::Keep),
        _ => &|_| false,
    };
    news.retain(|old| !is_stale(old));
    news.push_back(event);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        journal::Term,
        store::{Batch, Revision},
        types::Mono,
    };

    fn won(number: u64) -> Event {
        Event::Won(Term { number, record: "term".into() })
    }

    fn leads(term: u64, until: u64) -> Event {
        Event::Leads { term, until: Mono::from_nanos(until) }
    }

    fn watched(revision: u64) -> Event {
        Event::Watched(Batch { changes: Vec::new(), revision: Revision(revision) })
    }

    /// What is heard of these in the end.
    fn heard(events: impl IntoIterator<Item = Event>) -> Vec<String> {
        let inbox = Inbox::default();
        events.into_iter().for_each(|event| inbox.put(event));
        inbox.take().map(|event| format!("{event:?}")).collect()
    }

    fn as_told(events: impl IntoIterator<Item = Event>) -> Vec<String> {
        events.into_iter().map(|event| format!("{event:?}")).collect()
    }

    #[test]
    fn the_newest_of_what_replaces_what_was_before_is_heard() {
        for (told, expected) in [
            (vec![won(3), leads(3, 10), leads(3, 20)], vec![won(3), leads(3, 20)]),
            (
                vec![leads(3, 10), Event::Lost(3), won(5), leads(5, 30)],
                vec![leads(3, 10), Event::Lost(3), won(5), leads(5, 30)],
            ),
            (
                vec![Event::Lost(3), won(5), leads(5, 30), Event::Lost(5), won(7)],
                vec![Event::Lost(3), won(7)],
            ),
            (vec![Event::HandOver, Event::Keep, Event::HandOver], vec![Event::HandOver]),
            (
                vec![watched(1), won(3), Event::WatchBroke, watched(2)],
                vec![won(3), Event::WatchBroke, watched(2)],
            ),
        ] {
            assert_eq!(heard(told), as_told(expected));
        }
    }

    #[test]
    fn whoever_is_told_for_ever_and_does_not_listen_has_a_bounded_lot_to_hear() {
        let mut most = 0;
        let inbox = Inbox::default();
        for round in 0..10_000 {
            for event in [
                Event::Lost(round),
                Event::NotRenewed,
                won(round + 1),
                leads(round + 1, round),
                leads(round + 1, round + 1),
                watched(round),
                Event::HandOver,
                Event::WatchBroke,
            ] {
                // The watch breaks seldom.
                if !matches!(event, Event::WatchBroke) || round % 1000 == 999 {
                    inbox.put(event);
                }
            }
            most = most.max(inbox.news.lock().len());
        }
        assert!((MAX_BATCHES..MAX_BATCHES + 10).contains(&most), "{most}");
    }
}

//! Fetching the complete list from another, page by page.
//!
//! Gossip spreads news, and to one who comes late everything is news, of which a datagram holds a handful: a fleet of
//! a hundred would be known after minutes. So whoever joins asks one of those it has met for its roster, and everybody
//! does so now and then, which also mends whatever lost datagrams have left out.
//!
//! ```text
//! request: cursor, zeros up to the size of the largest page
//! page:    address (who answers), cursor (of the request), more:1 (0 or 1), count:2, updates by address
//! cursor:  0, or 1 and an address: behind which the page begins
//! ```
//!
//! Anybody can ask, so nobody must gain by it. A page goes to where its request came from, and not to an address that
//! the request names; and it is never larger than the request, so that one who forges where it comes from could as well
//! send to the victim what it sends to us. Source and advertised address need not be the same: the one who asks may sit
//! behind a translation of addresses, and hears the answer on the socket that it asked from. For the same reason foca's
//! own messages cannot be held to that rule: to it a peer *is* the address that it advertises.

use std::{net::SocketAddr, time::Duration};

use bytes::BufMut;
use foca::State;

use super::{
    envelope::MAX_PAYLOAD,
    peer::Peer,
    wire::{WireError, get_address, get_u8, get_u16, get_update, put_address, put_update},
};
use crate::types::Mono;

/// How often a page is asked for before another process is asked instead.
const MAX_TRIES: u8 = 3;

/// What is asked of one process, page after page.
#[derive(Debug)]
pub(super) struct Exchange {
    with: SocketAddr,
    cursor: Option<SocketAddr>,
    tries: u8,
    pub(super) retry_at: Mono,
}

/// A page that was asked for.
pub(super) enum Turned {
    /// Ask for the next.
    More,
    /// It was the last.
    Complete,
}

impl Exchange {
    /// To be asked for its first page.
    pub(super) const fn with(peer: SocketAddr, now: Mono) -> Self {
        Self { with: peer, cursor: None, tries: 0, retry_at: now }
    }

    /// The next request and whom to send it; `None` when it was sent often enough.
    pub(super) fn ask(&mut self, patience: Duration, now: Mono) -> Option<(SocketAddr, Vec<u8>)> {
        if self.tries == MAX_TRIES {
            return None;
        }
        self.tries += 1;
        self.retry_at = now + patience;
        Some((self.with, Request { cursor: self.cursor }.encode()))
    }

    /// `None` for a page that was not asked for, or not any more.
    pub(super) fn turn(&mut self, page: &Page) -> Option<Turned> {
        if page.from != self.with || page.cursor != self.cursor {
            return None;
        }
        self.tries = 0;
        self.cursor = page.updates.last().map(|update| update.id().gossip);
        Some(if page.more { Turned::More } else { Turned::Complete })
    }
}

/// "Who comes after this one?"
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    cursor: Option<SocketAddr>,
}

impl Request {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_cursor(&mut out, self.cursor);
        out.resize(MAX_PAYLOAD, 0);
        out
    }

    pub(super) fn decode(mut payload: &[u8]) -> Result<Self, WireError> {
        if payload.len() != MAX_PAYLOAD {
            return Err(WireError("request of another size than a page's"));
        }
        let request = Self { cursor: get_cursor(&mut payload)? };
        if payload.iter().all(|byte| *byte == 0) {
            Ok(request)
        } else {
            Err(WireError("more than a request"))
        }
    }
}

/// Some of those who are there, by address.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    from: SocketAddr,
    cursor: Option<SocketAddr>,
    more: bool,
    pub(super) updates: Vec<foca::Member<Peer>>,
}

impl Page {
    /// As many of `everybody` as one datagram holds, from the request's cursor on.
    pub(super) fn answering(
        request: &Request,
        me: SocketAddr,
        mut everybody: Vec<foca::Member<Peer>>,
    ) -> Vec<u8> {
        everybody.retain(|update| request.cursor.is_none_or(|cursor| update.id().gossip > cursor));
        everybody.sort_unstable_by_key(|update| update.id().gossip);
        let mut updates = Vec::new();
        let mut count = 0;
        for update in &everybody {
            let before = updates.len();
            put_update(&mut updates, update);
            if updates.len() > MAX_UPDATES_BYTES {
                updates.truncate(before);
                break;
            }
            count += 1;
        }
        let mut out = Vec::new();
        put_address(&mut out, me);
        put_cursor(&mut out, request.cursor);
        out.put_u8(u8::from(usize::from(count) < everybody.len()));
        out.put_u16(count);
        out.extend(updates);
        out
    }

    pub(super) fn decode(mut payload: &[u8]) -> Result<Self, WireError> {
        let from = get_address(&mut payload)?;
        let cursor = get_cursor(&mut payload)?;
        let more = get_u8(&mut payload)? != 0;
        let count = get_u16(&mut payload)?;
        // No capacity is reserved for a count that may be a lie.
        let mut updates: Vec<foca::Member<Peer>> = Vec::new();
        for _ in 0..count {
            let update = get_update(&mut payload)?;
            let before = updates.last().map(|update| update.id().gossip).or(cursor);
            // Every page goes on where the last one ended, so following pages comes to an end.
            if before.is_some_and(|before| update.id().gossip <= before) || update.state() == State::Down {
                return Err(WireError("page out of order"));
            }
            updates.push(update);
        }
        if !payload.is_empty() || more && updates.is_empty() {
            return Err(WireError("page of a wrong length"));
        }
        Ok(Self { from, cursor, more, updates })
    }
}

/// Two IPv6 addresses with their kinds, `more` and `count`.
const MAX_UPDATES_BYTES: usize = MAX_PAYLOAD - 2 * 19 - 1 - 3;

fn put_cursor(out: &mut Vec<u8>, cursor: Option<SocketAddr>) {
    out.put_u8(u8::from(cursor.is_some()));
    if let Some(address) = cursor {
        put_address(out, address);
    }
}

fn get_cursor(payload: &mut &[u8]) -> Result<Option<SocketAddr>, WireError> {
    match get_u8(payload)? {
        0 => Ok(None),
        1 => get_address(payload).map(Some),
        _ => Err(WireError("unknown kind of cursor")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{super::wire::tests::update, *};

    fn at(number: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], number))
    }

    proptest! {
        #[test]
        fn all_pages_together_are_the_roster(updates in prop::collection::vec(update(), 0..80)) {
            let everybody: BTreeMap<SocketAddr, _> = updates
                .into_iter()
                .filter(|update| update.state() != State::Down)
                .map(|update| (update.id().gossip, update))
                .collect();
            let everybody: Vec<_> = everybody.into_values().collect();
            let mut exchange = Exchange::with(at(2), Mono::ZERO);
            let mut fetched = Vec::new();
            loop {
                let (to, request) = exchange.ask(Duration::from_secs(1), Mono::ZERO).unwrap();
                prop_assert_eq!(to, at(2));
                let request = Request::decode(&request).unwrap();
                let shuffled = everybody.iter().rev().cloned().collect();
                let page = Page::answering(&request, at(2), shuffled);
                prop_assert!(page.len() <= MAX_PAYLOAD);
                let page = Page::decode(&page).unwrap();
                let turned = exchange.turn(&page).unwrap();
                prop_assert!(page.updates.is_empty() || exchange.turn(&page).is_none(), "a page comes once");
                fetched.extend(page.updates);
                if let Turned::Complete = turned {
                    break;
                }
            }
            prop_assert_eq!(fetched, everybody);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Request::decode(&bytes);
            if let Ok(page) = Page::decode(&bytes) {
                prop_assert!(page.more <= !page.updates.is_empty());
            }
        }
    }

    #[test]
    fn one_that_does_not_answer_is_asked_thrice() {
        let mut exchange = Exchange::with(at(2), Mono::ZERO);
        for _ in 0..MAX_TRIES {
            assert!(exchange.ask(Duration::from_secs(1), Mono::ZERO).is_some());
            assert_eq!(exchange.retry_at, Mono::ZERO + Duration::from_secs(1));
        }
        assert!(exchange.ask(Duration::from_secs(1), Mono::ZERO).is_none());
    }

    #[test]
    fn a_page_from_another_or_for_another_cursor_is_not_turned() {
        let page = |from, cursor| Page { from, cursor, more: false, updates: vec![] };
        let mut exchange = Exchange::with(at(2), Mono::ZERO);
        assert!(exchange.turn(&page(at(3), None)).is_none());
        assert!(exchange.turn(&page(at(2), Some(at(1)))).is_none());
        assert!(exchange.turn(&page(at(2), None)).is_some());
    }
}

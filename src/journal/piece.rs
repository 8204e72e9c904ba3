//! Items cut into chunks, and chunks joined into items.
//!
//! A delta or a snapshot is a list of items, whatever they mean. Each chunk says which item it begins with, so that a
//! chunk that cannot be read costs only the items that it had a part in, and those are known by their numbers.

use std::{ops::Range, sync::Arc};

use bytes::{Bytes, BytesMut};

use super::{
    head::Link,
    record::{ENVELOPE_BYTES, Record, Unreadable, mix},
    rows::{Kind, Rows},
    wire::{Encoder, Fields, WireError},
};
use crate::{
    hash::xxh3,
    store::{Chunk, Write},
};

/// A chunk is at most so large, even where the store takes more: it is the unit of damage, and of reading.
pub(super) const MAX_CHUNK_BYTES: usize = 256 * 1024;
/// What a chunk's own fields take, at most: a link of 80 bytes, four numbers, and the surroundings.
const CHUNK_OVERHEAD: usize = 128 + ENVELOPE_BYTES;
/// What a part of an item takes beside its own bytes, at most.
const PART_OVERHEAD: usize = 6;
/// A chunk holds at least so many bytes of items, or it is no use.
const MIN_CONTENT: usize = 32;
/// The smallest chunk.
pub(super) const MIN_CHUNK_BYTES: usize = CHUNK_OVERHEAD + PART_OVERHEAD + MIN_CONTENT;

/// What a chunk's row says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Piece {
    /// The commit before this one, in every chunk of it, so that the chain survives the loss of any. Snapshots have none.
    pub(super) previous: Option<Link>,
    /// The incarnation of the version; the rest of it is in the key.
    pub(super) incarnation: u64,
    /// Number of the item that the first part belongs to.
    first: u32,
    /// Whether the first part goes on with an item that began in the chunk before.
    continues: bool,
    /// Whether the last part's item goes on in the next chunk.
    goes_on: bool,
    /// Items; at either end perhaps a part of one.
    parts: Vec<Bytes>,
}

/// What is wrong with the row of a chunk by itself, be it of a delta or of a snapshot.
pub fn check_chunk(key: &Arc<str>, value: &Bytes) -> Option<Unreadable> {
    Piece::from_row(key, value).err()
}

/// What could be read of a list of items.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Joined {
    /// The items, in order.
    pub(super) items: Vec<Bytes>,
    /// The numbers of those that are lost. The last range may reach to `u32::MAX`: then nobody knows how many there were.
    pub(super) lost: Vec<Range<u32>>,
}

/// Cuts items into chunks whose rows are at most so large. There is at least one chunk. An item is cut only when it
/// fits no chunk whole.
pub(super) fn cut(
    items: &[Bytes],
    incarnation: u64,
    previous: Option<Link>,
    chunk_bytes: usize,
) -> Vec<Piece> {
    let room = chunk_bytes.saturating_sub(CHUNK_OVERHEAD).max(PART_OVERHEAD + MIN_CONTENT) - PART_OVERHEAD;
    let begin = |first, continues| Piece { previous, incarnation, first, continues, ..Piece::default() };
    let mut pieces = Vec::new();
    let (mut piece, mut used) = (begin(0, false), 0_usize);
    for (number, item) in (0_u32..).zip(items) {
        if !piece.parts.is_empty() && used + item.len() > room {
            pieces.push(std::mem::replace(&mut piece, begin(number, false)));
            used = 0;
        }
        let mut rest = item.clone();
        while rest.len() > room {
            piece.parts.push(rest.split_to(room));
            piece.goes_on = true;
            pieces.push(std::mem::replace(&mut piece, begin(number, true)));
        }
        used += rest.len() + PART_OVERHEAD;
        piece.parts.push(rest);
    }
    pieces.push(piece);
    pieces
}

/// What can be read of a list of items, given its chunks in order; `None` stands for one that cannot be read.
pub(super) fn join(pieces: impl IntoIterator<Item = Option<Piece>>) -> Joined {
    let mut joined = Joined::default();
    // The item that the next chunk begins with, if all is well, and what there is of it already.
    let (mut expected, mut begun) = (0_u32, None::<BytesMut>);
    let mut gap = false;
    for piece in pieces {
        let Some(piece) = piece else {
            gap = true;
            continue;
        };
        let whole = !gap && piece.first == expected && piece.continues == begun.is_some();
        if !whole {
            // A part that goes on from what was lost is lost too.
            let until = piece.first.saturating_add(piece.continues.into());
            joined.lose(expected..until);
            begun = None;
        }
        gap = false;
        let last = piece.parts.len().saturating_sub(1);
        expected = piece.first;
        for (place, part) in piece.parts.into_iter().enumerate() {
            let (continues, goes_on) = (place == 0 && piece.continues, place == last && piece.goes_on);
            if goes_on {
                // Of a lost item nothing is gathered, and its last part finds nothing begun.
                if !continues || begun.is_some() {
                    begun.get_or_insert_default().extend_from_slice(&part);
                }
                continue;
            }
            match begun.take() {
                Some(mut item) => {
                    item.extend_from_slice(&part);
                    joined.items.push(item.freeze());
                }
                None if continues => joined.lose(expected..expected.saturating_add(1)),
                None => joined.items.push(part),
            }
            expected = expected.saturating_add(1);
        }
    }
    if gap {
        joined.lose(expected..u32::MAX);
    } else if begun.is_some() {
        joined.lose(expected..expected.saturating_add(1));
    }
    joined
}

/// Of all chunks of a delta or snapshot, in order.
pub(super) fn checksum<'a>(chunks: impl IntoIterator<Item = &'a Bytes>) -> u64 {
    mix(chunks.into_iter().map(|row| xxh3(row)))
}

impl Joined {
    fn lose(&mut self, range: Range<u32>) {
        match self.lost.last_mut() {
            _ if range.is_empty() => {}
            Some(last) if last.end >= range.start => last.end = last.end.max(range.end),
            _ => self.lost.push(range),
        }
    }
}

impl Record for Piece {
    const WHAT: &'static str = "chunk";

    fn encode(&self, out: &mut Encoder) {
        if let Some(previous) = &self.previous {
            out.message(1, |out| previous.encode(out));
        }
        out.number(2, self.first.into());
        out.number(3, self.continues.into());
        out.number(4, self.goes_on.into());
        for part in &self.parts {
            out.item(5, part);
        }
        out.number(6, self.incarnation);
    }

    fn decode(fields: Fields) -> Result<Self, WireError> {
        let mut piece = Self::default();
        for field in fields {
            let field = field?;
            match field.number {
                1 => piece.previous = Some(field.message(Link::decode)?),
                2 => piece.first = field.small()?,
                3 => piece.continues = field.number()? != 0,
                4 => piece.goes_on = field.number()? != 0,
                5 => piece.parts.push(field.bytes()?),
                6 => piece.incarnation = field.number()?,
                _ => {}
            }
        }
        Ok(piece)
    }
}

/// The rows of chunks from `first` on, as writes and by themselves.
pub(super) fn to_rows(rows: &Rows, kind: Kind, first: Chunk, pieces: &[Piece]) -> (Vec<Write>, Vec<Bytes>) {
    let row = |(number, piece): (u32, &Piece)| {
        let key = rows.chunk(kind, Chunk { number, ..first });
        let value = piece.to_row(&key);
        (Write::Put(key, value.clone()), value)
    };
    (first.number..).zip(pieces).map(row).unzip()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut_rows(items: &[Bytes], chunk_bytes: usize) -> Vec<Option<Piece>> {
        let previous = Link { chunks: 1, checksum: u64::MAX, lineage: u64::MAX, ..Link::default() };
        cut(items, u64::MAX, Some(previous), chunk_bytes).into_iter().map(Some).collect()
    }

    fn any_items() -> impl Strategy<Value = Vec<Bytes>> {
        prop::collection::vec((any::<u8>(), 0..200_usize), 0..30)
            .prop_map(|items| items.into_iter().map(|(byte, length)| vec![byte; length].into()).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_cut_can_be_joined(items in any_items(), chunk_bytes in MIN_CHUNK_BYTES..600) {
            let pieces = cut_rows(&items, chunk_bytes);
            for piece in pieces.iter().flatten() {
                let row = piece.to_row("k");
                prop_assert!(row.len() <= chunk_bytes);
                let read = Piece::from_row(&"k".into(), &row);
                prop_assert_eq!(read.as_ref(), Ok(piece));
            }
            prop_assert_eq!(join(pieces), Joined { items, lost: Vec::new() });
        }

        /// What is said to be lost is lost, what is not said to be is there, and a lost chunk costs no item that it had no
        /// part in.
        #[test]
        fn lost_chunks_cost_their_own_items(
            items in any_items(), chunk_bytes in MIN_CHUNK_BYTES..600, lost in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
        ) {
            let mut pieces = cut_rows(&items, chunk_bytes);
            let mut touched = std::collections::BTreeSet::new();
            for index in lost {
                let place = index.index(pieces.len());
                if let Some(piece) = pieces[place].take() {
                    touched.extend((piece.first..).take(piece.parts.len()));
                }
            }
            let joined = join(pieces);
            let is_lost = |number: usize| joined.lost.iter().any(|range| range.contains(&(number as u32)));
            for number in 0..items.len() {
                prop_assert_eq!(is_lost(number), touched.contains(&(number as u32)), "item {}", number);
            }
            let kept: Vec<_> = items.iter().enumerate().filter(|(number, _)| !is_lost(*number)).map(|(_, item)| item).collect();
            prop_assert_eq!(joined.items.iter().collect::<Vec<_>>(), kept);
        }

        #[test]
        fn foreign_chunks_are_joined_somehow(
            pieces in prop::collection::vec(prop::option::of((any::<u32>(), any::<bool>(), any::<bool>(), 0..3_usize)), 0..8),
        ) {
            let piece = |(first, continues, goes_on, parts)| Piece {
                first, continues, goes_on, parts: vec![Bytes::from_static(b"x"); parts], ..Piece::default()
            };
            join(pieces.into_iter().map(|fields| fields.map(piece)));
        }
    }

    #[test]
    fn an_item_is_cut_only_if_no_chunk_can_hold_it() {
        let item = |length| Bytes::from(vec![7; length]);
        let room = 100 - 2 * PART_OVERHEAD;
        let pieces = cut(&[item(60), item(room), item(250)], 0, None, CHUNK_OVERHEAD + 100);
        let parts: Vec<Vec<usize>> =
            pieces.iter().map(|piece| piece.parts.iter().map(Bytes::len).collect()).collect();
        assert_eq!(parts, [vec![60], vec![room], vec![94, 0][..1].to_vec(), vec![94], vec![62]]);
    }
}

//! Items cut into chunks, and chunks joined into items.
//!
//! A delta or a snapshot is a list of items, whatever they mean. Each chunk says which item it begins with, so that a
//! chunk that cannot be read costs only the items that it had a part in, and those are known by their numbers.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use super::{
    head::Link,
    record::{ENVELOPE_BYTES, Record, mix},
    wire::{Encoder, Fields, WireError},
};
use crate::hash::xxh3;

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

//! Chunks put together: the commits that lead to a head, and a snapshot.

use std::{collections::BTreeMap, fmt, ops::Range};

use bytes::Bytes;

use super::{
    head::{Link, Mismatch},
    piece::{self, Piece},
    record::{Flaw, Record, Unreadable},
    rows::{Kind, Rows},
};
use crate::{
    planted::{Planted, is},
    store::Chunk,
    types::Version,
};

/// One commit, read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta {
    /// Which.
    pub link: Link,
    /// Its items, in order, without those that are lost.
    pub items: Vec<Bytes>,
}

/// What of a commit or a snapshot cannot be read. Everything else of it can, and is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Of which one.
    pub link: Link,
    /// Whether it is a snapshot.
    pub in_snapshot: bool,
    /// The rows, each with what is wrong with it. Of commits that are missing altogether: the prefixes of the first and
    /// the last one.
    pub rows: Vec<Unreadable>,
    /// The numbers of the items that are lost, from zero. A range that ends with `u32::MAX` is open: nobody knows how
    /// many there were.
    pub items: Vec<Range<u32>>,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.in_snapshot { "snapshot" } else { "commit" };
        write!(f, "{kind} {} has lost items", self.link.version)?;
        for (place, Range { start, end }) in self.items.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            match *end {
                u32::MAX => write!(f, "{comma} {start} and all behind it")?,
                end if end - start == 1 => write!(f, "{comma} {start}")?,
                end => write!(f, "{comma} {start} to {}", end - 1)?,
            }
        }
        for row in &self.rows {
            write!(f, "; {row}")?;
        }
        Ok(())
    }
}

/// The commits that lead from a state to a head.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chain {
    /// Oldest first.
    pub(super) deltas: Vec<Delta>,
    pub(super) damage: Vec<Damage>,
    /// The history is not one: at this version it does not continue what came before. What a later incarnation has
    /// adopted is not held against it.
    pub(super) broken: Option<Mismatch>,
    /// Whether it goes back to just the state that was asked for.
    pub(super) reached: bool,
}

/// Chunks' rows by what their keys say.
pub(super) type Chunks = BTreeMap<Chunk, Bytes>;

/// Goes back from the head's link until `to`, or to the beginning. `chunks` may hold others too.
pub(super) fn back(rows: &Rows, chunks: &Chunks, head: Link, to: Option<Link>) -> Chain {
    let mut chain = Chain::default();
    let mut next = Some(head);
    while let Some(link) = next.take() {
        if let Some(to) = to.filter(|to| link.version.generation <= to.version.generation) {
            chain.reached = link.lineage == to.lineage && link.version == to.version;
            if !chain.reached {
                chain.breaks(link, head);
            }
            break;
        }
        let (pieces, unreadable) = read(rows, Kind::Delta, chunks, link);
        // None: it is the first. Unknown: nobody can say which one came before.
        let previous = pieces.iter().flatten().next().map(|piece| piece.previous);
        let joined = piece::join(pieces);
        chain.lost(link, false, unreadable, joined.lost);
        chain.deltas.push(Delta { link, items: joined.items });
        next = match previous {
            Some(previous) => {
                if link.lineage_after(previous.map_or(0, |previous| previous.lineage)) != link.lineage {
                    chain.breaks(link, head);
                }
                if previous.is_none() {
                    chain.reached = to.is_none();
                    if !chain.reached {
                        chain.breaks(link, head);
                    }
                }
                previous.filter(|previous| previous.version.generation < link.version.generation)
            }
            None => {
                let before = before(rows, chunks, link, to);
                let there = before.or(to).map_or(link, |before| before);
                chain.gap(rows, there.version.generation, link.version);
                before
            }
        };
    }
    chain.deltas.reverse();
    chain.damage.reverse();
    chain
}

/// The items of a snapshot, and what of it is damaged.
pub(super) fn snapshot(rows: &Rows, chunks: &Chunks, link: Link) -> (Vec<Bytes>, Vec<Damage>) {
    let (pieces, unreadable) = read(rows, Kind::Snapshot, chunks, link);
    let joined = piece::join(pieces);
    let mut chain = Chain::default();
    chain.lost(link, true, unreadable, joined.lost);
    (joined.items, chain.damage)
}

impl Chain {
    /// The newest break counts.
    fn breaks(&mut self, link: Link, head: Link) {
        if link.version.incarnation == head.version.incarnation && self.broken.is_none() {
            self.broken = Some(Mismatch::Broken { at: link.version });
        }
    }

    /// Commits that are not there at all, between the generation and the version.
    fn gap(&mut self, rows: &Rows, there: u64, next: Version) {
        let missing = |generation| Unreadable {
            key: rows.generation(Kind::Delta, generation).into(),
            what: "commit",
            flaw: Flaw::Missing,
        };
        let (first, last) = (there.saturating_add(1), next.generation.saturating_sub(1));
        if first <= last {
            let version = Version { generation: last, ..next };
            let rows = if first < last { vec![missing(first), missing(last)] } else { vec![missing(last)] };
            self.lost(
                Link { version, ..Link::default() },
                false,
                rows,
                std::iter::once(0..u32::MAX).collect(),
            );
        }
    }

    fn lost(&mut self, link: Link, in_snapshot: bool, rows: Vec<Unreadable>, items: Vec<Range<u32>>) {
        if !rows.is_empty() || !items.is_empty() {
            self.damage.push(Damage { link, in_snapshot, rows, items });
        }
    }
}

/// The chunks that a link names.
fn read(rows: &Rows, kind: Kind, chunks: &Chunks, link: Link) -> (Vec<Option<Piece>>, Vec<Unreadable>) {
    let mut unreadable = Vec::new();
    let mut values = Vec::new();
    let mut pieces = Vec::new();
    for number in 0..link.chunks {
        let key = rows.chunk(kind, link.chunk(number));
        let piece = match chunks.get(&link.chunk(number)) {
            Some(value) => {
                values.push(value);
                Piece::from_row(&key, value)
            }
            None => Err(Unreadable { key, what: Piece::WHAT, flaw: Flaw::Missing }),
        };
        let missing = piece.is_err();
        pieces.push(piece.map_err(|error| unreadable.push(error)).ok());
        // The count comes from a row too: of chunks that are not there, one is enough to say so.
        if missing && chunks.range(link.chunk(number)..=link.chunk(u32::MAX)).next().is_none() {
            break;
        }
    }
    let is_other = piece::checksum(values) != link.checksum && !is(Planted::AnyChunkCounts);
    if unreadable.is_empty() && is_other {
        let key = rows.chunk(kind, link.chunk(0));
        unreadable.push(Unreadable { key, what: "list of chunks", flaw: Flaw::Checksum });
        pieces.fill(None);
    }
    (pieces, unreadable)
}

/// The commit before one of which nothing can be read: the one that its lineage proves, or else the only one there is.
fn before(rows: &Rows, chunks: &Chunks, link: Link, to: Option<Link>) -> Option<Link> {
    let lowest = to.map_or(0, |to| to.version.generation);
    if let Some(to) = to.filter(|to| link.version.generation == to.version.generation.saturating_add(1)) {
        return Some(to);
    }
    let below = ..Chunk { generation: link.version.generation, ..Chunk::default() };
    let generation = chunks.range(below).next_back().map(|(chunk, _)| chunk.generation)?;
    if generation <= lowest {
        return None;
    }
    let from = Chunk { generation, ..Chunk::default() };
    let mut found: Vec<Link> = Vec::new();
    for (chunk, value) in chunks.range(from..).take_while(|(chunk, _)| chunk.generation == generation) {
        let same = |found: &Link| (found.term, found.attempt) == (chunk.term, chunk.attempt);
        match found.last_mut().filter(|found| same(found)) {
            Some(found) => found.chunks = chunk.number.saturating_add(1),
            None => found.push(rebuilt(rows, *chunk, value, link)),
        }
    }
    for found in &mut found {
        let its = chunks.range(found.chunk(0)..=found.chunk(u32::MAX));
        found.checksum = piece::checksum(its.map(|(_, value)| value));
        found.lineage = found.lineage_after(found.lineage);
    }
    match found.iter().find(|found| link.lineage_after(found.lineage) == link.lineage) {
        Some(proven) => Some(*proven),
        None if found.len() == 1 => found.pop(),
        None => None,
    }
}

/// A link to the commit of a chunk, from what that chunk says; its lineage is still that of the commit before.
fn rebuilt(rows: &Rows, chunk: Chunk, value: &Bytes, after: Link) -> Link {
    let piece = Piece::from_row(&rows.chunk(Kind::Delta, chunk), value).ok();
    let incarnation = piece.as_ref().map_or(after.version.incarnation, |piece| piece.incarnation);
    let previous = piece.and_then(|piece| piece.previous);
    Link {
        version: Version { incarnation, generation: chunk.generation },
        term: chunk.term,
        attempt: chunk.attempt,
        chunks: chunk.number.saturating_add(1),
        checksum: 0,
        lineage: previous.map_or(0, |previous| previous.lineage),
    }
}

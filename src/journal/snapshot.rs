//! Writing a snapshot behind the log.

use bytes::Bytes;

use super::{
    head::{Link, MAX_CHUNKS},
    log::{LogError, Term, chunk_bytes},
    piece::{self, Piece},
    record::{Record, mix},
    rows::{Kind, Rows},
};
use crate::{
    hash::xxh3,
    store::{Compare, Errand, Limits, Outcome, Reply, Request, Step, StoreError, Transaction, Write},
};

/// Writes a namespace's whole state while commits go on. Ends with the link that makes it count, once the log has
/// [published](super::Log::publish) it; dropped before that, it leaves chunks that the next snapshot's collection removes.
#[derive(Debug)]
pub struct WriteSnapshot {
    rows: Rows,
    term: Term,
    limits: Limits,
    link: Link,
    pieces: Vec<Piece>,
    /// What earlier leaders left unfinished, and goes with the first chunks.
    leftovers: Option<Write>,
    /// Hashes of the chunks that are stored.
    stored: Vec<u64>,
    /// Hashes of the chunks that are being stored.
    asked: Vec<u64>,
}

type End = Result<Link, LogError>;

impl WriteSnapshot {
    /// `of`: what the snapshot shows. Its term and attempt are the snapshot's own. `behind`: the newest generation of
    /// which a snapshot counts; what there is between the two was never finished. `None`: there is nothing to remove.
    pub(super) fn new(
        rows: Rows,
        term: Term,
        limits: Limits,
        of: Link,
        behind: Option<u64>,
        items: &[Bytes],
    ) -> Result<Self, LogError> {
        let leftovers = behind.map(|behind| {
            let from = rows.generation(Kind::Snapshot, behind.saturating_add(1));
            let first = Link { term: term.number, ..of }.chunk(0);
            Write::DeleteRange(from.into(), rows.chunk(Kind::Snapshot, first))
        });
        let beside = leftovers.clone().map_or(0, |write| Transaction::default().write(write).bytes());
        let for_chunks = Limits { bytes: limits.bytes.saturating_sub(beside), ..limits };
        let room = chunk_bytes(&rows, &term, for_chunks, Kind::Snapshot)?;
        let pieces = piece::cut(items, of.version.incarnation, None, room);
        let chunks = u32::try_from(pieces.len()).ok().filter(|chunks| *chunks <= MAX_CHUNKS);
        let Some(chunks) = chunks else { return Err(LogError::TooManyChunks) };
        let link = Link { term: term.number, chunks, ..of };
        Ok(Self { rows, term, limits, link, pieces, leftovers, stored: Vec::new(), asked: Vec::new() })
    }

    /// As many of the next chunks as fit a transaction. Only the term is compared: that commits go on meanwhile is no harm.
    ///
    /// A snapshot is what makes room in a store that is full, so it may take what that keeps back. It takes at most as much
    /// as there is already, and since what earlier ones left goes first, there are never more than two of them.
    fn ask(&mut self) -> Step<End> {
        if self.stored.len() >= self.pieces.len() {
            let checksum = mix(std::mem::take(&mut self.stored));
            return Step::Done(Ok(Link { checksum, ..self.link }));
        }
        let ours = Compare::Value(self.rows.term().clone(), self.term.record.clone());
        let mut transaction = Transaction::default().when(ours).using_reserve();
        if self.stored.is_empty() {
            transaction.writes.extend(self.leftovers.clone());
        }
        let mut bytes = transaction.bytes();
        self.asked.clear();
        for (number, piece) in (0..).zip(&self.pieces).skip(self.stored.len()) {
            let key = self.rows.chunk(Kind::Snapshot, self.link.chunk(number));
            let value = piece.to_row(&key);
            bytes += key.len() + value.len();
            let full = transaction.writes.len() >= self.limits.operations || bytes > self.limits.bytes;
            if full && !self.asked.is_empty() {
                break;
            }
            self.asked.push(xxh3(&value));
            transaction.writes.push(Write::Put(key, value));
        }
        Step::Ask(Request::Transact(transaction))
    }
}

impl Errand for WriteSnapshot {
    type End = End;

    fn next(&mut self, reply: Option<Reply>) -> Step<End> {
        match reply.map(Reply::outcome) {
            None => self.ask(),
            Some(Ok(Outcome::Committed(_))) => {
                self.stored.append(&mut self.asked);
                self.ask()
            }
            Some(Ok(Outcome::Refused)) => Step::Done(Err(LogError::Deposed)),
            Some(Err(StoreError::TooLarge { size, limit, .. })) if self.asked.len() <= 1 => {
                Step::Done(Err(LogError::LimitsTooSmall { needed: size, limit }))
            }
            // It takes less than it said.
            Some(Err(StoreError::TooLarge { .. })) => {
                self.limits.operations = (self.asked.len() / 2).max(1);
                self.ask()
            }
            // Chunks that were perhaps written are written again: same keys, same bytes, same condition.
            Some(Err(error)) => Step::Pause(error),
        }
    }
}

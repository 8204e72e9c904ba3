//! The file: `magic | format | frames`, each frame `length | message | hash`, numbers as little-endian u32 and u64.
//!
//! Messages are protocol buffers, so that later versions may add fields: one header, then rows in the order of their keys,
//! then an end that says how many there were. A frame's hash is over the one before it too, so that a frame which is
//! missing, repeated or from another file is noticed just as a flipped bit is. A file without its end is cut.

use std::{
    io::{self, Read, Write},
    sync::Arc,
};

use bytes::Bytes;

use super::{BATCH_BYTES, BackupError};
use crate::{
    hash::xxh3,
    journal::{Encoder, Fields, WireError},
    store::{MAX_KEY_BYTES, Revision, check_key},
};

const MAGIC: &[u8; 16] = b"shardway backup\n";
const FORMAT: u32 = 1;
/// Longest message. A batch, or one row of the largest size that an etcd may be set to take.
const MAX_MESSAGE_BYTES: u32 = 64 << 20;
/// Longest identity, kind or root.
const MAX_TEXT_BYTES: usize = 1024;
/// Most rows that a file names as left out because they cannot be read.
const MAX_DAMAGED: usize = 10_000;

/// What a backup says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The identity of the store that it was made of.
    pub identity: String,
    /// That store's kind.
    pub kind: String,
    /// What all keys begin with, without the `/` behind it.
    pub root: String,
    /// The revision that its rows are of.
    pub revision: Revision,
    /// When it was begun, in milliseconds since 1970, by the clock of whoever made it.
    pub unix_millis: u64,
}

/// A row, without what the store that it was in knew about it.
pub(super) type Pair = (Arc<str>, Bytes);

/// How a file ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct End {
    pub(super) rows: u64,
    /// Of keys and values.
    pub(super) bytes: u64,
    /// Rows that the store had and could not read.
    pub(super) damaged: Vec<String>,
}

/// Writes a file from its beginning to its end.
pub(super) struct FileWriter<W> {
    output: W,
    chain: u64,
    batch: Encoder,
    batch_bytes: usize,
    end: End,
}

impl<W: Write> FileWriter<W> {
    pub(super) fn begin(mut output: W, header: &Header) -> io::Result<Self> {
        let start = start(FORMAT);
        output.write_all(&start)?;
        let (chain, batch) = (xxh3(&start), Encoder::default());
        let mut writer = Self { output, chain, batch, batch_bytes: 0, end: End::default() };
        let mut message = Encoder::default();
        message.message(1, |out| header.encode(out));
        writer.frame(&message.finish())?;
        Ok(writer)
    }

    /// To be called in the order of the keys.
    pub(super) fn row(&mut self, (key, value): &Pair) -> io::Result<()> {
        let bytes = key.len() + value.len();
        if self.batch_bytes > 0 && self.batch_bytes + bytes > BATCH_BYTES {
            self.flush()?;
        }
        self.batch.message(2, |out| {
            out.bytes(1, key.as_bytes());
            out.bytes(2, value);
        });
        self.batch_bytes += bytes;
        self.end.rows += 1;
        self.end.bytes += bytes as u64;
        Ok(())
    }

    pub(super) fn finish(mut self, damaged: Vec<String>) -> io::Result<(W, End)> {
        self.flush()?;
        self.end.damaged = damaged;
        self.end.damaged.truncate(MAX_DAMAGED);
        let mut message = Encoder::default();
        message.message(3, |out| self.end.encode(out));
        self.frame(&message.finish())?;
        self.output.flush()?;
        Ok((self.output, self.end))
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.batch_bytes == 0 {
            return Ok(());
        }
        self.batch_bytes = 0;
        let message = std::mem::take(&mut self.batch).finish();
        self.frame(&message)
    }

    fn frame(&mut self, message: &[u8]) -> io::Result<()> {
        let length = u32::try_from(message.len()).ok().filter(|length| *length <= MAX_MESSAGE_BYTES);
        let length = length.ok_or_else(|| io::Error::other("a row is larger than any backup may hold"))?;
        self.chain = link(self.chain, message);
        self.output.write_all(&length.to_le_bytes())?;
        self.output.write_all(message)?;
        self.output.write_all(&self.chain.to_le_bytes())
    }
}

/// Reads a file from its beginning to its end, and believes nothing of it.
pub(super) struct FileReader<R> {
    input: R,
    /// Where the next frame begins.
    at: u64,
    chain: u64,
    header: Header,
    /// What there was so far.
    end: End,
    last: Option<Arc<str>>,
    is_over: bool,
}

impl<R: Read> FileReader<R> {
    pub(super) fn open(mut input: R) -> Result<Self, BackupError> {
        let start = bytes_of(&mut input, MAGIC.len() + 4)?;
        let (magic, format) = start.split_at_checked(MAGIC.len()).ok_or(BackupError::NotABackup)?;
        let format = format.try_into().map(u32::from_le_bytes).map_err(|_| BackupError::NotABackup)?;
        match (magic == MAGIC, format) {
            (true, FORMAT) => {}
            (true, found) if found > FORMAT => return Err(BackupError::Newer { found, known: FORMAT }),
            _ => return Err(BackupError::NotABackup),
        }
        let (at, chain) = (start.len() as u64, xxh3(&start));
        let mut reader = Self {
            input,
            at,
            chain,
            header: Header::default(),
            end: End::default(),
            last: None,
            is_over: false,
        };
        let (at, message) = (reader.at, reader.frame()?);
        let mut header = None;
        for field in Fields::of(&message) {
            let field = field.map_err(|error| damaged(at, error.what))?;
            if field.number == 1 {
                header = Some(field.message(Header::decode).map_err(|error| damaged(at, error.what))?);
            }
        }
        reader.header = header.ok_or_else(|| damaged(at, "it does not begin with what it is of"))?;
        Ok(reader)
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    /// The next rows; `None` when there are no more, and all that were written have been read.
    pub(super) fn next(&mut self) -> Result<Option<Vec<Pair>>, BackupError> {
        if self.is_over {
            return Ok(None);
        }
        let (at, message) = (self.at, self.frame()?);
        let (mut rows, mut end) = (Vec::new(), None);
        for field in Fields::of(&message) {
            let read = field.and_then(|field| {
                match field.number {
                    2 => rows.push(field.message(decode_row)?),
                    3 => end = Some(field.message(End::decode)?),
                    _ => {}
                }
                Ok(())
            });
            read.map_err(|error| damaged(at, error.what))?;
        }
        for (key, value) in &rows {
            let is_below = key.strip_prefix(&*self.header.root).is_some_and(|rest| rest.starts_with('/'));
            if !is_below || check_key(key).is_err() {
                return Err(damaged(at, "a row's name is none"));
            }
            if self.last.as_ref().is_some_and(|last| last >= key) {
                return Err(damaged(at, "its rows are not in order"));
            }
            self.last = Some(key.clone());
            self.end.rows += 1;
            self.end.bytes += (key.len() + value.len()) as u64;
        }
        match end {
            None => Ok(Some(rows)),
            Some(end) if (end.rows, end.bytes) != (self.end.rows, self.end.bytes) => {
                Err(damaged(at, "it has more or fewer rows than it says"))
            }
            Some(_) if !bytes_of(&mut self.input, 1)?.is_empty() => {
                Err(damaged(self.at, "it goes on behind its end"))
            }
            Some(end) => {
                (self.end, self.is_over) = (end, true);
                Ok(Some(rows).filter(|rows| !rows.is_empty()))
            }
        }
    }

    /// How it ended, once it has.
    pub(super) fn into_end(self) -> (Header, End) {
        (self.header, self.end)
    }

    fn frame(&mut self) -> Result<Bytes, BackupError> {
        let cut = damaged(self.at, "it is cut here");
        let length = bytes_of(&mut self.input, 4)?;
        let Ok(length) = length.try_into().map(u32::from_le_bytes) else { return Err(cut) };
        if length > MAX_MESSAGE_BYTES {
            return Err(damaged(self.at, "a part is longer than any is"));
        }
        let message = bytes_of(&mut self.input, length as usize)?;
        let hash = bytes_of(&mut self.input, 8)?;
        let Ok(hash) = hash.try_into().map(u64::from_le_bytes) else { return Err(cut) };
        if hash != link(self.chain, &message) {
            return Err(damaged(self.at, "its checksum is wrong"));
        }
        self.chain = hash;
        self.at += 4 + u64::from(length) + 8;
        Ok(message.into())
    }
}

impl Header {
    fn encode(&self, out: &mut Encoder) {
        out.bytes(1, self.identity.as_bytes());
        out.bytes(2, self.kind.as_bytes());
        out.bytes(3, self.root.as_bytes());
        out.number(4, self.revision.0);
        out.number(5, self.unix_millis);
    }

    fn decode(fields: Fields) -> Result<Self, WireError> {
        let mut header = Self::default();
        for field in fields {
            let field = field?;
            match field.number {
                1 => header.identity = field.text(MAX_TEXT_BYTES)?,
                2 => header.kind = field.text(MAX_TEXT_BYTES)?,
                3 => header.root = field.text(MAX_TEXT_BYTES)?,
                4 => header.revision = Revision(field.number()?),
                5 => header.unix_millis = field.number()?,
                _ => {}
            }
        }
        Ok(header)
    }
}

impl End {
    fn encode(&self, out: &mut Encoder) {
        out.number(1, self.rows);
        out.number(2, self.bytes);
        for key in &self.damaged {
            out.item(3, key.as_bytes());
        }
    }

    fn decode(fields: Fields) -> Result<Self, WireError> {
        let mut end = Self::default();
        for field in fields {
            let field = field?;
            match field.number {
                1 => end.rows = field.number()?,
                2 => end.bytes = field.number()?,
                3 if end.damaged.len() < MAX_DAMAGED => end.damaged.push(field.text(MAX_KEY_BYTES)?),
                _ => {}
            }
        }
        Ok(end)
    }
}

fn decode_row(fields: Fields) -> Result<Pair, WireError> {
    let (mut key, mut value) = (String::new(), Bytes::new());
    for field in fields {
        let field = field?;
        match field.number {
            1 => key = field.text(MAX_KEY_BYTES)?,
            2 => value = field.bytes()?,
            _ => {}
        }
    }
    Ok((key.into(), value))
}

fn start(format: u32) -> Vec<u8> {
    [&MAGIC[..], &format.to_le_bytes()].concat()
}

/// The hash of a message that comes after another one.
fn link(before: u64, message: &[u8]) -> u64 {
    let mut both = [0; 16];
    both[..8].copy_from_slice(&before.to_le_bytes());
    both[8..].copy_from_slice(&xxh3(message).to_le_bytes());
    xxh3(&both)
}

/// So many bytes, or as many as there are. Takes no more memory than there are bytes, whatever a length claims.
fn bytes_of(input: &mut impl Read, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(count as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn damaged(at: u64, what: &'static str) -> BackupError {
    BackupError::Damaged { at, what }
}

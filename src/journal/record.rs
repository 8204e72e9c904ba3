//! What is around every stored record: the format's number, and a checksum over the record *and its key*, so that a row
//! that was damaged, cut, or copied to where it does not belong is told from a good one.

use std::{fmt, sync::Arc};

use bytes::Bytes;

use super::wire::{Encoder, Fields, WireError};
use crate::hash::xxh3;

/// The only format so far. What a format means never changes; fields that later binaries add do not need another one.
const FORMAT: u64 = 1;

/// Bytes that the surroundings add to a record, at most: format 2, checksum 9, length 7.
pub(super) const ENVELOPE_BYTES: usize = 18;

/// Something that is stored under a key of its own.
pub trait Record: Sized {
    /// What it is, for errors.
    const WHAT: &'static str;

    /// Writes its fields, those included that it did not know when it was read.
    fn encode(&self, out: &mut Encoder);

    /// Reads its fields.
    fn decode(fields: Fields) -> Result<Self, WireError>;

    /// The row's value under the key.
    fn to_row(&self, key: &str) -> Bytes {
        let mut body = Encoder::default();
        self.encode(&mut body);
        let body = body.finish();
        let mut row = Encoder::default();
        row.number(1, FORMAT);
        row.fixed(2, checksum(key, &body));
        row.bytes(3, &body);
        row.finish()
    }

    /// What the row's value under the key says.
    fn from_row(key: &Arc<str>, value: &Bytes) -> Result<Self, Unreadable> {
        let read = || {
            let body = open(key, value)?;
            Self::decode(Fields::of(&body)).map_err(Flaw::Wire)
        };
        read().map_err(|flaw| Unreadable { key: key.clone(), what: Self::WHAT, flaw })
    }
}

/// A record that cannot be read. It stops nothing but what depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The row's key.
    pub key: Arc<str>,
    /// What should be there.
    pub what: &'static str,
    /// What is wrong with it.
    pub flaw: Flaw,
}

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flaw {
    /// It is not what any version of us wrote under this key, or not any more.
    Checksum,
    /// It is in a format of a later version.
    Format(u64),
    /// It is intact, and yet does not make sense to this version.
    Wire(WireError),
    /// It should be there, and is not.
    Missing,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} in {} ", self.what, self.key)?;
        match self.flaw {
            Flaw::Checksum => f.write_str("is damaged: its checksum is wrong"),
            Flaw::Format(format) => write!(f, "is in format {format}, which only a later version reads"),
            Flaw::Wire(error) => write!(f, "makes no sense: {error}"),
            Flaw::Missing => f.write_str("is missing"),
        }
    }
}

impl std::error::Error for Unreadable {}

/// The record's own bytes, if they are what was written.
fn open(key: &str, value: &Bytes) -> Result<Bytes, Flaw> {
    let (mut format, mut sum, mut body) = (0, 0, Bytes::new());
    for field in Fields::of(value) {
        // Whatever is wrong with the surroundings, the row is not as it was written.
        let field = field.map_err(|_| Flaw::Checksum)?;
        match field.number {
            1 => format = field.number().map_err(|_| Flaw::Checksum)?,
            2 => sum = field.number().map_err(|_| Flaw::Checksum)?,
            3 => body = field.bytes().map_err(|_| Flaw::Checksum)?,
            _ => {}
        }
    }
    match format {
        FORMAT if sum == checksum(key, &body) => Ok(body),
        0 | FORMAT => Err(Flaw::Checksum),
        later => Err(Flaw::Format(later)),
    }
}

fn checksum(key: &str, body: &[u8]) -> u64 {
    mix([xxh3(key.as_bytes()), xxh3(body)])
}

/// One hash of several numbers.
pub(super) fn mix(numbers: impl IntoIterator<Item = u64>) -> u64 {
    let bytes: Vec<u8> = numbers.into_iter().flat_map(u64::to_le_bytes).collect();
    xxh3(&bytes)
}

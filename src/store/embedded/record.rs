//! What stands in the file for a row, so that damage is noticed and named.
//!
//! `hash of the key | revision | value | hash of all that`, numbers as little-endian u64. The key's hash tells a damaged
//! value, of which the name is sure, from a damaged name, behind which any row may be missing.

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use crate::store::Revision;

const WORD: usize = 8;

/// Why a record does not say what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    /// The row's name is sure, its content is not.
    Content,
    /// Not even the name is sure.
    Name,
}

pub(super) fn encode(key: &str, changed: Revision, value: &[u8]) -> Vec<u8> {
    let mut record = Vec::with_capacity(3 * WORD + value.len());
    record.extend(xxh3_64(key.as_bytes()).to_le_bytes());
    record.extend(changed.0.to_le_bytes());
    record.extend(value);
    record.extend(xxh3_64(&record).to_le_bytes());
    record
}

pub(super) fn decode(key: &[u8], record: &[u8]) -> Result<(Revision, Bytes), Damage> {
    let Some((name, rest)) = record.split_first_chunk::<WORD>() else { return Err(Damage::Name) };
    if u64::from_le_bytes(*name) != xxh3_64(key) {
        return Err(Damage::Name);
    }
    let (changed, value) = rest.split_first_chunk::<WORD>().ok_or(Damage::Content)?;
    let (value, _) = value.split_last_chunk::<WORD>().ok_or(Damage::Content)?;
    if seal(record) != xxh3_64(&record[..record.len() - WORD]) {
        return Err(Damage::Content);
    }
    Ok((Revision(u64::from_le_bytes(*changed)), Bytes::copy_from_slice(value)))
}

/// The hash at the end of a record. The sum over all rows tells whether one is missing.
pub(super) fn seal(record: &[u8]) -> u64 {
    record.split_last_chunk::<WORD>().map_or(0, |(_, seal)| u64::from_le_bytes(*seal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_back_and_any_flipped_bit_is_noticed() {
        let (key, value) = ("shardway/ns/n/head", b"\0value\xff");
        let record = encode(key, Revision(7), value);
        assert_eq!(decode(key.as_bytes(), &record), Ok((Revision(7), Bytes::from_static(value))));
        for bit in 0..record.len() * 8 {
            let mut damaged = record.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let expected = if bit < 64 { Damage::Name } else { Damage::Content };
            assert_eq!(decode(key.as_bytes(), &damaged), Err(expected), "bit {bit}");
        }
        for length in 0..record.len() {
            assert!(decode(key.as_bytes(), &record[..length]).is_err(), "cut at {length}");
        }
        assert_eq!(decode(b"shardway/ns/m/head", &record), Err(Damage::Name), "another row's record");
    }

    #[test]
    fn the_format_stays_what_it_is() {
        let record = encode("k", Revision(258), b"v");
        assert_eq!(record[8..17], [2, 1, 0, 0, 0, 0, 0, 0, b'v']);
        assert_eq!(record[..8], 0xa921_e370_4fda_881d_u64.to_le_bytes());
    }
}

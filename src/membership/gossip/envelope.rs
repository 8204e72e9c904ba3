//! The wrapping of every datagram: whose it is, and that it arrived whole.
//!
//! ```text
//! "shw"  version  checksum       length  cluster name  kind  payload
//! 3      1        8, big endian  1       1 to 64       1     at most MAX_PAYLOAD
//! ```
//! The checksum is xxh3 of all behind it. It finds accidents, not attackers: anybody who can send a datagram can make
//! one, as with any gossip that shares no secret.

use std::fmt;

use xxhash_rust::xxh3::xxh3_64;

/// Longest name of a cluster, in bytes.
pub(super) const MAX_CLUSTER_BYTES: usize = 64;
/// Longest datagram, in bytes: fits into one Ethernet frame with IPv6, UDP and a tunnel's headers.
pub(super) const MAX_DATAGRAM: usize = 1400;
/// Longest payload of one.
pub(super) const MAX_PAYLOAD: usize = MAX_DATAGRAM - FIXED - MAX_CLUSTER_BYTES - 1;

/// The last byte is the version: one that cannot be read by an older process gets another.
const MAGIC: [u8; 4] = *b"shw\x01";
const CHECKED_FROM: usize = MAGIC.len() + 8;
const FIXED: usize = CHECKED_FROM + 1;

/// What the payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Something that foca says.
    Protocol = 0,
    /// A request for a page of a roster.
    RosterRequest = 1,
    /// The page.
    RosterPage = 2,
}

/// Why a datagram was not listened to. Nothing was changed by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ignored {
    /// Not one of ours, or of a version that is not understood, or damaged.
    Foreign,
    /// Of a fleet with another cluster name.
    OtherCluster,
    /// Whole and ours, and yet not understood.
    Malformed,
    /// Understood and refused: it is our own, or for somebody who is no more.
    Refused,
    /// It would have made more members than allowed.
    TooMany,
}

/// `cluster` has at most [`MAX_CLUSTER_BYTES`], `payload` at most [`MAX_PAYLOAD`].
pub(super) fn seal(cluster: &str, kind: Kind, payload: &[u8]) -> Vec<u8> {
    let mut datagram = Vec::with_capacity(FIXED + cluster.len() + 1 + payload.len());
    datagram.extend(MAGIC);
    datagram.extend([0; 8]);
    datagram.push(u8::try_from(cluster.len()).unwrap_or(u8::MAX));
    datagram.extend(cluster.as_bytes());
    datagram.push(kind as u8);
    datagram.extend(payload);
    let checksum = xxh3_64(&datagram[CHECKED_FROM..]);
    datagram[MAGIC.len()..CHECKED_FROM].copy_from_slice(&checksum.to_be_bytes());
    datagram
}

/// Kind and payload of a datagram of our cluster.
pub(super) fn open<'a>(cluster: &str, datagram: &'a [u8]) -> Result<(Kind, &'a [u8]), Ignored> {
    let (magic, rest) = datagram.split_first_chunk().ok_or(Ignored::Foreign)?;
    let (checksum, checked) = rest.split_first_chunk().ok_or(Ignored::Foreign)?;
    if *magic != MAGIC || datagram.len() > MAX_DATAGRAM || u64::from_be_bytes(*checksum) != xxh3_64(checked) {
        return Err(Ignored::Foreign);
    }
    let (length, rest) = checked.split_first().ok_or(Ignored::Malformed)?;
    let (name, rest) = rest.split_at_checked((*length).into()).ok_or(Ignored::Malformed)?;
    if name != cluster.as_bytes() {
        return Err(Ignored::OtherCluster);
    }
    match rest.split_first() {
        Some((0, payload)) => Ok((Kind::Protocol, payload)),
        Some((1, payload)) => Ok((Kind::RosterRequest, payload)),
        Some((2, payload)) => Ok((Kind::RosterPage, payload)),
        _ => Err(Ignored::Malformed),
    }
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Foreign => "not a datagram of this version of shardway's gossip, or damaged",
            Self::OtherCluster => "from a fleet with another cluster name",
            Self::Malformed => "not understood",
            Self::Refused => "our own, or for somebody who is no more",
            Self::TooMany => "names more members than allowed",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_datagram_opens_for_its_own_cluster_only() {
        for kind in [Kind::Protocol, Kind::RosterRequest, Kind::RosterPage] {
            let sealed = seal("orders", kind, b"hello");
            assert_eq!(open("orders", &sealed), Ok((kind, b"hello".as_slice())));
            for other in ["order", "orders2", "ordersh", "Orders", ""] {
                assert_eq!(open(other, &sealed), Err(Ignored::OtherCluster), "{other:?}");
            }
        }
        let longest = seal(&"c".repeat(MAX_CLUSTER_BYTES), Kind::Protocol, &[7; MAX_PAYLOAD]);
        assert_eq!(longest.len(), MAX_DATAGRAM);
        assert!(open(&"c".repeat(MAX_CLUSTER_BYTES), &longest).is_ok());
    }

    #[test]
    fn every_cut_and_every_changed_byte_is_noticed() {
        let sealed = seal("orders", Kind::Protocol, b"hello");
        for length in 0..sealed.len() {
            assert!(open("orders", &sealed[..length]).is_err(), "cut at {length}");
        }
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 0x10;
            assert_eq!(open("orders", &changed), Err(Ignored::Foreign), "changed at {at}");
        }
        let too_long = seal("orders", Kind::Protocol, &[7; MAX_DATAGRAM]);
        assert_eq!(open("orders", &too_long), Err(Ignored::Foreign));
    }

    #[test]
    fn a_whole_datagram_may_still_make_no_sense() {
        let resealed = |change: fn(&mut Vec<u8>)| {
            let mut datagram = seal("orders", Kind::Protocol, b"hello");
            change(&mut datagram);
            let checksum = xxh3_64(&datagram[CHECKED_FROM..]);
            datagram[MAGIC.len()..CHECKED_FROM].copy_from_slice(&checksum.to_be_bytes());
            datagram
        };
        assert!(open("orders", &resealed(|_| ())).is_ok());
        for (what, change) in [
            ("a name beyond the end", (|datagram| datagram[CHECKED_FROM] = 90) as fn(&mut Vec<u8>)),
            ("an unknown kind", |datagram| datagram[FIXED + 6] = 3),
            ("no kind", |datagram| datagram.truncate(FIXED + 6)),
            ("nothing", |datagram| datagram.truncate(CHECKED_FROM)),
        ] {
            assert_eq!(open("orders", &resealed(change)), Err(Ignored::Malformed), "{what}");
        }
    }
}

//! What is stored about who lives and who leads.

use std::time::Duration;

use crate::journal::{Encoder, Field, Fields, Record, Unknown, WireError};
use crate::lease::MAX_LEASE;
use crate::store::MAX_REPLICA_BYTES;

/// Longest address, in bytes.
const MAX_ADDRESS_BYTES: usize = 1024;

/// One run of a replica: a number that no other run has, and that never comes back once its record is gone.
pub type ReplicaSession = u64;

/// A replica's row: that it lives. While it lives, it rewrites the row; what counts is that it changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplicaRecord {
    /// Which run of the replica.
    pub session: ReplicaSession,
    /// Grows with each attempt to renew, so that the row tells which of them it was.
    pub counter: u64,
    /// Where other replicas and clients reach it. Empty: nowhere, and nothing is ever given to it.
    pub address: String,
    /// Its leader lease: for so long others have to see the record stand still, by any clock, before its holder may be taken
    /// for dead. Zero: it does not say.
    pub lease: Duration,
    /// What a later version wrote.
    pub unknown: Unknown,
}

/// A namespace's term row: who leads. It is never deleted, so that numbers only grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TermRecord {
    /// The term's number.
    pub number: u64,
    /// The name of the replica that leads, or did.
    pub replica: String,
    /// In which run.
    pub session: ReplicaSession,
    /// It has given the term up: another one may begin at once.
    pub resigned: bool,
    /// Where clients and other replicas reach the leader.
    pub address: String,
    /// The longest leader lease that whoever has led had, or that was in use then. Never shortened: who leads after a restore
    /// waits for those of before.
    pub longest_lease: Duration,
    /// What a later version wrote.
    pub unknown: Unknown,
}

impl Record for ReplicaRecord {
    const WHAT: &'static str = "replica record";

    fn encode(&self, out: &mut Encoder) {
        out.fixed(1, self.session);
        out.number(2, self.counter);
        out.bytes(3, self.address.as_bytes());
        out.number(4, nanos(self.lease));
        out.unknown(&self.unknown);
    }

    fn decode(fields: Fields) -> Result<Self, WireError> {
        let mut record = Self::default();
        for field in fields {
            let field = field?;
            match field.number {
                1 => record.session = field.number()?,
                2 => record.counter = field.number()?,
                3 => record.address = field.text(MAX_ADDRESS_BYTES)?,
                4 => record.lease = lease(&field)?,
                _ => record.unknown.keep(&field),
            }
        }
        Ok(record)
    }
}

impl Record for TermRecord {
    const WHAT: &'static str = "term record";

    fn encode(&self, out: &mut Encoder) {
        out.number(1, self.number);
        out.bytes(2, self.replica.as_bytes());
        out.fixed(3, self.session);
        out.number(4, self.resigned.into());
        out.bytes(5, self.address.as_bytes());
        out.number(6, nanos(self.longest_lease));
        out.unknown(&self.unknown);
    }

    fn decode(fields: Fields) -> Result<Self, WireError> {
        let mut record = Self::default();
        for field in fields {
            let field = field?;
            match field.number {
                1 => record.number = field.number()?,
                2 => record.replica = field.text(MAX_REPLICA_BYTES)?,
                3 => record.session = field.number()?,
                4 => record.resigned = field.number()? != 0,
                5 => record.address = field.text(MAX_ADDRESS_BYTES)?,
                6 => record.longest_lease = lease(&field)?,
                _ => record.unknown.keep(&field),
            }
        }
        Ok(record)
    }
}

fn nanos(lease: Duration) -> u64 {
    u64::try_from(lease.as_nanos()).unwrap_or(u64::MAX)
}

/// Nobody is waited for longer than for the longest lease that there can be, whatever the record claims.
fn lease(field: &Field) -> Result<Duration, WireError> {
    Ok(Duration::from_nanos(field.number()?).min(MAX_LEASE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_read_as_it_was_written_and_never_as_more_than_the_longest() {
        let written = [Duration::ZERO, Duration::from_secs(5), MAX_LEASE, 2 * MAX_LEASE, Duration::MAX];
        let read = [Duration::ZERO, Duration::from_secs(5), MAX_LEASE, MAX_LEASE, MAX_LEASE];
        let key = "key".into();
        for (lease, read) in written.into_iter().zip(read) {
            let record = ReplicaRecord { lease, ..ReplicaRecord::default() };
            assert_eq!(ReplicaRecord::from_row(&key, &record.to_row(&key)).unwrap().lease, read);
            let record = TermRecord { longest_lease: lease, ..TermRecord::default() };
            assert_eq!(TermRecord::from_row(&key, &record.to_row(&key)).unwrap().longest_lease, read);
        }
    }
}

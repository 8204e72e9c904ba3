//! What is stored about who lives and who leads.

use crate::journal::{Encoder, Fields, Record, Unknown, WireError};
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
    /// What a later version wrote.
    pub unknown: Unknown,
}

impl Record for ReplicaRecord {
    const WHAT: &'static str = "replica record";

    fn encode(&self, out: &mut Encoder) {
        out.fixed(1, self.session);
        out.number(2, self.counter);
        out.bytes(3, self.address.as_bytes());
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
                _ => record.unknown.keep(&field),
            }
        }
        Ok(record)
    }
}

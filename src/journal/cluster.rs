//! What all namespaces of a store have in common.

use super::{
    record::Record,
    wire::{Encoder, Fields, Unknown, WireError},
};

/// The `cluster` row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// The highest incarnation that any namespace here was given: none that begins later gets a smaller one, whatever
    /// the clock shows then.
    pub incarnation: u64,
    /// What a later version wrote.
    pub unknown: Unknown,
}

impl Record for Cluster {
    const WHAT: &'static str = "cluster record";

    fn encode(&self, out: &mut Encoder) {
        out.number(1, self.incarnation);
        out.unknown(&self.unknown);
    }

    fn decode(fields: Fields) -> Result<Self, WireError> {
        let mut cluster = Self::default();
        for field in fields {
            let field = field?;
            match field.number {
                1 => cluster.incarnation = field.number()?,
                _ => cluster.unknown.keep(&field),
            }
        }
        Ok(cluster)
    }
}

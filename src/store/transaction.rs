//! What is written, and on which condition.

use std::sync::Arc;

use bytes::Bytes;

use super::{Revision, StoreError};

/// Longest key, in bytes.
pub const MAX_KEY_BYTES: usize = 2048;

/// Comparisons and, if they all hold, writes. Writes happen at one revision, all or none. No key is written twice, and no
/// range is deleted over a key that is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    /// What must be so.
    pub compares: Vec<Compare>,
    /// What to do then. May be empty: then only the answer matters.
    pub writes: Vec<Write>,
    /// Whether it may take what the store keeps back when it is full, if the store keeps anything back. For what makes
    /// room in the end, and for the few rows without which nobody could.
    pub uses_reserve: bool,
}

/// Something that must be so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compare {
    /// There is no such row.
    Absent(Arc<str>),
    /// The row exists and was last written by this revision.
    Changed(Arc<str>, Revision),
    /// The row exists and has this value.
    Value(Arc<str>, Bytes),
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Writes a row.
    Put(Arc<str>, Bytes),
    /// Deletes a row, if it is there.
    Delete(Arc<str>),
    /// Deletes all rows from the first key up to, without, the second. What ends before it begins deletes nothing.
    DeleteRange(Arc<str>, Arc<str>),
}

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All comparisons held, and the writes have happened at this revision. When they changed nothing, because there
    /// were none or what they delete is not there, it is the present one, and no new one was made.
    Committed(Revision),
    /// A comparison did not hold, so nothing was written.
    Refused,
}

/// What a store takes in one call. What exceeds it is refused whole, with nothing done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// At most so many comparisons, and so many writes, in a transaction.
    pub operations: usize,
    /// At most so many bytes of keys and values in a transaction.
    pub bytes: usize,
    /// At most so many rows in a page.
    pub rows: usize,
}

impl Default for Limits {
    /// Those of etcd as it comes, so that what fits one store fits all: 128 operations, 1 MiB of its 1.5 MiB for a
    /// request, the rest being for what surrounds keys and values on the wire, and 1,000 rows.
    fn default() -> Self {
        Self { operations: 128, bytes: 1 << 20, rows: 1_000 }
    }
}

impl Transaction {
    /// Adds a comparison.
    #[must_use]
    pub fn when(mut self, compare: Compare) -> Self {
        self.compares.push(compare);
        self
    }

    /// Adds a write.
    #[must_use]
    pub fn write(mut self, write: Write) -> Self {
        self.writes.push(write);
        self
    }

    /// Lets it take what the store keeps back.
    #[must_use]
    pub fn using_reserve(self) -> Self {
        Self { uses_reserve: true, ..self }
    }

    /// Bytes of keys and values, as [`Limits::bytes`] counts them.
    pub fn bytes(&self) -> usize {
        let compares = self.compares.iter().map(|compare| match compare {
            Compare::Absent(key) | Compare::Changed(key, _) => key.len(),
            Compare::Value(key, value) => key.len() + value.len(),
        });
        let writes = self.writes.iter().map(|write| match write {
            Write::Put(key, value) => key.len() + value.len(),
            Write::Delete(key) => key.len(),
            Write::DeleteRange(from, until) => from.len() + until.len(),
        });
        compares.sum::<usize>() + writes.sum::<usize>()
    }

    /// Refuses what no store takes, or not with these limits.
    pub fn check(&self, limits: Limits) -> Result<(), StoreError> {
        within("comparisons in a transaction", self.compares.len(), limits.operations)?;
        within("writes in a transaction", self.writes.len(), limits.operations)?;
        within("bytes in a transaction", self.bytes(), limits.bytes)?;
        for compare in &self.compares {
            check_key(compare.key())?;
        }
        for write in &self.writes {
            match write {
                Write::Put(key, _) | Write::Delete(key) => check_key(key)?,
                Write::DeleteRange(from, until) => check_bounds(from, Some(until))?,
            }
        }
        self.check_written_once()
    }

    fn check_written_once(&self) -> Result<(), StoreError> {
        if self.writes.len() < 2 {
            return Ok(());
        }
        // Every write covers the keys from its first one up to its end; without an end, that key alone.
        let mut spans: Vec<(&str, Option<&str>)> = (self.writes.iter())
            .map(|write| match write {
                Write::Put(key, _) | Write::Delete(key) => (&**key, None),
                Write::DeleteRange(from, until) => (&**from, Some(&**until)),
            })
            .filter(|(from, until)| until.is_none_or(|until| *from < until))
            .collect();
        spans.sort_unstable();
        for pair in spans.windows(2) {
            let ((from, until), (next, _)) = (pair[0], pair[1]);
            if next == from || until.is_some_and(|until| next < until) {
                return Err(StoreError::WrittenTwice { key: next.to_owned() });
            }
        }
        Ok(())
    }
}

impl Compare {
    /// The key of the row that it speaks of.
    pub fn key(&self) -> &Arc<str> {
        match self {
            Self::Absent(key) | Self::Changed(key, _) | Self::Value(key, _) => key,
        }
    }
}

impl Write {
    /// Whether it writes or deletes the row with this key, if it is there.
    #[cfg(feature = "server")]
    pub(super) fn covers(&self, key: &str) -> bool {
        match self {
            Self::Put(written, _) | Self::Delete(written) => **written == *key,
            Self::DeleteRange(from, until) => &**from <= key && key < &**until,
        }
    }
}

/// Refuses a key that no row can have: 1 to 2048 bytes of printable ASCII, which sorts alike everywhere.
pub(crate) fn check_key(key: &str) -> Result<(), StoreError> {
    let is_printable = |byte: u8| (b' '..=b'~').contains(&byte);
    if (1..=MAX_KEY_BYTES).contains(&key.len()) && key.bytes().all(is_printable) {
        return Ok(());
    }
    Err(bad_key(key))
}

/// Refuses what cannot begin or end a range: any ASCII text does that is no longer than a key.
pub(super) fn check_bounds(from: &str, until: Option<&str>) -> Result<(), StoreError> {
    for bound in [Some(from), until].into_iter().flatten() {
        if bound.len() > MAX_KEY_BYTES || !bound.is_ascii() {
            return Err(bad_key(bound));
        }
    }
    Ok(())
}

fn bad_key(key: &str) -> StoreError {
    const SHOWN: usize = 64;
    StoreError::BadKey { key: key.chars().take(SHOWN).flat_map(char::escape_debug).collect() }
}

fn within(what: &'static str, size: usize, limit: usize) -> Result<(), StoreError> {
    if size > limit {
        return Err(StoreError::TooLarge { what, size, limit });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deletes(ranges: &[(&str, &str)]) -> Transaction {
        ranges.iter().fold(Transaction::default(), |transaction, (from, until)| {
            transaction.write(if until.is_empty() {
                Write::Delete((*from).into())
            } else {
                Write::DeleteRange((*from).into(), (*until).into())
            })
        })
    }

    #[test]
    fn what_is_written_twice_is_refused_and_neighbours_are_not() {
        let limits = Limits::default();
        for fine in [
            &[("a", ""), ("b", "")][..],
            &[("b", "d"), ("d", "")],
            &[("b", "d"), ("a", "b"), ("d", "e")],
            &[("b", ""), ("d", "a"), ("c", "c")],
        ] {
            assert_eq!(deletes(fine).check(limits), Ok(()), "{fine:?}");
        }
        for twice in [
            &[("a", ""), ("b", ""), ("a", "")][..],
            &[("b", "d"), ("c", "")],
            &[("c", ""), ("b", "d")],
            &[("b", "d"), ("b", "")],
            &[("a", "z"), ("b", "c"), ("y", "")],
        ] {
            let refused = deletes(twice).check(limits);
            assert!(matches!(refused, Err(StoreError::WrittenTwice { .. })), "{twice:?}: {refused:?}");
        }
    }

    #[test]
    fn keys_are_printable_ascii_and_bounds_nearly_so() {
        for good in ["a", " ", "~", "/", &"k".repeat(MAX_KEY_BYTES)] {
            assert_eq!(check_key(good), Ok(()));
        }
        for bad in ["", "\u{7f}", "\n", "\0", "\u{e4}", &"k".repeat(MAX_KEY_BYTES + 1)] {
            assert!(check_key(bad).is_err(), "{bad:?} must be refused");
        }
        assert_eq!(check_bounds("", Some("\u{7f}")), Ok(()), "what is behind all keys that begin with ~");
        assert!(check_bounds("\u{e4}", None).is_err() && check_bounds("a", Some(&"k".repeat(2049))).is_err());
    }
}

//! What one source says: checked, immutable.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::Path,
    sync::Arc,
};

use xxhash_rust::xxh3::xxh3_128;

use super::{
    ConfigError, Filters, MAX_FILE_BYTES, Problem, Strictness,
    entries::{Entries, Entry},
    parse,
};
use crate::types::Place;

/// Values of keys, with the constraints under which they hold: one file, or a text that an embedder wrote.
///
/// ```
/// use shardway::dynconfig::{Settings, Strictness};
///
/// let error = Settings::parse("demo.yaml", "shardway.routing.percentage:\n- value: 150\n", Strictness::Strict).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "demo.yaml:2:10: shardway.routing.percentage: expected a whole number from 0 to 100, found the whole number 150"
/// );
/// ```
#[derive(Clone, Debug)]
pub struct Settings {
    pub(super) name: Arc<str>,
    pub(super) hash: ContentHash,
    /// By the name that the file uses.
    pub(super) entries: BTreeMap<&'static str, Entries>,
    pub(super) warnings: Box<[Problem]>,
    pub(super) ignored: Box<[Ignored]>,
}

/// A key that is not known and was passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// Its name, fit for a log.
    pub key: Box<str>,
    /// Where it stands.
    pub place: Place,
}

impl Settings {
    /// Checks a text as a whole: either all of it is right, or the error says everything that is wrong.
    pub fn parse(name: &str, text: impl AsRef<[u8]>, strictness: Strictness) -> Result<Self, ConfigError> {
        parse::settings(name.into(), text.as_ref(), strictness)
    }

    /// Reads and checks a file.
    pub fn load(path: impl AsRef<Path>, strictness: Strictness) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let contents = crate::watch_file::read_file(path, MAX_FILE_BYTES)
            .map_err(|error| ConfigError::unreadable(&error))?;
        Self::parse(&name, contents, strictness)
    }

    /// The name of the file, or whatever the source calls itself.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Tells contents apart, also between processes.
    pub const fn hash(&self) -> ContentHash {
        self.hash
    }

    /// What is right but probably not meant.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// Unknown keys that were passed over, in the order of the file: the first [`MAX_KEYS`](super::MAX_KEYS).
    pub fn ignored(&self) -> &[Ignored] {
        &self.ignored
    }

    /// The namespaces that constraints name, in the order of their names.
    pub fn namespaces(&self) -> BTreeSet<&str> {
        self.entries.values().flat_map(Entries::namespaces).collect()
    }

    /// Whether both would give the same answers with the same origins.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.name == other.name && self.hash == other.hash
    }

    pub(super) fn find(&self, name: &str, filters: &Filters) -> Option<&Entry> {
        self.entries.get(name)?.find(filters)
    }
}

impl fmt::Display for Settings {
    /// As YAML that reads as the same settings again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.entries.is_empty() {
            return f.write_str("{}\n");
        }
        for (name, entries) in &self.entries {
            writeln!(f, "{name}:{}", if entries.iter().len() == 0 { " []" } else { "" })?;
            for entry in entries.iter() {
                writeln!(f, "- value: {}", entry.value)?;
                if !entry.constraints.is_empty() {
                    writeln!(f, "  constraints:")?;
                }
                for (constraint, value) in &entry.constraints {
                    writeln!(f, "    {constraint}: {value}")?;
                }
            }
        }
        Ok(())
    }
}

/// A fingerprint of a file's bytes. Not against an adversary: whoever writes the file decides its contents anyway.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentHash(u128);

impl ContentHash {
    pub(super) fn of(contents: &[u8]) -> Self {
        Self(xxh3_128(contents))
    }

    pub(super) const fn get(self) -> u128 {
        self.0
    }

    /// As much of it as a float holds exactly.
    #[expect(clippy::cast_precision_loss, reason = "52 bits fit")]
    pub(super) const fn upper_52_bits(self) -> f64 {
        (self.0 >> 76) as f64
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

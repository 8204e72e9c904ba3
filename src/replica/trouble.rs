//! What keeps a namespace from being run, or from being run as it was.

use std::fmt;

use crate::journal::{Flaw, LogError, Unreadable, WireError};

/// Why a namespace cannot be run, or not as it was.
#[derive(Clone, Debug, PartialEq)]
pub enum Trouble {
    /// Its history cannot be continued.
    Log(LogError),
    /// Its history cannot be kept short, and grows until another leader does it.
    Upkeep(LogError),
    /// Part of its history cannot be read: these rows. The rest is in force, and nothing is granted for a while.
    Damaged(Vec<Unreadable>),
    /// A change in its history makes no sense to this binary, and was passed over.
    Senseless(WireError),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(error) => write!(f, "cannot be run: {error}"),
            Self::Upkeep(error) => {
                write!(
                    f,
                    "its history grows until another replica leads, because no snapshot was written: {error}"
                )
            }
            Self::Damaged(rows) => write!(
                f,
                "is run without {}; nothing is granted while somebody may hold what is lost, then a snapshot is \
                 written that does without it; adopt it if executors and what is left do not agree",
                listed(rows)
            ),
            Self::Senseless(error) => write!(
                f,
                "a change in its history makes no sense to this version and is passed over ({error}); no snapshot is \
                 written: run the version that wrote it, or adopt it"
            ),
        }
    }
}

/// What of a namespace's history is passed over while it is run in spite of that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Damaged {
    /// Rows that cannot be read.
    pub rows: Vec<Unreadable>,
    /// Changes that make no sense to this binary.
    pub senseless: Vec<WireError>,
}

impl Damaged {
    /// Whether it may be done without for good: what only a later version understands may not.
    pub(super) fn is_lost(&self) -> bool {
        let is_lost = |row: &Unreadable| matches!(row.flaw, Flaw::Checksum | Flaw::Missing);
        self.senseless.is_empty() && self.rows.iter().all(is_lost)
    }
}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.rows.is_empty() {
            write!(f, "it is run without {}", listed(&self.rows))?;
        }
        if let Some(first) = self.senseless.first() {
            let comma = if self.rows.is_empty() { "" } else { "; " };
            let count = self.senseless.len();
            write!(f, "{comma}{count} changes make no sense to this version, the first because: {first}")?;
        }
        Ok(())
    }
}

/// Rows with what is wrong with them, the first few of them.
fn listed(rows: &[Unreadable]) -> String {
    const SHOWN: usize = 3;
    let mut text: Vec<_> = rows.iter().take(SHOWN).map(ToString::to_string).collect();
    if rows.len() > SHOWN {
        text.push(format!("and {} more", rows.len() - SHOWN));
    }
    format!("part of its history: {}", text.join("; "))
}

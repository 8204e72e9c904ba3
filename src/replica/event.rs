//! What a replica is told, and what it says.

use std::{fmt, sync::Arc, time::Duration};

use crate::{
    engine::{self, Caller, Delta},
    journal::{Flaw, LogError, OpenAs, Unreadable, WireError},
    session::ToLeader,
    store::{Batch, Reply, Request},
    types::{Namespace, Version},
};

/// A call to the store that has not been answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Call(pub(super) u64);

/// What has happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The store has answered a call.
    Replied(Call, Reply),
    /// The watch of [all keys](crate::store::Keys::all) has told of changes. It begins before the first namespace is
    /// contended for.
    Watched(Batch),
    /// The watch has missed something, and another one has been opened: what there is now is read again.
    WatchBroke,
    /// An executor of a namespace said something.
    Heard(Namespace, Caller, ToLeader),
    /// Somebody has seen this version of a namespace: a router says so, with what it asks or watches.
    Seen(Namespace, Version),
    /// Somebody wants something of a namespace.
    Asked(Namespace, Caller, engine::Request),
    /// An operator says what to do with a namespace's history that is not believed.
    Open(Namespace, OpenAs),
    /// Let another replica lead the namespace, as soon as nothing is being committed.
    Resign(Namespace),
    /// The process is about to end.
    Leaving,
    /// Time has passed.
    Woke,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Ask the store, and say so by [`Event::Replied`], always: when it takes longer than `within`, the reply is
    /// [`StoreError::Unknown`](crate::store::StoreError::Unknown).
    Ask {
        /// To name in the reply.
        call: Call,
        /// What to ask.
        request: Request,
        /// How long it may take.
        within: Duration,
    },
    /// What the namespace's engine wants done; never a commit.
    Engine(Namespace, engine::Effect),
    /// This was committed, here or by another replica: the next after what [`Replica::state`](super::Replica::state)
    /// was.
    Published(Namespace, Arc<Delta>),
    /// [`Replica::state`](super::Replica::state) is another one, after something was missed: it continues nothing that
    /// was told.
    Viewed(Namespace),
    /// There is no such namespace any more, as far as is stored. It is told once, and again after it has come back.
    Deleted(Namespace),
    /// The namespace is run here from now on; [`Replica::engine`](super::Replica::engine) has its state.
    Led(Namespace),
    /// It is not led here any more. What it was asked and has not answered, it never will.
    Resigned(Namespace),
    /// Somebody has to look at the namespace.
    Trouble(Namespace, Trouble),
}

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

/// How a replica behaves.
#[derive(Clone, Debug)]
pub struct ReplicaConfig {
    /// What store calls for a namespace's history may take.
    pub call_within: Duration,
    /// After a call that failed, wait so long, then twice as long, and so on.
    pub pause_from: Duration,
    /// But never longer than this.
    pub pause_to: Duration,
    /// A namespace's snapshot is written when so many bytes were committed since the last one, and as many as that
    /// one has.
    pub snapshot_after_bytes: usize,
    /// Or when there were so many commits, because who takes over reads all of them.
    pub snapshot_after_commits: usize,
}

impl Default for ReplicaConfig {
    fn default() -> Self {
        Self {
            call_within: Duration::from_secs(2),
            pause_from: Duration::from_millis(50),
            pause_to: Duration::from_secs(2),
            snapshot_after_bytes: 256 << 10,
            snapshot_after_commits: 4096,
        }
    }
}

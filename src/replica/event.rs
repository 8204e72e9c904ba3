//! What a replica is told, and what it says.

use std::{sync::Arc, time::Duration};

use crate::{
    engine::{self, Caller, Delta},
    journal::{LogError, OpenAs, Unreadable, WireError},
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
    /// The namespace is led here and cannot be run.
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

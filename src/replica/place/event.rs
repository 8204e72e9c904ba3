//! What a place is told, and what it says.

use std::{sync::Arc, time::Duration};

use crate::{
    engine::{self, Caller, Delta, NamespaceConfig},
    journal::{OpenAs, Term},
    replica::Trouble,
    session::ToLeader,
    store::{Batch, Reply, Request},
    types::{Mono, Version},
};

/// A call to the store that has not been answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Call(pub(super) u64);

/// What has happened. What is of the election comes in the order in which its [`Replica`](crate::replica::Replica) says
/// it, and may be late.
#[derive(Clone, Debug)]
pub enum Event {
    /// The store has answered a call.
    Replied(Call, Reply),
    /// The watch has told of changes of the namespace's own rows.
    Watched(Batch),
    /// The watch has missed something, and another one has been opened: what there is now is read again.
    WatchBroke,
    /// An executor said something.
    Heard(Caller, ToLeader),
    /// Somebody has seen this version: a router says so, with what it asks or watches.
    Seen(Version),
    /// Somebody wants something.
    Asked(Caller, engine::Request),
    /// It is founded so, if it has no history yet.
    Founding(Arc<NamespaceConfig>),
    /// An operator says what to do with a history that is not believed.
    Open {
        /// What.
        open_as: OpenAs,
        /// Whether it is known that somebody leads the namespace, or did.
        is_led: bool,
    },
    /// This term is ours.
    Won(Term),
    /// The term of this number is over.
    Lost(u64),
    /// There is no term in place of the one that was to be [renewed](Wish::Renew).
    NotRenewed,
    /// Until when it surely is led here, as long as the term of this number is ours.
    Leads {
        /// The number.
        term: u64,
        /// Until when.
        until: Mono,
    },
    /// Another replica should rather lead: when it suits.
    HandOver,
    /// It should no more: it is gone.
    Keep,
    /// Somebody wants another replica to lead, as soon as nothing is being committed.
    Resign,
    /// Never to lead again; what others commit is followed on.
    Retire,
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
    /// What the engine wants done; never a commit.
    Engine(engine::Effect),
    /// This was committed, here or by another replica: the next after what [`Place::state`](super::Place::state) was.
    Published(Arc<Delta>),
    /// [`Place::state`](super::Place::state) is another one, after something was missed: it continues nothing that was
    /// told.
    Viewed,
    /// There is no such namespace any more, as far as is stored. It is told once, and again after it has come back.
    Deleted,
    /// The namespace is run here from now on; [`Place::engine`](super::Place::engine) has its state.
    Led,
    /// It is not led here any more. What it was asked and has not answered, it never will.
    Resigned,
    /// Somebody has to look at the namespace.
    Trouble(Trouble),
    /// To be told the [`Replica`](crate::replica::Replica), in order.
    Wish(Wish),
}

/// What a place wants of the election. Whoever says it has stopped to lead before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// To give the term of this number up.
    Resign(u64),
    /// To have another term.
    Renew {
        /// Instead of the one of this number.
        term: u64,
        /// With a number above this.
        above: u64,
    },
    /// It leads nothing any more and never will, as it was [told](Event::Retire).
    Retired,
}

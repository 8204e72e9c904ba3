//! What a replica is told, and what it says.

use std::time::Duration;

use super::place::{self, Place, Wish};
use crate::{
    election::CallId,
    journal::OpenAs,
    store::{Batch, Reply, Request},
    types::Namespace,
};

/// What has happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The store has answered a call.
    Replied(CallId, Reply),
    /// The watch of [all keys](crate::store::Keys::all) has told of changes. It begins before the first namespace is
    /// contended for.
    Watched(Batch),
    /// The watch has missed something, and another one has been opened: what there is now is read again.
    WatchBroke,
    /// An operator says what to do with a namespace's history that is not believed.
    Open(Namespace, OpenAs),
    /// A place says so.
    Said(Namespace, Wish),
    /// A place is no more, because of a mistake in the program.
    Fell(Namespace),
    /// The process is about to end.
    Leaving,
    /// Time has passed.
    Woke,
}

/// What is to be done.
#[derive(Debug)]
pub enum Effect {
    /// Ask the store, and say so by [`Event::Replied`], always: when it takes longer than `within`, the reply is
    /// [`StoreError::Unknown`](crate::store::StoreError::Unknown).
    Ask {
        /// To name in the reply.
        call: CallId,
        /// What to ask.
        request: Request,
        /// How long it may take.
        within: Duration,
    },
    /// There is a place from now on, for whoever drives it to have.
    Enter(Namespace, Box<Place>),
    /// To be told a place, in order: now, or later.
    To(Namespace, place::Event),
    /// The place has retired, and is not needed any more.
    Gone(Namespace),
}

//! What a session wants done.

use super::{Ending, Grant, Refusal, ToLeader};

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Send this to the leader.
    Send(ToLeader),
    /// Begin to serve a shard.
    Start(Grant),
    /// Stop serving it, and say so by [`Session::stopped`](super::Session::stopped).
    Stop(Grant),
    /// The lease has run out: nothing is held until further notice. The shards' stops precede this, if they are to stop.
    Fenced,
    /// The process must end: a shard would not stop.
    Abort(Grant),
    /// There is no session for the time being, because of this; it asks again.
    Refused(Refusal),
    /// The session has no future, because another process has the id. Stops precede this; what has stopped is released
    /// before [`Session::is_over`](super::Session::is_over).
    Ended(Ending),
}

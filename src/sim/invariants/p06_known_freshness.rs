//! P6: an answer tells its age, and past `max_age` the declared fallback answers.

use std::time::Duration;

use crate::policy::{Fallback, RoutingPolicy};

/// What a lookup of a key that its view says is owned came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sim) enum Came {
    /// The distributor's owner.
    Owner,
    /// The distributor's owner, said to be out of date.
    Stale,
    /// The ring's choice instead.
    Ring,
    /// An error.
    Nothing,
}

/// The distributor was asked for a key that the view says is owned, when it had last been vouched for so long ago.
pub(in crate::sim) fn answered(
    policy: &RoutingPolicy,
    age: Duration,
    ring: bool,
    came: Came,
) -> Result<(), String> {
    let is_too_old = policy.max_age().is_some_and(|max_age| age > max_age);
    let due = match policy.fallback() {
        _ if !is_too_old => Came::Owner,
        Fallback::Stale => Came::Stale,
        Fallback::Ring if ring => Came::Ring,
        Fallback::Ring | Fallback::Error => Came::Nothing,
    };
    if came == due {
        return Ok(());
    }
    Err(format!(
        "{came:?} instead of {due:?}, {age:?} after the view was vouched for, with {:?}",
        policy.max_age()
    ))
}

/// An answer said how old it is.
pub(in crate::sim) fn told(age: Duration, told: Duration) -> Result<(), String> {
    if age == told { Ok(()) } else { Err(format!("an answer that is {age:?} old says {told:?}")) }
}

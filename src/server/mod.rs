//! A distributor process: a [replica](crate::replica) with a real store, real clocks and callers.
//!
//! One task, the *desk*, owns the replica and is the only one that changes anything. Around it are tasks that wait: for
//! the store's answers, for its watch, for callers. What is committed is kept in *rooms*, one for each namespace, which
//! lookups read and watchers listen at without asking the desk.

mod desk;
mod host;
mod lines;
mod rooms;
mod watching;

pub use host::{Host, HostConfig};
pub use lines::Line;
pub use rooms::{Room, Rooms};

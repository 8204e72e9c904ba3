//! Who leads a namespace.
//!
//! The store has no leases, and needs none. A replica proves that it lives by rewriting its own liveness record every
//! third of the leader lease, each time comparing the revision of the time before. Another replica that has watched the
//! record stand still for a whole lease, by its own clock and with both clocks' errors allowed for, may delete it; the
//! comparison then fails, and whoever was deleted knows.
//!
//! A namespace's term record names the session that leads. It is changed by that session, or by anybody once that
//! session's liveness record is gone; sessions never come back. So one renewal proves every term of a replica at once,
//! from the moment that it was sent until a little less than a lease later.
//!
//! Who *should* lead what is computed by everyone alike from the names of the living replicas and of the namespaces, so
//! that each leads as many as the next one, give or take one. The less a replica is
//! preferred for a namespace, the longer it waits before it takes a free term; and who leads what another one should,
//! is advised to hand over, one namespace at a time.

mod candidacy;
mod config;
mod effect;
mod elector;
#[cfg(test)]
mod event_tests;
mod pulse;
mod record;
mod replicas;
#[cfg(test)]
mod sim_tests;
mod spread;

pub use config::{ConfigError, ElectionConfig};
pub use effect::{CallId, Effect};
pub use elector::Election;
pub use record::{ReplicaRecord, ReplicaSession, TermRecord};

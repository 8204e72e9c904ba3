//! Everything at once from one seed: the real engine, session, planner, policy and resolver, with executors, routers,
//! replicas and operators on a virtual network and virtual clocks.
//!
//! One thread, one queue of what happens, one seed: equal seeds run equally, to the last message, on every machine. Two
//! thirds of a run are bad: messages are lost, late and repeated, nodes crash and pause, clocks drift, the store is away.
//! Then all is well from one moment to the next, and everything must come right within the promised time, stay right,
//! and bear drills whose outcome is known exactly.
//!
//! An [`auditor`](self) sees what every process believes, in true time, and holds it against the promises: one file each
//! in `invariants`. Nobody on stage can read the true time, and no code under test keeps the auditor's books.

mod agenda;
mod application;
mod auditor;
mod bounds;
mod brief;
mod campaign;
mod coverage;
mod distributor;
mod drills;
mod executor;
mod happening;
mod hazards;
mod invariants;
mod ledger;
mod link;
mod network;
mod node;
mod node_clock;
mod operator;
mod pause;
mod policy_text;
mod process;
mod random;
mod reader;
mod record;
mod router;
mod seat;
mod stage;
mod store;
mod store_hazards;
mod swarm;
#[cfg(test)]
mod tests;
mod timeline;
mod world;

pub use campaign::{Failure, Tally, run, story};
pub use coverage::{Coverage, Met};
pub use hazards::Hazard;
pub use invariants::{Promise, Violation};
pub use record::{Line, TraceHash};
pub use swarm::Swarm;
pub use world::Run;

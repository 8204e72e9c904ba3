//! Distributor processes over real stores, by real clocks.

mod admin;
mod cadence;
mod cadence_watch;
mod fleet;
mod gophers;
mod namespaces;
mod refusals;
mod served;
mod takeover;
mod wire;

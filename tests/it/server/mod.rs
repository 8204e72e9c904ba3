//! Distributor processes over real stores, by real clocks.

mod admin;
mod fleet;
mod namespaces;
mod refusals;
mod served;
mod takeover;
mod wire;

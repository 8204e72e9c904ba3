//! Distributor processes over real stores, by real clocks.

mod fleet;
mod takeover;
mod wire;

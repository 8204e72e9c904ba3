//! All integration tests in one binary, so that they link once.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is what is wanted")]

#[cfg(feature = "cli")]
mod cli;
#[cfg(feature = "server")]
mod codegen;
#[cfg(feature = "server")]
mod distributor;
#[cfg(feature = "client")]
mod dynconfig;
mod flip;
#[cfg(feature = "gossip")]
mod gossip_fleet;
#[cfg(feature = "client")]
mod resolve;
mod resolver;
mod ring;
mod ring_model;
mod ring_vectors;
#[cfg(feature = "server")]
mod server;
#[cfg(feature = "server")]
mod store;
#[cfg(feature = "metrics")]
mod telemetry;
mod tidy;

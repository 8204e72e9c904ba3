//! Which process owns this key right now?
//!
//! A service whose keys are spread over many processes has to send every request to the one process that owns its key.
//! This crate answers that inside the calling process, in nanoseconds: from an immutable snapshot, without a lock, an
//! allocation or a call to anybody.
//!
//! ```
//! use shardway::resolver::Resolver;
//! use shardway::types::{Member, Namespace, Source};
//!
//! let resolver = Resolver::builder(Namespace::new("matching")?).build();
//! resolver.set_members([Member::new("10.0.0.1:7933")?, Member::new("10.0.0.2:7933")?])?;
//!
//! let owner = resolver.lookup("my-task-list")?;
//! assert_eq!(owner.source(), Source::Ring);
//! println!("{} owns my-task-list", owner.address());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to start
//!
//! - [`resolver`]: the answer for one namespace or many. Most callers need nothing else.
//! - [`membership`]: who is in the ring: a list, a watched file, DNS, gossip, or a source of your own.
//! - [`policy`]: which keys the ring answers for and which ones a shard distributor, changeable while lookups run.
//! - [`ring`]: the consistent-hash ring by itself.
//!
//! # Features
//!
//! All are on by default, for the binary's sake. Embedders say `default-features = false` and add what they use.
//!
//! | feature | what it adds |
//! |---|---|
//! | none | ring, policy, resolver, members from a list: a dozen crates, no runtime |
//! | `client` | what needs tokio and files: `Resolver::resolve`, dynamic config, members from a file and from DNS (A, AAAA) |
//! | `dns` | members from DNS SRV records, refreshed as the records' lifetimes say; implies `client` |
//! | `gossip` | members that find each other by gossip, with no server at all; implies `client` |
//! | `metrics` | export to the `metrics` facade; without it the counters are kept and can be read all the same |
//! | `core` | the distributor's pure parts: engine, planner, election, a store in memory, and their simulation; implies `client` |
//! | `server` | the distributor: what serves, what stores, gRPC; implies `core` |
//! | `bench` | what benchmarks measure with, and the rings they compare with |
//! | `cli` | the `shardway` binary and everything it needs |
//! | `full` | all of the above; the default |
#![forbid(unsafe_code)]

#[cfg(feature = "server")]
pub mod backup;
#[cfg(feature = "bench")]
pub mod bench;
#[cfg(feature = "cli")]
pub mod cli;
pub mod clock;
#[cfg(feature = "client")]
pub mod dynconfig;
#[cfg(feature = "core")]
pub mod election;
#[cfg(feature = "core")]
pub mod engine;
pub mod hash;
#[cfg(feature = "core")]
pub mod journal;
#[cfg(feature = "client")]
pub mod lease;
pub mod membership;
#[cfg(feature = "core")]
pub mod plan;
mod planted;
pub mod policy;
#[cfg(feature = "server")]
pub mod proto;
pub mod publish;
#[cfg(feature = "core")]
pub mod replica;
pub mod resolver;
pub mod ring;
#[cfg(test)]
#[cfg(feature = "core")]
mod rules;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "client")]
pub mod session;
#[cfg(feature = "core")]
pub mod sim;
#[cfg(feature = "core")]
pub mod store;
pub mod telemetry;
pub mod types;

#[cfg(feature = "client")]
mod watch_file;
#[cfg(feature = "client")]
mod yaml;

/// The README's code, compiled and run with the other examples.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

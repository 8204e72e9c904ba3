//! Settings that an operator changes while the process runs.
//!
//! A file maps keys to lists of values, each with the constraints under which it holds: the shape that operators of
//! Cadence and Temporal know.
//!
//! ```yaml
//! shardway.routing.mode:
//! - value: shard_distributor
//!   constraints: {namespace: orders}
//! - value: hash_ring
//! ```
//!
//! [`ConfigFile`] follows such a file and puts it in force; [`DynamicConfig`] holds what is in force and tells whoever
//! routes by it. `shardway config keys` lists the keys, `shardway config check` says what a file would do.
//!
//! # Which value counts
//!
//! First the [`Layer`]: the local file hides what is pushed, and that hides what the program itself set. In a layer,
//! the own key counts before Cadence's name for it. Of the entries of a key, the first one in the order of the file
//! whose constraints *all* equal what is asked for; then the last one without constraints. Where nobody says anything,
//! the default in [`keys`]. So a constrained entry wins over an unconstrained one wherever it stands, and of two
//! constrained ones the upper. Whatever a value is, its [`Origin`] says where it came from.
//!
//! # Cadence's names
//!
//! A file that was written for Cadence works, and means what it means there:
//!
//! | Cadence | here |
//! |---|---|
//! | `matching.shardDistributionMode` | `shardway.routing.mode` |
//! | `matching.percentageOnboardedToShardManager` | `shardway.routing.percentage` |
//! | `matching.excludeShortLivedTaskListsFromShardManager` | `shardway.routing.exclude.uuid` |
//! | `matching.emergencyOffboardingFromShardManager` | `shardway.routing.killSwitch` |
//!
//! Cadence has given up its mode: there the percentage alone onboards keys, and those with a UUID stay behind unless
//! told otherwise. So where the percentage comes from Cadence's key, and mode and UUID rule are set nowhere, they are
//! `shard_distributor` and `true`; their origin says so.
//!
//! Such a file holds hundreds of keys for others: read it with [`Strictness::Lenient`], which passes over them and
//! lists them in [`Settings::ignored`]. What begins with [`keys::OWN_PREFIX`] must be known even then.
//!
//! # Bad input
//!
//! A file is taken as a whole or not at all. [`ConfigError`] tells every problem with line, column, and what was
//! probably meant; the last good values stay.

mod config;
mod constraint;
mod entries;
mod file;
pub mod keys;
mod layers;
mod parse;
mod problem;
mod routing;
mod settings;
mod value;

pub use config::{Binding, DynamicConfig, NamespaceSettings};
pub use constraint::{Constraint, ConstraintValue, Filters};
pub use file::{ConfigFile, ConfigFileStatus, ConfigFileWatch, ReloadCounts};
pub use layers::{Answer, EntryOrigin, Layer, Layers, Origin};
pub use parse::{MAX_ENTRIES, MAX_FILE_BYTES, MAX_KEYS, MAX_PATTERN_LISTS, Strictness};
pub use problem::{ConfigError, MAX_PROBLEMS, Problem, ProblemKind, Refusal};
pub use settings::{ContentHash, Ignored, Settings};
pub use value::{Kind, Value};

use value::Misfit;

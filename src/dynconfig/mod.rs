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
//! # Which value counts
//!
//! Of the entries of a key, the first one in the order of the file whose constraints *all* equal what is asked for;
//! then the last one without constraints; then the default in [`keys`]. So a constrained entry wins over an
//! unconstrained one wherever it stands, and of two constrained ones the upper. Whatever a value is, its [`Origin`]
//! says where it came from.
//!
//! # Cadence's names
//!
//! Some keys are understood under Cadence's name too, so that a file written for Cadence works. Where both give an
//! answer the own key counts. In a file that other services read as well, ask for [`Strictness::Lenient`].
//!
//! # Bad input
//!
//! A file is taken as a whole or not at all. [`ConfigError`] tells every problem with line, column, and what was
//! probably meant.

mod config;
mod constraint;
mod duration;
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
pub use parse::{MAX_ENTRIES, MAX_FILE_BYTES, MAX_KEYS, Strictness};
pub use problem::{ConfigError, MAX_PROBLEMS, Problem, ProblemKind, Refusal};
pub use settings::{ContentHash, Ignored, Settings};
pub use value::{Kind, Value};

use value::Misfit;

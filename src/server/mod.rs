//! A distributor process: a [replica](crate::replica) with a real store, real clocks and callers.
//!
//! One task, the *desk*, has the elections and knows which namespaces there are. Each namespace has a *seat*, a task that
//! decides everything for it and nothing for any other. Around them are tasks that wait: for
//! the store's answers, for its watch, for callers. What is committed is kept in *rooms*, one for each namespace, which
//! lookups read and watchers listen at without asking anybody. Beside them are *rings*, for namespaces that every replica
//! answers by itself.

mod admin_http;
mod cadence;
mod catalogue;
mod closed;
mod desk;
mod grpc;
mod host;
mod housekeeping;
mod leases;
mod listen;
mod metrics;
mod readiness;
mod rings;
mod room;
mod seat;
mod serving;
mod settings;
mod watching;

pub use self::metrics::{Metrics, Port};
pub use admin_http::{ADMIN_BOUNDS, AdminHttp};
pub use grpc::{services, services_apart};
pub use host::{DeskError, DeskHandle, Host, HostConfig, Leader, Standing};
pub use leases::remove_damaged_leases;
pub use listen::{Bounds, Connection, Listener};
pub use readiness::{NotReady, Readiness};
pub use rings::{MembersFrom, RingConfig, RingConfigError, Rings, RingsError};
pub use room::{Census, CommitNote, Found, NotOwned, Room, Rooms, Since, Watcher, WatcherReport, Whole};
pub use seat::Line;
pub use serving::{MAX_HEADER_BYTES, MAX_STREAMS, SERVICE_BOUNDS, Serving};
pub use settings::{MAX_NAMESPACES, MAX_SETTINGS_BYTES, Settings, SettingsError, SettingsProblem};

//! Distributor processes over real stores, by real clocks.

mod admin;
mod admin_http;
mod cadence;
mod cadence_watch;
mod cut_off;
mod fleet;
mod full;
mod gophers;
mod limits;
mod namespaces;
mod operated;
mod refusals;
mod rings;
mod served;
mod severed;
mod takeover;
mod wire;

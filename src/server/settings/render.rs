//! How one namespace is run, as a settings file would say it.

use std::fmt::Write;

use super::plan;
use crate::{
    engine::{Keying, Kind, NamespaceConfig, Ownership},
    types::duration::Shown,
};

/// Every setting that a file can give, defaults too, a line each; reading it gives the same again.
pub(in crate::server) fn to_yaml(config: &NamespaceConfig) -> String {
    let mut yaml = String::new();
    let mut say = |name: &str, value: &dyn std::fmt::Display| {
        // Writing to a string does not fail.
        let _ = writeln!(yaml, "{name}: {value}");
    };
    match config.kind {
        Kind::Fixed { shards } => {
            say("kind", &"fixed");
            say("shards", &shards);
        }
        Kind::Ephemeral => say("kind", &"ephemeral"),
    }
    let ownership = match config.ownership {
        Ownership::Exclusive => "exclusive",
        Ownership::Affinity => "affinity",
    };
    let keys = match config.keys {
        Keying::Named => "named",
        Keying::Hashed => "hashed",
    };
    say("keys", &keys);
    say("ownership", &ownership);
    say("allow_unfenced", &config.allow_unfenced);
    say("lease", &Shown(config.lease));
    say("beat_every", &Shown(config.beat_every));
    say("round_every", &Shown(config.round_every));
    say("gather", &Shown(config.gather));
    say("max_executors", &config.max_sessions);
    say("max_shards", &config.max_shards);
    say("restrain_from", &config.restrain_from);
    plan::say(&config.plan, &mut say);
    yaml
}

/// In quotes, as JSON and YAML both read it.
pub(super) fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text can be written")
}

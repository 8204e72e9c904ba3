//! How one namespace is run, as a settings file says it.

use super::{
    fields::{Fields, Problems},
    plan,
};
use crate::{
    engine::{Keying, Kind, MAX_SESSIONS, MAX_SHARDS, NamespaceConfig, Ownership},
    yaml::Node,
};

#[derive(Clone, Copy, PartialEq)]
enum KindName {
    Fixed,
    Ephemeral,
    Ring,
}

/// `None` when something is wrong with it.
pub(super) fn read(path: &str, node: &Node, problems: &mut Problems) -> Option<NamespaceConfig> {
    let before = problems.count;
    let mut fields = Fields::of(path, node, problems)?;
    let kinds = [("fixed", KindName::Fixed), ("ephemeral", KindName::Ephemeral), ("ring", KindName::Ring)];
    let kind = fields.choice("kind", &kinds);
    let most = u32::try_from(MAX_SHARDS).unwrap_or(u32::MAX);
    let shards = fields.number("shards", 1..=most);
    let kind = match (kind, shards) {
        (Some(KindName::Fixed), Some(shards)) => Some(Kind::Fixed { shards }),
        (Some(KindName::Ephemeral), None) => Some(Kind::Ephemeral),
        (Some(KindName::Fixed), None) if fields.has("shards") => None,
        (Some(KindName::Fixed), None) => {
            fields.wrong(node, "a fixed namespace needs shards: how many it has")
        }
        (Some(KindName::Ephemeral), Some(_)) => {
            fields.wrong(node, "an ephemeral namespace has no number of shards; max_shards bounds it")
        }
        (Some(KindName::Ring), _) => {
            fields.wrong(node, "a ring is named by the settings file of each replica that answers from it")
        }
        (None, _) if fields.has("kind") => None,
        (None, _) => fields.wrong(node, "kind must be given: fixed, ephemeral or ring"),
    };
    let mut config = NamespaceConfig::new(kind.unwrap_or(Kind::Ephemeral));
    set(&mut config.keys, fields.choice("keys", &[("named", Keying::Named), ("hashed", Keying::Hashed)]));
    let ownerships = [("exclusive", Ownership::Exclusive), ("affinity", Ownership::Affinity)];
    set(&mut config.ownership, fields.choice("ownership", &ownerships));
    set(&mut config.allow_unfenced, fields.choice("allow_unfenced", &[("true", true), ("false", false)]));
    let lease = fields.duration("lease");
    if let Some(lease) = lease {
        config.lease = lease;
        // What is not said follows.
        config.beat_every = config.beat_every.min(lease / 10);
        config.gather = config.gather.min(lease);
    }
    set(&mut config.beat_every, fields.duration("beat_every"));
    set(&mut config.round_every, fields.duration("round_every"));
    set(&mut config.gather, fields.duration("gather"));
    let sessions = u32::try_from(MAX_SESSIONS).unwrap_or(u32::MAX);
    set(&mut config.max_sessions, fields.number("max_executors", 1..=sessions).map(|number| number as usize));
    set(&mut config.max_shards, fields.number("max_shards", 1..=most).map(|number| number as usize));
    set(
        &mut config.restrain_from,
        fields.number("restrain_from", 0..=sessions).map(|number| number as usize),
    );
    config.plan = plan::read(&mut fields);
    // What is left of its rules bind several settings together: where they cannot all be read, nobody knows.
    if fields.problems().count == before {
        for problem in config.problems() {
            let name = if problem.setting == "max_sessions" { "max_executors" } else { problem.setting };
            fields.wrong_at(name, format!("{}, and is {}", problem.rule, problem.value));
        }
    }
    fields.end();
    (problems.count == before).then_some(config)
}

fn set<T>(setting: &mut T, said: Option<T>) {
    if let Some(said) = said {
        *setting = said;
    }
}

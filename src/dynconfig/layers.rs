//! All sources over each other, and which of them answers.

use std::{fmt, sync::Arc};

use super::{
    Constraint, Filters, Settings, Value,
    entries::Entry,
    keys::{self, KeySpec},
};
use crate::{
    policy::RoutingPolicy,
    types::{Namespace, Place},
};

/// A source of settings, uppermost first: what a layer says about a key hides what those below say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// A file on this machine. Uppermost, so that it works when all else is broken.
    LocalFile,
    /// What the distributor pushes.
    Pushed,
    /// What the embedding program sets: its own defaults.
    Embedded,
}

impl Layer {
    /// All layers, uppermost first.
    pub const ALL: [Self; 3] = [Self::LocalFile, Self::Pushed, Self::Embedded];

    /// The word in logs, JSON and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LocalFile => "local_file",
            Self::Pushed => "pushed",
            Self::Embedded => "embedded",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What every source says at one moment. Immutable.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    layers: [Option<Arc<Settings>>; Layer::ALL.len()],
    cluster: Option<Arc<str>>,
}

/// A value and where it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The value.
    pub value: Value,
    /// Where it came from.
    pub origin: Origin,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nothing is set: the default in the code.
    Default,
    /// An entry.
    Entry(EntryOrigin),
    /// Nothing is set, and what is set elsewhere means another default.
    Implied(EntryOrigin),
}

/// Where an entry stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryOrigin {
    /// In which layer.
    pub layer: Layer,
    /// In which file, or whatever the source calls itself.
    pub source: Arc<str>,
    /// Where in it.
    pub place: Place,
    /// Under which name: the key's own, or Cadence's.
    pub key: &'static str,
}

impl Layers {
    /// None but the defaults. Values are asked for on behalf of `cluster`, which is what `clusterName` is compared with.
    pub fn new(cluster: Option<&str>) -> Self {
        Self { layers: Default::default(), cluster: cluster.map(Into::into) }
    }

    /// The same with one layer replaced, or taken away.
    #[must_use]
    pub fn with(mut self, layer: Layer, settings: Option<Arc<Settings>>) -> Self {
        self.layers[layer as usize] = settings;
        self
    }

    /// What a layer says.
    pub fn layer(&self, layer: Layer) -> Option<&Arc<Settings>> {
        self.layers[layer as usize].as_ref()
    }

    /// The filters of a namespace in this cluster.
    pub fn filters(&self, namespace: &Namespace) -> Filters {
        self.in_cluster(Filters::of_namespace(namespace))
    }

    fn in_cluster(&self, filters: Filters) -> Filters {
        match &self.cluster {
            Some(cluster) => filters.with(Constraint::ClusterName, &**cluster),
            None => filters,
        }
    }

    /// The value of a key for whoever the filters describe.
    ///
    /// What counts is first the layer, then the name, then the order in the file.
    pub fn get(&self, key: &'static KeySpec, filters: &Filters) -> Answer {
        match self.find(key, filters) {
            Some((entry, origin)) => Answer { value: entry.value.clone(), origin: Origin::Entry(origin) },
            None => self
                .implied(key, filters)
                .unwrap_or_else(|| Answer { value: key.default_value(), origin: Origin::Default }),
        }
    }

    pub(super) fn find(&self, key: &'static KeySpec, filters: &Filters) -> Option<(&Entry, EntryOrigin)> {
        Layer::ALL.into_iter().filter_map(|layer| Some((layer, self.layer(layer)?))).find_map(
            |(layer, settings)| {
                key.names().find_map(|name| {
                    let entry = settings.find(name, filters)?;
                    let source = Arc::clone(&settings.name);
                    Some((entry, EntryOrigin { layer, source, place: entry.place, key: name }))
                })
            },
        )
    }

    /// Cadence has no mode: its percentage alone moves keys to the distributor, and keys with a UUID stay behind
    /// unless it says otherwise. A Cadence file must mean here what it means there.
    fn implied(&self, key: &'static KeySpec, filters: &Filters) -> Option<Answer> {
        let value = match key.name {
            name if name == keys::MODE.name => Value::Text("shard_distributor".into()),
            name if name == keys::EXCLUDE_UUID.name => Value::Bool(true),
            _ => return None,
        };
        let (_, origin) = self.find(&keys::PERCENTAGE, filters)?;
        (origin.key != keys::PERCENTAGE.name).then_some(Answer { value, origin: Origin::Implied(origin) })
    }

    /// What a namespace gets, key by key, in the order of [`keys::KEYS`](super::keys::KEYS).
    pub fn explain(&self, namespace: &Namespace) -> Vec<(&'static KeySpec, Answer)> {
        let filters = self.filters(namespace);
        self.answers(&filters)
    }

    /// What those get whom no constraint by namespace names, key by key.
    pub fn explain_others(&self) -> Vec<(&'static KeySpec, Answer)> {
        self.answers(&self.in_cluster(Filters::new()))
    }

    fn answers(&self, filters: &Filters) -> Vec<(&'static KeySpec, Answer)> {
        keys::KEYS.into_iter().map(|key| (key, self.get(key, filters))).collect()
    }

    /// The policy of a namespace, with epoch 0.
    pub fn routing_policy(&self, namespace: &Namespace) -> RoutingPolicy {
        super::routing::policy(self, &self.filters(namespace))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Entry(origin) => origin.fmt(f),
            Self::Implied(origin) => write!(f, "implied by {origin}"),
        }
    }
}

impl fmt::Display for EntryOrigin {
    /// `config.yaml:7:3`, and the key if it is Cadence's name for the one that was asked for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source, self.place)?;
        if self.key.starts_with(keys::OWN_PREFIX) { Ok(()) } else { write!(f, " ({})", self.key) }
    }
}

#[cfg(test)]
#[path = "layers_tests.rs"]
mod tests;

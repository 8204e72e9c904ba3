//! A distributor's settings file: read as a whole, with all that is wrong told at once.

mod fields;
mod namespace;
mod plan;
#[cfg(test)]
mod plan_tests;
mod render;
mod ring;
#[cfg(test)]
mod ring_tests;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

pub use fields::SettingsProblem;
use fields::{Fields, Problems, join};
pub(super) use render::to_yaml;
pub(super) use ring::to_yaml as ring_to_yaml;

use super::RingConfig;
use crate::{
    election::ElectionConfig,
    engine::NamespaceConfig,
    types::{Namespace, Place},
    yaml::{self, Body, escaped},
};

/// Longest settings file.
pub const MAX_SETTINGS_BYTES: usize = 1 << 20;
/// Longest text of one namespace.
const MAX_NAMESPACE_BYTES: usize = 64 << 10;
/// Most values in one.
const MAX_VALUES: usize = 100_000;
/// Most namespaces of a distributor.
pub const MAX_NAMESPACES: usize = 1_000;

/// What a settings file says. What it does not say is `None`, or the default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// The replica's name.
    pub name: Option<String>,
    /// Where to listen.
    pub listen: Option<String>,
    /// Where to listen for Cadence's services alone; otherwise they are served where everything is.
    pub cadence_listen: Option<String>,
    /// Where clients and other replicas reach it.
    pub advertise: Option<String>,
    /// Where to listen for those who look after it; `none`: nowhere.
    pub admin_listen: Option<String>,
    /// By which names, besides addresses and `localhost`, it may be asked there.
    pub admin_hosts: BTreeSet<String>,
    /// The store.
    pub store: Option<String>,
    /// How long a leader that is not heard of keeps its namespaces.
    pub leader_lease: Option<Duration>,
    /// The namespaces that are stored, and how they are run.
    pub namespaces: BTreeMap<Namespace, Arc<NamespaceConfig>>,
    /// The namespaces that are answered from rings.
    pub rings: BTreeMap<Namespace, RingConfig>,
}

/// A settings file that was refused as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError {
    /// What the file is called.
    pub source: String,
    /// What is wrong: the first hundred.
    pub problems: Vec<SettingsProblem>,
    /// How many problems there are.
    pub count: usize,
}

impl fmt::Display for SettingsError {
    /// A line for each problem.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, problems, count } = self;
        let problem = if *count == 1 { "problem" } else { "problems" };
        write!(f, "{source} was refused, with {count} {problem}:")?;
        problems.iter().try_for_each(|problem| write!(f, "\n  {source}:{problem}"))
    }
}

impl std::error::Error for SettingsError {}

impl Settings {
    /// Reads a file; `source` is what messages call it.
    pub fn parse(source: &str, file: &[u8]) -> Result<Self, SettingsError> {
        match Self::examine(source, file) {
            (settings, None) => Ok(settings),
            (_, Some(error)) => Err(error),
        }
    }

    /// The same, with what can be read of a file that is refused: for whoever looks for all that is wrong, not to be run with.
    pub fn examine(source: &str, file: &[u8]) -> (Self, Option<SettingsError>) {
        let mut problems = Problems::default();
        let settings = read(file, &mut problems);
        let Problems { kept, count } = problems;
        let error = SettingsError { source: source.to_owned(), problems: kept, count };
        (settings, (count > 0).then_some(error))
    }
}

/// How one namespace is run, from what would stand behind its name in a file; `source` is what messages call it.
pub(super) fn parse_namespace(source: &str, text: &str) -> Result<NamespaceConfig, SettingsError> {
    let mut problems = Problems::default();
    let config = tree(text.as_bytes(), MAX_NAMESPACE_BYTES, &mut problems)
        .and_then(|root| namespace::read("", &root, &mut problems));
    match config {
        Some(config) if problems.count == 0 => Ok(config),
        _ => Err(SettingsError { source: source.to_owned(), problems: problems.kept, count: problems.count }),
    }
}

fn read(file: &[u8], problems: &mut Problems) -> Settings {
    let root = tree(file, MAX_SETTINGS_BYTES, problems);
    let Some(mut fields) = root.as_ref().and_then(|root| Fields::of("", root, problems)) else {
        return Settings::default();
    };
    let mut settings = Settings {
        name: fields.text("name"),
        listen: fields.text("listen"),
        cadence_listen: fields.text("cadence_listen"),
        advertise: fields.text("advertise"),
        admin_listen: fields.text("admin_listen"),
        admin_hosts: fields.read("admin_hosts", |text| Ok(hosts(text))).unwrap_or_default(),
        store: fields.text("store"),
        leader_lease: fields.read("leader_lease", leader_lease),
        ..Settings::default()
    };
    (settings.namespaces, settings.rings) = namespaces(&mut fields);
    fields.end();
    settings
}

/// A file as a tree; `None`: it cannot be read as one, which is told.
fn tree(file: &[u8], max_bytes: usize, problems: &mut Problems) -> Option<yaml::Node> {
    if file.len() > max_bytes {
        problems.add(Place::START, "", format!("longer than the {max_bytes} bytes allowed"));
        return None;
    }
    let Ok(text) = str::from_utf8(file) else {
        problems.add(Place::START, "", "not UTF-8 text");
        return None;
    };
    let (root, faults) = yaml::parse(text, MAX_VALUES);
    for fault in &faults.kept {
        problems.add(fault.place, "", fault.kind.to_string());
    }
    root
}

/// Names with commas between.
fn hosts(text: &str) -> BTreeSet<String> {
    text.split(',').map(str::trim).filter(|host| !host.is_empty()).map(str::to_owned).collect()
}

fn leader_lease(text: &str) -> Result<Duration, String> {
    let lease = crate::types::duration::parse(text);
    let lease =
        lease.ok_or_else(|| format!("must be a duration such as 5s, and is \"{}\"", escaped(text)))?;
    ElectionConfig::default().with_lease(lease).map(|_| lease).map_err(|error| error.to_string())
}

/// Those that are stored, and those that are answered from rings.
fn namespaces(
    fields: &mut Fields<'_>,
) -> (BTreeMap<Namespace, Arc<NamespaceConfig>>, BTreeMap<Namespace, RingConfig>) {
    const PATH: &str = "namespaces";
    let (mut namespaces, mut rings) = Default::default();
    let Some(node) = fields.node(PATH) else { return (namespaces, rings) };
    let problems = fields.problems();
    let Body::Map(all) = &node.body else {
        problems.add(node.place, PATH, format!("must be a map by name, and is {}", node.body.what()));
        return (namespaces, rings);
    };
    if all.len() > MAX_NAMESPACES {
        problems.add(node.place, PATH, format!("are {}, more than the {MAX_NAMESPACES} allowed", all.len()));
        return (namespaces, rings);
    }
    for (name, node) in all.iter() {
        let path = join(PATH, &escaped(&name.text));
        match Namespace::new(&*name.text) {
            Ok(namespace) if ring::is_ring(node) => {
                rings.extend(ring::read(&path, node, problems).map(|config| (namespace, config)));
            }
            Ok(namespace) => {
                let config = namespace::read(&path, node, problems);
                namespaces.extend(config.map(|config| (namespace, Arc::new(config))));
            }
            Err(error) => problems.add(name.place, &path, error.to_string()),
        }
    }
    (namespaces, rings)
}

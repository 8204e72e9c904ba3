//! What is to be served, from the file, the variables and the options together. Checked as a whole, before anything is
//! started; all that is wrong is told at once.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use super::Serve;
use crate::{
    cli::{input, place::Place},
    election::ElectionConfig,
    engine::{Kind, NamespaceConfig},
    server::{MAX_SETTINGS_BYTES, Settings},
    store::Keys,
    types::Namespace,
};

const DEFAULT_LISTEN: &str = "127.0.0.1:7943";
const DEFAULT_STORE: &str = "data";

/// Settings with which a replica can be started.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) settings: Settings,
    pub(super) address: SocketAddr,
    pub(super) cadence: Option<SocketAddr>,
    pub(super) admin: Option<SocketAddr>,
    pub(super) place: Place,
    pub(super) keys: Keys,
    pub(super) election: ElectionConfig,
}

/// All that is wrong with what was said.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<String>);

impl Checked {
    pub(super) fn new(serve: &Serve) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let settings = settings(serve, &mut problems);
        let address = address(serve, &settings, &mut problems);
        let cadence = cadence(serve, &settings, &mut problems);
        let admin = admin(serve, &settings, address, &mut problems);
        let place = settings.store.as_deref().unwrap_or(DEFAULT_STORE).parse();
        let place: Option<Place> =
            problems.take(place.map_err(|error: anyhow::Error| format!("store: {error:#}")));
        check_distinct(&settings, address, cadence, admin.flatten(), &mut problems);
        if let Some(advertise) = &settings.advertise {
            check_advertised(advertise, &mut problems);
        }
        let keys = problems.take(serve.access.keys());
        if let (Some(keys), Some(name)) = (&keys, settings.name.as_ref().or(settings.advertise.as_ref())) {
            problems.take(keys.replica(name));
        }
        let lease = settings.leader_lease.map(|lease| ElectionConfig::default().with_lease(lease));
        let election = problems.take(lease.unwrap_or_else(|| Ok(ElectionConfig::default())));
        match (address, admin, place, keys, election) {
            (Some(address), Some(admin), Some(place), Some(keys), Some(election))
                if problems.0.is_empty() =>
            {
                Ok(Self { settings, address, cadence, admin, place, keys, election })
            }
            _ => Err(problems),
        }
    }
}

/// The file's settings, with the variables' and options' over them.
fn settings(serve: &Serve, problems: &mut Problems) -> Settings {
    let mut settings = serve.config.as_ref().map_or_else(Settings::default, |path| {
        let source = path.display().to_string();
        let Some(file) = problems
            .take(input::read("settings", path, MAX_SETTINGS_BYTES).map_err(|error| format!("{error:#}")))
        else {
            return Settings::default();
        };
        // What can be read is looked at with the rest, so that nobody mends one thing only to hear of the next.
        let (settings, error) = Settings::examine(&source, &file);
        if let Some(error) = error {
            error.problems.iter().for_each(|problem| problems.add(format!("{source}:{problem}")));
            let more = error.count - error.problems.len();
            if more > 0 {
                problems.add(format!("{source}: {more} more"));
            }
        }
        settings
    });
    let say = |setting: &mut Option<String>, said: &Option<String>| {
        if said.is_some() {
            setting.clone_from(said);
        }
    };
    say(&mut settings.listen, &serve.listen);
    say(&mut settings.cadence_listen, &serve.cadence_listen);
    say(&mut settings.advertise, &serve.advertise);
    say(&mut settings.name, &serve.name);
    say(&mut settings.store, &serve.store);
    say(&mut settings.admin_listen, &serve.admin_listen);
    settings.admin_hosts.extend(serve.admin_host.iter().cloned());
    let fixed = serve.fixed.iter().map(|text| fixed(text));
    let ephemeral = serve.ephemeral.iter().map(|text| Ok((namespace(text)?, Kind::Ephemeral)));
    for said in fixed.chain(ephemeral) {
        let Some((name, kind)) = problems.take(said) else { continue };
        let config = Arc::new(NamespaceConfig::new(kind));
        let is_ring = settings.rings.contains_key(&name);
        if settings.namespaces.insert(name.clone(), config).is_some() || is_ring {
            problems.add(format!("namespace \"{name}\" is given twice"));
        }
    }
    settings
}

fn address(serve: &Serve, settings: &Settings, problems: &mut Problems) -> Option<SocketAddr> {
    let listen = settings.listen.as_deref().unwrap_or(DEFAULT_LISTEN);
    let address = service_address(serve, listen, problems)?;
    if settings.advertise.is_none() && address.ip().is_unspecified() {
        problems
            .add(format!("nobody reaches a replica at {listen}: say with --advertise where others reach it"));
    }
    Some(address)
}

/// Others connect to it, so it has to be something to connect to.
fn check_advertised(advertise: &str, problems: &mut Problems) {
    let is_host = |host: &str| {
        let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let within = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        match within {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => !host.is_empty() && host.chars().all(name),
        }
    };
    let parts = advertise.rsplit_once(':');
    if !parts.is_some_and(|(host, port)| is_host(host) && port.parse::<u16>().is_ok_and(|port| port > 0)) {
        problems.add(format!(
            "others cannot reach \"{advertise}\": what is advertised must be a host and a port, as host-1:7943"
        ));
    }
}

/// One port serves one purpose.
fn check_distinct(
    settings: &Settings,
    address: Option<SocketAddr>,
    cadence: Option<SocketAddr>,
    admin: Option<SocketAddr>,
    problems: &mut Problems,
) {
    let said = |address: Option<SocketAddr>| address.filter(|address| address.port() != 0);
    // Nobody has said the one that is the next above another.
    let admin = settings.admin_listen.as_ref().and(admin);
    let named = [("listen", said(address)), ("cadence_listen", said(cadence)), ("admin_listen", said(admin))];
    for (at, (name, address)) in named.iter().enumerate() {
        let same = named[..at].iter().find(|(_, other)| other.is_some() && other == address);
        if let (Some((other, _)), Some(address)) = (same, address) {
            problems.add(format!("{name} and {other} are both {address}: each needs a port of its own"));
        }
    }
}

fn cadence(serve: &Serve, settings: &Settings, problems: &mut Problems) -> Option<SocketAddr> {
    service_address(serve, settings.cadence_listen.as_deref()?, problems)
}

fn service_address(serve: &Serve, listen: &str, problems: &mut Problems) -> Option<SocketAddr> {
    let address: SocketAddr = problems.take(listen.parse().map_err(|_| {
        format!("cannot listen on \"{listen}\": it must be an address and a port, as {DEFAULT_LISTEN}")
    }))?;
    if !address.ip().is_loopback() && !serve.plaintext {
        problems.add(format!(
            "others reach {address}, and nothing is encrypted there: say --plaintext if that is meant"
        ));
    }
    Some(address)
}

/// `Some(None)`: there is to be no admin port.
fn admin(
    serve: &Serve,
    settings: &Settings,
    address: Option<SocketAddr>,
    problems: &mut Problems,
) -> Option<Option<SocketAddr>> {
    match settings.admin_listen.as_deref() {
        Some("none") => Some(None),
        Some(said) => {
            let admin: SocketAddr = problems.take(said.parse().map_err(|_| {
                format!("cannot listen on \"{said}\" for those who look after it: it must be an address and a port, or none")
            }))?;
            if !admin.ip().is_loopback() && !serve.admin_open {
                problems.add(format!(
                    "others reach the admin address {admin}, and may read all that is there: say --admin-open if that is meant"
                ));
            }
            Some(Some(admin))
        }
        None => {
            // The port above; any, if any was asked for.
            let port = match address?.port() {
                0 => Some(0),
                port => port.checked_add(1),
            };
            let port =
                problems.take(port.ok_or("there is no port above the last one: say --admin-listen"))?;
            Some(Some((Ipv4Addr::LOCALHOST, port).into()))
        }
    }
}

fn namespace(text: &str) -> Result<Namespace, String> {
    Namespace::new(text).map_err(|error| error.to_string())
}

fn fixed(text: &str) -> Result<(Namespace, Kind), String> {
    let rule = || format!("--fixed \"{text}\" is not NAMESPACE=SHARDS, as orders=1024");
    let (name, shards) = text.rsplit_once('=').ok_or_else(rule)?;
    let kind = Kind::Fixed { shards: shards.parse().map_err(|_| rule())? };
    let name = namespace(name)?;
    NamespaceConfig::new(kind).check().map_err(|error| format!("namespace \"{name}\": {error}"))?;
    Ok((name, kind))
}

impl Problems {
    fn add(&mut self, problem: impl Into<String>) {
        self.0.push(problem.into());
    }

    fn take<T, E: ToString>(&mut self, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.0.push(error.to_string())).ok()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = if self.0.len() == 1 { "problem" } else { "problems" };
        write!(f, "nothing was started: the settings were refused, with {} {problem}:", self.0.len())?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for Problems {}

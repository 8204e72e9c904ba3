//! `shardway serve`.

use std::{
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail};
use clap::Args;
use serde::Serialize;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    task::JoinSet,
};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{service::Routes, transport::Server};

use super::{
    console::{Answer, Console},
    exit::Exit,
    input,
    place::{Access, Place},
};
use crate::{
    clock::{BootClock, Clock},
    election::ElectionConfig,
    engine::{Kind, NamespaceConfig},
    replica::ReplicaConfig,
    server::{self, Host, HostConfig, MAX_SETTINGS_BYTES, Settings},
    types::Namespace,
};

const DEFAULT_LISTEN: &str = "127.0.0.1:7943";
const DEFAULT_STORE: &str = "data";
/// How long connections have to end when the process is told to.
const GRACE: Duration = Duration::from_secs(5);
/// Both sides notice a connection that is dead.
const PING_EVERY: Duration = Duration::from_secs(10);
const PING_WITHIN: Duration = Duration::from_secs(5);
/// Streams of one connection.
const MAX_STREAMS: u32 = 10_000;
/// Bytes of a request's headers.
const MAX_HEADER_BYTES: u32 = 64 << 10;

/// Run a distributor: assign shards to executors, and tell everybody who owns what.
///
/// One replica with a folder of its own is a distributor; several with the same etcd share the namespaces, and one takes
/// over when another goes. Options win over variables, and variables over the file. Ends with SIGTERM or SIGINT, after
/// its namespaces have been given to others.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shardway serve --fixed orders=1024 --ephemeral task-lists
  shardway serve --config examples/serve.yaml
  shardway serve --config examples/serve.yaml --store etcd://10.0.0.1:2379 --name distributor-1
  shardway serve --config examples/serve.yaml --check")]
pub(super) struct Serve {
    /// File with settings and namespaces.
    #[arg(long, env = "SHARDWAY_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// A namespace with so many shards; may be repeated.
    #[arg(long, value_name = "NAMESPACE=SHARDS", value_parser = fixed)]
    fixed: Vec<(Namespace, u32)>,
    /// A namespace whose shards are made when they are asked for; may be repeated.
    #[arg(long, value_name = "NAMESPACE", value_parser = namespace)]
    ephemeral: Vec<Namespace>,
    /// Where to listen. [default: 127.0.0.1:7943]
    #[arg(long, env = "SHARDWAY_LISTEN", value_name = "ADDRESS")]
    listen: Option<String>,
    /// Where Cadence's services find theirs, if not where everything is.
    #[arg(long, env = "SHARDWAY_CADENCE_LISTEN", value_name = "ADDRESS")]
    cadence_listen: Option<String>,
    /// Where clients and other replicas reach this one. [default: where it listens]
    #[arg(long, env = "SHARDWAY_ADVERTISE", value_name = "HOST:PORT")]
    advertise: Option<String>,
    /// A name that no other replica has. [default: what it advertises]
    #[arg(long, env = "SHARDWAY_NAME", value_name = "NAME")]
    name: Option<String>,
    /// A folder, or etcd://host:port[,host:port]. [default: data]
    #[arg(long, env = "SHARDWAY_STORE", value_name = "STORE")]
    store: Option<String>,
    /// Let everybody who reaches this address in, and send everything in plain text: there is no TLS yet.
    #[arg(long)]
    plaintext: bool,
    /// Only say whether the settings are right.
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    access: Access,
}

#[derive(Debug, Serialize)]
struct Plan {
    name: String,
    listen: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cadence_listen: Option<String>,
    advertise: String,
    store: String,
    namespaces: Vec<String>,
}

impl Plan {
    fn new(settings: &Settings, place: &Place, address: SocketAddr, cadence: Option<SocketAddr>) -> Self {
        let advertise = settings.advertise.clone().unwrap_or_else(|| address.to_string());
        Self {
            name: settings.name.clone().unwrap_or_else(|| advertise.clone()),
            listen: address.to_string(),
            cadence_listen: cadence.map(|address| address.to_string()),
            advertise,
            store: place.to_string(),
            namespaces: settings.namespaces.keys().map(ToString::to_string).collect(),
        }
    }
}

impl Answer for Plan {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self { name, listen, cadence_listen, advertise, store, namespaces } = self;
        writeln!(
            out,
            "replica {name} listens on {listen}, is reached at {advertise}, and stores in {store}"
        )?;
        if let Some(cadence_listen) = cadence_listen {
            writeln!(out, "Cadence's services are at {cadence_listen}")?;
        }
        writeln!(out, "namespaces: {}", namespaces.join(", "))
    }
}

impl Serve {
    pub(super) fn run(self, console: &mut Console<'_>) -> anyhow::Result<Exit> {
        let settings = self.settings()?;
        let listen = settings.listen.clone().unwrap_or_else(|| DEFAULT_LISTEN.into());
        let address = socket_address(&listen)?;
        let cadence = settings.cadence_listen.as_deref().map(socket_address).transpose()?;
        let place: Place = settings.store.as_deref().unwrap_or(DEFAULT_STORE).parse()?;
        if settings.advertise.is_none() && address.ip().is_unspecified() {
            bail!("nobody reaches a replica at {listen}: say with --advertise where others reach it");
        }
        let open = [Some(address), cadence].into_iter().flatten().find(|address| !address.ip().is_loopback());
        if let Some(open) = open.filter(|_| !self.plaintext) {
            bail!("others reach {open}, and nothing is encrypted there: say --plaintext if that is meant");
        }
        if !self.check {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
            let runtime = runtime.context("no runtime to work with")?;
            return runtime.block_on(self.serve(console, &place, (address, cadence), settings));
        }
        console.show(&Plan::new(&settings, &place, address, cadence))?;
        Ok(Exit::Ok)
    }

    /// The file's settings, with the options' over them.
    fn settings(&self) -> anyhow::Result<Settings> {
        let mut settings = match &self.config {
            Some(path) => {
                let file = input::read("settings", path, MAX_SETTINGS_BYTES)?;
                Settings::parse(&path.display().to_string(), &file)?
            }
            None => Settings::default(),
        };
        let say = |setting: &mut Option<String>, said: &Option<String>| {
            if said.is_some() {
                setting.clone_from(said);
            }
        };
        say(&mut settings.listen, &self.listen);
        say(&mut settings.cadence_listen, &self.cadence_listen);
        say(&mut settings.advertise, &self.advertise);
        say(&mut settings.name, &self.name);
        say(&mut settings.store, &self.store);
        let fixed = self.fixed.iter().map(|(name, shards)| (name, Kind::Fixed { shards: *shards }));
        for (name, kind) in fixed.chain(self.ephemeral.iter().map(|name| (name, Kind::Ephemeral))) {
            if settings.namespaces.insert(name.clone(), Arc::new(NamespaceConfig::new(kind))).is_some() {
                bail!("namespace \"{name}\" is given twice");
            }
        }
        Ok(settings)
    }

    async fn serve(
        &self,
        console: &mut Console<'_>,
        place: &Place,
        (address, cadence): (SocketAddr, Option<SocketAddr>),
        settings: Settings,
    ) -> anyhow::Result<Exit> {
        let mut stop = Stop::new().context("cannot hear of signals")?;
        let store = self.access.open_or_make(place).with_context(|| format!("cannot open {place}"))?;
        let listener = listen(address).await?;
        let for_cadence = match cadence {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        let cadence = for_cadence.as_ref().map(TcpListener::local_addr).transpose()?;
        let plan = Plan::new(&settings, place, listener.local_addr()?, cadence);
        let clock: Arc<dyn Clock> = Arc::new(BootClock::new());
        let mut election = ElectionConfig::default();
        if let Some(lease) = settings.leader_lease {
            election = election.with_lease(lease)?;
        }
        let config = HostConfig {
            name: plan.name.clone(),
            address: plan.advertise.clone(),
            keys: self.access.keys()?,
            election,
            replica: ReplicaConfig::default(),
            session: rand::random(),
            namespaces: settings.namespaces.into_iter().collect(),
        };
        let host = Host::start(store.into(), clock.clone(), config).context("the replica's name")?;
        console.show(&plan)?;
        console.flush()?;
        let (close, closed) = tokio::sync::watch::channel(());
        let mut servers = JoinSet::new();
        match for_cadence {
            Some(for_cadence) => {
                let (all_but, cadence) = server::services_apart(&host, clock);
                servers.spawn(answer(listener, all_but, closed.clone()));
                servers.spawn(answer(for_cadence, cadence, closed));
            }
            None => drop(servers.spawn(answer(listener, server::services(&host, clock), closed))),
        }
        tokio::select! {
            Some(ended) = servers.join_next() => {
                ended.context("the server")??;
                bail!("the server ended by itself");
            }
            signal = stop.next() => tracing::info!(signal, "stopping"),
        }
        // Others lead before anybody here is sent away.
        host.leave(GRACE).await;
        drop(close);
        let _ = tokio::time::timeout(GRACE, servers.join_all()).await;
        Ok(Exit::Ok)
    }
}

fn socket_address(text: &str) -> anyhow::Result<SocketAddr> {
    text.parse().with_context(|| {
        format!("cannot listen on \"{text}\": it must be an address and a port, as {DEFAULT_LISTEN}")
    })
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

/// Serves until it is told to close.
async fn answer(
    listener: TcpListener,
    routes: Routes,
    mut closed: tokio::sync::watch::Receiver<()>,
) -> Result<(), tonic::transport::Error> {
    Server::builder()
        .tcp_nodelay(true)
        .http2_keepalive_interval(Some(PING_EVERY))
        .http2_keepalive_timeout(Some(PING_WITHIN))
        .max_concurrent_streams(MAX_STREAMS)
        .http2_max_header_list_size(MAX_HEADER_BYTES)
        .add_routes(routes)
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), async move {
            // Nothing is ever sent; the sender is dropped.
            let _ = closed.changed().await;
        })
        .await
}

/// The signals that end the process.
struct Stop {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Stop {
    fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

fn namespace(text: &str) -> Result<Namespace, String> {
    Namespace::new(text).map_err(|error| error.to_string())
}

fn fixed(text: &str) -> Result<(Namespace, u32), String> {
    let rule = || format!("\"{text}\" is not NAMESPACE=SHARDS, as orders=1024");
    let (name, shards) = text.rsplit_once('=').ok_or_else(rule)?;
    let shards = shards.parse().map_err(|_| rule())?;
    let name = namespace(name)?;
    NamespaceConfig::new(Kind::Fixed { shards }).check().map_err(|error| error.to_string())?;
    Ok((name, shards))
}

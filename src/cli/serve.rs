//! `shardway serve`.

mod checked;

use std::{
    collections::BTreeSet,
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail};
use checked::Checked;
use clap::Args;
use sd_notify::NotifyState;
use serde::Serialize;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinSet,
};

use super::{
    console::{Answer, Console},
    exit::Exit,
    place::{Access, Place},
};
use crate::{
    backup::closed,
    clock::{BootClock, Clock},
    replica::ReplicaConfig,
    server::{self, AdminHttp, Host, HostConfig, Listener, Port, Rings, Serving},
    store::{Keys, Store},
};

/// How long its namespaces have to be given to others when the process is told to end, and then the connections to
/// end.
const GRACE: Duration = Duration::from_secs(5);

/// How long a store may take to say whether somebody may serve from it, before it is taken for one that is away.
const CHECKED_WITHIN: Duration = Duration::from_secs(2);
/// Rows that are named which cannot be read.
const MAX_NAMED: usize = 100;

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
    #[arg(long, value_name = "NAMESPACE=SHARDS")]
    fixed: Vec<String>,
    /// A namespace whose shards are made when they are asked for; may be repeated.
    #[arg(long, value_name = "NAMESPACE")]
    ephemeral: Vec<String>,
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
    /// A folder, embedded:///folder?max_bytes=8GiB, or etcd://host:port[,host:port]. [default: data]
    #[arg(long, env = "SHARDWAY_STORE", value_name = "STORE")]
    store: Option<String>,
    /// Let everybody who reaches this address in, and send everything in plain text: there is no TLS yet.
    #[arg(long)]
    plaintext: bool,
    /// Where to listen for those who look after it: health, metrics and a read-only API over HTTP; none: nowhere. [default:
    /// 127.0.0.1, a port above]
    #[arg(long, env = "SHARDWAY_ADMIN_LISTEN", value_name = "ADDRESS")]
    admin_listen: Option<String>,
    /// Let everybody who reaches the admin address read what is there.
    #[arg(long)]
    admin_open: bool,
    /// A name by which the admin address may be asked, besides addresses and localhost; may be repeated.
    #[arg(long, value_name = "HOST")]
    admin_host: Vec<String>,
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
    admin: Option<String>,
    store: String,
    namespaces: Vec<String>,
}

impl Plan {
    fn new(
        checked: &Checked,
        address: SocketAddr,
        cadence: Option<SocketAddr>,
        admin: Option<SocketAddr>,
    ) -> Self {
        let settings = &checked.settings;
        let namespaces: BTreeSet<_> = settings.namespaces.keys().chain(settings.rings.keys()).collect();
        let advertise = settings.advertise.clone().unwrap_or_else(|| address.to_string());
        Self {
            name: settings.name.clone().unwrap_or_else(|| advertise.clone()),
            listen: address.to_string(),
            cadence_listen: cadence.map(|address| address.to_string()),
            advertise,
            admin: admin.map(|address| address.to_string()),
            store: checked.place.to_string(),
            namespaces: namespaces.into_iter().map(ToString::to_string).collect(),
        }
    }
}

impl Answer for Plan {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self { name, listen, cadence_listen, advertise, admin, store, namespaces } = self;
        writeln!(
            out,
            "replica {name} listens on {listen}, is reached at {advertise}, and stores in {store}"
        )?;
        if let Some(cadence_listen) = cadence_listen {
            writeln!(out, "Cadence's services are at {cadence_listen}")?;
        }
        if let Some(admin) = admin {
            writeln!(out, "health, metrics and a read-only API: http://{admin}")?;
        }
        writeln!(out, "namespaces: {}", namespaces.join(", "))
    }
}

impl Serve {
    pub(super) fn run(self, console: &mut Console<'_>) -> anyhow::Result<Exit> {
        let checked = Checked::new(&self)?;
        if !self.check {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
            let runtime = runtime.context("no runtime to work with")?;
            return runtime.block_on(self.serve(console, checked));
        }
        console.show(&Plan::new(&checked, checked.address, checked.cadence, checked.admin))?;
        Ok(Exit::Ok)
    }

    async fn serve(&self, console: &mut Console<'_>, checked: Checked) -> anyhow::Result<Exit> {
        let mut stop = Stop::new().context("cannot hear of signals")?;
        let place = &checked.place;
        let store = self.access.open_or_make(place).with_context(|| format!("cannot open {place}"))?;
        check(&*store, &checked.keys, place).await?;
        let port = bind(checked.address).await?;
        let (cadence_port, cadence_address) = bind_if(checked.cadence).await?;
        let (admin_port, admin_address) = bind_if(checked.admin).await?;
        let plan = Plan::new(&checked, port.local_addr()?, cadence_address, admin_address);
        let clock: Arc<dyn Clock> = Arc::new(BootClock::new());
        let config = HostConfig {
            name: plan.name.clone(),
            address: plan.advertise.clone(),
            keys: checked.keys,
            election: checked.election,
            replica: ReplicaConfig::default(),
            session: rand::random(),
            namespaces: checked.settings.namespaces.into_iter().collect(),
            rings: Rings::start(checked.settings.rings, &clock)?,
        };
        let host = Host::start(store.into(), clock.clone(), config).context("the replica's name")?;
        console.show(&plan)?;
        console.flush()?;
        // It has started, whatever its store does: starting it again would not help.
        tell_systemd(NotifyState::Ready);
        let (close, closed) = watch::channel(false);
        let until_closed = |mut closed: watch::Receiver<bool>| async move {
            let _ = closed.wait_for(|closed| *closed).await;
        };
        let listener = |tcp, bounds, port| Listener::new(tcp, bounds, port, host.metrics().clone());
        let serve = |routes, tcp, port| {
            let listener = listener(tcp, server::SERVICE_BOUNDS, port);
            Serving::new(&host, routes).run(listener, until_closed(closed.clone()), GRACE)
        };
        let mut serving = JoinSet::new();
        match cadence_port {
            Some(tcp) => {
                let (all_but, cadence) = server::services_apart(&host, clock);
                serving.spawn(serve(all_but, port, Port::Grpc));
                serving.spawn(serve(cadence, tcp, Port::Cadence));
            }
            None => drop(serving.spawn(serve(server::services(&host, clock), port, Port::Grpc))),
        }
        if let Some(tcp) = admin_port {
            let listener = listener(tcp, server::ADMIN_BOUNDS, Port::Admin);
            let admin = AdminHttp::new(&host);
            tokio::spawn(admin.run(listener, checked.settings.admin_hosts, until_closed(closed)));
        }
        tokio::select! {
            Some(ended) = serving.join_next() => {
                ended.context("the server")?;
                bail!("the server ended by itself");
            }
            signal = stop.next() => tracing::info!(signal, "stopping; a second signal ends it at once"),
        }
        tell_systemd(NotifyState::Stopping);
        let leave = async {
            // Others lead before anybody here is sent away.
            host.leave(GRACE).await;
            let _ = close.send(true);
            serving.join_all().await;
        };
        tokio::select! {
            () = leave => {}
            signal = stop.next() => tracing::warn!(signal, "ended before everybody had been sent away"),
        }
        Ok(Exit::Ok)
    }
}

/// Refuses a store from which nobody can serve, removes leases that cannot be read, and says which other rows cannot.
/// A store that is not there yet is looked at when it is.
async fn check(store: &dyn Store, keys: &Keys, place: &Place) -> anyhow::Result<()> {
    let looked = tokio::time::timeout(CHECKED_WITHIN, closed(store, keys)).await;
    if let Ok(Ok(Some(closed))) = looked {
        bail!("cannot serve from {place}: {closed}");
    }
    for key in server::remove_damaged_leases(store, keys).await? {
        tracing::warn!(%key, "this row could not be read and is removed: whoever lived or led by it is gone");
    }
    for key in store.damaged().iter().take(MAX_NAMED) {
        tracing::error!(%key, "this row cannot be read; shardway store verify says what that means");
    }
    Ok(())
}

/// Whoever was not started by systemd tells nobody.
fn tell_systemd(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "systemd could not be told");
    }
}

async fn bind_if(address: Option<SocketAddr>) -> anyhow::Result<(Option<TcpListener>, Option<SocketAddr>)> {
    let Some(address) = address else { return Ok((None, None)) };
    let tcp = bind(address).await?;
    let address = tcp.local_addr()?;
    Ok((Some(tcp), Some(address)))
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
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

//! Members by gossip.

mod counts;
mod driver;
mod effects;
mod envelope;
mod fleet;
mod peer;
mod roster;
mod timing;
mod wire;

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    net::{SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;

use self::{
    counts::Counts,
    driver::Gossip,
    envelope::{Kind, MAX_CLUSTER_BYTES, MAX_DATAGRAM, MAX_PAYLOAD, seal},
    fleet::Fleet,
    peer::Peer,
    wire::{MAX_PEER_BYTES, peer_bytes},
};
pub use self::{
    counts::GossipCounts,
    timing::{GossipTiming, GossipTimingError},
};
use super::{
    MemberSink, MemberSource, MemberSourceError,
    run::{Run, Task},
};
use crate::{
    clock::{Clock, SystemClock, unix_millis},
    telemetry::Recorder,
    types::{Member, Mono, NameError},
};

/// Most seeds.
const MAX_SEEDS: usize = 64;

/// Members by gossip: the processes of a fleet tell each other, over UDP, who is there. No server is needed, only one
/// or a few addresses that lead to some of them.
///
/// Every process is a member itself, and carries the [`Member`] that the others are to know it by. A process that has
/// seeds delivers its first list once another has sent it a complete one, or after
/// [`join_patience`](GossipTiming::join_patience) in vain; then it delivers itself, and tells the sink at every refresh
/// that it is alone. Suspected members stay on the list; [`leave`](MemberSource::leave) takes this one off everybody's.
///
/// Anybody who can send a datagram to the port can take part: keep it within a trusted network. The cluster's name in
/// every datagram keeps fleets from merging by accident, and a checksum keeps out what was damaged.
///
/// Needs a tokio runtime with time and I/O enabled. The socket is bound at the first start and kept until dropped.
///
/// ```
/// use shardway::{membership::GossipMembers, types::Member};
///
/// let me = Member::new("10.0.0.7:7933")?.with_identity("matching-3")?;
/// let source = GossipMembers::new("matching-prod", me, "0.0.0.0:7946".parse()?)?
///     .with_advertised("10.0.0.7:7946".parse()?)?
///     .with_seeds(["matching.default.svc.cluster.local:7946".to_owned()])?;
/// # let _ = source;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct GossipMembers {
    cluster: String,
    me: Arc<Member>,
    bind: SocketAddr,
    advertised: Option<SocketAddr>,
    seeds: Arc<[String]>,
    timing: GossipTiming,
    seed: u64,
    /// Kept over stop and start: a task that is ended lets go of its socket some time later.
    socket: Mutex<Option<UdpSocket>>,
    /// Of the last run.
    generation: Mutex<u64>,
    counts: Arc<Counts>,
    run: Run<(Arc<Gossip>, Task)>,
}

impl GossipMembers {
    /// A process that is `me` to the others of its cluster, and listens on `bind` (port 0: any free one).
    pub fn new(cluster: impl Into<String>, me: Member, bind: SocketAddr) -> Result<Self, GossipError> {
        let cluster = cluster.into();
        NameError::check(
            "cluster name",
            &cluster,
            MAX_CLUSTER_BYTES,
            "text without spaces and control characters",
            |c| !c.is_control() && !c.is_whitespace(),
        )
        .map_err(GossipError::Cluster)?;
        let me = Arc::new(me);
        let bytes = peer_bytes(&Peer::new(bind, 1, Some(me.clone())));
        if bytes > MAX_PEER_BYTES {
            return Err(GossipError::MemberTooLarge { bytes });
        }
        Ok(Self {
            seed: RandomState::new().hash_one(&cluster),
            cluster,
            me,
            bind,
            advertised: None,
            seeds: Arc::default(),
            timing: GossipTiming::default(),
            socket: Mutex::default(),
            generation: Mutex::default(),
            counts: Arc::default(),
            run: Run::default(),
        })
    }

    /// Where the others reach this process, if not at the address that it listens on: necessary when that one is
    /// unspecified (`0.0.0.0`, `[::]`).
    pub fn with_advertised(mut self, address: SocketAddr) -> Result<Self, GossipError> {
        if address.ip().is_unspecified() || address.port() == 0 {
            return Err(GossipError::NotReachable { address });
        }
        self.advertised = Some(address);
        Ok(self)
    }

    /// Addresses `host:port` that lead to processes of the fleet, all the same whether each to one or a name to all,
    /// or a load balancer's. They are resolved anew each time, and this process may be among them. Without any, it
    /// waits to be found.
    pub fn with_seeds(mut self, seeds: impl IntoIterator<Item = String>) -> Result<Self, GossipError> {
        let seeds: Vec<String> = seeds.into_iter().take(MAX_SEEDS + 1).collect();
        if seeds.len() > MAX_SEEDS {
            return Err(GossipError::TooManySeeds);
        }
        let is_seed = |seed: &String| {
            seed.rsplit_once(':')
                .is_some_and(|(host, port)| !host.is_empty() && port.parse().is_ok_and(|port: u16| port != 0))
        };
        if let Some(wrong) = seeds.iter().find(|seed| !is_seed(seed)) {
            let rule = "must be a host and a port, such as matching.svc:7946";
            return Err(GossipError::Seed(NameError::new("seed", wrong, rule)));
        }
        self.seeds = seeds.into();
        Ok(self)
    }

    /// How fast changes are noticed. The same for all processes of a fleet.
    pub fn with_timing(mut self, timing: GossipTiming) -> Result<Self, GossipError> {
        timing.check().map_err(GossipError::Timing)?;
        self.timing = timing;
        Ok(self)
    }

    /// Fixes what is left to chance (whom to ask, whom to tell), for tests and simulation.
    pub const fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The address that it listens on, once started.
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.socket.lock().as_ref()?.local_addr().ok()
    }

    /// What was sent, heard and ignored so far, over all runs.
    pub fn counts(&self) -> GossipCounts {
        self.counts.read()
    }

    fn socket(&self) -> std::io::Result<UdpSocket> {
        let mut bound = self.socket.lock();
        if bound.is_none() {
            let socket = UdpSocket::bind(self.bind)?;
            socket.set_nonblocking(true)?;
            *bound = Some(socket);
        }
        bound.as_ref().map_or_else(|| Err(std::io::ErrorKind::NotConnected.into()), UdpSocket::try_clone)
    }

    fn next_generation(&self) -> u64 {
        let mut last = self.generation.lock();
        *last = unix_millis().max(*last + 1);
        *last
    }
}

impl MemberSource for GossipMembers {
    fn kind(&self) -> &'static str {
        "gossip"
    }

    fn start(&self, sink: Arc<dyn MemberSink>) -> Result<(), MemberSourceError> {
        self.run.start(sink, |outlet| {
            let failed = |reason: String| MemberSourceError::Unreachable {
                what: format!("UDP {}", self.bind),
                reason,
            };
            let socket = self.socket().map_err(|error| failed(error.to_string()))?;
            let local = socket.local_addr().map_err(|error| failed(error.to_string()))?;
            let reachable = self.advertised.unwrap_or(local);
            if reachable.ip().is_unspecified() {
                return Err(failed(GossipError::NotReachable { address: reachable }.to_string()));
            }
            let clock = SystemClock::new();
            let me = Peer::new(reachable, self.next_generation(), Some(self.me.clone()));
            let has_seeds = !self.seeds.is_empty();
            let fleet = Fleet::new(&self.cluster, me, has_seeds, self.timing, self.seed, clock.now());
            let gossip = Arc::new(Gossip::new(fleet, socket, clock, self.counts.clone()));
            let task = Task::spawn(self.kind(), driver::drive(gossip.clone(), self.seeds.clone(), outlet))?;
            Ok((gossip, task))
        })
    }

    fn stop(&self) {
        self.run.stop();
    }

    fn leave(&self) {
        self.run.with(|(gossip, _)| gossip.leave());
    }

    fn record(&self, recorder: &dyn Recorder) {
        self.counts().record(&self.cluster, recorder);
    }
}

/// A setting that cannot work. Nothing was made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GossipError {
    /// The cluster's name is empty, too long, or has characters that no name may have.
    Cluster(NameError),
    /// The member takes more room than a datagram has for one.
    MemberTooLarge {
        /// How many bytes it takes.
        bytes: usize,
    },
    /// Nobody could send to this address.
    NotReachable {
        /// The address.
        address: SocketAddr,
    },
    /// More than 64.
    TooManySeeds,
    /// A seed is not a host and a port.
    Seed(NameError),
    /// The times do not fit together.
    Timing(GossipTimingError),
}

impl fmt::Display for GossipError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster(error) | Self::Seed(error) => error.fmt(f),
            Self::MemberTooLarge { bytes } => write!(
                f,
                "a member may take {MAX_PEER_BYTES} bytes in a datagram, this one takes {bytes}; \
                 shorten its address, identity or ports"
            ),
            Self::NotReachable { address } => {
                write!(f, "nobody can send to {address}; advertise an address of this machine")
            }
            Self::TooManySeeds => {
                write!(f, "more than {MAX_SEEDS} seeds; one name can lead to many addresses")
            }
            Self::Timing(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for GossipError {}

/// For the fuzz target: what hearing these datagrams, and then sleeping, makes of a fleet's view must break nothing.
/// The first byte of each says how it is wrapped, so that noise gets past the checksum.
#[doc(hidden)]
pub fn hear_anything<'a>(datagrams: impl IntoIterator<Item = &'a [u8]>) {
    let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let Ok(member) = Member::new("fuzzed:1") else { return };
    let me = Peer::new(at(1), 1, Some(Arc::new(member)));
    let mut now = Mono::ZERO;
    let mut fleet = Fleet::new("fuzz", me, true, GossipTiming::default(), 1, now);
    for datagram in datagrams {
        let Some((how, payload)) = datagram.split_first() else { continue };
        let wrapped = match how % 4 {
            0 => seal("fuzz", Kind::Protocol, payload),
            1 => {
                let mut padded = payload.to_vec();
                padded.resize(MAX_PAYLOAD, 0);
                seal("fuzz", Kind::RosterRequest, &padded)
            }
            2 => seal("fuzz", Kind::RosterPage, payload),
            _ => payload.to_vec(),
        };
        let _ = fleet.take(&wrapped, at(2), now);
        now = now + Duration::from_millis(100 * u64::from(how / 4));
        fleet.wake(now);
        if fleet.wants_seeds(now) {
            fleet.join(&[at(2)], now);
        }
        fleet.take_tidings(now);
        assert!(fleet.take_outgoing().iter().all(|(_, datagram)| datagram.len() <= MAX_DATAGRAM));
    }
}

#[cfg(test)]
mod tests;

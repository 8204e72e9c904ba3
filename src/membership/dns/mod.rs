//! Members from DNS.

mod pace;
#[cfg(feature = "dns")]
mod query;
#[cfg(feature = "dns")]
#[cfg(test)]
mod server;

use std::{
    hash::{BuildHasher, RandomState},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::time;

use self::pace::Pace;
use super::{
    MAX_MEMBERS, MemberSink, MemberSource, MemberSourceError,
    run::{Outlet, Run, Task},
};
use crate::types::{Member, NameError};

/// How often DNS is asked. Small enough to follow a deployment, large enough not to be noticed by a name server.
const REFRESH: Duration = Duration::from_secs(30);
/// How long one answer may take: a resolver's own retry after its usual 5 s fits into it.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Members from DNS: the addresses of a name, or its SRV records.
///
/// Asked every 30 seconds, a little earlier by chance, so that a fleet that started together does not ask together.
/// While DNS fails or names nobody, the last good list stays, the sink is told why each time, and DNS is asked again
/// after a second, then two, then four, up to the ordinary interval. An answer is never believed empty: a name server
/// that has just restarted says the same. Needs a tokio runtime with time and I/O enabled.
///
/// Members found by address are known by it, so a process that comes back under another address is another member.
/// SRV records name their targets: prefer them, or another source, where addresses change more often than members.
///
/// ```
/// use shardway::membership::{DnsMembers, MemberSource};
///
/// let source = DnsMembers::addresses("matching.default.svc.cluster.local:7933")?;
/// assert_eq!(source.kind(), "dns");
/// # Ok::<(), shardway::types::NameError>(())
/// ```
#[derive(Debug)]
pub struct DnsMembers {
    question: Question,
    refresh: Duration,
    timeout: Duration,
    seed: u64,
    run: Run<Task>,
}

/// Which addresses of a name are members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressFamily {
    /// All. A process that is listed with an IPv4 and an IPv6 address then counts as two: choose one where there are
    /// such.
    #[default]
    Any,
    /// Only IPv4.
    V4,
    /// Only IPv6.
    V6,
}

#[derive(Clone, Debug)]
struct Question {
    name: String,
    wanted: Wanted,
    family: AddressFamily,
    #[cfg(feature = "dns")]
    weighted: bool,
    /// Asked instead of the system's.
    #[cfg(feature = "dns")]
    name_server: Option<SocketAddr>,
}

#[derive(Clone, Copy, Debug)]
enum Wanted {
    Addresses {
        port: u16,
    },
    #[cfg(feature = "dns")]
    Services,
}

impl DnsMembers {
    /// Every address of a host, with the port: `host:port`. Asks as the operating system does, `/etc/hosts` included.
    pub fn addresses(host_and_port: &str) -> Result<Self, NameError> {
        let parts = host_and_port.rsplit_once(':').filter(|(host, _)| !host.is_empty());
        let Some((host, Ok(port))) = parts.map(|(host, port)| (host, port.parse())) else {
            let rule = "must be a host and a port, such as matching.svc:7933";
            return Err(NameError::new("name to ask DNS for", host_and_port, rule));
        };
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        Self::asking(host, Wanted::Addresses { port })
    }

    /// The SRV records of a name such as `_grpc._tcp.matching.svc`. Each gives a member `target:port`, whose address
    /// is the target's name as it stands: it is not resolved, so a target that moves keeps its keys.
    ///
    /// Only the records of the best priority (the lowest number) are members: the others stand by for all of them.
    /// Weights are ignored unless [asked for](Self::with_weights).
    #[cfg(feature = "dns")]
    pub fn services(name: &str) -> Result<Self, NameError> {
        Self::asking(name, Wanted::Services)
    }

    /// Whether the weights of SRV records become the weights of members, 0 as 1 and above 1,000 as 1,000. Off by
    /// default, because CoreDNS makes weights of nothing but the number of records (100 divided by it): then every
    /// member's share would be placed anew whenever one joins or leaves.
    #[cfg(feature = "dns")]
    pub const fn with_weights(mut self, weighted: bool) -> Self {
        self.question.weighted = weighted;
        self
    }

    /// The name server to ask instead of the system's.
    #[cfg(feature = "dns")]
    pub const fn with_name_server(mut self, name_server: SocketAddr) -> Self {
        self.question.name_server = Some(name_server);
        self
    }

    /// Which addresses are members. Means nothing for SRV records.
    pub const fn with_family(mut self, family: AddressFamily) -> Self {
        self.question.family = family;
        self
    }

    /// How often to ask; at least a millisecond.
    pub fn with_refresh(mut self, refresh: Duration) -> Self {
        self.refresh = refresh.max(Duration::from_millis(1));
        self
    }

    /// Fixes when exactly DNS is asked, for tests and simulation. By default every source has a seed of its own.
    pub const fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    fn asking(name: &str, wanted: Wanted) -> Result<Self, NameError> {
        NameError::check("name to ask DNS for", name, 253, "letters, digits and . _ - :", |c| {
            c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':')
        })?;
        let question = Question {
            name: name.into(),
            wanted,
            family: AddressFamily::Any,
            #[cfg(feature = "dns")]
            weighted: false,
            #[cfg(feature = "dns")]
            name_server: None,
        };
        let seed = RandomState::new().hash_one(name);
        Ok(Self { question, refresh: REFRESH, timeout: TIMEOUT, seed, run: Run::default() })
    }
}

impl MemberSource for DnsMembers {
    fn kind(&self) -> &'static str {
        "dns"
    }

    fn start(&self, sink: Arc<dyn MemberSink>) -> Result<(), MemberSourceError> {
        self.run.start(sink, |outlet| {
            let pace = Pace::new(self.refresh, self.seed);
            Task::spawn(self.kind(), ask_for_ever(self.question.clone(), self.timeout, pace, outlet))
        })
    }

    fn stop(&self) {
        self.run.stop();
    }
}

async fn ask_for_ever(question: Question, timeout: Duration, mut pace: Pace, outlet: Outlet) {
    loop {
        let answer = time::timeout(timeout, question.ask()).await;
        let answer =
            answer.unwrap_or_else(|_| Err(question.unreachable(format!("no answer within {timeout:?}"))));
        let pause = match answer.and_then(|members| question.check(members)) {
            Ok(members) => {
                outlet.members(members);
                pace.after_success()
            }
            Err(reason) => {
                outlet.failed(reason);
                pace.after_failure()
            }
        };
        time::sleep(pause).await;
    }
}

impl Question {
    async fn ask(&self) -> Result<Vec<Member>, MemberSourceError> {
        match self.wanted {
            Wanted::Addresses { port } => {
                let found = self.addresses().await?.into_iter().filter(|ip| self.family.has(ip));
                Ok(found.filter_map(|ip| member_at(ip, port)).collect())
            }
            #[cfg(feature = "dns")]
            Wanted::Services => self.services().await,
        }
    }

    async fn addresses(&self) -> Result<Vec<IpAddr>, MemberSourceError> {
        #[cfg(feature = "dns")]
        if let Some(name_server) = self.name_server {
            return self.addresses_from(name_server).await;
        }
        // The port only completes what is asked for; the answer's is not used.
        let found = tokio::net::lookup_host((self.name.as_str(), 0)).await;
        let found = found.map_err(|error| self.unreachable(error.to_string()))?;
        // One more than allowed is enough to refuse them all.
        Ok(found.take(MAX_MEMBERS + 1).map(|address| address.ip()).collect())
    }

    /// Sorted, without duplicates, neither nobody nor too many.
    fn check(&self, mut members: Vec<Member>) -> Result<Vec<Member>, MemberSourceError> {
        members.sort_by(|a, b| a.address().cmp(b.address()));
        members.dedup_by(|a, b| a.address() == b.address());
        match members.len() {
            0 => Err(MemberSourceError::Empty { what: self.what() }),
            count if count > MAX_MEMBERS => Err(MemberSourceError::TooMany { what: self.what(), count }),
            _ => Ok(members),
        }
    }

    fn unreachable(&self, reason: String) -> MemberSourceError {
        MemberSourceError::Unreachable { what: self.what(), reason }
    }

    fn what(&self) -> String {
        format!("DNS name {}", self.name)
    }
}

impl AddressFamily {
    const fn has(self, ip: &IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => ip.is_ipv4(),
            Self::V6 => ip.is_ipv6(),
        }
    }
}

/// Always there: an address with a port is a valid member.
fn member_at(ip: IpAddr, port: u16) -> Option<Member> {
    Member::new(SocketAddr::new(ip, port).to_string()).ok()
}

#[cfg(test)]
mod tests;

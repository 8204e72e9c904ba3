//! Where an etcd cluster is, who we are to it, and how long and how large a call may be.

use std::{fmt, time::Duration};

use tonic::{
    codegen::http::uri::Scheme,
    transport::{Certificate, ClientTlsConfig, Endpoint, Identity, Uri},
};

use crate::store::Limits;

/// Most endpoints. etcd's own clusters have three or five members.
const MAX_ENDPOINTS: usize = 32;
/// Longest root, in bytes: it stands before every key, and keys have a length too.
const MAX_ROOT_BYTES: usize = 256;
/// Most operations in one of our transactions, however high an etcd's `--max-txn-ops` is set.
const MAX_OPERATIONS: usize = 4096;
/// The shortest timeout and the shortest interval that can be set.
const MIN_TIME: Duration = Duration::from_millis(1);
/// etcd ends connections that ping more often than its `--grpc-keepalive-min-time`, 5 s unless set.
const MIN_KEEP_ALIVE: Duration = Duration::from_secs(5);
/// What a transaction costs on the wire beyond its keys and values, at most: tags, lengths and revisions, for each
/// operation's comparison and write together, and for the whole.
const BYTES_PER_OPERATION: usize = 128;
const BYTES_PER_TRANSACTION: usize = 4096;

/// How to reach an etcd cluster, and how much to ask of it at once.
///
/// ```
/// use shardway::store::{EtcdConfig, EtcdLogin, EtcdStore, EtcdTls};
/// # let (ca, cert, key) = ("", "", "");
///
/// let plain = EtcdConfig::new(["http://127.0.0.1:2379"])?;
/// let secured = EtcdConfig::new(["https://etcd-0.etcd:2379", "https://etcd-1.etcd:2379"])?
///     .with_tls(EtcdTls::new(ca).with_identity(cert, key))
///     .with_login(EtcdLogin::new("shardway", "secret"));
/// let store = EtcdStore::new(plain)?; // Connects when it is first asked something.
/// # Ok::<(), shardway::store::EtcdConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct EtcdConfig {
    pub(super) endpoints: Vec<Uri>,
    pub(super) root: String,
    pub(super) tls: Option<EtcdTls>,
    pub(super) login: Option<EtcdLogin>,
    pub(super) connect_timeout: Duration,
    pub(super) call_timeout: Duration,
    pub(super) keep_alive_every: Duration,
    pub(super) keep_alive_timeout: Duration,
    pub(super) progress_every: Duration,
    pub(super) operations: usize,
    pub(super) request_bytes: usize,
    pub(super) answer_bytes: usize,
    pub(super) rows: usize,
    pub(super) quota: u64,
}

/// Whom to believe to be etcd, and how to prove who we are.
#[derive(Clone)]
pub struct EtcdTls {
    ca: Vec<u8>,
    identity: Option<(Vec<u8>, Vec<u8>)>,
    domain: Option<String>,
}

/// A user of etcd's own, and the password.
#[derive(Clone)]
pub struct EtcdLogin {
    pub(super) user: String,
    pub(super) password: String,
}

impl EtcdConfig {
    /// The client URLs of some or all members: `http://host:port` or, with [`EtcdTls`], `https://host:port`. They are
    /// asked in turn, beginning with the first; whoever answers is kept to as long as it does.
    pub fn new(endpoints: impl IntoIterator<Item = impl Into<String>>) -> Result<Self, EtcdConfigError> {
        let endpoints: Vec<String> = endpoints.into_iter().map(Into::into).take(MAX_ENDPOINTS + 1).collect();
        if endpoints.is_empty() || endpoints.len() > MAX_ENDPOINTS {
            return Err(EtcdConfigError::Endpoints { max: MAX_ENDPOINTS });
        }
        Ok(Self {
            endpoints: endpoints.iter().map(|endpoint| parse_endpoint(endpoint)).collect::<Result<_, _>>()?,
            root: String::new(),
            tls: None,
            login: None,
            // A login alone costs etcd a tenth of a second of its processor.
            connect_timeout: Duration::from_secs(2),
            // Longer than etcd needs for another leader, one to two seconds; shorter than our own leader's lease.
            call_timeout: Duration::from_secs(3),
            keep_alive_every: Duration::from_secs(6),
            keep_alive_timeout: Duration::from_secs(3),
            progress_every: Duration::from_secs(1),
            // etcd's `--max-txn-ops`, `--max-request-bytes` and `--quota-backend-bytes`, unless set.
            operations: 128,
            request_bytes: 1536 << 10,
            // A page of large rows is asked for again in smaller pieces.
            answer_bytes: 16 << 20,
            rows: 1000,
            quota: 2 << 30,
        })
    }

    /// What stands before every key, so that one etcd can serve several. Nothing, unless set: the distributor's keys
    /// have a root of their own already.
    pub fn with_root(mut self, root: impl Into<String>) -> Result<Self, EtcdConfigError> {
        let root = root.into();
        let is_printable = root.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        if !is_printable || root.len() > MAX_ROOT_BYTES {
            return Err(EtcdConfigError::Root { max: MAX_ROOT_BYTES });
        }
        self.root = root;
        Ok(self)
    }

    /// TLS, which endpoints that begin with `https` need.
    #[must_use]
    pub fn with_tls(mut self, tls: EtcdTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// A user and password. The token got for them is renewed when it has expired.
    #[must_use]
    pub fn with_login(mut self, login: EtcdLogin) -> Self {
        self.login = Some(login);
        self
    }

    /// How long it may take to connect to one endpoint, TLS and login included (default 2 s), and how long a call may
    /// take in all, with whatever other endpoints have to be tried (default 3 s).
    #[must_use]
    pub fn with_timeouts(mut self, connect: Duration, call: Duration) -> Self {
        (self.connect_timeout, self.call_timeout) = (connect.max(MIN_TIME), call.max(MIN_TIME));
        self
    }

    /// How often to ask on a connection that is in use whether the other side still is there (default 6 s, at least the
    /// 5 s that etcd permits), and how long to wait for that (default 3 s).
    #[must_use]
    pub fn with_keep_alive(mut self, every: Duration, timeout: Duration) -> Self {
        (self.keep_alive_every, self.keep_alive_timeout) = (every.max(MIN_KEEP_ALIVE), timeout.max(MIN_TIME));
        self
    }

    /// How often a watch without news asks how far etcd is (default 1 s).
    #[must_use]
    pub fn with_progress_every(mut self, every: Duration) -> Self {
        self.progress_every = every.max(MIN_TIME);
        self
    }

    /// What etcd takes in one transaction: its `--max-txn-ops` (default 128) and `--max-request-bytes` (default
    /// 1.5 MiB). Some of the bytes are kept back for what a request costs beyond its keys and values.
    pub fn with_limits(mut self, operations: usize, request_bytes: usize) -> Result<Self, EtcdConfigError> {
        if !(1..=MAX_OPERATIONS).contains(&operations) {
            return Err(EtcdConfigError::Operations { operations, max: MAX_OPERATIONS });
        }
        (self.operations, self.request_bytes) = (operations, request_bytes);
        Ok(self)
    }

    /// Most bytes of one answer, be it a page or a piece of a watch (default 16 MiB), and most rows of a page (default
    /// 1000). An answer must be able to hold the largest row, so at least twice a request's bytes are taken.
    #[must_use]
    pub fn with_answers(mut self, bytes: usize, rows: usize) -> Self {
        (self.answer_bytes, self.rows) = (bytes, rows.max(1));
        self
    }

    /// etcd's `--quota-backend-bytes` (default 2 GiB). Only told, and only until etcd tells it itself, as 3.6 does.
    #[must_use]
    pub const fn with_quota(mut self, bytes: u64) -> Self {
        self.quota = bytes;
        self
    }

    pub(super) fn limits(&self) -> Result<Limits, EtcdConfigError> {
        // A comparison has one key and a write up to two, and the root before each.
        let overhead = self.operations * (BYTES_PER_OPERATION + 3 * self.root.len()) + BYTES_PER_TRANSACTION;
        match self.request_bytes.checked_sub(overhead) {
            Some(bytes) if bytes > 0 => Ok(Limits { operations: self.operations, bytes, rows: self.rows }),
            _ => Err(EtcdConfigError::RequestBytes { bytes: self.request_bytes, overhead }),
        }
    }

    pub(super) fn max_answer(&self) -> usize {
        self.answer_bytes.max(self.request_bytes.saturating_mul(2))
    }

    /// What to connect to, in tonic's terms.
    pub(super) fn targets(&self) -> Result<Vec<Endpoint>, EtcdConfigError> {
        self.endpoints.iter().map(|uri| self.target(uri)).collect()
    }

    fn target(&self, uri: &Uri) -> Result<Endpoint, EtcdConfigError> {
        /// What a watch that nobody reads may hold back in memory. Far below what the connection may, so that it takes
        /// nothing from the calls beside it.
        const STREAM_WINDOW: u32 = 512 << 10;
        const CONNECTION_WINDOW: u32 = i32::MAX as u32;
        let endpoint = Endpoint::from(uri.clone())
            .http2_keep_alive_interval(self.keep_alive_every)
            .keep_alive_timeout(self.keep_alive_timeout)
            .keep_alive_while_idle(false)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW);
        match (&self.tls, uri.scheme() == Some(&Scheme::HTTPS)) {
            (None, false) => Ok(endpoint),
            (Some(tls), true) => endpoint
                .tls_config(tls.for_tonic())
                .map_err(|error| EtcdConfigError::Tls { reason: super::fault::chain(&error) }),
            (tls, _) => Err(EtcdConfigError::Scheme { endpoint: uri.to_string(), tls: tls.is_some() }),
        }
    }
}

impl EtcdTls {
    /// Believes whoever has a certificate of these authorities, which are text in PEM, for the endpoint's host.
    pub fn new(ca: impl AsRef<[u8]>) -> Self {
        Self { ca: ca.as_ref().to_vec(), identity: None, domain: None }
    }

    /// Shows this certificate, with its chain, and proves it by its key. Both are text in PEM.
    #[must_use]
    pub fn with_identity(mut self, certificate: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Self {
        self.identity = Some((certificate.as_ref().to_vec(), key.as_ref().to_vec()));
        self
    }

    /// Expects certificates for this name, whatever the endpoint's host is.
    #[must_use]
    pub fn with_domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    fn for_tonic(&self) -> ClientTlsConfig {
        let mut config = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&self.ca));
        if let Some((certificate, key)) = &self.identity {
            config = config.identity(Identity::from_pem(certificate, key));
        }
        if let Some(domain) = &self.domain {
            config = config.domain_name(domain);
        }
        config
    }
}

impl fmt::Debug for EtcdTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let identity = self.identity.as_ref().map(|_| "..");
        f.debug_struct("EtcdTls")
            .field("identity", &identity)
            .field("domain", &self.domain)
            .finish_non_exhaustive()
    }
}

impl EtcdLogin {
    /// As etcd's administrator has set them.
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self { user: user.into(), password: password.into() }
    }
}

impl fmt::Debug for EtcdLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtcdLogin").field("user", &self.user).finish_non_exhaustive()
    }
}

fn parse_endpoint(endpoint: &str) -> Result<Uri, EtcdConfigError> {
    // A password in it is a mistake that must not be repeated in an error.
    let shown = || endpoint.rsplit('@').next().unwrap_or_default().chars().take(256).collect::<String>();
    let bad = |rule| EtcdConfigError::Endpoint { endpoint: shown(), rule };
    let uri: Uri = endpoint.parse().map_err(|_| bad("must be a URL"))?;
    if uri.scheme().is_none_or(|scheme| *scheme != Scheme::HTTP && *scheme != Scheme::HTTPS) {
        return Err(bad("must begin with http:// or https://"));
    }
    match uri.authority() {
        Some(authority) if authority.as_str().contains('@') => Err(bad("must not hold a user or password")),
        Some(authority)
            if authority.host().is_empty() || authority.port_u16().is_none_or(|port| port == 0) =>
        {
            Err(bad("must have a host and a port"))
        }
        None => Err(bad("must have a host and a port")),
        Some(_) if !matches!(uri.path(), "" | "/") || uri.query().is_some() => {
            Err(bad("must end with the port"))
        }
        Some(_) => Ok(uri),
    }
}

/// What is wrong with an [`EtcdConfig`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EtcdConfigError {
    /// There is no endpoint, or too many.
    Endpoints {
        /// How many there may be.
        max: usize,
    },
    /// An endpoint is not one.
    Endpoint {
        /// Which, without what stands before an `@`.
        endpoint: String,
        /// What it must be.
        rule: &'static str,
    },
    /// An endpoint speaks TLS and no TLS is configured, or the other way round.
    Scheme {
        /// Which.
        endpoint: String,
        /// Whether TLS is configured.
        tls: bool,
    },
    /// A certificate or key cannot be read.
    Tls {
        /// What is wrong.
        reason: String,
    },
    /// The root has bytes that no key may have, or is too long.
    Root {
        /// How long it may be.
        max: usize,
    },
    /// Transactions cannot have so few or so many operations.
    Operations {
        /// How many were asked for.
        operations: usize,
        /// How many they may have.
        max: usize,
    },
    /// A request is too small to hold what it costs by itself.
    RequestBytes {
        /// How large it may be.
        bytes: usize,
        /// What it costs without any key or value.
        overhead: usize,
    },
}

impl fmt::Display for EtcdConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Endpoints { max } => write!(f, "etcd needs 1 to {max} endpoints"),
            Self::Endpoint { endpoint, rule } => write!(f, "etcd's endpoint {endpoint:?} {rule}"),
            Self::Scheme { endpoint, tls: true } => {
                write!(f, "etcd's endpoint {endpoint} must begin with https://, since TLS is configured")
            }
            Self::Scheme { endpoint, tls: false } => {
                write!(f, "etcd's endpoint {endpoint} needs TLS: say whose certificates to believe")
            }
            Self::Tls { reason } => write!(f, "etcd's TLS cannot be set up: {reason}"),
            Self::Root { max } => write!(f, "etcd's root must be at most {max} bytes of printable ASCII"),
            Self::Operations { operations, max } => {
                write!(f, "etcd's transactions must have 1 to {max} operations, not {operations}")
            }
            Self::RequestBytes { bytes, overhead } => {
                write!(
                    f,
                    "etcd's requests of {bytes} bytes have no room beyond the {overhead} that they cost"
                )
            }
        }
    }
}

impl std::error::Error for EtcdConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_urls_with_a_port_and_nothing_else() {
        for good in ["http://127.0.0.1:2379", "https://[::1]:2379/", "http://etcd-0.etcd:1"] {
            EtcdConfig::new([good]).unwrap();
        }
        for bad in [
            "",
            "127.0.0.1:2379",
            "etcd",
            "ftp://etcd:2379",
            "http://etcd",
            "http://etcd:0",
            "http://:2379",
            "http://etcd:2379/v3",
            "http://etcd:2379?a",
            "http://etcd:99999",
        ] {
            assert!(matches!(EtcdConfig::new([bad]), Err(EtcdConfigError::Endpoint { .. })), "{bad}");
        }
        assert!(EtcdConfig::new(Vec::<String>::new()).is_err());
        assert!(EtcdConfig::new(vec!["http://etcd:1"; MAX_ENDPOINTS + 1]).is_err());
    }

    #[test]
    fn secrets_are_shown_nowhere() {
        let login = EtcdLogin::new("operator", "hunter2");
        let tls = EtcdTls::new("ca").with_identity("cert", "hunter2");
        let config = EtcdConfig::new(["https://etcd:2379"]).unwrap().with_login(login).with_tls(tls);
        let error = EtcdConfig::new(["http://operator:hunter2@etcd:2379"]).unwrap_err();
        let shown = format!("{config:?} {error:?} {error} {:?}", config.targets());
        assert!(!shown.contains("hunter2") && shown.contains("operator"), "{shown}");
    }

    #[test]
    fn tls_and_https_go_together() {
        let https = EtcdConfig::new(["https://etcd:2379"]).unwrap();
        assert!(matches!(https.targets(), Err(EtcdConfigError::Scheme { tls: false, .. })));
        let http = EtcdConfig::new(["http://etcd:2379"]).unwrap().with_tls(EtcdTls::new(""));
        assert!(matches!(http.targets(), Err(EtcdConfigError::Scheme { tls: true, .. })));
        let garbage =
            https.with_tls(EtcdTls::new("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----"));
        assert!(matches!(garbage.targets(), Err(EtcdConfigError::Tls { .. })), "{:?}", garbage.targets());
    }

    #[test]
    fn what_a_request_costs_by_itself_is_kept_back() {
        let config = EtcdConfig::new(["http://etcd:2379"]).unwrap();
        assert_eq!(config.limits().unwrap(), Limits { operations: 128, bytes: 1_552_384, rows: 1000 });
        assert!(config.clone().with_limits(0, 1 << 20).is_err());
        assert!(config.clone().with_limits(1, 0).unwrap().limits().is_err());
        assert_eq!(config.with_limits(1, 4233).unwrap().limits().unwrap().bytes, 9);
    }
}

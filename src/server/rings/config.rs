//! How a namespace of kind ring is run.

use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc, time::Duration};

use crate::{
    engine::{Keying, Kind, MAX_SHARDS},
    membership::{AddressFamily, DnsMembers, FileMembers, MemberSource, RestraintConfig, StaticMembers},
    ring::RingSpec,
    types::{Member, NameError},
};

/// How a namespace is run whose owners a hash ring tells.
#[derive(Clone, Debug, PartialEq)]
pub struct RingConfig {
    /// How the ring places members and keys.
    pub ring: RingSpec,
    /// Who is in it.
    pub members: MembersFrom,
    /// How many shards there are, named "0", "1", ...; `None`: any key is a shard.
    pub shards: Option<u32>,
    /// What callers' keys are.
    pub keys: Keying,
    /// When a shrinking membership is held back.
    pub restraint: RestraintConfig,
    /// Ports of every member that names none of its own under that name.
    pub ports: BTreeMap<String, u16>,
}

/// Who is in a ring.
#[derive(Clone, Debug, PartialEq)]
pub enum MembersFrom {
    /// These.
    List(Vec<Member>),
    /// Those that a file names, which is followed.
    File(PathBuf),
    /// The addresses of a name.
    Addresses {
        /// A host and a port.
        name: String,
        /// Which of them.
        family: AddressFamily,
        /// How often to ask; `None`: as often as it is usual.
        every: Option<Duration>,
    },
    /// The SRV records of a name.
    #[cfg(feature = "dns")]
    Services {
        /// Such as `_grpc._tcp.matching.svc`.
        name: String,
        /// Whether the records' weights are the members'.
        weights: bool,
        /// How often to ask; `None`: as often as it is usual.
        every: Option<Duration>,
    },
}

/// A configuration that cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RingConfigError {
    /// Keys are hashed, and it is not said to how many shards.
    NothingToHashTo,
    /// There are none, or more than [`MAX_SHARDS`].
    Shards(u32),
    /// DNS cannot be asked for that name.
    Name(NameError),
}

impl RingConfig {
    /// The defaults, for these members.
    pub fn new(members: MembersFrom) -> Self {
        Self {
            ring: RingSpec::default(),
            members,
            shards: None,
            keys: Keying::default(),
            restraint: RestraintConfig::default(),
            ports: BTreeMap::new(),
        }
    }

    /// Says the first thing that is wrong with it.
    pub fn check(&self) -> Result<(), RingConfigError> {
        match self.shards {
            None if self.keys == Keying::Hashed => return Err(RingConfigError::NothingToHashTo),
            Some(shards) if shards == 0 || shards as usize > MAX_SHARDS => {
                return Err(RingConfigError::Shards(shards));
            }
            _ => {}
        }
        self.members.source().map(drop).map_err(RingConfigError::Name)
    }

    /// The kind that a namespace with the same shards has where they are assigned.
    pub(in crate::server) const fn kind(&self) -> Kind {
        match self.shards {
            Some(shards) => Kind::Fixed { shards },
            None => Kind::Ephemeral,
        }
    }
}

impl MembersFrom {
    /// A source of them, not started yet.
    pub(super) fn source(&self) -> Result<Arc<dyn MemberSource>, NameError> {
        let paced = |source: DnsMembers, every: &Option<Duration>| match every {
            Some(every) => source.with_refresh(*every),
            None => source,
        };
        Ok(match self {
            Self::List(members) => Arc::new(StaticMembers::new(members.clone())),
            Self::File(path) => Arc::new(FileMembers::new(path)),
            Self::Addresses { name, family, every } => {
                Arc::new(paced(DnsMembers::addresses(name)?.with_family(*family), every))
            }
            #[cfg(feature = "dns")]
            Self::Services { name, weights, every } => {
                Arc::new(paced(DnsMembers::services(name)?.with_weights(*weights), every))
            }
        })
    }
}

impl fmt::Display for RingConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingToHashTo => f.write_str("keys are hashed to shards: say how many shards there are"),
            Self::Shards(shards) => write!(f, "shards must be 1 to {MAX_SHARDS}, and are {shards}"),
            Self::Name(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RingConfigError {}

//! Putting a resolver together.

use std::{fmt, sync::Arc};

#[cfg(feature = "client")]
use super::AskLimits;
use super::view::View;
use super::{OwnerSource, OwnerSourceError, Resolver};
use crate::clock::{Clock, SystemClock};
use crate::membership::{MemberSource, MemberSourceError, RestraintConfig};
use crate::policy::RoutingPolicy;
use crate::ring::{HashRing, RingSpec};
use crate::types::{Member, Namespace};

/// What a [`Resolver`] is made of. Everything has a default: an empty ring of the default flavour, routing by ring.
pub struct ResolverBuilder {
    namespace: Namespace,
    spec: RingSpec,
    policy: Arc<RoutingPolicy>,
    clock: Arc<dyn Clock>,
    pub(super) restraint: RestraintConfig,
    #[cfg(feature = "client")]
    pub(super) ask_limits: AskLimits,
    pub(super) me: Option<Member>,
    pub(super) member_source: Option<Arc<dyn MemberSource>>,
    pub(super) owner_source: Option<Arc<dyn OwnerSource>>,
}

impl ResolverBuilder {
    pub(super) fn new(namespace: Namespace) -> Self {
        Self {
            namespace,
            spec: RingSpec::default(),
            policy: Arc::default(),
            clock: Arc::new(SystemClock::new()),
            restraint: RestraintConfig::default(),
            #[cfg(feature = "client")]
            ask_limits: AskLimits::default(),
            me: None,
            member_source: None,
            owner_source: None,
        }
    }

    /// The ring's flavour and points per member.
    pub fn ring(self, spec: RingSpec) -> Self {
        Self { spec, ..self }
    }

    /// Who is in the ring.
    pub fn members(self, source: Arc<dyn MemberSource>) -> Self {
        Self { member_source: Some(source), ..self }
    }

    /// When a shrinking membership is held back.
    pub fn restraint(self, restraint: RestraintConfig) -> Self {
        Self { restraint, ..self }
    }

    /// The distributor's assignments.
    pub fn owners(self, source: Arc<dyn OwnerSource>) -> Self {
        Self { owner_source: Some(source), ..self }
    }

    /// The bounds of asking the distributor about unknown keys.
    #[cfg(feature = "client")]
    pub fn ask_limits(self, ask_limits: AskLimits) -> Self {
        Self { ask_limits, ..self }
    }

    /// The policy to begin with.
    pub fn policy(self, policy: impl Into<Arc<RoutingPolicy>>) -> Self {
        Self { policy: policy.into(), ..self }
    }

    /// The member that this process is.
    pub fn me(self, me: Member) -> Self {
        Self { me: Some(me), ..self }
    }

    /// The clock that ages are read from.
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// The resolver; it answers at once and learns members and owners once it is [started](Resolver::start).
    pub fn build(self) -> Resolver {
        let (policy, clock) = (Arc::clone(&self.policy), Arc::clone(&self.clock));
        let view = View::new(self.namespace.clone(), policy, HashRing::empty(self.spec), clock);
        Resolver::assemble(self, view)
    }
}

impl fmt::Debug for ResolverBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResolverBuilder").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

/// Why a resolver did not start. Nothing of it runs.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// Its source of members did not.
    Members(MemberSourceError),
    /// Its source of owners did not.
    Owners(OwnerSourceError),
    /// The machine gave no thread.
    Thread(std::io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the resolver did not start")
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Members(error) => Some(error),
            Self::Owners(error) => Some(error),
            Self::Thread(error) => Some(error),
        }
    }
}

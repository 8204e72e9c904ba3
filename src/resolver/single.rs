//! The resolver of one namespace.

use std::{fmt, sync::Arc};

use parking_lot::Mutex;

use super::bell::Bell;
use super::leftovers;
use super::local::Compartment;
use super::members::{Feed, MemberCounts, Membership, MembershipStatus};
use super::meter::Tallies;
use super::owner::Owner;
use super::owners::OwnerFeed;
use super::shadow::{Shadow, ShadowReport};
use super::upkeep::{self, Upkeep};
use super::view::{Outcome, Pick, View};
use super::{
    LookupError, MapVersion, OwnerMap, OwnerMapError, OwnerSource, ResolverBuilder, ResolverSnapshot,
    StartError, Subscription,
};
use crate::clock::Clock;
use crate::hash::xxh3;
use crate::membership::{MemberSource, RestraintConfig};
use crate::policy::RoutingPolicy;
use crate::publish::Published;
use crate::ring::RingError;
use crate::telemetry::Recorder;
use crate::types::{Member, Namespace};

/// Answers who owns a key of one namespace, from memory.
///
/// A handle: clones share everything. See the [module](super) for an example.
#[derive(Clone)]
pub struct Resolver {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) namespace: Namespace,
    pub(super) compartment: Compartment,
    pub(super) published: Published<View>,
    pub(super) tallies: Tallies,
    pub(super) shadow: Shadow,
    pub(super) membership: Mutex<Membership>,
    pub(super) member_counts: MemberCounts,
    pub(super) maps_refused: super::meter::Counts<1>,
    pub(super) bell: Arc<Bell>,
    pub(super) me: Option<Member>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) member_source: Option<Arc<dyn MemberSource>>,
    pub(super) owner_source: Option<Arc<dyn OwnerSource>>,
    #[cfg(feature = "client")]
    pub(super) asks: super::resolve::Asks,
    /// `Some` while it runs.
    running: Mutex<Option<Arc<Upkeep>>>,
}

impl Resolver {
    /// Begins a resolver for `namespace`.
    pub fn builder(namespace: Namespace) -> ResolverBuilder {
        ResolverBuilder::new(namespace)
    }

    pub(super) fn assemble(builder: ResolverBuilder, view: View) -> Self {
        Self {
            inner: Arc::new(Inner {
                namespace: view.namespace.clone(),
                clock: Arc::clone(&view.clock),
                compartment: Compartment::take(),
                published: Published::new(view),
                tallies: Tallies::new(),
                shadow: Shadow::new(),
                membership: Mutex::new(Membership::new(builder.restraint)),
                member_counts: MemberCounts::new(),
                maps_refused: super::meter::Counts::new(crate::telemetry::metric::OWNER_MAP_REFUSED, [""]),
                bell: Arc::default(),
                me: builder.me,
                member_source: builder.member_source,
                owner_source: builder.owner_source,
                #[cfg(feature = "client")]
                asks: super::resolve::Asks::new(builder.ask_limits),
                running: Mutex::new(None),
            }),
        }
    }

    /// The owner of `key`, from memory: no lock, no allocation, no system call, whatever the mode.
    ///
    /// Only a thread's first lookup after a change does more: it fetches the new snapshot.
    #[inline]
    pub fn lookup(&self, key: &str) -> Result<Owner, LookupError> {
        let (loan, pick) = self.inner.look_up(key);
        if pick.is_hit() {
            Ok(Owner::new(loan, pick))
        } else {
            Err(pick.into_error(&self.inner.namespace, key))
        }
    }

    /// Up to `n` distinct members for `key`: its owner first, then the ring's next ones.
    pub fn lookup_n(&self, key: &str, n: usize) -> Result<Vec<Owner>, LookupError> {
        self.inner.with_local(|local| {
            let first = self.inner.pick(local, key, xxh3(key.as_bytes()));
            if !first.is_hit() {
                return Err(first.into_error(&self.inner.namespace, key));
            }
            let picks = local.loan.view().picks(key.as_bytes(), first).take(n);
            Ok(picks.map(|pick| Owner::new(local.loan.clone(), pick)).collect())
        })
    }

    /// The present state as one value, for batches: what it answers cannot change under the caller's hands.
    pub fn snapshot(&self) -> ResolverSnapshot {
        ResolverSnapshot::new(self.inner.published.load())
    }

    /// The ring's members, sorted by address.
    pub fn members(&self) -> Vec<Member> {
        self.snapshot().members().to_vec()
    }

    /// How many members the ring has.
    pub fn member_count(&self) -> usize {
        self.inner.with_local(|local| local.loan.view().ring.len())
    }

    /// The ring's member at `address`.
    pub fn lookup_by_address(&self, address: &str) -> Option<Owner> {
        self.inner.with_local(|local| {
            let slot = local.loan.view().ring.slot_of(address)?;
            Some(Owner::new(local.loan.clone(), Pick::of_ring(slot, Outcome::Ring)))
        })
    }

    /// The member that this process is, if the builder was told.
    pub fn who_am_i(&self) -> Option<&Member> {
        self.inner.me.as_ref()
    }

    /// Takes this process out of its own ring and tells the others where the source of members has a way to. Undone
    /// by [`return_self`](Self::return_self).
    ///
    /// `false` when the builder was not told which member this process is: then its own ring stays as it is.
    pub fn evict_self(&self) -> bool {
        let is_known = self.inner.set_evicted(true);
        if let Some(source) = &self.inner.member_source {
            source.leave();
        }
        is_known
    }

    /// Takes this process into its own ring again, after [`evict_self`](Self::evict_self). Others hear of it from the
    /// source of members, when it is started again.
    pub fn return_self(&self) -> bool {
        self.inner.set_evicted(false)
    }

    /// Listens to changes of the members, from now on.
    pub fn subscribe(&self) -> Subscription {
        Subscription::new(&self.inner)
    }

    /// Starts the sources of members and owners, and the thread that compares shadows. Does nothing when it runs.
    pub fn start(&self) -> Result<(), StartError> {
        self.start_with(None)
    }

    pub(super) fn start_with(&self, upkeep: Option<Arc<Upkeep>>) -> Result<(), StartError> {
        let mut running = self.inner.running.lock();
        if running.is_some() {
            return Ok(());
        }
        let upkeep = match upkeep {
            Some(upkeep) => upkeep,
            None => Arc::new(Upkeep::start().map_err(StartError::Thread)?),
        };
        let weak = Arc::downgrade(&self.inner);
        if let Some(source) = &self.inner.member_source {
            source.start(Arc::new(Feed(weak.clone()))).map_err(StartError::Members)?;
        }
        if let Some(source) = &self.inner.owner_source
            && let Err(refused) = source.start(Arc::new(OwnerFeed(weak.clone())))
        {
            self.inner.stop_sources();
            return Err(StartError::Owners(refused));
        }
        upkeep.add(weak);
        *running = Some(upkeep);
        Ok(())
    }

    /// Whether it was started, and not stopped since.
    pub fn is_running(&self) -> bool {
        self.inner.running.lock().is_some()
    }

    /// Stops the sources. Lookups go on with what is known. Does nothing when it does not run.
    pub fn stop(&self) {
        // Held to the end: a start that came between would find its sources running, and then stopped.
        let mut running = self.inner.running.lock();
        if running.take().is_some() {
            self.inner.stop_sources();
        }
    }

    /// Replaces the members by `members`: for embedders with a discovery of their own. Believed without restraint;
    /// a source that may lose sight of a fleet is better written as a [`MemberSource`].
    pub fn set_members(&self, members: impl IntoIterator<Item = Member>) -> Result<(), RingError> {
        self.inner.set_members(members.into_iter().collect())
    }

    /// When a shrinking membership is held back.
    pub fn restraint(&self) -> RestraintConfig {
        self.inner.restraint()
    }

    /// When a shrinking membership is held back, from now on.
    pub fn set_restraint(&self, restraint: RestraintConfig) {
        self.inner.set_restraint(restraint);
    }

    /// The operator's word on the restraint's share, over the embedder's; `None` takes it back.
    pub fn set_panic_threshold(&self, min_share: Option<f64>) {
        self.inner.set_panic_threshold(min_share);
    }

    /// Lets a membership through that is held back because too many members vanished at once. `false` when nothing is
    /// held.
    pub fn accept_held_members(&self) -> Result<bool, RingError> {
        self.inner.accept_held()
    }

    /// How the membership stands: held back, failing, evicted.
    pub fn membership_status(&self) -> MembershipStatus {
        self.inner.membership_status()
    }

    /// Routes by `policy` from now on. A lookup reads the policy once: it sees the old one or the new one, whole.
    ///
    /// Its [epoch](RoutingPolicy::epoch) is the caller's business and stays as it is: to see in the metrics when a
    /// change has arrived, build each policy with a greater one, as dynamic config does.
    pub fn set_policy(&self, policy: impl Into<Arc<RoutingPolicy>>) {
        let policy = policy.into();
        self.inner.published.update(|view| view.with_policy(policy));
        self.inner.bell.ring();
    }

    /// The policy in use.
    pub fn policy(&self) -> Arc<RoutingPolicy> {
        Arc::clone(&self.inner.published.load().policy)
    }

    /// Replaces the distributor's map; refused when the present one is newer.
    pub fn set_owners(&self, owners: Arc<OwnerMap>) -> Result<(), OwnerMapError> {
        self.inner.set_owners(owners)
    }

    /// Says that the assignments of this version still hold, as a distributor's idle frame does. Nothing comes of it
    /// when another version is in use.
    pub fn confirm_owners(&self, version: MapVersion) {
        self.inner.confirm_owners(version);
    }

    /// What the shadow comparisons found so far.
    pub fn shadow_report(&self) -> ShadowReport {
        self.inner.shadow.report()
    }

    /// Compares the sampled lookups that wait, now rather than within the tenth of a second in which the running
    /// resolver does. Returns how many there were.
    pub fn compare_shadows(&self) -> usize {
        self.inner.shadow.compare_waiting(&self.inner.published.load())
    }

    /// The namespace it answers for.
    pub fn namespace(&self) -> &Namespace {
        &self.inner.namespace
    }

    /// Gives the present value of every metric to `recorder`, those of its source of members included.
    pub fn record(&self, recorder: &dyn Recorder) {
        super::record::record(&self.inner, recorder);
    }
}

impl Inner {
    fn stop_sources(&self) {
        if let Some(source) = &self.member_source {
            source.stop();
        }
        if let Some(source) = &self.owner_source {
            source.stop();
        }
    }
}

impl upkeep::LookedAfter for Inner {
    fn look_after(&self) {
        self.shadow.compare_waiting(&self.published.load());
        self.published.reclaim();
        self.judge_again_if_due(self.clock.now());
        #[cfg(feature = "client")]
        self.asks.forget_expired(self.clock.now());
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop_sources();
        let last = self.published.load().emptied();
        leftovers::leave(self.published.retire(last));
        // Whoever listens learns that it is over.
        self.bell.ring();
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let snapshot = self.snapshot();
        f.debug_struct("Resolver")
            .field("namespace", &self.inner.namespace.as_str())
            .field("members", &snapshot.member_count())
            .field("policy", &snapshot.policy())
            .finish_non_exhaustive()
    }
}

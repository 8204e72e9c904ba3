//! The resolvers of many namespaces.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::leftovers;
use super::local::{Compartment, Shelf};
use super::owner::{Loan, Owner};
use super::upkeep::{self, Upkeep};
use super::view::Pick;
use super::{LookupError, Resolver, StartError};
use crate::hash::xxh3;
use crate::publish::{Published, Snapshot};
use crate::telemetry::Recorder;
use crate::types::Namespace;

/// Most namespaces of a set.
pub const MAX_NAMESPACES: usize = 10_000;

/// Finds the resolver of a namespace by its name and asks it. A handle: clones share everything.
///
/// Namespaces come and go while others look up; a lookup by name costs a hash of the name on top of
/// [`Resolver::lookup`].
#[derive(Clone)]
pub struct ResolverSet {
    inner: Arc<Inner>,
}

struct Inner {
    compartment: Compartment,
    published: Published<Registry>,
    /// `Some` while it runs; also the lock of everything that changes the set.
    running: Mutex<Option<Arc<Upkeep>>>,
    greeters: Mutex<Vec<Weak<Greet>>>,
}

/// Is shown every resolver that is inserted into a set.
pub type Greet = dyn Fn(&Resolver) + Send + Sync;

#[derive(Clone, Default)]
struct Registry {
    resolvers: ByName,
    /// Sorted, for those who ask for another.
    names: Arc<[Namespace]>,
}

type ByName = HashMap<Namespace, Resolver, BuildHasherDefault<NameHasher>>;

/// A namespace that could not be added; the set is as it was.
#[derive(Debug)]
#[non_exhaustive]
pub enum InsertError {
    /// There is one of this name; remove it first.
    Exists {
        /// The name.
        namespace: Namespace,
    },
    /// There are [`MAX_NAMESPACES`] already.
    TooMany,
    /// The set runs, and this one did not start.
    Start(StartError),
}

thread_local! {
    /// What a thread keeps of each set.
    static LOCALS: Shelf<Arc<Snapshot<Registry>>> = const { Shelf::new() };
}

impl ResolverSet {
    /// A set without namespaces.
    pub fn new() -> Self {
        let published = Published::new(Registry::default());
        let (running, greeters) = (Mutex::new(None), Mutex::default());
        Self { inner: Arc::new(Inner { compartment: Compartment::take(), published, running, greeters }) }
    }

    /// Adds a resolver, and starts it if the set runs.
    pub fn insert(&self, resolver: Resolver) -> Result<(), InsertError> {
        let running = self.inner.running.lock();
        let registry = self.inner.published.load();
        let namespace = resolver.namespace().clone();
        if registry.resolvers.contains_key(&namespace) {
            return Err(InsertError::Exists { namespace });
        }
        if registry.resolvers.len() >= MAX_NAMESPACES {
            return Err(InsertError::TooMany);
        }
        // Before anybody can ask it, and once more when it can be found: what came between is not missed.
        self.inner.greet(&resolver);
        if let Some(upkeep) = &*running {
            resolver.start_with(Some(Arc::clone(upkeep))).map_err(InsertError::Start)?;
        }
        let newcomer = resolver.clone();
        self.inner.published.update(|registry| registry.with(|all| _ = all.insert(namespace, resolver)));
        self.inner.greet(&newcomer);
        Ok(())
    }

    /// Takes a resolver out and stops it.
    pub fn remove(&self, namespace: &str) -> Option<Resolver> {
        let _running = self.inner.running.lock();
        let mut removed = None;
        self.inner
            .published
            .update(|registry| registry.with(|resolvers| removed = resolvers.remove(namespace)));
        if let Some(resolver) = &removed {
            resolver.stop();
        }
        removed
    }

    /// The owner of `key` in `namespace`, from memory; see [`Resolver::lookup`].
    #[inline]
    pub fn lookup(&self, namespace: &str, key: &str) -> Result<Owner, LookupError> {
        match self.inner.look_up(namespace, key) {
            Some((loan, pick)) if pick.is_hit() => Ok(Owner::new(loan, pick)),
            Some((loan, pick)) => Err(pick.into_error(loan.namespace(), key)),
            None => Err(self.inner.published.load().not_found(namespace)),
        }
    }

    /// The resolver of a namespace, to be kept by those who ask it often.
    pub fn get(&self, namespace: &str) -> Result<Resolver, LookupError> {
        let registry = self.inner.published.load();
        registry.resolvers.get(namespace).cloned().ok_or_else(|| registry.not_found(namespace))
    }

    /// Shows `greet` every resolver that is inserted from now on, as long as it lives. It must not change the set.
    pub fn greet_newcomers(&self, greet: &Arc<Greet>) {
        let mut greeters = self.inner.greeters.lock();
        greeters.retain(|greeter| greeter.strong_count() > 0);
        greeters.push(Arc::downgrade(greet));
    }

    /// The namespaces, sorted.
    pub fn namespaces(&self) -> Vec<Namespace> {
        self.inner.published.load().names.to_vec()
    }

    /// Starts all resolvers; those that are added later start then. If one does not start, none runs. Does nothing
    /// when it runs.
    pub fn start(&self) -> Result<(), StartError> {
        let mut running = self.inner.running.lock();
        if running.is_some() {
            return Ok(());
        }
        let upkeep = Arc::new(Upkeep::start().map_err(StartError::Thread)?);
        let registry = self.inner.published.load();
        for resolver in registry.resolvers.values() {
            if let Err(refused) = resolver.start_with(Some(Arc::clone(&upkeep))) {
                registry.resolvers.values().for_each(Resolver::stop);
                return Err(refused);
            }
        }
        let weak: Weak<Inner> = Arc::downgrade(&self.inner);
        upkeep.add(weak);
        *running = Some(upkeep);
        Ok(())
    }

    /// Stops all resolvers. Lookups go on with what is known. Does nothing when it does not run.
    pub fn stop(&self) {
        let mut running = self.inner.running.lock();
        if running.take().is_some() {
            self.inner.published.load().resolvers.values().for_each(Resolver::stop);
        }
    }

    /// Gives the present value of every metric of every namespace to `recorder`.
    pub fn record(&self, recorder: &dyn Recorder) {
        for resolver in self.inner.published.load().resolvers.values() {
            resolver.record(recorder);
        }
    }
}

impl Inner {
    fn greet(&self, newcomer: &Resolver) {
        let greeters = self.greeters.lock().clone();
        for greet in greeters.iter().filter_map(Weak::upgrade) {
            greet(newcomer);
        }
    }

    /// `None` when there is no such namespace.
    fn look_up(&self, namespace: &str, key: &str) -> Option<(Loan, Pick)> {
        let newest = self.published.generation();
        let look_up = |registry: &Arc<Snapshot<Registry>>| registry.look_up(namespace, key);
        match Shelf::newest(&LOCALS, &self.compartment, newest, look_up) {
            Some(answer) => answer,
            None => self.look_up_after_change(namespace, key),
        }
    }

    #[cold]
    #[inline(never)]
    fn look_up_after_change(&self, namespace: &str, key: &str) -> Option<(Loan, Pick)> {
        let renew = |_| {
            let registry = self.published.load();
            (registry.generation(), registry)
        };
        Shelf::renew(&LOCALS, &self.compartment, renew, |registry| registry.look_up(namespace, key))
    }
}

impl Registry {
    #[inline(always)]
    fn look_up(&self, namespace: &str, key: &str) -> Option<(Loan, Pick)> {
        Some(self.resolvers.get(namespace)?.inner.look_up(key))
    }

    fn with(&self, change: impl FnOnce(&mut ByName)) -> Self {
        let mut resolvers = self.resolvers.clone();
        change(&mut resolvers);
        let mut names: Vec<Namespace> = resolvers.keys().cloned().collect();
        names.sort();
        Self { resolvers, names: names.into() }
    }

    #[cold]
    fn not_found(&self, asked: &str) -> LookupError {
        let known = Arc::clone(&self.names);
        LookupError::NamespaceNotFound { asked: asked.chars().take(64).collect(), known }
    }
}

impl upkeep::LookedAfter for Inner {
    fn look_after(&self) {
        self.published.reclaim();
    }
}

impl Drop for Inner {
    /// Threads may keep the resolvers' memory for a while; they must not keep them running, nor end them.
    fn drop(&mut self) {
        if self.running.get_mut().is_some() {
            self.published.load().resolvers.values().for_each(Resolver::stop);
        }
        leftovers::leave(self.published.retire(Registry::default()));
    }
}

/// One pass of xxh3 over the name. Names come from configuration, so nobody can choose colliding ones.
#[derive(Default)]
struct NameHasher(u64);

impl Hasher for NameHasher {
    #[inline]
    fn write(&mut self, name: &[u8]) {
        self.0 ^= xxh3(name);
    }

    /// The end mark that text writes after itself; there is but one text.
    #[inline]
    fn write_u8(&mut self, _: u8) {}

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

impl Default for ResolverSet {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ResolverSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ResolverSet").field(&self.namespaces()).finish()
    }
}

impl fmt::Display for InsertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists { namespace } => {
                write!(f, "namespace \"{namespace}\" is there already; remove it first")
            }
            Self::TooMany => write!(f, "there are {MAX_NAMESPACES} namespaces already, no more are allowed"),
            Self::Start(_) => f.write_str("the namespace was not added"),
        }
    }
}

impl std::error::Error for InsertError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Start(error) => Some(error),
            Self::Exists { .. } | Self::TooMany => None,
        }
    }
}

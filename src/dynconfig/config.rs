//! The settings in force, and whoever is told when they change.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Weak},
};

use parking_lot::Mutex;

use super::{
    Answer, Filters, Layer, Layers, Origin, Settings, Value,
    keys::{KeySpec, PANIC_THRESHOLD},
};
use crate::{
    policy::RoutingPolicy,
    resolver::{Greet, MAX_NAMESPACES, Resolver, ResolverSet},
    types::Namespace,
};

/// The settings in force. A handle: clones share everything.
///
/// ```
/// use std::sync::Arc;
/// use shardway::{dynconfig::{DynamicConfig, Layer, Settings, Strictness}, policy::Mode, types::Namespace};
///
/// let config = DynamicConfig::new(None);
/// let orders = Namespace::new("orders")?;
/// assert_eq!(config.routing_policy(&orders).mode(), Mode::HashRing);
///
/// let text = "shardway.routing.mode: [{value: shard_distributor, constraints: {namespace: orders}}]";
/// config.publish(Layer::Embedded, Some(Settings::parse("demo", text, Strictness::Strict)?));
/// assert_eq!(config.routing_policy(&orders).mode(), Mode::ShardDistributor);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// For reading now and then, not once a lookup: whoever routes keeps the policy and is told of the next one by
/// [`bind`](Self::bind).
#[derive(Clone)]
pub struct DynamicConfig {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Held while subscribers are told, so that each hears of changes in their order. Never taken with `state` held.
    telling: Mutex<()>,
}

struct State {
    layers: Arc<Layers>,
    /// Grows with every publication that changes something.
    generation: u64,
    namespaces: BTreeMap<Namespace, NamespaceSettings>,
    subscribers: BTreeMap<u64, Subscriber>,
    next_subscriber: u64,
}

/// What a namespace gets.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct NamespaceSettings {
    /// Its policy. The epoch grows with every change of the policy, and only then; it counts publications of this
    /// process, so it says nothing about the epoch of another process.
    pub policy: Arc<RoutingPolicy>,
    /// The share of its members below which a member list is held back, if it is set anywhere.
    pub panic_threshold: Option<f64>,
}

type Tell = Arc<dyn Fn(&Namespace, &NamespaceSettings) + Send + Sync>;

struct Subscriber {
    namespaces: Option<Box<[Namespace]>>,
    tell: Tell,
}

impl DynamicConfig {
    /// None but the defaults. `cluster` is what constraints by `clusterName` are compared with.
    pub fn new(cluster: Option<&str>) -> Self {
        let state = State {
            layers: Arc::new(Layers::new(cluster)),
            generation: 1,
            namespaces: BTreeMap::new(),
            subscribers: BTreeMap::new(),
            next_subscriber: 0,
        };
        Self { shared: Arc::new(Shared { state: Mutex::new(state), telling: Mutex::new(()) }) }
    }

    /// Replaces what one source says, or takes it away, and tells subscribers whose policy that changes before it
    /// returns. False if the source says what it said before.
    ///
    /// Readers see all of the new settings or none of them. Not to be called by a subscriber that is being told. A panic
    /// of a subscriber is logged: the others are told all the same, and so is it of the next change.
    pub fn publish(&self, layer: Layer, settings: Option<Settings>) -> bool {
        self.put_in_force(layer, settings).is_some()
    }

    /// How many subscribers panicked; `None` if the source says what it said before.
    pub(super) fn put_in_force(&self, layer: Layer, settings: Option<Settings>) -> Option<u64> {
        let _telling = self.shared.telling.lock();
        let news = {
            let mut state = self.shared.state.lock();
            let same = match (state.layers.layer(layer), &settings) {
                (Some(old), Some(new)) => old.is_same(new),
                (old, new) => old.is_none() && new.is_none(),
            };
            if same {
                return None;
            }
            let layers = Layers::clone(&state.layers).with(layer, settings.map(Arc::new));
            state.replace(layers)
        };
        let told = news.into_iter().map(|(tell, namespace, settings)| {
            catch_unwind(AssertUnwindSafe(|| tell(&namespace, &settings))).inspect_err(|_| {
                tracing::error!(%namespace, "a subscriber of dynamic config panicked, others were told");
            })
        });
        Some(told.filter(Result::is_err).count() as u64)
    }

    /// Everything that is set, at this moment.
    pub fn layers(&self) -> Arc<Layers> {
        Arc::clone(&self.shared.state.lock().layers)
    }

    /// The value of a key for whoever the filters describe.
    pub fn get(&self, key: &'static KeySpec, filters: &Filters) -> Answer {
        self.layers().get(key, filters)
    }

    /// The policy of a namespace.
    pub fn routing_policy(&self, namespace: &Namespace) -> Arc<RoutingPolicy> {
        self.shared.state.lock().of_namespace(namespace).policy
    }

    /// Calls `tell` with the settings of each namespace, now and whenever it changes, until the [`Binding`] is dropped.
    ///
    /// It is called from this thread, then from the one that publishes. Calls never overlap and come in order.
    #[must_use = "dropping the binding ends it"]
    pub fn bind(
        &self,
        namespaces: impl IntoIterator<Item = Namespace>,
        tell: impl Fn(&Namespace, &NamespaceSettings) + Send + Sync + 'static,
    ) -> Binding {
        let _telling = self.shared.telling.lock();
        let namespaces: Box<[Namespace]> = namespaces.into_iter().collect();
        let present: Vec<_> = {
            let mut state = self.shared.state.lock();
            namespaces.iter().map(|ns| (ns.clone(), state.of_namespace(ns))).collect()
        };
        let tell: Tell = Arc::new(tell);
        let binding = self.subscribe(Some(namespaces), Arc::clone(&tell));
        for (namespace, settings) in present {
            tell(&namespace, &settings);
        }
        binding
    }

    /// Gives each resolver of the set its policy and its panic threshold, now and whenever they change, and each one
    /// that is inserted later too. Where no panic threshold is set, the resolver's own counts.
    pub fn bind_resolvers(&self, resolvers: &ResolverSet) -> Binding {
        let known = resolvers.clone();
        let tell = move |namespace: &Namespace, settings: &NamespaceSettings| {
            // It may have been removed: then there is nobody to tell.
            if let Ok(resolver) = known.get(namespace) {
                settings.apply(&resolver);
            }
        };
        let shared = Arc::downgrade(&self.shared);
        let greet: Arc<Greet> = Arc::new(move |resolver| {
            if let Some(shared) = shared.upgrade() {
                // In turn with those who are told of changes, so that nothing older comes after something newer.
                let _telling = shared.telling.lock();
                let settings = shared.state.lock().of_namespace(resolver.namespace());
                settings.apply(resolver);
            }
        });
        // First those who come, then those who are there: one who comes between is told twice.
        resolvers.greet_newcomers(&greet);
        let mut binding = self.subscribe(None, Arc::new(tell));
        for resolver in resolvers.namespaces().iter().filter_map(|namespace| resolvers.get(namespace).ok()) {
            greet(&resolver);
        }
        binding.greet = Some(greet);
        binding
    }

    /// `None`: of every namespace that was ever asked for.
    fn subscribe(&self, namespaces: Option<Box<[Namespace]>>, tell: Tell) -> Binding {
        let mut state = self.shared.state.lock();
        let number = state.next_subscriber;
        state.next_subscriber += 1;
        state.subscribers.insert(number, Subscriber { namespaces, tell });
        Binding { number, shared: Arc::downgrade(&self.shared), greet: None }
    }
}

impl NamespaceSettings {
    fn apply(&self, resolver: &Resolver) {
        resolver.set_policy(Arc::clone(&self.policy));
        resolver.set_panic_threshold(self.panic_threshold);
    }
}

impl State {
    fn of_namespace(&mut self, namespace: &Namespace) -> NamespaceSettings {
        if let Some(settings) = self.namespaces.get(namespace) {
            return settings.clone();
        }
        let settings = self.layers.of_namespace(namespace, self.generation);
        // One beyond the limit is not remembered: its policy is right, and its epoch also grows with those of others.
        if self.namespaces.len() < MAX_NAMESPACES {
            self.namespaces.insert(namespace.clone(), settings.clone());
        }
        settings
    }

    /// Puts new settings in force and answers who is to be told what.
    fn replace(&mut self, layers: Layers) -> Vec<(Tell, Namespace, NamespaceSettings)> {
        self.layers = Arc::new(layers);
        self.generation += 1;
        let mut changed = BTreeSet::new();
        for (namespace, settings) in &mut self.namespaces {
            let mut new = self.layers.of_namespace(namespace, settings.policy.epoch());
            // Equal but for where the values come from: a line moved, nothing to tell anybody. The origins are kept
            // up to date nevertheless.
            if new != *settings {
                changed.insert(namespace.clone());
            }
            if new.policy != settings.policy {
                new = self.layers.of_namespace(namespace, self.generation);
            }
            *settings = new;
        }
        let mut news = Vec::new();
        for Subscriber { namespaces, tell } in self.subscribers.values() {
            let is_theirs = |namespace: &&Namespace| {
                namespaces.as_ref().is_none_or(|namespaces| namespaces.contains(*namespace))
            };
            for namespace in changed.iter().filter(is_theirs) {
                if let Some(settings) = self.namespaces.get(namespace) {
                    news.push((Arc::clone(tell), namespace.clone(), settings.clone()));
                }
            }
        }
        news
    }
}

impl Layers {
    fn of_namespace(&self, namespace: &Namespace, epoch: u64) -> NamespaceSettings {
        let panic_threshold = self.get(&PANIC_THRESHOLD, &self.filters(namespace));
        let panic_threshold = match (panic_threshold.origin, panic_threshold.value) {
            (Origin::Default, _) => None,
            (_, Value::Float(share)) => Some(share),
            (_, other) => unreachable!("the parser lets only numbers through, and not {other:?}"),
        };
        NamespaceSettings {
            policy: Arc::new(self.routing_policy(namespace).with_epoch(epoch)),
            panic_threshold,
        }
    }
}

impl fmt::Debug for DynamicConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.state.lock();
        f.debug_struct("DynamicConfig")
            .field("generation", &state.generation)
            .field("namespaces", &state.namespaces.len())
            .field("subscribers", &state.subscribers.len())
            .finish_non_exhaustive()
    }
}

/// A subscription; dropping it ends it. A call that is under way in another thread may still finish.
#[must_use = "dropping the binding ends it"]
pub struct Binding {
    number: u64,
    shared: Weak<Shared>,
    /// The set of resolvers knows it as long as it is here.
    greet: Option<Arc<Greet>>,
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Binding").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Drop for Binding {
    fn drop(&mut self) {
        drop(self.greet.take());
        if let Some(shared) = self.shared.upgrade() {
            // Dropped outside of the lock, because it may own anything.
            let _subscriber = shared.state.lock().subscribers.remove(&self.number);
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{dynconfig::Strictness, policy::Field};

    fn ns(name: &str) -> Namespace {
        Namespace::new(name).unwrap()
    }

    fn settings(text: &str) -> Option<Settings> {
        Some(Settings::parse("t", text, Strictness::Strict).unwrap())
    }

    fn percentage_of_a(percent: u8) -> Option<Settings> {
        settings(&format!(
            "shardway.routing.percentage: [{{value: {percent}, constraints: {{namespace: a}}}}]"
        ))
    }

    #[test]
    fn an_epoch_grows_with_each_change_of_its_namespace_and_only_then() {
        let config = DynamicConfig::new(None);
        let epochs = || [config.routing_policy(&ns("a")).epoch(), config.routing_policy(&ns("b")).epoch()];
        assert_eq!(epochs(), [1, 1]);
        assert!(config.publish(Layer::LocalFile, percentage_of_a(5)));
        assert_eq!(epochs(), [2, 1]);
        assert!(!config.publish(Layer::LocalFile, percentage_of_a(5)), "the same again");
        assert_eq!(epochs(), [2, 1]);
        let moved = settings("\n\nshardway.routing.percentage: [{value: 5, constraints: {namespace: a}}]");
        assert!(config.publish(Layer::LocalFile, moved));
        assert_eq!(epochs(), [2, 1], "only the line is another");
        assert_eq!(config.routing_policy(&ns("a")).origin(Field::Percentage), "t:3:31");
        assert!(config.publish(Layer::Embedded, percentage_of_a(7)));
        assert_eq!(epochs(), [2, 1], "hidden by the file");
        assert!(config.publish(Layer::LocalFile, None));
        assert_eq!(epochs(), [5, 1]);
        assert!(!config.publish(Layer::LocalFile, None));
        assert_eq!(config.routing_policy(&ns("a")).percentage().get(), 7);
        assert_eq!(config.routing_policy(&ns("c")).epoch(), 5, "asked for the first time");
    }

    #[test]
    fn subscribers_are_told_now_and_of_each_change_until_the_binding_is_dropped() {
        let config = DynamicConfig::new(None);
        let told = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&told);
        let binding = config.bind([ns("a"), ns("b")], move |namespace, NamespaceSettings { policy, .. }| {
            log.lock().push((namespace.to_string(), policy.percentage().get(), policy.epoch()));
        });
        let take = || std::mem::take(&mut *told.lock());
        assert_eq!(take(), [("a".into(), 100, 1), ("b".into(), 100, 1)]);
        config.publish(Layer::LocalFile, percentage_of_a(5));
        assert_eq!(take(), [("a".into(), 5, 2)]);
        config.publish(Layer::LocalFile, settings("shardway.routing.percentage: [{value: 6}]"));
        assert_eq!(take(), [("a".into(), 6, 3), ("b".into(), 6, 3)]);
        config.publish(Layer::Embedded, settings("shardway.membership.panicThreshold: [{value: 0.1}]"));
        assert_eq!(take(), [("a".into(), 6, 3), ("b".into(), 6, 3)], "the epoch is the policy's alone");
        drop(binding);
        config.publish(Layer::LocalFile, None);
        assert_eq!(take(), []);
        assert_eq!(Arc::strong_count(&told), 1, "nothing is kept of it");
    }

    #[test]
    fn a_subscriber_may_read_and_may_end_its_own_binding() {
        let config = DynamicConfig::new(None);
        let slot: Arc<Mutex<Option<Binding>>> = Arc::default();
        let (inner, own) = (config.clone(), Arc::clone(&slot));
        let binding = config.bind([ns("a")], move |namespace, NamespaceSettings { policy, .. }| {
            assert_eq!(inner.routing_policy(namespace).epoch(), policy.epoch(), "it is in force already");
            drop(own.lock().take());
        });
        *slot.lock() = Some(binding);
        config.publish(Layer::LocalFile, percentage_of_a(5));
        assert!(slot.lock().is_none());
        assert!(config.shared.state.lock().subscribers.is_empty());
    }

    #[test]
    fn resolvers_get_their_policy_and_their_panic_threshold() {
        let resolvers = ResolverSet::new();
        let restraint = crate::membership::RestraintConfig { min_share: 0.75, ..Default::default() };
        let resolver = Resolver::builder(ns("a")).restraint(restraint).build();
        resolvers.insert(resolver).unwrap();
        let config = DynamicConfig::new(None);
        let _binding = config.bind_resolvers(&resolvers);
        let resolver = resolvers.get("a").unwrap();
        assert_eq!((resolver.policy().percentage().get(), resolver.restraint().min_share), (100, 0.75));
        config.publish(Layer::LocalFile, percentage_of_a(5));
        config.publish(Layer::Embedded, settings("shardway.membership.panicThreshold: [{value: 0.25}]"));
        assert_eq!((resolver.policy().percentage().get(), resolver.restraint().min_share), (5, 0.25));
        config.publish(Layer::Embedded, None);
        assert_eq!(resolver.restraint().min_share, 0.75, "its own again");

        resolvers.insert(Resolver::builder(ns("b")).build()).unwrap();
        config.publish(Layer::Embedded, settings("shardway.routing.killSwitch: [{value: true}]"));
        assert!(resolvers.get("b").unwrap().policy().kill_switch(), "it came later");
        resolvers.remove("a").unwrap();
        resolvers.insert(Resolver::builder(ns("a")).build()).unwrap();
        assert!(resolvers.get("a").unwrap().policy().kill_switch(), "it came again");
    }

    /// Every value is one that some publication gave, for all namespaces at once, and none is older than one before.
    #[test]
    fn readers_and_subscribers_see_whole_publications_in_order() {
        let config = DynamicConfig::new(None);
        let last = Arc::new(Mutex::new([0_u64; 2]));
        let log = Arc::clone(&last);
        let _binding = config.bind([ns("a"), ns("b")], move |namespace, NamespaceSettings { policy, .. }| {
            let mut last = log.lock();
            let slot = &mut last[usize::from(&**namespace == "b")];
            assert!(policy.epoch() > *slot, "epochs only grow");
            *slot = policy.epoch();
        });
        std::thread::scope(|scope| {
            for thread in 0..4_u32 {
                let config = &config;
                scope.spawn(move || {
                    for round in 0..200 {
                        let percent = (thread * 25 + round) % 101;
                        let text = format!(
                            "shardway.routing.percentage: [{{value: {percent}}}]\nshardway.routing.shadowSampleRate: [{{value: 0.{percent:03}}}]"
                        );
                        config.publish(Layer::LocalFile, settings(&text));
                        let policy = config.routing_policy(&ns("a"));
                        let parts = u32::from(policy.percentage().get()) * 1000;
                        assert_eq!(policy.shadow_sample().parts_per_million(), parts, "both of one publication");
                    }
                });
            }
        });
        let newest = ["a", "b"].map(|name| config.routing_policy(&ns(name)).epoch());
        assert_eq!(*last.lock(), newest, "the last change was told");
    }
}

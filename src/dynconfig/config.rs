//! The settings in force, and whoever is told when they change.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Weak},
};

use parking_lot::Mutex;

use super::{Answer, Filters, Layer, Layers, Settings, keys::KeySpec};
use crate::{
    policy::RoutingPolicy,
    resolver::{MAX_NAMESPACES, ResolverSet},
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
    policies: BTreeMap<Namespace, Arc<RoutingPolicy>>,
    subscribers: BTreeMap<u64, Subscriber>,
    next_subscriber: u64,
}

type Tell = Arc<dyn Fn(&Namespace, Arc<RoutingPolicy>) + Send + Sync>;

struct Subscriber {
    namespaces: Box<[Namespace]>,
    tell: Tell,
}

impl DynamicConfig {
    /// None but the defaults. `cluster` is what constraints by `clusterName` are compared with.
    pub fn new(cluster: Option<&str>) -> Self {
        let state = State {
            layers: Arc::new(Layers::new(cluster)),
            generation: 1,
            policies: BTreeMap::new(),
            subscribers: BTreeMap::new(),
            next_subscriber: 0,
        };
        Self { shared: Arc::new(Shared { state: Mutex::new(state), telling: Mutex::new(()) }) }
    }

    /// Replaces what one source says, or takes it away, and tells subscribers whose policy that changes before it
    /// returns. False if the source says what it said before.
    ///
    /// Readers see all of the new settings or none of them. Not to be called by a subscriber that is being told.
    pub fn publish(&self, layer: Layer, settings: Option<Settings>) -> bool {
        let _telling = self.shared.telling.lock();
        let news = {
            let mut state = self.shared.state.lock();
            let same = match (state.layers.layer(layer), &settings) {
                (Some(old), Some(new)) => old.is_same(new),
                (old, new) => old.is_none() && new.is_none(),
            };
            if same {
                return false;
            }
            let layers = Layers::clone(&state.layers).with(layer, settings.map(Arc::new));
            state.replace(layers)
        };
        for (tell, namespace, policy) in news {
            tell(&namespace, policy);
        }
        true
    }

    /// Everything that is set, at this moment.
    pub fn layers(&self) -> Arc<Layers> {
        Arc::clone(&self.shared.state.lock().layers)
    }

    /// The value of a key for whoever the filters describe.
    pub fn get(&self, key: &'static KeySpec, filters: &Filters) -> Answer {
        self.layers().get(key, filters)
    }

    /// The policy of a namespace. Its epoch grows with every change of it, and only then; it counts publications of
    /// this process, so it says nothing about the epoch of another process.
    pub fn routing_policy(&self, namespace: &Namespace) -> Arc<RoutingPolicy> {
        self.shared.state.lock().policy(namespace)
    }

    /// Calls `tell` with the policy of each namespace, now and whenever it changes, until the [`Binding`] is dropped.
    ///
    /// It is called from this thread, then from the one that publishes. Calls never overlap and come in order.
    #[must_use = "dropping the binding ends it"]
    pub fn bind(
        &self,
        namespaces: impl IntoIterator<Item = Namespace>,
        tell: impl Fn(&Namespace, Arc<RoutingPolicy>) + Send + Sync + 'static,
    ) -> Binding {
        let _telling = self.shared.telling.lock();
        let namespaces: Box<[Namespace]> = namespaces.into_iter().collect();
        let tell: Tell = Arc::new(tell);
        let (number, present) = {
            let mut state = self.shared.state.lock();
            let number = state.next_subscriber;
            state.next_subscriber += 1;
            let present: Vec<_> = namespaces.iter().map(|ns| (ns.clone(), state.policy(ns))).collect();
            state.subscribers.insert(number, Subscriber { namespaces, tell: Arc::clone(&tell) });
            (number, present)
        };
        for (namespace, policy) in present {
            tell(&namespace, policy);
        }
        Binding { number, shared: Arc::downgrade(&self.shared) }
    }

    /// Gives each resolver of the set its policy, now and whenever it changes. One that is inserted later needs a
    /// binding of its own.
    pub fn bind_resolvers(&self, resolvers: &ResolverSet) -> Binding {
        let resolvers = resolvers.clone();
        self.bind(resolvers.namespaces(), move |namespace, policy| {
            // It may have been removed: then there is nobody to tell.
            if let Ok(resolver) = resolvers.get(namespace) {
                resolver.set_policy(policy);
            }
        })
    }
}

impl State {
    fn policy(&mut self, namespace: &Namespace) -> Arc<RoutingPolicy> {
        if let Some(policy) = self.policies.get(namespace) {
            return Arc::clone(policy);
        }
        let policy = Arc::new(self.layers.routing_policy(namespace).with_epoch(self.generation));
        // One beyond the limit is not remembered: its policy is right, and its epoch also grows with those of others.
        if self.policies.len() < MAX_NAMESPACES {
            self.policies.insert(namespace.clone(), Arc::clone(&policy));
        }
        policy
    }

    /// Puts new settings in force and answers who is to be told what.
    fn replace(&mut self, layers: Layers) -> Vec<(Tell, Namespace, Arc<RoutingPolicy>)> {
        self.layers = Arc::new(layers);
        self.generation += 1;
        for (namespace, policy) in &mut self.policies {
            let new = self.layers.routing_policy(namespace).with_epoch(policy.epoch());
            // Equal but for where the values come from: a line moved, nothing to tell anybody. The origins are kept
            // up to date nevertheless.
            let epoch = if new == **policy { policy.epoch() } else { self.generation };
            *policy = Arc::new(new.with_epoch(epoch));
        }
        let mut news = Vec::new();
        for Subscriber { namespaces, tell } in self.subscribers.values() {
            for namespace in namespaces {
                let changed = self.policies.get(namespace).filter(|policy| policy.epoch() == self.generation);
                if let Some(policy) = changed {
                    news.push((Arc::clone(tell), namespace.clone(), Arc::clone(policy)));
                }
            }
        }
        news
    }
}

impl fmt::Debug for DynamicConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.state.lock();
        f.debug_struct("DynamicConfig")
            .field("generation", &state.generation)
            .field("policies", &state.policies.len())
            .field("subscribers", &state.subscribers.len())
            .finish_non_exhaustive()
    }
}

/// A subscription; dropping it ends it. A call that is under way in another thread may still finish.
#[derive(Debug)]
#[must_use = "dropping the binding ends it"]
pub struct Binding {
    number: u64,
    shared: Weak<Shared>,
}

impl Drop for Binding {
    fn drop(&mut self) {
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
        let binding = config.bind([ns("a"), ns("b")], move |namespace, policy| {
            log.lock().push((namespace.to_string(), policy.percentage().get(), policy.epoch()));
        });
        let take = || std::mem::take(&mut *told.lock());
        assert_eq!(take(), [("a".into(), 100, 1), ("b".into(), 100, 1)]);
        config.publish(Layer::LocalFile, percentage_of_a(5));
        assert_eq!(take(), [("a".into(), 5, 2)]);
        config.publish(Layer::LocalFile, settings("shardway.routing.percentage: [{value: 6}]"));
        assert_eq!(take(), [("a".into(), 6, 3), ("b".into(), 6, 3)]);
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
        let binding = config.bind([ns("a")], move |namespace, policy| {
            assert_eq!(inner.routing_policy(namespace).epoch(), policy.epoch(), "it is in force already");
            drop(own.lock().take());
        });
        *slot.lock() = Some(binding);
        config.publish(Layer::LocalFile, percentage_of_a(5));
        assert!(slot.lock().is_none());
        assert!(config.shared.state.lock().subscribers.is_empty());
    }

    /// Every value is one that some publication gave, for all namespaces at once, and none is older than one before.
    #[test]
    fn readers_and_subscribers_see_whole_publications_in_order() {
        let config = DynamicConfig::new(None);
        let last = Arc::new(Mutex::new([0_u64; 2]));
        let log = Arc::clone(&last);
        let _binding = config.bind([ns("a"), ns("b")], move |namespace, policy| {
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

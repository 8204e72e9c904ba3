//! What is counted, as an exporter sees it through the `metrics` facade.

#[cfg(feature = "cli")]
mod log;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use parking_lot::Mutex;
use shardway::membership::{MemberSink, MemberSource, MemberSourceError};
use shardway::policy::RoutingPolicy;
use shardway::resolver::{MapVersion, OwnerMap, Resolver};
use shardway::telemetry::{FacadeRecorder, METRICS};
use shardway::types::{Member, Namespace, ShardKey, Token};

/// An exporter that shows what it was given: `name{label=value,...}` and the number.
#[derive(Default)]
struct Exporter {
    numbers: Mutex<BTreeMap<String, Arc<metrics::atomics::AtomicU64>>>,
    described: Mutex<Vec<String>>,
}

impl Exporter {
    fn slot(&self, key: &Key) -> Arc<metrics::atomics::AtomicU64> {
        let labels: Vec<String> =
            key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        let name = format!("{}{{{}}}", key.name(), labels.join(","));
        self.numbers.lock().entry(name).or_default().clone()
    }

    fn bits(&self, name: &str) -> u64 {
        let numbers = self.numbers.lock();
        let known = || format!("no {name} among {:#?}", numbers.keys());
        numbers.get(name).unwrap_or_else(|| panic!("{}", known())).load(Ordering::Relaxed)
    }

    fn gauge(&self, name: &str) -> f64 {
        f64::from_bits(self.bits(name))
    }
}

impl Recorder for Exporter {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.described.lock().push(name.as_str().to_owned());
    }
    fn describe_gauge(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.described.lock().push(name.as_str().to_owned());
    }
    fn describe_histogram(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.described.lock().push(name.as_str().to_owned());
    }
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.slot(key))
    }
    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.slot(key))
    }
    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

/// Says what it is told to say.
#[derive(Default)]
struct Told(Mutex<Option<Arc<dyn MemberSink>>>);

impl MemberSource for Told {
    fn kind(&self) -> &'static str {
        "told"
    }
    fn start(&self, sink: Arc<dyn MemberSink>) -> Result<(), MemberSourceError> {
        *self.0.lock() = Some(sink);
        Ok(())
    }
    fn stop(&self) {
        *self.0.lock() = None;
    }
}

/// A running resolver, and what tells it its members.
fn told_resolver() -> (Resolver, Arc<dyn MemberSink>) {
    let source = Arc::new(Told::default());
    let resolver = Resolver::builder(Namespace::new("m").unwrap()).members(source.clone()).build();
    resolver.start().unwrap();
    let sink = source.0.lock().clone().unwrap();
    (resolver, sink)
}

fn members(n: usize) -> Vec<Member> {
    (0..n).map(|i| Member::new(format!("h{i}:1")).unwrap()).collect()
}

#[test]
fn an_exporter_gets_every_number_of_a_resolver() {
    let (resolver, sink) = told_resolver();
    sink.members(members(10));
    sink.members(members(4));
    sink.failed(MemberSourceError::Empty { what: "dns".into() });

    let mut edit = OwnerMap::empty().edit();
    edit.assign(ShardKey::new("k").unwrap(), &members(1)[0], Token { incarnation: 1, generation: 2 });
    let map = Arc::new(edit.finish(MapVersion { incarnation: 1, generation: 2 }).unwrap());
    resolver.set_owners(map.clone()).unwrap();
    let older = OwnerMap::empty().edit().finish(MapVersion { incarnation: 1, generation: 1 }).unwrap();
    resolver.set_owners(Arc::new(older)).unwrap_err();

    for _ in 0..3 {
        resolver.lookup("k").unwrap();
    }
    resolver.lookup("").unwrap_err();
    resolver.set_policy(RoutingPolicy::builder().mode("shard_distributor").epoch(7).build().unwrap());
    std::thread::scope(|scope| {
        scope.spawn(|| _ = resolver.lookup("k").unwrap());
        scope.spawn(|| _ = resolver.lookup("unknown").unwrap_err());
    });

    let exporter = Exporter::default();
    metrics::with_local_recorder(&exporter, || {
        FacadeRecorder::describe();
        resolver.record(&FacadeRecorder);
    });
    let bits = |name: &str| exporter.bits(&format!("shardway_{name}"));
    assert_eq!(bits("lookups_total{namespace=m,path=ring,outcome=ok}"), 3);
    assert_eq!(bits("lookups_total{namespace=m,path=distributor,outcome=ok}"), 1);
    assert_eq!(bits("lookups_total{namespace=m,path=distributor,outcome=not_found}"), 1);
    assert_eq!(bits("lookups_total{namespace=m,path=none,outcome=invalid_key}"), 1);
    assert_eq!(bits("member_changes_total{namespace=m,change=added}"), 10);
    assert_eq!(bits("member_changes_total{namespace=m,change=removed}"), 0, "held back");
    assert_eq!(bits("member_failures_total{namespace=m,reason=empty}"), 1);
    assert_eq!(bits("owner_map_refused_total{namespace=m}"), 1);
    let gauge = |name: &str| exporter.gauge(&format!("shardway_{name}{{namespace=m}}"));
    assert_eq!((gauge("ring_members"), gauge("ring_points")), (10.0, 1000.0));
    assert_eq!(gauge("members_held"), 6.0);
    assert_eq!((gauge("policy_epoch"), gauge("owner_map_shards")), (7.0, 1.0));
    assert_eq!(gauge("ring_fingerprint"), (resolver.snapshot().ring().fingerprint() >> 12) as f64);
    assert!(gauge("owner_map_age_seconds") >= 0.0);

    let described = exporter.described.lock().clone();
    assert_eq!(described, METRICS.iter().map(|metric| metric.name).collect::<Vec<_>>());
}

#[test]
fn a_membership_that_halves_is_held_until_it_is_accepted() {
    let (resolver, sink) = told_resolver();
    sink.members(members(10));
    sink.members(members(3));
    assert_eq!(resolver.member_count(), 10);
    let held = resolver.membership_status().held.unwrap();
    assert_eq!((held.before, held.proposed, held.kept), (10, 3, 7));
    assert!(resolver.accept_held_members().unwrap());
    assert_eq!((resolver.member_count(), resolver.membership_status().held), (3, None));
    assert!(!resolver.accept_held_members().unwrap(), "nothing is held any more");

    let twice =
        vec![Member::new("a:1").unwrap(), Member::new("a:1").unwrap().with_identity("other").unwrap()];
    sink.members(twice);
    assert_eq!(resolver.member_count(), 3, "what is no ring changes nothing");
    assert!(resolver.membership_status().last_failure.unwrap().contains("a:1"));
    sink.members(members(3));
    assert_eq!(resolver.membership_status().last_failure, None);
}

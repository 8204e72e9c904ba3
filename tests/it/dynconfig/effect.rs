//! What a change of the file does to lookups and to metrics.

use std::{cell::RefCell, collections::BTreeMap, fs, path::Path, sync::Arc};

use shardway::{
    clock::{Clock, SystemClock},
    dynconfig::{ConfigFile, DynamicConfig, MAX_FILE_BYTES},
    resolver::{MapVersion, OwnerMap, Resolver, ResolverSet},
    telemetry::{Metric, Recorder},
    types::{Member, Mono, Namespace, ShardKey, Source, Token},
};

use super::{
    DEADLINE, Dir, Following, assert_middle_is_within_a_second, follow, follow_into, ns, percentage, replace,
};

/// What a process exports, as text.
#[derive(Default)]
struct Exported(RefCell<BTreeMap<String, f64>>);

impl Exported {
    fn add(&self, metric: &Metric, labels: &[(&'static str, &str)], value: f64) {
        let names: Vec<&str> = labels.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, metric.labels, "{}", metric.name);
        let second = labels.get(1).map_or("", |(_, value)| value);
        self.0.borrow_mut().insert(format!("{} {second}", metric.name), value);
    }
}

impl Recorder for Exported {
    fn counter(&self, metric: &'static Metric, labels: &[(&'static str, &str)], total: u64) {
        self.add(metric, labels, total as f64);
    }

    fn gauge(&self, metric: &'static Metric, labels: &[(&'static str, &str)], value: f64) {
        self.add(metric, labels, value);
    }
}

fn export(following: &Following) -> BTreeMap<String, f64> {
    let exported = Exported::default();
    following.watch.record(&exported);
    exported.0.into_inner()
}

/// One that panics must not keep the others from the news, nor anybody from the next.
#[test]
fn a_panic_of_whoever_is_told_ends_nothing_and_is_counted() {
    let dir = Dir::new();
    let path = dir.join("config.yaml");
    fs::write(&path, percentage(1)).unwrap();
    let config = DynamicConfig::new(None);
    let _panics = config.bind([ns()], |_, settings| assert_eq!(settings.policy.percentage().get(), 100));
    let following = follow_into(config, &path, || panic!("at every reload"));
    assert_eq!(following.next_percentage(), 1);
    for percent in [2, 3] {
        replace(&path, percentage(percent.into()));
        assert_eq!(following.next_percentage(), percent);
        assert_eq!(following.reloads.recv_timeout(DEADLINE).unwrap().error, None);
    }
    replace(&path, "broken: [");
    following.next_error();
    replace(&path, percentage(4));
    assert_eq!(following.next_percentage(), 4);
    // The subscriber at 1, 2 and 3, on_reload at 2, 3 and the broken one; those at 4 may be under way.
    let panicked = export(&following)["shardway_config_panics_total "];
    assert!((6.0..=8.0).contains(&panicked), "{panicked}");
}

#[test]
fn every_failure_is_counted_under_its_reason() {
    let dir = Dir::new();
    let path = dir.join("config.yaml");
    fs::write(&path, percentage(1)).unwrap();
    let following = follow(&path);
    for (reason, change) in [
        ("syntax", (|path| replace(path, "broken: [")) as fn(&Path)),
        ("invalid", |path| replace(path, percentage(101))),
        ("syntax", |path| replace(path, "")),
        ("not_found", |path| fs::remove_file(path).unwrap()),
        ("not_a_file", |path| fs::create_dir(path).unwrap()),
        ("too_large", |path| {
            fs::remove_dir(path).unwrap();
            replace(path, vec![b' '; MAX_FILE_BYTES + 1]);
        }),
    ] {
        let name = format!("shardway_config_failures_total {reason}");
        let before = export(&following)[&name];
        change(&path);
        while export(&following)[&name] == before {
            following.next_error();
        }
        assert_eq!(export(&following)[&name], before + 1.0, "{reason}");
    }
    let exported = export(&following);
    let reasons: f64 =
        exported.iter().filter(|(name, _)| name.contains("config_failures")).map(|(_, total)| total).sum();
    assert_eq!(reasons, exported["shardway_config_reloads_total failed"], "every failure has a reason");
}

#[test]
fn metrics_tell_of_reloads_and_refusals() {
    let dir = Dir::new();
    let (path, other) = (dir.join("config.yaml"), dir.join("other.yaml"));
    let contents = percentage(1);
    fs::write(&path, &contents).unwrap();
    fs::write(&other, &contents).unwrap();
    let (one, two) = (follow(&path), follow(&other));
    assert_eq!(
        export(&one)["shardway_config_hash "],
        export(&two)["shardway_config_hash "],
        "the same in both"
    );
    replace(&path, "broken: [");
    one.next_error();
    let exported = export(&one);
    assert_eq!(exported["shardway_config_refused "], 1.0);
    assert_eq!(exported["shardway_config_reloads_total failed"], 1.0);
    assert_eq!(exported["shardway_config_reloads_total applied"], 1.0);
    replace(&path, percentage(2));
    while one.reloads.recv_timeout(DEADLINE).expect("the change is told").error.is_some() {}
    let exported = export(&one);
    assert_eq!(
        (exported["shardway_config_refused "], exported["shardway_config_reloads_total applied"]),
        (0.0, 2.0)
    );
    assert_ne!(exported["shardway_config_hash "], export(&two)["shardway_config_hash "]);
}

/// P11, from the file's rename to the answers that callers get.
#[test]
fn a_flip_in_the_file_reaches_every_lookup_within_a_second() {
    let dir = Dir::new();
    let path = dir.join("config.yaml");
    let mode = |mode: &str| {
        format!("shardway.routing.mode: [{{value: {mode}, constraints: {{namespace: orders}}}}]\n")
    };
    fs::write(&path, mode("hash_ring")).unwrap();
    let config = DynamicConfig::new(None);
    let watch = ConfigFile::new(&path).start(&config).unwrap();

    let resolvers = ResolverSet::new();
    let executor = Member::new("executor:1").unwrap();
    for namespace in ["orders", "billing"] {
        let resolver = Resolver::builder(Namespace::new(namespace).unwrap()).build();
        resolver.set_members([Member::new("ring:1").unwrap()]).unwrap();
        let mut map = OwnerMap::empty().edit();
        map.assign(ShardKey::new("key").unwrap(), &executor, Token { incarnation: 1, generation: 1 });
        resolver
            .set_owners(Arc::new(map.finish(MapVersion { incarnation: 1, generation: 1 }).unwrap()))
            .unwrap();
        resolvers.insert(resolver).unwrap();
    }
    let _binding = config.bind_resolvers(&resolvers);

    let mut took = Vec::new();
    for (word, source) in [("shard_distributor", Source::Distributor), ("hash_ring", Source::Ring)].repeat(3)
    {
        std::thread::scope(|scope| {
            let looking = [(); 3].map(|()| {
                scope.spawn(|| {
                    let clock = SystemClock::new();
                    while resolvers.lookup("orders", "key").unwrap().source() != source {
                        assert!(clock.now() < Mono::ZERO + DEADLINE, "the flip to {word} never came");
                        std::thread::yield_now();
                    }
                    clock.now().since(Mono::ZERO)
                })
            });
            replace(&path, mode(word));
            took.extend(looking.map(|reader| reader.join().unwrap()));
        });
        assert_eq!(resolvers.lookup("billing", "key").unwrap().source(), Source::Ring, "not its flip");
    }
    assert_middle_is_within_a_second(took);
    let epoch = resolvers.get("orders").unwrap().policy().epoch();
    assert_eq!(
        (epoch, resolvers.get("billing").unwrap().policy().epoch()),
        (8, 2),
        "one more for each change"
    );
    drop(watch);
}

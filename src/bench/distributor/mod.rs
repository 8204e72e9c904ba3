//! `shardway bench distributor`: what a distributor does for executors and routers, over real sockets.

mod executor;
mod ledger;
mod replica;
mod watch;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use executor::Executor;
use ledger::Ledger;
pub use replica::Failure;
use replica::Replica;
use tonic::transport::Channel;
use watch::{Watcher, read_all};

use super::measure::{Goal, Measure, Report};
use crate::{
    clock::Clock,
    engine::{Kind, NamespaceConfig},
    plan::Placement,
    store::{Keys, Store},
    types::{NameError, Namespace, Token},
};

/// What is measured, in the order in which it is shown, over a store in a folder.
pub const MEASURES: &[Measure] = &measures(100.0);
/// The same over etcd, where a commit takes longer.
pub const MEASURES_OVER_ETCD: &[Measure] = &measures(250.0);

/// Executors that join a running namespace, one after the other; each takes as many shards as the others have then. With
/// fewer who are there before, most shards would have been moved a moment ago, and would have to stay for a while.
const JOINS: u32 = 100;
const BEFORE_JOINS: u32 = 100;
/// Shards of the namespaces in which executors join, are drained, and crash.
const SHARDS: u32 = 2000;
/// Lease of the namespace in which one crashes.
const SHORT_LEASE: Duration = Duration::from_secs(1);
/// Of a namespace that spreads its shards evenly.
const EVEN_EXECUTORS: u32 = 500;
const EVEN_SHARDS: u32 = 10_000;
/// How long it may take to come to rest.
const SETTLES_WITHIN: Duration = Duration::from_secs(60);
/// Who watches one shard move.
const WATCHERS: usize = 1000;
const WATCHED: [u32; 3] = [1_000, 100_000, 1_000_000];
/// Streams that share a connection.
const PER_CHANNEL: usize = 100;
const PARTS: usize = 4 + WATCHED.len();

const fn measures(join: f64) -> [Measure; 7] {
    [
        at_most(
            "join_p99_ms",
            "an executor joins: until its first shard is in its hands, milliseconds",
            join,
        ),
        at_most(
            "drain_gap_ms",
            "an executor with 1,000 shards is drained: the longest without a holder",
            100.0,
        ),
        // TTL(1+rho)/(1-rho) + 500 ms, with rho at 1 %.
        at_most("crash_ms", "an executor crashes: until others have its shards, with a lease of 1 s", 1520.3),
        at_most("even_spread", "500 executors, 10,000 shards: most minus fewest shards at rest", 1.0),
        at_most(
            "watch_ratio",
            "one shard moves: most over fewest bytes of 1,000 watchers, 1e3 to 1e6 shards",
            1.1,
        ),
        at_most(
            "bystander_ms",
            "the largest namespace is placed: the longest that others wait to be heard",
            100.0,
        ),
        at_most("lost_shards", "shards that nobody holds in the end", 0.0),
    ]
}

/// Where to measure.
pub struct Surroundings {
    /// To store in; nothing else is below `keys`.
    pub store: Arc<dyn Store>,
    /// Below which root.
    pub keys: Keys,
    /// What the replica and the executors go by.
    pub clock: Arc<dyn Clock>,
    /// Shards of the largest namespace that is watched.
    pub most_watched: u32,
}

/// Measures all. `progress` is told before each part: its number, how many there are, and what comes.
pub async fn run(
    surroundings: Surroundings,
    progress: &mut dyn FnMut(usize, usize, &str),
) -> Result<Report, Failure> {
    let Surroundings { store, keys, clock, most_watched } = surroundings;
    let mut report = Report::new(if store.kind() == "etcd" { MEASURES_OVER_ETCD } else { MEASURES });
    let sizes: Vec<u32> = WATCHED.into_iter().filter(|size| *size <= most_watched).collect();
    let fixed = |shards| NamespaceConfig {
        gather: Duration::from_millis(500),
        ..NamespaceConfig::new(Kind::Fixed { shards })
    };
    let short = NamespaceConfig { lease: SHORT_LEASE, beat_every: SHORT_LEASE / 5, ..fixed(SHARDS) };
    let mut even = fixed(EVEN_SHARDS);
    even.plan.placement = Placement::Even;
    let mut namespaces = vec![
        (namespace("join")?, Arc::new(fixed(SHARDS))),
        (namespace("drain")?, Arc::new(fixed(SHARDS))),
        (namespace("crash")?, Arc::new(short)),
        (namespace("even")?, Arc::new(even)),
    ];
    for size in &sizes {
        namespaces.push((namespace(&format!("watch-{size}"))?, Arc::new(fixed(*size))));
    }
    let replica = Replica::start(store, keys, clock.clone(), namespaces).await?;
    let mut bench = Bench { replica, clock, report: &mut report, last_executor: 0, lost: 0 };
    progress(1, PARTS, "executors join");
    bench.join(&namespace("join")?).await?;
    progress(2, PARTS, "one is drained");
    bench.drain(&namespace("drain")?).await?;
    progress(3, PARTS, "one crashes");
    bench.crash(&namespace("crash")?).await?;
    progress(4, PARTS, "many share evenly");
    bench.even(&namespace("even")?).await?;
    let (mut fewest, mut most) = (usize::MAX, 0);
    for (number, size) in sizes.into_iter().enumerate() {
        progress(5 + number, PARTS, &format!("{WATCHERS} watch {size} shards"));
        let bytes = bench.watch(&namespace(&format!("watch-{size}"))?, size).await?;
        (fewest, most) = (fewest.min(bytes.0), most.max(bytes.1));
    }
    bench.report.set("watch_ratio", most as f64 / fewest as f64);
    bench.report.set("lost_shards", f64::from(bench.lost));
    bench.replica.stop().await;
    Ok(report)
}

struct Bench<'a> {
    replica: Replica,
    clock: Arc<dyn Clock>,
    report: &'a mut Report,
    last_executor: u32,
    lost: u32,
}

impl Bench<'_> {
    async fn join(&mut self, namespace: &Namespace) -> Result<(), Failure> {
        let ledger = Ledger::new(self.clock.clone());
        let mut fleet = self.fleet(namespace, &ledger, BEFORE_JOINS, SHARDS).await?;
        let channel = self.replica.connect().await?;
        let mut times = Vec::new();
        for _ in 0..JOINS {
            let begun = self.clock.now();
            let (number, executor) = self.executor(namespace, &channel, &ledger)?;
            fleet.push(executor);
            ledger.until(|counts, _| counts.get(&number).is_some_and(|count| *count > 0)).await;
            times.push(self.clock.now().since(begun));
        }
        self.settle(namespace, &ledger, SHARDS).await?;
        times.sort_unstable();
        self.report.set("join_p99_ms", millis(times[times.len() * 99 / 100]));
        self.report.explain("joining", "p50_ms", millis(times[times.len() / 2]));
        self.report.explain("joining", "max_ms", times.last().map_or(0.0, |time| millis(*time)));
        self.report.explain("joining", "gap_max_ms", longest(&ledger.take_gaps()));
        Ok(())
    }

    async fn drain(&mut self, namespace: &Namespace) -> Result<(), Failure> {
        let ledger = Ledger::new(self.clock.clone());
        let first = self.last_executor + 1;
        let fleet = self.fleet(namespace, &ledger, 2, SHARDS).await?;
        let (held, begun) = (ledger.counts()[&first], self.clock.now());
        ledger.take_gaps();
        fleet[0].drain().await;
        ledger.until(|counts, _| counts[&first] == 0).await;
        self.settle(namespace, &ledger, SHARDS).await?;
        let gaps = ledger.take_gaps();
        self.report.set("drain_gap_ms", longest(&gaps));
        self.report.explain("draining", "shards", held);
        self.report.explain("draining", "moved", gaps.len());
        let took = ledger.last_start().map_or(Duration::ZERO, |last| last.since(begun));
        self.report.explain("draining", "all_ms", millis(took));
        Ok(())
    }

    async fn crash(&mut self, namespace: &Namespace) -> Result<(), Failure> {
        let ledger = Ledger::new(self.clock.clone());
        let first = self.last_executor + 1;
        let mut fleet = self.fleet(namespace, &ledger, 5, SHARDS).await?;
        let (held, begun) = (ledger.counts()[&first], self.clock.now());
        drop(fleet.remove(0));
        ledger.until(|counts, _| counts[&first] == 0).await;
        let took = self.clock.now().since(begun);
        self.settle(namespace, &ledger, SHARDS).await?;
        self.report.set("crash_ms", millis(took));
        self.report.explain("crashing", "shards", held);
        Ok(())
    }

    async fn even(&mut self, namespace: &Namespace) -> Result<(), Failure> {
        let ledger = Ledger::new(self.clock.clone());
        let begun = self.clock.now();
        let fleet = self.fleet(namespace, &ledger, EVEN_EXECUTORS, EVEN_SHARDS).await?;
        let spread = |counts: &BTreeMap<u32, usize>| {
            let (fewest, most) = (counts.values().min(), counts.values().max());
            let fewest = if counts.len() < EVEN_EXECUTORS as usize { &0 } else { fewest.unwrap_or(&0) };
            most.unwrap_or(&0) - fewest
        };
        let even = ledger.until(|counts, held| held == EVEN_SHARDS as usize && spread(counts) <= 1);
        let _ = tokio::time::timeout(SETTLES_WITHIN, even).await;
        self.report.set("even_spread", spread(&ledger.counts()) as f64);
        let took = ledger.last_start().map_or(Duration::ZERO, |last| last.since(begun));
        self.report.explain("spreading", "all_ms", millis(took));
        drop(fleet);
        Ok(())
    }

    /// The fewest and the most bytes that a watcher was sent.
    async fn watch(&mut self, namespace: &Namespace, shards: u32) -> Result<(usize, usize), Failure> {
        let ledger = Ledger::new(self.clock.clone());
        let first = self.last_executor + 1;
        let begun = self.clock.now();
        let bystander = self.replica.bystander(&self::namespace("join")?, self.clock.clone());
        let _fleet = self.fleet(namespace, &ledger, 2, shards).await?;
        let waited = bystander.leave();
        let placed = ledger.last_start().map_or(Duration::ZERO, |last| last.since(begun));
        let version = self.replica.at_rest(namespace).await?;
        let mut watchers = Vec::new();
        for _ in 0..WATCHERS.div_ceil(PER_CHANNEL) {
            let channel = self.replica.connect().await?;
            for _ in 0..PER_CHANNEL {
                watchers.push(Watcher::open(channel.clone(), namespace, watchers.len(), version).await?);
            }
        }
        // The same number of digits at all sizes.
        let shard = "777";
        let above = Token { incarnation: version.incarnation, generation: version.generation };
        let to = if ledger.holder(shard) == Some(first) { first + 1 } else { first };
        let begun = self.clock.now();
        let (read, moved) =
            tokio::join!(read_all(watchers, shard, above), self.replica.hand_over(namespace, shard, to));
        moved?;
        let bytes = read?;
        let group = match shards {
            1_000 => "1e3 shards watched",
            100_000 => "1e5 shards watched",
            _ => "1e6 shards watched",
        };
        self.report.explain(group, "fewest_bytes", bytes.0);
        self.report.explain(group, "most_bytes", bytes.1);
        self.report.explain(group, "all_know_ms", millis(self.clock.now().since(begun)));
        self.report.explain(group, "first_placement_ms", millis(placed));
        self.report.explain(group, "bystander_ms", millis(waited));
        // The last namespace is the largest.
        self.report.set("bystander_ms", millis(waited));
        Ok(bytes)
    }

    /// So many executors, who have all shards.
    async fn fleet(
        &mut self,
        namespace: &Namespace,
        ledger: &Arc<Ledger>,
        executors: u32,
        shards: u32,
    ) -> Result<Vec<Executor>, Failure> {
        self.replica.until_led(namespace).await?;
        let (mut fleet, mut channel) = (Vec::new(), self.replica.connect().await?);
        for number in 1..=executors {
            if (number as usize).is_multiple_of(PER_CHANNEL) {
                channel = self.replica.connect().await?;
            }
            fleet.push(self.executor(namespace, &channel, ledger)?.1);
        }
        ledger.until(|_, held| held == shards as usize).await;
        self.replica.at_rest(namespace).await?;
        Ok(fleet)
    }

    fn executor(
        &mut self,
        namespace: &Namespace,
        channel: &Channel,
        ledger: &Arc<Ledger>,
    ) -> Result<(u32, Executor), NameError> {
        self.last_executor += 1;
        let (number, clock) = (self.last_executor, self.clock.clone());
        let executor = Executor::start(number, namespace.clone(), channel.clone(), ledger.clone(), clock)?;
        Ok((number, executor))
    }

    /// Waits until nothing moves any more, and counts what nobody has then.
    async fn settle(&mut self, namespace: &Namespace, ledger: &Ledger, shards: u32) -> Result<(), Failure> {
        let all = ledger.until(|_, held| held == shards as usize);
        let _ = tokio::time::timeout(SETTLES_WITHIN, all).await;
        self.replica.at_rest(namespace).await?;
        let held: usize = ledger.counts().values().sum();
        self.lost += shards.saturating_sub(u32::try_from(held).unwrap_or(u32::MAX));
        Ok(())
    }
}

fn namespace(name: &str) -> Result<Namespace, NameError> {
    Namespace::new(name)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn longest(gaps: &[Duration]) -> f64 {
    gaps.iter().max().map_or(0.0, |gap| millis(*gap))
}

const fn at_most(key: &'static str, what: &'static str, limit: f64) -> Measure {
    Measure { key, what, goal: Goal::AtMost(limit) }
}

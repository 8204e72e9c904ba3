//! Namespaces have nothing in common that one could take from another.

use std::{sync::Arc, time::Duration};

use tokio::sync::oneshot;

use super::task::LARGE;
use crate::{
    clock::BootClock,
    election::ElectionConfig,
    engine::{Answer, Kind, NamespaceConfig, Request, RequestError},
    replica::ReplicaConfig,
    server::{Host, HostConfig, Line, Rings},
    session::{Beat, By, Profile, Register, ToExecutor, ToLeader},
    store::{Keys, MemoryStore},
    types::{ExecutorId, Mono, Namespace, SessionId, ShardKey, Version},
};

/// Longer than anything here takes on a machine that does something else besides.
const DEADLINE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(5);
const LEADER_LEASE: Duration = Duration::from_secs(1);

fn namespace(name: &str) -> Namespace {
    Namespace::new(name).unwrap()
}

/// A replica that leads these, if no other does.
fn start(store: &Arc<MemoryStore>, number: u64, namespaces: &[(&str, usize)]) -> Host {
    let of = |(name, shards): &(&str, usize)| {
        let shards = u32::try_from(*shards).unwrap();
        let config = NamespaceConfig {
            gather: Duration::from_millis(50),
            round_every: Duration::from_millis(50),
            ..NamespaceConfig::new(Kind::Fixed { shards })
        };
        (namespace(name), Arc::new(config))
    };
    let config = HostConfig {
        name: format!("r{number}"),
        address: format!("nowhere:{number}"),
        keys: Keys::default(),
        election: ElectionConfig::default().with_lease(LEADER_LEASE).unwrap(),
        replica: ReplicaConfig::default(),
        session: number + 1,
        namespaces: namespaces.iter().map(of).collect(),
        rings: Rings::default(),
    };
    Host::start(store.clone(), Arc::new(BootClock::new()), config).unwrap()
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    assert!(tokio::time::timeout(DEADLINE, waiting).await.is_ok(), "{what}");
}

async fn until_run(host: &Host, name: &str) {
    let of = namespace(name);
    until("it is run", async || host.desk().look_in(&of, |_, _| ()).await.unwrap().is_some()).await;
}

/// An executor of whom no more is seen than what it is told.
struct Executor {
    line: Line,
    session: SessionId,
}

impl Executor {
    async fn join(host: &Host, name: &str, number: u64) -> Self {
        let mut line = host.desk().line(&namespace(name)).await.unwrap();
        let register = Register {
            executor: ExecutorId::new(format!("e{number}")).unwrap(),
            nonce: number,
            attempt: 1,
            profile: Arc::new(Profile::default()),
            seen: Version::default(),
            by: By::Request,
        };
        line.say(ToLeader::Register(register)).unwrap();
        loop {
            if let ToExecutor::Registered { session, .. } = told(&mut line).await {
                return Self { line, session };
            }
        }
    }

    /// Beats, and waits until it is acknowledged.
    async fn beat(&mut self) {
        let beat = Beat {
            session: self.session,
            seq: 1,
            applied: Version::default(),
            seen: Version::default(),
            draining: false,
            loads: Vec::new(),
            released: Vec::new(),
            done: Vec::new(),
        };
        self.line.say(ToLeader::Beat(beat)).unwrap();
        while !matches!(told(&mut self.line).await, ToExecutor::Acknowledged { seq: 1, .. }) {}
    }
}

async fn told(line: &mut Line) -> ToExecutor {
    tokio::time::timeout(DEADLINE, line.next()).await.expect("it is told something").expect("it is led here")
}

fn owned(host: &Host, name: &str) -> usize {
    let room = host.rooms().get(&namespace(name)).unwrap();
    room.read(|state| state.map_or(0, |state| state.sessions().map(|record| state.owned_by(record.id)).sum()))
}

/// The runtime has one thread: whoever held it would keep everybody waiting.
#[tokio::test]
async fn whatever_a_large_namespace_does_others_are_served_meanwhile() {
    let host = start(&Arc::new(MemoryStore::new()), 0, &[("large", LARGE), ("small", 4)]);
    until_run(&host, "large").await;
    until_run(&host, "small").await;
    let (desk, large, small) = (host.desk().clone(), namespace("large"), namespace("small"));
    let (busy, is_busy) = oneshot::channel();
    let (release, released) = std::sync::mpsc::channel();
    let works = move |_, _: &_| {
        busy.send(()).unwrap();
        // So that a failure is told, and does not hang.
        released.recv_timeout(DEADLINE).is_ok()
    };
    let long = tokio::spawn({
        let (desk, large) = (desk.clone(), large.clone());
        async move { desk.look_in(&large, works).await }
    });
    is_busy.await.unwrap();

    // The replica's own lease is renewed all the while.
    let until_then = host.rooms().current_until() + LEADER_LEASE;
    let mut executor = Executor::join(&host, "small", 1).await;
    Executor::join(&host, "small", 2).await;
    executor.beat().await;
    until("all shards are assigned", async || owned(&host, "small") == 4).await;
    let pin = Request::Pin(ShardKey::new("0").unwrap(), Some(ExecutorId::new("e2").unwrap()));
    assert!(matches!(desk.ask(&small, pin).await, Ok(Ok(Answer::Done(_)))));
    until("its lease is renewed", async || host.rooms().current_until() > until_then).await;
    for of in [&large, &small] {
        assert!(desk.leader(of).await.unwrap().is_some_and(|leader| leader.is_here), "{of}");
        assert!(desk.standing(of).await.unwrap().is_led_here, "{of}");
    }
    release.send(()).expect("it has waited all the while");
    assert_eq!(long.await.unwrap(), Ok(Some(true)));
    until_run(&host, "large").await;
}

#[tokio::test]
async fn what_waits_for_a_busy_namespace_is_bounded() {
    let host = start(&Arc::new(MemoryStore::new()), 0, &[("large", LARGE)]);
    until_run(&host, "large").await;
    let (desk, large) = (host.desk().clone(), namespace("large"));
    let (busy, is_busy) = oneshot::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let long = tokio::spawn({
        let (desk, large) = (desk.clone(), large.clone());
        let works = move |_, _: &_| {
            busy.send(()).unwrap();
            let _ = released.recv_timeout(DEADLINE);
        };
        async move { desk.look_in(&large, works).await }
    });
    is_busy.await.unwrap();
    let version = Version { incarnation: 1, generation: 1 };
    let said = (0..100_000).take_while(|_| desk.seen(&large, version).is_ok()).count();
    assert!((1_000..100_000).contains(&said), "{said}");
    assert_eq!(desk.ask(&large, Request::Reset).await, Err(crate::server::DeskError::Busy));
    release.send(()).unwrap();
    long.await.unwrap().unwrap();
    until("it hears again", async || desk.seen(&large, version).is_ok()).await;
}

#[tokio::test]
async fn a_mistake_in_one_namespace_ends_that_one_alone() {
    for shards in [4, LARGE] {
        let store = Arc::new(MemoryStore::new());
        let host = start(&store, 0, &[("fragile", shards), ("sound", 4)]);
        until_run(&host, "fragile").await;
        until_run(&host, "sound").await;
        let (desk, fragile) = (host.desk(), namespace("fragile"));
        let mut connected = Executor::join(&host, "fragile", 1).await;
        let mut other = Executor::join(&host, "sound", 2).await;
        let fails = |now, _: &_| assert_eq!(now, Mono::ZERO, "as is meant to be");
        assert_eq!(desk.look_in(&fragile, fails).await, Ok(None));
        // It is led no more, and said so to everybody who is or was connected.
        let cut = async { while connected.line.next().await.is_some() {} };
        assert!(tokio::time::timeout(DEADLINE, cut).await.is_ok());
        let is_led = async || desk.standing(&fragile).await.unwrap().is_led_here;
        until("it is given up", async || !is_led().await).await;
        assert_eq!(desk.ask(&fragile, Request::Reset).await, Ok(Err(RequestError::NotLeading)));
        assert!(desk.line(&fragile).await.is_err());
        let of = fragile.clone();
        let wrong = desk.look(move |sight| sight.shown(&of).unwrap().wrong()).await.unwrap();
        assert!(wrong.is_some_and(|wrong| wrong.contains("a mistake in the program")));
        other.beat().await;
        // It is looked at here, and led by another replica.
        let room = host.rooms().get(&fragile).unwrap();
        until("it is known here", async || room.versions().borrow().is_some()).await;
        let next = start(&store, 1, &[]);
        until_run(&next, "fragile").await;
        let joined = Executor::join(&next, "fragile", 3).await;
        until("commits are heard of", async || {
            room.read(|state| state.is_some_and(|state| state.session_record(joined.session).is_some()))
        })
        .await;
        let leader = desk.leader(&fragile).await.unwrap().expect("who asks here is sent there");
        assert_eq!((leader.is_here, &*leader.replica), (false, "r1"));
        host.leave(DEADLINE).await;
    }
}

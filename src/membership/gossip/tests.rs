//! Fleets of real sockets on the loopback device. Times and bounds are the business of the fleet's own tests, which
//! have a clock of their own; these show that the parts are put together.

use std::net::{IpAddr, Ipv4Addr};

use super::{
    super::listener::{Listener, wait_until},
    *,
};

const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn fast() -> GossipTiming {
    let ms = Duration::from_millis;
    GossipTiming {
        probe_every: ms(100),
        probe_timeout: ms(40),
        suspect_for: ms(300),
        spread_every: ms(20),
        compare_every: ms(500),
        join_every: ms(50),
        join_patience: ms(500),
        forget_after: Duration::from_secs(60),
    }
}

struct Process {
    source: GossipMembers,
    listener: Arc<Listener>,
}

impl Process {
    fn new(name: &str, bind: SocketAddr, seeds: &[SocketAddr]) -> Self {
        Self::of_cluster("test", name, bind, seeds)
    }

    fn of_cluster(cluster: &str, name: &str, bind: SocketAddr, seeds: &[SocketAddr]) -> Self {
        let source = GossipMembers::new(cluster, Member::new(name).unwrap(), bind)
            .and_then(|source| source.with_timing(fast()))
            .and_then(|source| source.with_seeds(seeds.iter().map(ToString::to_string)))
            .unwrap();
        Self { source, listener: Listener::new() }
    }

    fn started(name: &str, bind: SocketAddr, seeds: &[SocketAddr]) -> Self {
        let process = Self::new(name, bind, seeds);
        process.source.start(process.listener.clone()).unwrap();
        process
    }

    fn at(&self) -> SocketAddr {
        self.source.local_address().expect("it was started")
    }
}

fn fleet(names: &[&str]) -> Vec<Process> {
    let first = Process::started(names[0], LOOPBACK, &[]);
    let seeds = [first.at()];
    let others = names[1..].iter().map(|name| Process::started(name, LOOPBACK, &seeds));
    let fleet: Vec<Process> = std::iter::once(first).chain(others).collect();
    fleet.iter().for_each(|process| process.listener.wait_last_members(names));
    fleet
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_finds_together_and_each_brings_its_member() {
    let first = Process::started("first:1", LOOPBACK, &[]);
    let member =
        Member::new("second:1").unwrap().with_identity("matching-2").unwrap().with_weight(7).unwrap();
    let member = member.with_port("grpc", 7833).unwrap();
    let second = GossipMembers::new("test", member.clone(), LOOPBACK).unwrap().with_timing(fast()).unwrap();
    let unknown = format!("{}:1", "no-such-name-because-it-is-too-long".repeat(2));
    let second = second.with_seeds([first.at().to_string(), unknown]).unwrap();
    let listener = Listener::new();
    second.start(listener.clone()).unwrap();
    listener.wait_last_members(&["first:1", "second:1"]);
    first.listener.wait_last_members(&["first:1", "second:1"]);
    assert!(first.listener.last_members().contains(&member), "{:?}", first.listener.last_members());
    assert!(first.source.counts().heard > 0 && second.counts().sent > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_leaves_one_dies_and_one_comes_back() {
    let mut fleet = fleet(&["a:1", "b:1", "c:1", "d:1"]);
    let leaver = fleet.pop().unwrap();
    leaver.source.leave();
    // The process ends right after: what it had to say is said.
    drop(leaver);
    fleet.iter().for_each(|process| process.listener.wait_last_members(&["a:1", "b:1", "c:1"]));

    let dead = fleet.pop().unwrap();
    let (address, seeds) = (dead.at(), [fleet[0].at()]);
    drop(dead);
    fleet.iter().for_each(|process| process.listener.wait_last_members(&["a:1", "b:1"]));

    // Its task may hold on to the socket for a moment.
    let back = Process::new("c:1", address, &seeds);
    wait_until("the address is free", || back.source.start(back.listener.clone()).is_ok()).await;
    fleet.push(back);
    fleet.iter().for_each(|process| process.listener.wait_last_members(&["a:1", "b:1", "c:1"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn start_and_stop_may_be_repeated() {
    let fleet = fleet(&["a:1", "b:1"]);
    let b = &fleet[1];
    let address = b.at();
    b.source.start(Listener::new()).unwrap();
    b.source.stop();
    b.source.stop();
    fleet[0].listener.wait_last_members(&["a:1"]);
    let listener = Listener::new();
    b.source.start(listener.clone()).unwrap();
    listener.wait_last_members(&["a:1", "b:1"]);
    fleet[0].listener.wait_last_members(&["a:1", "b:1"]);
    assert_eq!(b.at(), address, "it kept its socket");
    b.source.leave();
    b.source.stop();
    b.source.leave();
    b.source.start(listener.clone()).unwrap();
    fleet[0].listener.wait_last_members(&["a:1", "b:1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_noise_are_ignored_and_counted() {
    let fleet = fleet(&["a:1", "b:1"]);
    let stranger = Process::of_cluster("staging", "s:1", LOOPBACK, &[fleet[0].at()]);
    stranger.source.start(stranger.listener.clone()).unwrap();
    let at = stranger.listener.wait_members(0, &["s:1"]);
    stranger.listener.wait_failed(at - 1, "unreachable");
    assert!(
        stranger.listener.last_failure().contains("none answers"),
        "{}",
        stranger.listener.last_failure()
    );

    let noise = UdpSocket::bind(LOOPBACK).unwrap();
    let malformed = seal("test", Kind::Protocol, b"noise");
    for datagram in [&[][..], b"noise", &[0; 9000], &malformed] {
        noise.send_to(datagram, fleet[0].at()).unwrap();
    }
    let expected =
        |counts: GossipCounts| counts.foreign >= 3 && counts.malformed >= 1 && counts.other_cluster >= 1;
    wait_until("all of it is counted", || expected(fleet[0].source.counts())).await;
    fleet.iter().for_each(|process| process.listener.wait_last_members(&["a:1", "b:1"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_work_is_refused() {
    let me = || Member::new("a:1").unwrap();
    let new = |cluster: &str, me| GossipMembers::new(cluster, me, LOOPBACK);
    assert!(matches!(new("", me()), Err(GossipError::Cluster(_))));
    assert!(matches!(new("two words", me()), Err(GossipError::Cluster(_))));
    assert!(matches!(new(&"c".repeat(65), me()), Err(GossipError::Cluster(_))));
    let large = Member::new("a".repeat(256)).unwrap().with_identity("b".repeat(256)).unwrap();
    let large = (0..9).fold(large, |member, i| member.with_port(format!("port-{i}"), i).unwrap());
    let refused = new("test", large).unwrap_err().to_string();
    assert!(refused.starts_with("a member may take 600 bytes in a datagram, this one takes 6"), "{refused}");
    let seeds = (0..65).map(|i| format!("seed-{i}:1"));
    assert_eq!(new("test", me()).unwrap().with_seeds(seeds).unwrap_err(), GossipError::TooManySeeds);
    for seed in ["", "matching", ":7946", "matching:", "matching:port", "matching:0"] {
        let refused = new("test", me()).unwrap().with_seeds([seed.to_owned()]).unwrap_err().to_string();
        let expected = format!("seed \"{seed}\" must be a host and a port, such as matching.svc:7946");
        assert_eq!(refused, expected);
    }
    let unspecified = "0.0.0.0:7946".parse().unwrap();
    assert!(new("test", me()).unwrap().with_advertised(unspecified).is_err());
    let slow = GossipTiming { probe_timeout: Duration::from_millis(500), ..GossipTiming::default() };
    let refused = new("test", me()).unwrap().with_timing(slow).unwrap_err().to_string();
    assert!(refused.starts_with("probe_timeout must be less than half of probe_every"), "{refused}");

    let everywhere = GossipMembers::new("test", me(), "0.0.0.0:0".parse().unwrap()).unwrap();
    let refused = everywhere.start(Listener::new()).unwrap_err().to_string();
    assert!(refused.ends_with("advertise an address of this machine"), "{refused}");
    let taken = Process::started("a:1", LOOPBACK, &[]);
    let second = Process::new("b:1", taken.at(), &[]);
    assert_eq!(second.source.start(second.listener.clone()).unwrap_err().label(), "unreachable");
}

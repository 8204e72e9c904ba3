#[cfg(feature = "dns")]
use super::server::{Answer, Server};
use super::{super::listener::Listener, *};

const REFRESH: Duration = Duration::from_millis(20);

#[tokio::test(flavor = "multi_thread")]
async fn the_system_is_asked_for_addresses() {
    // An address is its own answer, whatever the machine's resolver is set to.
    for (name, member) in [("127.0.0.7:80", "127.0.0.7:80"), ("[::7]:80", "[::7]:80")] {
        let source = DnsMembers::addresses(name).unwrap().with_refresh(REFRESH);
        let listener = Listener::new();
        source.start(listener.clone()).unwrap();
        let at = listener.wait_members(0, &[member]);
        listener.wait_members(at, &[member]);
    }
}

#[test]
fn it_needs_a_runtime() {
    let source = DnsMembers::addresses("localhost:80").unwrap();
    let error = source.start(Listener::new()).unwrap_err();
    assert_eq!(error.to_string(), "members from dns need a tokio runtime: call start from within one");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { source.start(Listener::new()) }).unwrap();
    source.start(Listener::new()).expect("what runs already needs no other runtime");
}

#[test]
fn names_are_checked() {
    for bad in [
        "",
        "host",
        "host:",
        "host:port",
        "host:99999",
        ":80",
        "ho st:80",
        "[]:80",
        &format!("{}:80", "a".repeat(254)),
    ] {
        assert!(DnsMembers::addresses(bad).is_err(), "{bad:?} must be refused");
    }
    let refused = DnsMembers::addresses("matching").unwrap_err().to_string();
    assert_eq!(
        refused,
        "name to ask DNS for \"matching\" must be a host and a port, such as matching.svc:7933"
    );
}

#[cfg(feature = "dns")]
fn asking(server: &Server, source: DnsMembers) -> DnsMembers {
    let source = source.with_name_server(server.address()).with_refresh(REFRESH).with_seed(1);
    DnsMembers { timeout: Duration::from_millis(500), ..source }
}

#[cfg(feature = "dns")]
#[tokio::test(flavor = "multi_thread")]
async fn the_last_good_list_outlives_every_kind_of_failure() {
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    let server = Server::answering(Answer::Addresses(vec![ip("10.0.0.2"), ip("fd00::1"), ip("10.0.0.1")]));
    let source = asking(&server, DnsMembers::addresses("fleet.test:80").unwrap());
    let listener = Listener::new();
    source.start(listener.clone()).unwrap();
    let all = ["10.0.0.1:80", "10.0.0.2:80", "[fd00::1]:80"];
    let at = listener.wait_members(0, &all);
    let mut at = listener.wait_members(at, &all);
    for (answer, failure, words) in [
        (Answer::Failure, "unreachable", "cannot read members from DNS name fleet.test: "),
        (Answer::UnknownName, "empty", "DNS name fleet.test names no member"),
        (Answer::Addresses(vec![]), "empty", "DNS name fleet.test names no member"),
        (
            Answer::Silence,
            "unreachable",
            "cannot read members from DNS name fleet.test: no answer within 500ms",
        ),
    ] {
        server.answer(answer.clone());
        at = listener.wait_failed(at, failure);
        assert!(listener.last_failure().starts_with(words), "{answer:?}: {}", listener.last_failure());
        let next = listener.wait_failed(at, failure);
        assert_eq!(next, at + 1, "{answer:?} is told each time, and nothing else");
        at = next;
    }
    server.answer(Answer::Addresses(vec![ip("10.0.0.3"), ip("10.0.0.3")]));
    listener.wait_members(at, &["10.0.0.3:80"]);
}

#[cfg(feature = "dns")]
#[tokio::test(flavor = "multi_thread")]
async fn one_family_of_addresses_may_be_chosen() {
    let addresses = ["10.0.0.1", "fd00::1"].map(|ip| ip.parse().unwrap());
    let server = Server::answering(Answer::Addresses(addresses.to_vec()));
    for (family, member) in [(AddressFamily::V4, "10.0.0.1:80"), (AddressFamily::V6, "[fd00::1]:80")] {
        let source = asking(&server, DnsMembers::addresses("fleet.test:80").unwrap()).with_family(family);
        let listener = Listener::new();
        source.start(listener.clone()).unwrap();
        listener.wait_members(0, &[member]);
    }
}

#[cfg(feature = "dns")]
#[tokio::test(flavor = "multi_thread")]
async fn services_are_members_by_name() {
    let server = Server::answering(Answer::Services(vec![
        (10, 0, 7933, "Matching-1.Fleet.test"),
        (10, 300, 7933, "matching-0.fleet.test"),
        (10, 300, 7933, "matching-0.fleet.test"),
        (10, 65535, 7934, "matching-0.fleet.test"),
        (20, 1, 7933, "standby.fleet.test"),
    ]));
    let listener = Listener::new();
    let source = asking(&server, DnsMembers::services("_grpc._tcp.fleet.test").unwrap());
    source.start(listener.clone()).unwrap();
    let expected = ["matching-0.fleet.test:7933", "matching-0.fleet.test:7934", "matching-1.fleet.test:7933"];
    let at = listener.wait_members(0, &expected);
    assert!(listener.last_members().iter().all(|member| member.weight() == 1));
    server.answer(Answer::Services(vec![(0, 0, 0, ".")]));
    listener.wait_failed(at, "empty");
    drop(source);

    server.answer(Answer::Services(vec![(0, 0, 1, "a.test"), (0, 7, 1, "b.test"), (0, 65535, 1, "c.test")]));
    let source = asking(&server, DnsMembers::services("fleet.test").unwrap()).with_weights(true);
    source.start(listener.clone()).unwrap();
    listener.wait_members(at, &["a.test:1", "b.test:1", "c.test:1"]);
    let weights: Vec<u16> = listener.last_members().iter().map(Member::weight).collect();
    assert_eq!(weights, [1, 7, 1000]);
}

#[cfg(feature = "dns")]
#[tokio::test(flavor = "multi_thread")]
async fn start_and_stop_may_be_repeated() {
    let server = Server::answering(Answer::Addresses(vec!["10.0.0.1".parse().unwrap()]));
    let source = asking(&server, DnsMembers::addresses("fleet.test:80").unwrap());
    let (first, second) = (Listener::new(), Listener::new());
    source.stop();
    source.start(first.clone()).unwrap();
    source.start(second.clone()).unwrap();
    let at = first.wait_members(0, &["10.0.0.1:80"]);
    source.stop();
    let told = first.told(0).len();
    source.start(second.clone()).unwrap();
    let seen = second.wait_members(0, &["10.0.0.1:80"]);
    second.wait_members(seen, &["10.0.0.1:80"]);
    assert!(first.told(0).len() <= told + 1 && told >= at, "at most the delivery under way came after stop");
}

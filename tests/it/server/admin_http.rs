//! The admin port: what it tells, and whom it refuses.

use std::{collections::BTreeSet, sync::Arc};

use shardway::{
    proto::v1::wire::{
        GetNamespaceRequest, Register, SessionRequest, admin_client::AdminClient,
        executor_client::ExecutorClient, session_request,
    },
    store::{Keys, MemoryStore, Store, Transaction, Write},
    telemetry::{Kind, METRICS},
    types::Namespace,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use super::operated::{Served, http, until};

/// A replica with an executor that has all eight shards for as long as a test takes.
async fn with_an_executor() -> (Served, impl Sized) {
    let served = Served::start(Arc::new(MemoryStore::new()), 1).await;
    served.until_ready().await;
    let channel = served.channel().await;
    let mut streams = Vec::new();
    until("an executor with shards", async || {
        let register = Register { executor: "e1".into(), nonce: 7, attempt: 1, ..Register::default() };
        let frame = Some(session_request::Frame::Register(register));
        let (sender, frames) = mpsc::channel(1);
        sender.send(SessionRequest { namespace: "orders".into(), frame }).await.unwrap();
        let stream = ExecutorClient::new(channel.clone()).session(ReceiverStream::new(frames)).await;
        streams.push((stream, sender));
        let orders = served.json("/api/v1/namespaces/orders").await;
        orders["shards"] == 8 && orders["unassigned_shards"] == 0
    })
    .await;
    (served, streams)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_tells_of_namespaces_owners_executors_shards_and_replicas() {
    let (served, _executor) = with_an_executor().await;
    let all = served.json("/api/v1/namespaces").await;
    assert_eq!((&all["namespaces"][0]["name"], &all["next_page"]), (&"orders".into(), &().into()));
    let orders = served.json("/api/v1/namespaces/orders").await;
    assert_eq!(
        (&orders["leader"], &orders["executors"]["active"]),
        (&"replica-1".into(), &1.into()),
        "{orders}"
    );
    let owner = served.json("/api/v1/namespaces/orders/owner?key=3").await;
    assert_eq!(
        (&owner["executor"]["executor"], &owner["not_current"]),
        (&"e1".into(), &false.into()),
        "{owner}"
    );
    let executors = served.json("/api/v1/namespaces/orders/executors").await;
    assert_eq!((&executors["executors"][0]["shards"], &executors["next_page"]), (&8.into(), &().into()));
    let first = served.json("/api/v1/namespaces/orders/shards?page_size=5").await;
    let next = first["next_page"].as_str().unwrap();
    let second = served.json(&format!("/api/v1/namespaces/orders/shards?page_size=5&page={next}")).await;
    let shards = |page: &serde_json::Value| page["shards"].as_array().unwrap().len();
    assert_eq!((shards(&first), shards(&second), &second["next_page"]), (5, 3, &().into()));
    let replicas = served.json("/api/v1/replicas").await;
    let replica = &replicas["replicas"][0];
    assert_eq!(
        (&replica["replica"], &replica["leads"][0]),
        (&"replica-1".into(), &"orders".into()),
        "{replicas}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_keeps_a_namespace_from_being_run_is_told() {
    let store = Arc::new(MemoryStore::new());
    let head = Keys::default().head(&Namespace::new("orders").unwrap());
    let spoil = Transaction::default().write(Write::Put(head.as_ref().into(), b"no head".to_vec().into()));
    store.transact(spoil).await.unwrap();
    let served = Served::start(store, 1).await;
    let mut told = serde_json::Value::Null;
    until("what is wrong", async || {
        told = served.json("/api/v1/namespaces/orders").await["trouble"].clone();
        !told.is_null()
    })
    .await;
    assert!(told.as_str().unwrap().contains("head"), "{told}");
    let ask = GetNamespaceRequest { namespace: "orders".into() };
    let there = AdminClient::new(served.channel().await).get_namespace(ask).await.unwrap().into_inner();
    let there = there.namespace.unwrap();
    assert_eq!(
        (there.conditions, there.trouble),
        (vec!["cannot be run".to_owned()], told.as_str().unwrap().to_owned())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_refuses_what_it_does_not_know_and_says_what_it_does() {
    let served = Served::start(Arc::new(MemoryStore::new()), 1).await;
    served.until_ready().await;
    for (path, status, part) in [
        ("/", 404, "/api/v1/namespaces"),
        ("/api/v1/namespaces/nowhere", 404, "no namespace \\\"nowhere\\\""),
        ("/api/v1/namespaces/orders/owner", 400, "key"),
        ("/api/v1/namespaces/orders/owner?key=9", 404, "no shard \\\"9\\\""),
        ("/api/v1/namespaces?page_size=many", 400, "page_size"),
        ("/api/v1/namespaces?pages=1", 400, "pages"),
    ] {
        let (found, body) = served.get(path).await;
        assert!(found == status && body.contains(part), "{path}: {found} {body}");
    }
    let long = format!("GET /healthz HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(1 << 16));
    for (request, status) in [
        ("POST /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 405),
        ("GET /healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 421),
        ("GET /healthz HTTP/1.1\r\nHost: shardway-1.internal:1\r\nConnection: close\r\n\r\n", 200),
        (&*long, 431),
    ] {
        let (found, body) = http(&served.admin, request).await;
        assert_eq!(found, status, "{request}: {body}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_metric_of_a_replica_is_told_and_no_other() {
    let (served, _executor) = with_an_executor().await;
    HealthClient::new(served.channel().await).check(HealthCheckRequest::default()).await.unwrap();
    // Loads are told as the last round found them, and one more is held soon.
    let load = "shardway_load_max_over_mean{namespace=\"orders\"}";
    until("a round that finds shards", async || served.metric(load).await >= 1.0).await;
    let (_, text) = served.get("/metrics").await;
    let told: BTreeSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let of_replicas = METRICS.iter().skip_while(|metric| metric.name != "shardway_ready");
    let known: BTreeSet<&str> = of_replicas.map(|metric| metric.name).collect();
    assert_eq!(told, known, "told (left) and in the table (right)");
    for (line, at_least) in [
        ("shardway_ready", 1.0),
        ("shardway_calls_total{method=\"grpc.health.v1.Health/Check\",code=\"ok\",reason=\"\"}", 1.0),
        ("shardway_call_seconds_count{method=\"grpc.health.v1.Health/Check\"}", 1.0),
        ("shardway_calls_open{method=\"shardway.v1.Executor/Session\"}", 1.0),
        ("shardway_store_calls_total{operation=\"transact\",outcome=\"ok\"}", 1.0),
        ("shardway_store_bytes_total{direction=\"watched\"}", 1.0),
        ("shardway_leads{namespace=\"orders\"}", 1.0),
        ("shardway_terms_total{namespace=\"orders\"}", 1.0),
        ("shardway_commits_total{namespace=\"orders\"}", 1.0),
        ("shardway_executors{namespace=\"orders\",state=\"active\"}", 1.0),
        ("shardway_shards{namespace=\"orders\",state=\"owned\"}", 8.0),
        ("shardway_shards_max_over_mean{namespace=\"orders\"}", 1.0),
        ("shardway_rounds_total{namespace=\"orders\"}", 1.0),
        ("shardway_moves_total{namespace=\"orders\",reason=\"unowned\"}", 8.0),
        ("shardway_round_seconds_count{namespace=\"orders\"}", 1.0),
        ("shardway_desk_seconds_count{event=\"woke\"}", 1.0),
    ] {
        let value = served.metric(line).await;
        assert!(value >= at_least, "{line} {value}");
    }
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        assert!(!line.contains("\"e1\""), "no executor is a label: {line}");
    }
}

#[test]
fn the_document_on_metrics_lists_them_all() {
    let document = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md")).unwrap();
    let listed: Vec<_> = document.lines().filter(|line| line.starts_with("| `shardway_")).collect();
    let kind = |kind| match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    let known: Vec<_> = METRICS
        .iter()
        .map(|metric| {
            let labels = metric.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(" ");
            format!("| `{}` | {} | {labels} | {} |", metric.name, kind(metric.kind), metric.help)
        })
        .collect();
    assert_eq!(listed, known, "docs/metrics.md (left) and src/telemetry/catalogue.rs (right)");
}

#[test]
fn the_document_on_running_names_metrics_that_there_are() {
    let document = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/running.md")).unwrap();
    let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
    let named: BTreeSet<&str> = document
        .match_indices("shardway_")
        .map(|(at, _)| document[at..].split(|c| !is_name(c)).next().unwrap().trim_end_matches("_bucket"))
        .collect();
    let known: BTreeSet<&str> = METRICS.iter().map(|metric| metric.name).collect();
    assert!(named.len() >= 10, "{named:?}");
    assert!(named.is_subset(&known), "not there: {:?}", named.difference(&known));
}

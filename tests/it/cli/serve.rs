//! `shardway serve`.

use std::time::Duration;

use serde_json::{Value, json};
use shardway::proto::v1::wire::{
    CreateNamespaceRequest, DeleteNamespaceRequest, EnsureShardRequest, GetNamespaceRequest, LookupRequest,
    NamespaceConfig, Problem, Register, SessionRequest, WatchOpen, WatchRequest, admin_client::AdminClient,
    executor_client::ExecutorClient, problem::Reason, router_client::RouterClient, session_request,
    watch_request,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, transport::Channel};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use super::{file, refusal_of, served::Served, stdout_of};
use crate::store::{etcd::server::Cluster, scratch::ScratchDir};

/// Registers an executor, as often as it takes; the session lasts as long as what is returned.
async fn register(channel: &Channel) -> impl Sized + use<> {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    for attempt in 1.. {
        assert!(tokio::time::Instant::now() < deadline, "nobody answers a registration");
        let register = Register { executor: "e1".into(), nonce: 1, attempt, ..Register::default() };
        let frame = Some(session_request::Frame::Register(register));
        let (sender, frames) = tokio::sync::mpsc::channel(1);
        sender.send(SessionRequest { namespace: "orders".into(), frame }).await.unwrap();
        match ExecutorClient::new(channel.clone()).session(ReceiverStream::new(frames)).await {
            Ok(stream) => {
                let mut stream = stream.into_inner();
                // An attempt that nobody could answer, because its leader had just lost the store, is repeated.
                match tokio::time::timeout(Duration::from_secs(1), stream.message()).await {
                    Ok(Ok(answer)) => {
                        answer.expect("an answer");
                        return (stream, sender);
                    }
                    Ok(Err(status)) => assert_eq!(status.code(), Code::Unavailable, "{status}"),
                    Err(_) => {}
                }
            }
            Err(status) => assert_eq!(status.code(), Code::Unavailable, "{status}"),
        }
        tokio::task::yield_now().await;
    }
    unreachable!("attempts go on")
}

/// Who owns the shard, once somebody does.
async fn owner(channel: &Channel, key: &str) -> Option<String> {
    let request = LookupRequest { namespace: "orders".into(), key: key.into(), ..LookupRequest::default() };
    let mut request = tonic::Request::new(request);
    request.set_timeout(Duration::from_secs(30));
    match RouterClient::new(channel.clone()).lookup(request).await {
        Ok(found) => Some(found.into_inner().owners[0].executor.clone()),
        Err(status) => {
            assert_eq!(status.code(), Code::Unavailable, "{status}");
            None
        }
    }
}

#[tokio::test]
async fn a_distributor_remembers_who_owns_what_when_it_is_started_again() {
    let scratch = ScratchDir::new();
    let store = scratch.path().to_str().unwrap();
    // The executor here does not beat, and need not for as long as the test lasts.
    let config = file(
        "serve-long-lease.yaml",
        "namespaces: {orders: {kind: fixed, shards: 16, lease: 5m, beat_every: 1m, gather: 100ms}}",
    );
    let args = ["--store", store, "--config", config.to_str().unwrap()];
    let served = Served::start(&args);
    assert_eq!(served.plan["namespaces"], json!(["orders"]));
    let channel = served.channel().await;
    let _stream = register(&channel).await;
    assert_eq!(owner(&channel, "7").await.as_deref(), Some("e1"));
    assert_eq!(served.terminate(), Some(0));

    let again = Served::start(&args);
    assert_eq!(owner(&again.channel().await, "7").await.as_deref(), Some("e1"));
    assert_eq!(again.terminate(), Some(0));
}

#[tokio::test]
async fn a_namespace_that_was_created_is_there_after_a_restart_and_gone_once_it_is_deleted() {
    let scratch = ScratchDir::new();
    let args = ["--store", scratch.path().to_str().unwrap()];
    let served = Served::start(&args);
    assert_eq!(served.plan["namespaces"], json!([]));
    let mut admin = AdminClient::new(served.channel().await);
    let yaml = "{kind: fixed, shards: 16, lease: 1s, beat_every: 200ms, gather: 100ms}".into();
    let config = Some(NamespaceConfig { yaml });
    let create = CreateNamespaceRequest { namespace: "orders".into(), config };
    admin.create_namespace(create).await.unwrap();
    assert_eq!(served.terminate(), Some(0));

    let again = Served::start(&args);
    let mut admin = AdminClient::new(again.channel().await);
    let get = || GetNamespaceRequest { namespace: "orders".into() };
    let shards = async |admin: &mut AdminClient<Channel>| {
        Some(admin.get_namespace(get()).await.ok()?.into_inner().namespace?.shards)
    };
    let known = async {
        while shards(&mut admin).await != Some(16) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), known).await.expect("it is there again");
    let delete = DeleteNamespaceRequest { namespace: "orders".into(), confirm: "orders".into() };
    admin.delete_namespace(delete).await.unwrap();
    assert_eq!(admin.get_namespace(get()).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(again.terminate(), Some(0));
    // What is left of it does not keep anybody from adopting the store.
    let adopted = stdout_of(&["store", "adopt", args[1], "--output", "json"], b"");
    assert_eq!(serde_json::from_str::<Value>(&adopted).unwrap()["adopted"], json!([]));
}

#[tokio::test]
async fn a_ring_of_the_file_names_whom_the_command_names() {
    let scratch = ScratchDir::new();
    let store = scratch.path().to_str().unwrap();
    let served = Served::start(&[
        "--config",
        "examples/serve.yaml",
        "--store",
        store,
        "--admin-listen",
        "127.0.0.1:0",
    ]);
    let mut router = RouterClient::new(served.channel().await);
    let keys = ["user-17", "user-18", "user-19"];
    let args = ["owner", "--members", "examples/members.yaml", "--output", "json"];
    let told = stdout_of(&[&args[..], &keys].concat(), b"");
    let told: Vec<Value> = serde_json::from_str(&told).unwrap();
    for (key, told) in keys.into_iter().zip(told) {
        let lookup = LookupRequest { namespace: "users".into(), key: key.into(), ..LookupRequest::default() };
        let owner = router.lookup(lookup).await.unwrap().into_inner().owners.remove(0);
        assert_eq!(owner.metadata["address"], told["owner"], "{key}");
    }
    assert_eq!(served.terminate(), Some(0));
}

#[test]
fn settings_are_checked_before_anything_is_started() {
    let checked = stdout_of(&["serve", "--config", "examples/serve.yaml", "--check"], b"");
    assert!(checked.contains("namespaces: carts, orders, task-lists, users"), "{checked}");
    let path = file("serve-bad.yaml", "namespaces: {a: {kind: fixed}, b: {kind: ephemral}}\nstorre: x\n");
    let (code, complaint) = refusal_of(&["serve", "--config", path.to_str().unwrap()]);
    assert_eq!(code, 3);
    for part in [
        "with 3 problems",
        "namespaces.a: a fixed namespace needs shards",
        "did you mean ephemeral?",
        "did you mean store?",
    ] {
        assert!(complaint.contains(part), "{part}: {complaint}");
    }
    for (args, part) in [
        (&["serve", "--fixed", "orders=0"][..], "shards"),
        (&["serve", "--fixed", "a=1", "--ephemeral", "a"], "\"a\" is given twice"),
        (&["serve", "--fixed", "a=1", "--listen", "here"], "must be an address and a port"),
        (&["serve", "--fixed", "a=1", "--listen", "0.0.0.0:1"], "--advertise"),
        (&["serve", "--fixed", "a=1", "--cadence-listen", "0.0.0.0:1"], "--plaintext"),
        (&["serve", "--fixed", "a=1", "--cadence-listen", "there"], "must be an address and a port"),
        (&["serve", "--fixed", "a=1", "--listen", "0.0.0.0:1", "--advertise", "a:1"], "--plaintext"),
        (&["serve", "--fixed", "a=1", "--admin-listen", "0.0.0.0:1"], "--admin-open"),
        (&["serve", "--fixed", "a=1", "--admin-listen", "there"], "\"there\""),
        (&["serve", "--fixed", "a=1", "--listen", "127.0.0.1:65535"], "--admin-listen"),
        (&["serve", "--fixed", "a=1", "--advertise", ""], "a host and a port"),
        (&["serve", "--fixed", "a=1", "--advertise", "host-1"], "a host and a port"),
        (&["serve", "--fixed", "a=1", "--advertise", "not an address:1"], "a host and a port"),
        (
            &["serve", "--fixed", "a=1", "--listen", "[::1]:70", "--admin-listen", "[::1]:70"],
            "a port of its own",
        ),
        (
            &["serve", "--fixed", "a=1", "--listen", "[::1]:70", "--cadence-listen", "[::1]:70"],
            "both [::1]:70",
        ),
    ] {
        let (_, complaint) = refusal_of(args);
        assert!(complaint.contains(part), "{args:?}: {complaint}");
    }
}

#[test]
fn all_that_is_wrong_with_file_and_options_is_told_at_once() {
    let path = file("serve-worse.yaml", "namespaces: {a: {kind: fixed}}\nstorre: x\n");
    let (code, complaint) = refusal_of(&[
        "serve",
        "--config",
        path.to_str().unwrap(),
        "--fixed",
        "orders",
        "--ephemeral",
        "",
        "--listen",
        "here",
        "--admin-listen",
        "0.0.0.0:1",
        "--store",
        "etcd://",
    ]);
    assert_eq!(code, 3);
    // What can be read of a file is looked at, whatever else is wrong with it.
    let listen =
        "leader_lease: 10ms\nlisten: nowhere\nstore: http://x\nnamespaces: {a: {kind: fixed, shards: 0}}\n";
    let all = file("serve-worst.yaml", listen);
    let (_, all) = refusal_of(&["serve", "--config", all.to_str().unwrap()]);
    assert!(all.contains("with 4 problems") && !all.contains("needs shards"), "{all}");
    for part in [
        "nothing was started",
        "with 7 problems",
        "serve-worse.yaml:1:17: namespaces.a: a fixed namespace needs shards",
        "did you mean store?",
        "--fixed \"orders\" is not NAMESPACE=SHARDS",
        "namespace \"\" must be 1 to 256 bytes",
        "cannot listen on \"here\"",
        "--admin-open",
        "store: ",
    ] {
        assert!(complaint.contains(part), "{part}: {complaint}");
    }
}

/// What the admin port answers: the status, and the body as JSON if it is.
fn ask(served: &Served, path: &str) -> Option<(u16, Value)> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(served.plan["admin"].as_str()?).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, serde_json::from_str(body).unwrap_or(Value::String(body.into()))))
}

/// Asks until it is so.
async fn until(served: &Served, path: &str, is_so: impl Fn(u16, &Value) -> bool) -> Value {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        let answer = ask(served, path);
        match answer {
            Some((status, body)) if is_so(status, &body) => return body,
            _ => assert!(tokio::time::Instant::now() < deadline, "{path}: {answer:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn it_waits_for_a_store_that_is_not_there_and_says_so() {
    let mut etcd = Cluster::one().await;
    let store = etcd.urls().remove(0).replace("http://", "etcd://");
    etcd.kill(0);
    let served = Served::start(&["--store", &store, "--fixed", "orders=4"]);
    let says_why = |status: u16, body: &Value| {
        let reason = &body["reasons"][0];
        let text = reason["text"].as_str().unwrap_or_default();
        status == 503 && reason["reason"] == "starting" && text.contains("the store last said: ")
    };
    until(&served, "/readyz", says_why).await;
    assert_eq!(ask(&served, "/healthz").unwrap().0, 200, "it lives");
    etcd.restart(0).await;
    let ready = until(&served, "/readyz", |status, _| status == 200).await;
    assert_eq!(ready, json!({"ready": true, "reasons": []}));
    assert_eq!(served.terminate(), Some(0));
}

#[tokio::test]
async fn streams_that_never_end_keep_no_process_from_ending() {
    let scratch = ScratchDir::new();
    let served = Served::start(&["--store", scratch.path().to_str().unwrap(), "--fixed", "orders=4"]);
    let channel = served.channel().await;
    let _session = register(&channel).await;
    let open = WatchOpen { namespace: "orders".into(), ..WatchOpen::default() };
    let open = WatchRequest { frame: Some(watch_request::Frame::Open(open)) };
    let (sender, frames) = tokio::sync::mpsc::channel(1);
    sender.send(open).await.unwrap();
    let watch = RouterClient::new(channel.clone()).watch(ReceiverStream::new(frames)).await.unwrap();
    let mut health = HealthClient::new(channel.clone());
    let health = health.watch(HealthCheckRequest::default()).await.unwrap();
    // This one is held by the server until its deadline.
    let waiting = LookupRequest { namespace: "orders".into(), key: "3".into(), ..LookupRequest::default() };
    let mut waiting = tonic::Request::new(waiting);
    waiting.set_timeout(Duration::from_secs(60));
    let waiting = tokio::spawn(async move { RouterClient::new(channel).lookup(waiting).await });
    let begun = tokio::time::Instant::now();
    assert_eq!(tokio::task::spawn_blocking(move || served.terminate()).await.unwrap(), Some(0));
    // Five seconds for its namespaces, five for the connections, and some for a machine that does something else.
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    let mut watch = watch.into_inner();
    let end = loop {
        match watch.message().await {
            Ok(frame) => assert!(frame.is_some(), "an end that says why"),
            Err(status) => break status,
        }
    };
    assert_eq!(Problem::of_status(&end).unwrap().reason(), Reason::Stopping, "{end}");
    drop((health, waiting.await));
}

#[tokio::test]
async fn a_restored_store_serves_again_once_it_is_adopted() {
    let scratch = ScratchDir::new();
    let path = |name: &str| scratch.path().join(name).to_str().unwrap().to_owned();
    let (data, saved, restored) = (path("data"), path("saved.backup"), path("restored"));
    let config = file(
        "serve-restored.yaml",
        "namespaces: {orders: {kind: fixed, shards: 4, lease: 1s, beat_every: 200ms, gather: 100ms}}",
    );
    let config = config.to_str().unwrap();
    let served = Served::start(&["--store", &data, "--config", config]);
    let channel = served.channel().await;
    drop(register(&channel).await);
    assert_eq!(served.terminate(), Some(0));
    stdout_of(&["store", "backup", &data, &saved], b"");
    stdout_of(&["store", "restore", &saved, &restored], b"");

    // As it is, nobody is let in. What was granted before may be told all the same.
    let served = Served::start(&["--store", &restored, "--config", config]);
    let channel = served.channel().await;
    let refused = {
        let request = EnsureShardRequest { namespace: "orders".into(), key: "1".into() };
        let mut request = tonic::Request::new(request);
        request.set_timeout(Duration::from_secs(4));
        RouterClient::new(channel).ensure_shard(request).await.unwrap_err()
    };
    assert_eq!(refused.code(), Code::Unavailable);
    assert_eq!(served.terminate(), Some(0));

    let adopt = |args: &[&str]| -> Value {
        let adopted = stdout_of(&[&["store", "adopt", &restored, "--output", "json"], args].concat(), b"");
        serde_json::from_str(&adopted).unwrap()
    };
    let wait = |args: &[&str]| {
        let adopted = adopt(args);
        assert_eq!(adopted["adopted"][0]["namespace"], "orders");
        adopted["adopted"][0]["wait_ms"].as_u64().unwrap()
    };
    let (code, complaint) = refusal_of(&["store", "adopt", &restored]);
    assert!(code == 3 && complaint.contains("voids all sessions of \"orders\": say --yes"), "{complaint}");
    // A lease by any clock, after the lease of a leader that somebody may have cut off.
    assert_eq!(wait(&["--yes"]), 1020 + 5101);
    // Once is enough: a second time would void sessions that are sound.
    let again = adopt(&["--yes"]);
    assert_eq!((&again["adopted"], &again["need_no_adoption"]), (&json!([]), &json!(["orders"])));
    // The backup does not know that leases were raised after it was made.
    assert_eq!(wait(&["--yes", "--force", "--longest-lease", "1m"]), 61212 + 5101);
    assert_eq!(wait(&["--yes", "--force", "--leader-lease", "6s"]), 1020 + 6121);
    let served = Served::start(&["--store", &restored, "--config", config]);
    let channel = served.channel().await;
    let _stream = register(&channel).await;
    assert!(served.terminate().is_some());

    let (code, complaint) = refusal_of(&["store", "adopt", &restored, "--namespace", "nothing"]);
    assert!(code == 3 && complaint.contains("has no namespace \"nothing\""), "{complaint}");
}

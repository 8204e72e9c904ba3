//! A replica that has lost its store sends its clients on, and takes them back.

use std::{sync::Arc, time::Duration};

use shardway::{
    proto::v1::{
        WatchResponse,
        wire::{
            self, LookupRequest, Problem, Register, SessionRequest, WatchOpen, WatchRequest,
            executor_client::ExecutorClient, problem::Reason, router_client::RouterClient, session_request,
            watch_request,
        },
    },
    store::EtcdStore,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
    time::{Instant, timeout},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming, transport::Channel};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
    health_client::HealthClient,
};

use super::{
    operated::{DEADLINE, Served, until},
    severed::Severed,
};
use crate::store::{etcd::server::Cluster, scratch::ScratchDir};

/// A third of the lease, and a second.
const SENT_ON_WITHIN: Duration = Duration::from_millis(1333);

async fn watch(channel: &Channel) -> Result<(mpsc::Sender<WatchRequest>, Streaming<WatchResponse>), Status> {
    let (sender, frames) = mpsc::channel(1);
    let open = WatchOpen { namespace: "orders".into(), ..WatchOpen::default() };
    sender.send(WatchRequest { frame: Some(watch_request::Frame::Open(open)) }).await.unwrap();
    let stream = RouterClient::new(channel.clone()).watch(ReceiverStream::new(frames)).await?;
    Ok((sender, stream.into_inner()))
}

/// A session that lives as long as somebody beats for it; here, nobody needs to.
async fn session(channel: &Channel) -> (mpsc::Sender<SessionRequest>, Streaming<wire::SessionResponse>) {
    for attempt in 1.. {
        let register = Register { executor: "e1".into(), nonce: 7, attempt, ..Register::default() };
        let frame = Some(session_request::Frame::Register(register));
        let (sender, frames) = mpsc::channel(4);
        sender.send(SessionRequest { namespace: "orders".into(), frame }).await.unwrap();
        let stream = ExecutorClient::new(channel.clone()).session(ReceiverStream::new(frames)).await;
        if let Ok(stream) = stream {
            let mut stream = stream.into_inner();
            if let Ok(Ok(Some(_))) = timeout(Duration::from_secs(1), stream.message()).await {
                return (sender, stream);
            }
        }
        assert!(attempt < 1000, "nobody leads");
        tokio::task::yield_now().await;
    }
    unreachable!("attempts go on")
}

/// Reads to the end, and says why and when it came.
async fn end<T>(mut stream: Streaming<T>) -> (Status, Instant) {
    let reading = async {
        loop {
            match stream.message().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("an end that says why"),
                Err(status) => return (status, Instant::now()),
            }
        }
    };
    timeout(DEADLINE, reading).await.expect("an end")
}

/// Waits for a status, and says when it came.
async fn told(stream: &mut Streaming<HealthCheckResponse>, status: ServingStatus) -> Instant {
    let reading = async {
        loop {
            let frame = stream.message().await.unwrap().expect("health is watched without end");
            if frame.status() == status {
                return Instant::now();
            }
        }
    };
    timeout(DEADLINE, reading).await.expect("a change of health")
}

/// Connects as HTTP/2 does, and says when it was told to go.
async fn goaway(address: String) -> Instant {
    const GOAWAY: u8 = 7;
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The preface, and settings that set nothing.
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    loop {
        let mut head = [0; 9];
        timeout(DEADLINE, stream.read_exact(&mut head)).await.expect("a frame").unwrap();
        if head[3] == GOAWAY {
            return Instant::now();
        }
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        stream.read_exact(&mut payload).await.unwrap();
    }
}

fn lookup(patience: Duration) -> tonic::Request<LookupRequest> {
    let lookup = LookupRequest { namespace: "orders".into(), key: "1".into(), ..LookupRequest::default() };
    let mut request = tonic::Request::new(lookup);
    request.set_timeout(patience);
    request
}

/// Cuts a replica off, which then sends everybody on in time, and lets it have its store again.
async fn is_sent_on_when<C>(
    served: &Served,
    keeps_executors: bool,
    cut: impl AsyncFnOnce() -> C,
    while_cut: impl AsyncFnOnce(),
    mend: impl AsyncFnOnce(C),
) {
    served.until_ready().await;
    let channel = served.channel().await;
    let mut health = HealthClient::new(channel.clone());
    let mut health = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    told(&mut health, ServingStatus::Serving).await;
    let (_beats, session) = session(&channel).await;
    let (_seen, watch_stream) = watch(&channel).await.unwrap();
    assert!(
        !RouterClient::new(channel.clone()).lookup(lookup(DEADLINE)).await.unwrap().into_inner().not_current
    );
    let away = tokio::spawn(goaway(served.address.clone()));
    let (session, watch_stream) = (tokio::spawn(end(session)), tokio::spawn(end(watch_stream)));
    until("connections", async || served.metric("shardway_connections{port=\"grpc\"}").await >= 2.0).await;

    let cut = cut().await;
    let cut_at = Instant::now();
    let mut times = vec![("health", told(&mut health, ServingStatus::NotServing).await)];
    let mut streams = vec![("watch", watch_stream)];
    let kept = if keeps_executors {
        Some(session)
    } else {
        streams.push(("session", session));
        None
    };
    for (what, stream) in streams {
        let (status, at) = stream.await.unwrap();
        let problem = Problem::of_status(&status).unwrap();
        assert_eq!(
            (status.code(), problem.reason()),
            (Code::Unavailable, Reason::StoreAway),
            "{what}: {status}"
        );
        assert!(problem.remedy.contains("another replica"), "{status}");
        times.push((what, at));
    }
    times.push(("GOAWAY", away.await.unwrap()));
    for (what, at) in times {
        let took = at.duration_since(cut_at);
        println!("{what}: {took:?}");
        assert!(took < SENT_ON_WITHIN, "{what}: {took:?}");
    }
    let (status, reasons) = served.get("/readyz").await;
    let reason = if keeps_executors { "\"store_silent\"" } else { "\"store_away\"" };
    assert!(status == 503 && reasons.contains(reason), "{status} {reasons}");
    assert_eq!(served.get("/healthz").await.0, 200, "starting it again would not help");
    assert_eq!(served.metric("shardway_ready").await, 0.0);

    // Who comes all the same is refused a stream.
    let channel = served.channel().await;
    let refused = watch(&channel).await.unwrap_err();
    assert_eq!(Problem::of_status(&refused).unwrap().reason(), Reason::StoreAway, "{refused}");

    while_cut().await;
    if let Some(kept) = kept {
        assert!(!kept.is_finished(), "it is led here, and that needs no news of others");
        let (_beats, _again) = self::session(&channel).await;
    }
    mend(cut).await;
    served.until_ready().await;
    told(&mut health, ServingStatus::Serving).await;
    watch(&channel).await.unwrap();
    assert_eq!(served.get("/readyz").await.0, 200);
}

/// Who asks for an owner all the same is told what is known.
async fn tells_what_it_knows(served: &Served) {
    let known = RouterClient::new(served.channel().await).lookup(lookup(DEADLINE)).await;
    assert!(known.unwrap().into_inner().not_current);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_without_its_store_sends_its_clients_on_and_takes_them_back() {
    let cluster = Cluster::one().await;
    let served = Served::start(Arc::new(EtcdStore::new(cluster.config()).unwrap()), 1).await;
    let knows = async || tells_what_it_knows(&served).await;
    is_sent_on_when(&served, false, async || cluster.pause(0).await, knows, async |paused| drop(paused))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_whose_folder_is_closed_sends_its_clients_on_and_takes_them_back() {
    let scratch = ScratchDir::new();
    let store = Severed::new(scratch.path().join("store"));
    let served = Served::start(store.clone(), 1).await;
    let open = async |()| {
        until("the folder open", async || store.open()).await;
    };
    let knows = async || tells_what_it_knows(&served).await;
    is_sent_on_when(&served, false, async || store.close(), knows, open).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_hears_nothing_sends_its_clients_on_although_it_can_write() {
    let scratch = ScratchDir::new();
    let store = Severed::new(scratch.path().join("store"));
    let served = Served::start(store.clone(), 1).await;
    let renewals =
        async || served.metric("shardway_store_calls_total{operation=\"transact\",outcome=\"ok\"}").await;
    let still_writes = async || {
        let before = renewals().await;
        until("renewals that succeed", async || renewals().await > before).await;
        assert!(served.host.readiness().check().is_err(), "what it writes tells it nothing of others");
    };
    let speak = async |()| store.silence(false);
    is_sent_on_when(&served, true, async || store.silence(true), still_writes, speak).await;
}

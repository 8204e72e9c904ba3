//! What a replica lets in, and what it does not.

use std::{sync::Arc, time::Duration};

use shardway::{
    proto::v1::wire::{
        LookupRequest, Problem, WatchOpen, WatchRequest, problem::Reason, router_client::RouterClient,
        watch_request::Frame,
    },
    server::{Bounds, SERVICE_BOUNDS},
    store::MemoryStore,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tonic::{Code, metadata::MetadataValue};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use super::operated::{DEADLINE, Served, until};

/// Until the other side hangs up.
async fn closed(stream: &mut TcpStream) {
    let mut bytes = [0; 64];
    let reading = async { while matches!(stream.read(&mut bytes).await, Ok(1..)) {} };
    timeout(DEADLINE, reading).await.expect("an end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_says_nothing_is_closed_and_who_speaks_is_not() {
    let bounds = Bounds { first_bytes_within: Duration::from_millis(200), ..SERVICE_BOUNDS };
    let served = Served::within(Arc::new(MemoryStore::new()), 1, bounds).await;
    let channel = served.channel().await;
    let mut silent = TcpStream::connect(&served.address).await.unwrap();
    let mut slow = TcpStream::connect(&served.address).await.unwrap();
    slow.write_all(b"PRI * HTTP/2.0\r\n").await.unwrap();
    closed(&mut silent).await;
    closed(&mut slow).await;
    assert_eq!(served.metric("shardway_connections_refused_total{port=\"grpc\",why=\"silent\"}").await, 2.0);
    HealthClient::new(channel.clone()).check(HealthCheckRequest::default()).await.unwrap();
    assert_eq!(served.metric("shardway_connections{port=\"grpc\"}").await, 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_connection_too_many_is_refused_while_the_others_go_on() {
    let served =
        Served::within(Arc::new(MemoryStore::new()), 1, Bounds { connections: 2, ..SERVICE_BOUNDS }).await;
    let channels = [served.channel().await, served.channel().await];
    for channel in &channels {
        HealthClient::new(channel.clone()).check(HealthCheckRequest::default()).await.unwrap();
    }
    let mut third = TcpStream::connect(&served.address).await.unwrap();
    closed(&mut third).await;
    assert_eq!(
        served.metric("shardway_connections_refused_total{port=\"grpc\",why=\"too_many\"}").await,
        1.0
    );
    let [first, second] = channels;
    HealthClient::new(first).check(HealthCheckRequest::default()).await.unwrap();
    drop(second);
    // There is room again.
    until("room", async || served.metric("shardway_connections{port=\"grpc\"}").await < 2.0).await;
    HealthClient::new(served.channel().await).check(HealthCheckRequest::default()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_and_messages_that_are_too_large_are_refused_and_the_connection_goes_on() {
    let served = Served::start(Arc::new(MemoryStore::new()), 1).await;
    served.until_ready().await;
    let channel = served.channel().await;
    let request = |key: String| LookupRequest { namespace: "orders".into(), key, ..LookupRequest::default() };
    let mut large = tonic::Request::new(request("1".into()));
    large.metadata_mut().insert("x", MetadataValue::try_from("x".repeat(20_000)).unwrap());
    let refused = RouterClient::new(channel.clone()).lookup(large).await.unwrap_err();
    assert!(refused.message().contains("431"), "{refused:?}");
    let refused = RouterClient::new(channel.clone()).lookup(request("x".repeat(1 << 20))).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange, "{refused}");
    let mut impatient = tonic::Request::new(request("1".into()));
    impatient.set_timeout(Duration::from_millis(500));
    let nobody = RouterClient::new(channel).lookup(impatient).await.unwrap_err();
    assert_eq!(Problem::of_status(&nobody).unwrap().reason(), Reason::Unassigned, "{nobody}");
}

/// What is wrong with a frame behind the first is told, and is no end in good order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_ends_with_what_is_wrong_with_it() {
    let served = Served::start(Arc::new(MemoryStore::new()), 1).await;
    served.until_ready().await;
    let open = |watcher: String| WatchRequest {
        frame: Some(Frame::Open(WatchOpen { namespace: "orders".into(), have: None, watcher })),
    };
    for (second, code) in
        [(open("again".into()), Code::InvalidArgument), (open("x".repeat(100_000)), Code::OutOfRange)]
    {
        let (to, frames) = tokio::sync::mpsc::channel(2);
        to.send(open("once".into())).await.unwrap();
        let frames = tokio_stream::wrappers::ReceiverStream::new(frames);
        let mut told = RouterClient::new(served.channel().await).watch(frames).await.unwrap().into_inner();
        told.message().await.unwrap();
        to.send(second).await.unwrap();
        let end = timeout(DEADLINE, async {
            loop {
                match told.message().await {
                    Ok(Some(_)) => {}
                    end => return end,
                }
            }
        });
        let status = end.await.expect("an end").expect_err("with what was wrong");
        assert_eq!(status.code(), code, "{status:?}");
    }
}

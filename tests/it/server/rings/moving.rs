//! A ring gives way to what is stored.

use std::sync::Arc;

use shardway::{
    proto::v1::{
        WatchResponse,
        wire::{
            CreateNamespaceRequest, DeleteNamespaceRequest, NamespaceConfig, Register, SessionRequest,
            Source, admin_client::AdminClient, executor_client::ExecutorClient, problem::Reason,
            session_request,
        },
    },
    store::MemoryStore,
};
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Streaming};

use super::super::operated::{DEADLINE, Served, until};
use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_created_takes_a_rings_place_and_gives_it_back() {
    let fleet = Fleet::of("[10.0.0.1:80]");
    let store = Arc::new(MemoryStore::new());
    let served = Served::with_rings(store, 1, [("tasks", fleet.config())]).await;
    served.until_ready().await;
    let channel = served.channel().await;
    let mut admin = AdminClient::new(channel.clone());
    assert_eq!(first(&lookup(&channel, "tasks", "3", 1).await.unwrap()), "10.0.0.1:80");
    let watch_tasks = async || {
        // That of a ring has no shards here.
        let (seen, mut stream) = watch(&channel, "tasks").await.unwrap();
        next(&mut stream).await.unwrap();
        (seen, stream)
    };
    let is_over = async |mut stream: Streaming<WatchResponse>| {
        let end = async {
            loop {
                if let Err(status) = next(&mut stream).await {
                    return status;
                }
            }
        };
        let status = timeout(DEADLINE, end).await.expect("an end");
        assert_eq!((status.code(), reason(&status)), (Code::Unavailable, Reason::ChangedKind), "{status}");
    };
    let (_seen, stream) = watch_tasks().await;
    let yaml = "{kind: fixed, shards: 8, lease: 1s, beat_every: 100ms, gather: 100ms}".into();
    let config = Some(NamespaceConfig { yaml });
    admin.create_namespace(CreateNamespaceRequest { namespace: "tasks".into(), config }).await.unwrap();
    is_over(stream).await;
    // The process that was found in the ring is an executor now.
    let mut sessions = Vec::new();
    until("the first shard in somebody's hands", async || {
        let register =
            Register { executor: "10.0.0.1:80".into(), nonce: 7, attempt: 1, ..Register::default() };
        let frame = Some(session_request::Frame::Register(register));
        let (sender, frames) = mpsc::channel(1);
        sender.send(SessionRequest { namespace: "tasks".into(), frame }).await.unwrap();
        sessions
            .push((ExecutorClient::new(channel.clone()).session(ReceiverStream::new(frames)).await, sender));
        let answer = lookup(&channel, "tasks", "3", 1).await;
        answer.is_ok_and(|answer| {
            assert!(answer.version.is_some() && answer.owners[0].token.is_some());
            answer.source() == Source::Distributor && answer.owners[0].executor == "10.0.0.1:80"
        })
    })
    .await;
    let listed = served.json("/api/v1/namespaces/tasks").await;
    assert_eq!(listed["kind"], "fixed");
    let figures = async || {
        let (_, text) = served.get("/metrics").await;
        let is_told = |metric: &str| text.contains(&format!("\n{metric}{{namespace=\"tasks\""));
        ["shardway_commits_total", "shardway_shards", "shardway_ring_members"].map(is_told)
    };
    assert_eq!(figures().await, [true, true, false]);

    let (_seen, stream) = watch_tasks().await;
    let delete = DeleteNamespaceRequest { namespace: "tasks".into(), confirm: "tasks".into() };
    admin.delete_namespace(delete).await.unwrap();
    is_over(stream).await;
    until("the ring again", async || {
        lookup(&channel, "tasks", "3", 1).await.is_ok_and(|answer| answer.source() == Source::Ring)
    })
    .await;
    assert_eq!(figures().await, [false, false, true], "those of a namespace that is no more are not told");
}

//! etcds that are full, away, or silent.

use std::net::{Ipv4Addr, TcpListener};

use serde_json::json;
use shardway::store::WatchError;
use tokio::time::Instant;

use super::{proxy::Proxy, *};

/// Large enough that not many fill a small quota.
const ROW: usize = 64 << 10;

#[tokio::test]
async fn a_full_etcd_takes_no_writes_and_answers_reads() {
    const QUOTA: u64 = 4 << 20;
    let cluster = Cluster::start(1, &[&format!("--quota-backend-bytes={QUOTA}")]).await;
    let store = Arc::new(open(cluster.config().with_quota(QUOTA)));
    // Several at once, so that some are on their way already when others fill what is left.
    let writers: Vec<_> = (0..8).map(|writer| tokio::spawn(fill(store.clone(), writer))).collect();
    let mut rows = 0;
    for writer in writers {
        rows += writer.await.unwrap();
    }
    assert_eq!(store.range(Range::prefix("", 1_000)).await.unwrap().rows.len(), rows);
    let full = store.transact(put("0", vec![7; ROW])).await.unwrap_err();
    assert!(matches!(&full, StoreError::Full { reason } if reason.contains("compact")), "{full:?}");
    assert_eq!(store.get("0").await.unwrap(), None);
    let usage = store.usage().await.unwrap();
    assert!(usage.bytes >= QUOTA && usage.quota == Some(QUOTA), "{usage:?}");

    // What the error advises.
    let all = Write::DeleteRange("0".into(), "9".into());
    commit(&store, Transaction::default().write(all)).await;
    store.compact(Revision(u64::MAX)).await.unwrap();
    let defragmented = async {
        while {
            cluster.operate("maintenance/defragment", json!({})).await;
            let status = cluster.operate("maintenance/status", json!({})).await;
            status["dbSize"].as_str().unwrap().parse::<u64>().unwrap() > QUOTA / 2
        } {}
    };
    timeout(DEADLINE, defragmented).await.expect("compaction frees what was deleted");
    let members = cluster.operate("maintenance/alarm", json!({ "action": "GET" })).await;
    let mut disarm = members["alarms"][0].clone();
    disarm["action"] = "DEACTIVATE".into();
    cluster.operate("maintenance/alarm", disarm).await;
    commit(&store, put("a", "1")).await;
    assert!(store.usage().await.unwrap().bytes < QUOTA);
}

/// Writes rows until there is no more space; how many there are then.
async fn fill(store: Arc<EtcdStore>, writer: usize) -> usize {
    for number in 0..100 {
        let key = format!("{writer}/{number:02}");
        let refused = match store.transact(put(&key, vec![7; ROW])).await {
            Ok(_) => continue,
            Err(refused) => refused,
        };
        let is_there = store.get(&key).await.unwrap().is_some();
        match refused {
            StoreError::Full { .. } => {
                assert!(!is_there, "{key}: nothing was written, it said");
                return number;
            }
            StoreError::Unknown { .. } if is_there => {}
            refused => panic!("{key} is there: {is_there}, {refused}"),
        }
    }
    panic!("4 MiB are full some time");
}

#[tokio::test]
async fn what_was_sent_and_not_answered_is_unknown() {
    let call = Duration::from_millis(500);
    let cluster = Cluster::one().await;
    let store = open(cluster.config().with_timeouts(DEADLINE, call));
    commit(&store, put("a", "1")).await;
    let paused = cluster.pause(0).await;
    let unknown = store.transact(put("a", "2")).await;
    assert!(matches!(unknown, Err(StoreError::Unknown { .. })), "{unknown:?}");
    // Now a new connection would be needed, and etcd does not make one: nothing was sent.
    let unavailable = store.transact(put("a", "3")).await;
    assert!(matches!(unavailable, Err(StoreError::Unavailable { .. })), "{unavailable:?}");
    let unread = store.get("a").await;
    assert!(matches!(unread, Err(StoreError::Unavailable { .. })), "{unread:?}");
    drop(paused);
    let value = retried(|| store.get("a")).await.unwrap().value;
    assert!(value == "1" || value == "2", "{value:?}");
}

#[tokio::test]
async fn a_write_of_which_the_answer_is_lost_is_not_repeated() {
    let cluster = Cluster::one().await;
    let proxy = Proxy::to(&cluster).await;
    // There would be another endpoint, and time for it.
    let urls = [vec![proxy.url()], cluster.urls()].concat();
    let store = open(EtcdConfig::new(urls).unwrap().with_timeouts(DEADLINE, Duration::from_secs(1)));
    let before = commit(&store, put("a", "1")).await;
    proxy.mute();
    let unknown = store.transact(put("a", "2")).await;
    assert!(matches!(unknown, Err(StoreError::Unknown { .. })), "{unknown:?}");
    let page = store.range(Range::prefix("", 10)).await.unwrap();
    assert_eq!((&page.rows[0].value[..], page.revision), (&b"2"[..], before.next()), "it happened, once");
}

#[tokio::test]
async fn a_watch_on_which_etcd_falls_silent_breaks_off() {
    let cluster = Cluster::one().await;
    let proxy = Proxy::to(&cluster).await;
    let urls = [vec![proxy.url()], cluster.urls()].concat();
    let config = EtcdConfig::new(urls).unwrap().with_timeouts(DEADLINE, Duration::from_secs(1));
    // Nothing else is to notice.
    let store = open(config.with_keep_alive(10 * DEADLINE, 10 * DEADLINE));
    let at = commit(&store, put("a", "1")).await;
    let mut watch = store.watch("", at).await.unwrap();
    told(&mut *watch, at).await;
    proxy.mute();
    let at = commit(&open(cluster.config()), put("a", "2")).await;
    let broken = timeout(DEADLINE, watch.next()).await.expect("it ends").unwrap_err();
    assert!(matches!(&broken, WatchError::Broken { reason } if reason.contains("silent")), "{broken}");
    told(&mut *store.watch("", at).await.unwrap(), at).await;
}

#[tokio::test]
async fn an_etcd_that_is_away_is_told_within_the_deadline_and_found_again() {
    let call = Duration::from_millis(300);
    let mut cluster = Cluster::one().await;
    let store = open(cluster.config().with_timeouts(call, call));
    commit(&store, put("a", "1")).await;
    cluster.kill(0);
    for _ in 0..3 {
        let start = Instant::now();
        let error = store.get("a").await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
        assert!(start.elapsed() < 10 * call, "{:?}", start.elapsed());
    }
    cluster.restart(0).await;
    assert_eq!(retried(|| store.get("a")).await.unwrap().value, "1");
}

#[tokio::test]
async fn endpoints_that_nobody_answers_at_are_passed_over() {
    let cluster = Cluster::one().await;
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let mut urls = vec![format!("http://{closed}"), format!("http://{}", silent.local_addr().unwrap())];
    urls.extend(cluster.urls());
    let config = EtcdConfig::new(urls).unwrap().with_timeouts(Duration::from_millis(100), DEADLINE);
    let store = open(config);
    commit(&store, put("a", "1")).await;
    assert_eq!(store.get("a").await.unwrap().unwrap().value, "1");
}

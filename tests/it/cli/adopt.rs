//! Stores on which somebody runs, or has until just now: who is left alone, and who is not waited for for ever.

use std::time::Duration;

use serde_json::{Value, json};
use shardway::proto::v1::wire::{GetNamespaceRequest, Version, admin_client::AdminClient};
use tokio::time::Instant;

use super::{refusal_of, served::Served, stdout_of};
use crate::store::etcd::server::Cluster;

/// The version of "orders", once somebody runs it.
async fn version(served: &Served) -> Version {
    let mut admin = AdminClient::new(served.channel().await);
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let get = GetNamespaceRequest { namespace: "orders".into() };
        let got = admin.get_namespace(get).await.ok().and_then(|got| got.into_inner().namespace);
        if let Some(version) = got.filter(|got| !got.leader.is_empty()).and_then(|got| got.version) {
            return version;
        }
        assert!(Instant::now() < deadline, "nobody leads");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn who_runs_on_a_store_is_named_and_what_it_leads_is_left_alone() {
    let etcd = Cluster::one().await;
    let store = etcd.urls().remove(0).replace("http://", "etcd://");
    let served = Served::start(&["--store", &store, "--fixed", "orders=4"]);
    let before = version(&served).await;
    let adopt = ["store", "adopt", &store, "--force", "--yes"];
    for command in [&adopt[..], &["store", "reset", &store, "--namespace", "orders", "--yes"]] {
        let began = Instant::now();
        let (code, complaint) = refusal_of(command);
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
        assert!(code == 3 && complaint.contains(served.address()), "{complaint}");
        assert!(complaint.contains("Stop all of them first"), "{complaint}");
    }
    assert_eq!(version(&served).await.incarnation, before.incarnation);

    // Whoever is killed stays known for a while, and is waited for as long as it may believe that it leads.
    drop(served);
    let adopted: Value = serde_json::from_str(&stdout_of(&[&adopt[..], &["--output", "json"]].concat(), b""))
        .expect("the command answers in JSON");
    assert_eq!(adopted["adopted"][0]["namespace"], "orders", "{adopted:#}");
    assert_eq!(adopted["not_adopted"], json!([]));
    let served = Served::start(&["--store", &store, "--fixed", "orders=4"]);
    assert!(version(&served).await.incarnation > before.incarnation);
}

//! A folder that holds as much as it was told it may.

use std::time::Duration;

use shardway::{
    proto::v1::wire::{GetNamespaceRequest, admin_client::AdminClient},
    store::{EmbeddedOptions, EmbeddedStore, Store, StoreError, Transaction, Write},
};
use tokio::time::{Instant, sleep};

use super::{refusal_of, served::Served, stdout_of};
use crate::store::scratch::ScratchDir;

const LIMIT: usize = 16 << 20;

/// Serves from a folder until its namespace is founded, and is then killed.
async fn serve_once(place: &str) {
    let served = Served::start(&["--store", place, "--fixed", "orders=8"]);
    let mut admin = AdminClient::new(served.channel().await);
    let get = GetNamespaceRequest { namespace: "orders".into() };
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let got = admin.get_namespace(get.clone()).await;
        if got.as_ref().is_ok_and(|got| got.get_ref().namespace.as_ref().unwrap().version.is_some()) {
            return;
        }
        assert!(Instant::now() < deadline, "{got:?}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// Leaves room for less than a commit.
async fn fill(folder: &ScratchDir) {
    let mut options = EmbeddedOptions::default();
    options.max_bytes = LIMIT;
    let store = EmbeddedStore::open(folder.path(), options).unwrap();
    let row = |number: usize, bytes: usize| {
        let key = format!("filler/{number:03}");
        Write::Put(key.as_str().into(), vec![0; bytes - key.len()].into())
    };
    for number in 0.. {
        let left = LIMIT - usize::try_from(store.usage().await.unwrap().bytes).unwrap();
        let bytes = (left - 50).min(512 << 10);
        store.transact(Transaction::default().write(row(number, bytes))).await.unwrap();
        if bytes < 512 << 10 {
            break;
        }
    }
    let refused = store.transact(Transaction::default().write(row(999, 60))).await;
    assert!(matches!(refused, Err(StoreError::Full { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_folder_is_served_from_and_mended_and_can_be_left() {
    let (folder, other) = (ScratchDir::new(), ScratchDir::new());
    let place = format!("embedded://{}?max_bytes={LIMIT}", folder.path().display());
    serve_once(&place).await;
    fill(&folder).await;
    serve_once(&place).await;
    let reset = stdout_of(
        &["store", "reset", &place, "--namespace", "orders", "--longest-lease", "1s", "--yes"],
        b"",
    );
    assert!(reset.contains("orders: begins anew"), "{reset}");
    serve_once(&place).await;
    let elsewhere = other.path().join("new").display().to_string();
    stdout_of(&["store", "copy", &place, &elsewhere, "--seal"], b"");
    stdout_of(&["store", "verify", &elsewhere], b"");
}

#[test]
fn a_folder_is_told_its_limit_in_words_that_make_sense() {
    let (code, complaint) = refusal_of(&["store", "verify", "embedded:///nowhere?max_bytes=8GB"]);
    assert!(code == 2 && complaint.contains("?max_bytes=8GiB"), "{complaint}");
    let (code, complaint) = refusal_of(&["serve", "--check", "--store", "embedded:///nowhere?quota=8GiB"]);
    assert!(code == 3 && complaint.contains("?max_bytes=8GiB"), "{complaint}");
}

//! Stores of which part cannot be read, or from which nobody may serve: what is said, what goes on, and what mends them.

use std::time::Duration;

use serde_json::Value;
use shardway::{
    proto::v1::wire::{
        CreateNamespaceRequest, DeleteNamespaceRequest, GetNamespaceRequest, Namespace as Described,
        NamespaceConfig, admin_client::AdminClient,
    },
    store::{EmbeddedOptions, EmbeddedStore, Keys, Range, Store, Transaction, Write},
    types::Namespace,
};
use tokio::time::Instant;
use tonic::transport::Channel;

use super::{refusal_of, served::Served, shardway};
use crate::store::scratch::ScratchDir;

fn namespace(name: &str) -> Namespace {
    Namespace::new(name).unwrap()
}

fn open(folder: &str) -> EmbeddedStore {
    EmbeddedStore::open(folder, EmbeddedOptions::default()).unwrap()
}

async fn put(store: &dyn Store, key: &str, value: &[u8]) {
    let put = Write::Put(key.into(), bytes::Bytes::copy_from_slice(value));
    store.transact(Transaction::default().write(put)).await.unwrap();
}

/// The first row whose key begins so is overwritten; tells which, and what it was.
async fn damage(folder: &str, prefix: &str) -> (String, Vec<u8>) {
    let store = open(folder);
    let row = store.range(Range::prefix(prefix, 1)).await.unwrap().rows.remove(0);
    put(&store, &row.key, b"damaged").await;
    (row.key.to_string(), row.value.to_vec())
}

async fn damage_head(folder: &str, name: &str) -> (String, Vec<u8>) {
    damage(folder, &Keys::default().head(&namespace(name))).await
}

/// The exit code, the answer, and what else was said.
fn answer(args: &[&str]) -> (i32, Value, String) {
    let output = shardway(&[args, &["--output", "json"]].concat(), b"");
    let said = String::from_utf8(output.stderr).unwrap();
    let answer = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{args:?}: {said}"));
    (output.status.code().unwrap(), answer, said)
}

async fn described(admin: &mut AdminClient<Channel>, name: &str) -> Described {
    let get = GetNamespaceRequest { namespace: name.into() };
    admin
        .get_namespace(get)
        .await
        .map_or_else(|_| Described::default(), |got| got.into_inner().namespace.unwrap())
}

/// What is known of a namespace once it is so.
async fn once(admin: &mut AdminClient<Channel>, name: &str, is_so: fn(&Described) -> bool) -> Described {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let now = described(admin, name).await;
        if is_so(&now) {
            return now;
        }
        assert!(Instant::now() < deadline, "{now:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A folder with these namespaces, each with so many shards, that was served from.
async fn served_before(folder: &str, namespaces: &[(&str, u32)]) {
    let served = Served::start(&["--store", folder]);
    let mut admin = AdminClient::new(served.channel().await);
    for (name, shards) in namespaces {
        let yaml = format!("{{kind: fixed, shards: {shards}, lease: 1s, beat_every: 200ms, gather: 100ms}}");
        let create =
            CreateNamespaceRequest { namespace: (*name).to_owned(), config: Some(NamespaceConfig { yaml }) };
        admin.create_namespace(create).await.unwrap();
        once(&mut admin, name, |now| now.version.is_some()).await;
    }
    assert_eq!(served.terminate(), Some(0));
}

#[tokio::test]
async fn a_head_that_cannot_be_read_keeps_nobody_else_from_being_adopted_and_is_reset() {
    let scratch = ScratchDir::new();
    let folder = scratch.path().to_str().unwrap();
    served_before(folder, &[("carts", 4), ("orders", 16)]).await;
    let (key, _) = damage_head(folder, "carts").await;
    let began = Instant::now();
    let adopt = ["store", "adopt", folder, "--yes"];
    let (code, report, _) = answer(&adopt);
    assert_eq!((code, report["need_no_adoption"][0].as_str()), (1, Some("orders")), "{report:#}");
    let (code, report, said) = answer(&[&adopt[..], &["--force"]].concat());
    assert!(began.elapsed() < Duration::from_secs(60));
    assert_eq!((code, report["adopted"][0]["namespace"].as_str()), (1, Some("orders")), "{report:#}");
    let left = &report["not_adopted"][0];
    assert_eq!(left["namespace"], "carts");
    assert!(left["why"].as_str().unwrap().contains(&key), "{left}");
    assert!(left["remedy"].as_str().unwrap().contains("shardway store reset"), "{left}");
    assert_eq!(said, "");

    let reset = ["store", "reset", folder, "--namespace", "carts"];
    let (code, complaint) = refusal_of(&reset);
    assert!(code == 3 && complaint.contains("loses all sessions"), "{complaint}");
    let (code, report, said) = answer(&[&reset[..], &["--yes", "--longest-lease", "1s"]].concat());
    assert_eq!((code, said.as_str()), (0, ""), "{report:#}");
    let wait = report["reset"][0]["wait_ms"].as_u64().unwrap();
    assert!((6_000..7_000).contains(&wait), "a lease of 1 s and one of 5 s: {wait}");

    let served = Served::start(&["--store", folder]);
    let mut admin = AdminClient::new(served.channel().await);
    let carts = once(&mut admin, "carts", |now| now.version.is_some() && now.conditions == ["waiting"]).await;
    assert_eq!(carts.shards, 4, "it is run as it was founded");
    assert_eq!(served.terminate(), Some(0));
    let (code, report, _) = answer(&[&reset[..], &["--yes"]].concat());
    assert_eq!(code, 0);
    // What is stored says now how long a lease is, and that nothing was granted for those before.
    assert!(report["reset"][0]["wait_ms"].as_u64().unwrap() < 7_000, "{report:#}");
}

#[tokio::test]
async fn where_nothing_says_how_long_a_lease_was_the_longest_counts() {
    let scratch = ScratchDir::new();
    let folder = scratch.path().to_str().unwrap();
    served_before(folder, &[("carts", 4)]).await;
    damage_head(folder, "carts").await;
    let (code, report, _) = answer(&["store", "reset", folder, "--namespace", "carts", "--yes"]);
    assert_eq!(code, 0, "{report:#}");
    assert!(report["reset"][0]["wait_ms"].as_u64().unwrap() > 3_600_000, "{report:#}");
    let missing = refusal_of(&["store", "reset", folder, "--namespace", "cats", "--yes"]);
    assert!(missing.0 == 3 && missing.1.contains("no namespace \"cats\""), "{missing:?}");
}

#[tokio::test]
async fn a_namespace_whose_head_cannot_be_read_is_deleted_and_created_again() {
    let scratch = ScratchDir::new();
    let folder = scratch.path().to_str().unwrap();
    served_before(folder, &[("carts", 4)]).await;
    let (key, _) = damage_head(folder, "carts").await;
    let served = Served::start(&["--store", folder]);
    let mut admin = AdminClient::new(served.channel().await);
    let carts = once(&mut admin, "carts", |now| now.conditions == ["cannot be run"]).await;
    assert!(carts.trouble.contains(&key), "{}", carts.trouble);
    let delete = DeleteNamespaceRequest { namespace: "carts".into(), confirm: "carts".into() };
    let mut delete = tonic::Request::new(delete);
    delete.set_timeout(Duration::from_secs(30));
    admin.delete_namespace(delete).await.unwrap();
    let yaml = "{kind: fixed, shards: 8}".into();
    let create = CreateNamespaceRequest { namespace: "carts".into(), config: Some(NamespaceConfig { yaml }) };
    admin.create_namespace(create).await.unwrap();
    let carts = once(&mut admin, "carts", |now| now.shards == 8).await;
    assert_eq!(carts.conditions, ["waiting"], "somebody may hold what the lost one granted");
    assert_eq!(served.terminate(), Some(0));
}

#[tokio::test]
async fn a_namespace_without_one_of_its_commits_is_run_and_said_to_be_damaged() {
    let scratch = ScratchDir::new();
    let folder = scratch.path().to_str().unwrap();
    served_before(folder, &[("carts", 4)]).await;
    let (key, _) = damage(folder, &Keys::default().deltas(&namespace("carts"))).await;
    let served = Served::start(&["--store", folder, "--admin-listen", "127.0.0.1:0"]);
    let mut admin = AdminClient::new(served.channel().await);
    let carts =
        once(&mut admin, "carts", |now| now.conditions.contains(&"damaged".into()) && !now.leader.is_empty())
            .await;
    assert!(carts.trouble.contains(&key), "{carts:?}");
    assert!(!carts.conditions.contains(&"cannot be run".into()), "{carts:?}");
    assert_eq!(served.terminate(), Some(0));
}

/// As a disk does it: the row itself cannot be read any more, whatever it says.
async fn break_row(folder: &str, key: &str) {
    let store = open(folder);
    let value = store.get(key).await.unwrap().expect("it is there").value;
    drop(store);
    let file = format!("{folder}/store.redb");
    let mut bytes = std::fs::read(&file).unwrap();
    let places: Vec<usize> =
        bytes.windows(value.len()).enumerate().filter(|(_, at)| *at == value).map(|(at, _)| at).collect();
    places.iter().for_each(|at| bytes[*at] ^= 1);
    std::fs::write(&file, bytes).unwrap();
    assert_eq!(open(folder).damaged(), [key.into()]);
}

#[tokio::test]
async fn a_term_that_the_folder_cannot_read_keeps_nobody_from_leading() {
    let scratch = ScratchDir::new();
    let folder = scratch.path().to_str().unwrap();
    served_before(folder, &[("carts", 4)]).await;
    break_row(folder, &Keys::default().term(&namespace("carts"))).await;
    for command in [&["store", "adopt", folder, "--force", "--yes"][..], &["serve"]] {
        if command[0] == "store" {
            let (code, adopted, _) = answer(command);
            assert_eq!((code, adopted["adopted"].as_array().unwrap().len()), (0, 1), "{adopted:#}");
            break_row(folder, &Keys::default().term(&namespace("carts"))).await;
        } else {
            let served = Served::start(&["--store", folder]);
            let mut admin = AdminClient::new(served.channel().await);
            once(&mut admin, "carts", |now| now.version.is_some() && !now.leader.is_empty()).await;
            assert_eq!(served.terminate(), Some(0));
        }
    }
    assert!(open(folder).damaged().is_empty());
}

#[tokio::test]
async fn nobody_serves_from_a_store_that_has_moved_or_is_not_whole_and_it_is_said_why() {
    let scratch = ScratchDir::new();
    let path = |name: &str| scratch.path().join(name).to_str().unwrap().to_owned();
    let (left, new, half) = (path("left"), path("new"), path("half"));
    served_before(&left, &[("carts", 4)]).await;
    let (code, copied, _) = answer(&["store", "copy", &left, &new, "--seal"]);
    assert_eq!((code, &copied["sealed"]), (0, &Value::Bool(true)));
    put(&open(&half), &Keys::default().restoring(), b"unfinished").await;
    for (folder, why) in [(&left, "was moved to store"), (&half, "was not finished: run that again")] {
        for args in
            [&["serve", "--listen", "127.0.0.1:0", "--store", folder][..], &["store", "adopt", folder]]
        {
            let (code, complaint) = refusal_of(args);
            assert!(code == 3 && complaint.contains(why), "{args:?}: {complaint}");
        }
    }
    let (code, adopted, _) = answer(&["store", "adopt", &new, "--yes"]);
    assert_eq!((code, adopted["adopted"].as_array().unwrap().len()), (0, 1));
}

/// Where redb finds its pages changed, it panics.
#[tokio::test]
async fn a_folder_that_is_damaged_beyond_its_rows_ends_a_command_with_a_reason_and_no_trace() {
    const PAGE: usize = 4096;
    let scratch = ScratchDir::new();
    let path = |name: &str| scratch.path().join(name).to_str().unwrap().to_owned();
    let (whole, folder) = (path("whole"), path("damaged"));
    let store = open(&whole);
    put(&store, "shardway/cluster", b"x").await;
    drop(store);
    let file = std::fs::read(format!("{whole}/store.redb")).unwrap();
    std::fs::create_dir(&folder).unwrap();
    let mut reasons = Vec::new();
    for page in (0..file.len()).step_by(PAGE).filter(|page| file[*page] != 0) {
        let mut damaged = file.clone();
        damaged[page] ^= 0x80;
        std::fs::write(format!("{folder}/store.redb"), damaged).unwrap();
        let output = shardway(&["store", "verify", &folder], b"");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!said.contains("panicked") && said.lines().count() <= 1, "{said}");
        if output.status.code() == Some(3) {
            reasons.push(said);
        }
    }
    let senseless = |said: &&String| {
        said.contains("its pages make no sense") && said.contains("restore a backup into another folder")
    };
    assert!(reasons.iter().filter(senseless).count() > 1, "{reasons:?}");
}

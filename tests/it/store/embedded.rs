//! The store in a folder, on the machine's own disk.

use std::{fs, path::Path, process::Command, sync::Arc};

use shardway::store::{
    EmbeddedOptions, EmbeddedStore, Outcome, Range, Revision, Store, StoreError, Transaction, Write,
};

use super::{conformance, scratch::ScratchDir};

fn open(folder: &Path) -> Result<EmbeddedStore, StoreError> {
    EmbeddedStore::open(folder, EmbeddedOptions::default())
}

fn put(key: &str, bytes: usize) -> Transaction {
    Transaction::default().write(Write::Put(key.into(), vec![7; bytes].into()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_conforms() {
    let scratch = ScratchDir::new();
    let store: Arc<dyn Store> = Arc::new(open(scratch.path()).unwrap());
    conformance::run(async || store.clone()).await;
}

#[tokio::test]
async fn rows_revisions_and_identity_outlive_the_process() {
    let scratch = ScratchDir::new();
    let folder = scratch.path().join("made/if/need/be");
    let store = open(&folder).unwrap();
    let identity = store.identity().await;
    let first = store.transact(put("a", 100)).await;
    assert_eq!(first, Ok(Outcome::Committed(Revision(1))));
    let row = store.get("a").await;
    drop(store);
    let store = open(&folder).unwrap();
    assert_eq!((store.get("a").await, store.identity().await), (row, identity));
    let second = store.transact(put("b", 100)).await;
    assert_eq!(second, Ok(Outcome::Committed(Revision(2))));
    // Whoever copies the folder of a store that runs has a copy of the same store, which a backup is not.
    assert!(folder.join("store.redb").is_file() && folder.join("lock").is_file());
}

#[tokio::test]
async fn a_folder_is_open_once() {
    let scratch = ScratchDir::new();
    let store = open(scratch.path()).unwrap();
    let Err(StoreError::Locked { path }) = open(scratch.path()) else { panic!("one at a time") };
    assert_eq!(Path::new(&path), scratch.path());
    store.transact(put("a", 1)).await.expect("who has it keeps it");
    drop(store);
    assert!(open(scratch.path()).unwrap().get("a").await.unwrap().is_some());
}

#[test]
fn a_folder_that_cannot_be_is_an_error() {
    let scratch = ScratchDir::new();
    let file = scratch.path().join("file");
    fs::write(&file, "").unwrap();
    let error = open(&file.join("below")).unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. } | StoreError::Denied { .. }), "{error}");
    fs::write(scratch.path().join("store.redb"), "no store at all").unwrap();
    let error = open(scratch.path()).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. } | StoreError::Unavailable { .. }), "{error}");
    assert_eq!(
        fs::read(scratch.path().join("store.redb")).unwrap(),
        b"no store at all",
        "and is not touched"
    );
}

/// A file system of its own, which is really full; `None` when this process may not have one.
struct SmallDisk(ScratchDir);

impl SmallDisk {
    fn of(size: &str) -> Option<Self> {
        let scratch = ScratchDir::new();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(scratch.path())
            .output();
        mount.is_ok_and(|output| output.status.success()).then_some(Self(scratch))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

/// The unit tests do this on a disk of their own making; here, where it is allowed, the system's says when it is full.
#[tokio::test]
async fn a_full_file_system_fails_writes_keeps_reads_and_mends() {
    let Some(disk) = SmallDisk::of("2m") else {
        eprintln!("not run: this process may not mount a file system");
        return;
    };
    let store = open(disk.0.path()).unwrap();
    let ballast = disk.0.path().join("ballast");
    fs::write(&ballast, vec![0; 1 << 20]).unwrap();
    let mut written = 0;
    let error = loop {
        match store.transact(put(&format!("{written:04}"), 10_000)).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    let rows = async |store: &EmbeddedStore| store.range(Range::prefix("", 1_000)).await.unwrap().rows.len();
    for _ in 0..3 {
        let error = store.transact(put("z", 900_000)).await.unwrap_err();
        assert!(matches!(error, StoreError::Full { .. }), "{error}");
        assert_eq!(rows(&store).await, written);
    }
    fs::remove_file(&ballast).unwrap();
    store.transact(put("z", 10_000)).await.expect("there is space again");
    assert_eq!(rows(&store).await, written + 1);
    drop(store);
    assert_eq!(rows(&open(disk.0.path()).unwrap()).await, written + 1);
}

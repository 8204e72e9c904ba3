//! Files that are not what was written: damage is noticed and named, and stops nothing but itself.

use redb::{Database, ReadableDatabase, TableDefinition};

use super::{
    crash_disk::{CrashDisk, Faults, Image, split_mix},
    *,
};
use crate::store::{Compare, Write};

const ROWS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("rows");
const ABOUT: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("about");

fn open(disk: &CrashDisk) -> Result<EmbeddedStore, StoreError> {
    EmbeddedStore::on(Box::new(disk.clone()), EmbeddedOptions::default())
}

fn put(key: &str, value: &str) -> Transaction {
    Transaction::default().write(Write::Put(key.into(), Bytes::copy_from_slice(value.as_bytes())))
}

/// What the disk of a store with 30 rows holds.
async fn image() -> Image {
    let disk = CrashDisk::default();
    let store = open(&disk).unwrap();
    for number in 0..30 {
        let key = format!("key/{number:02}");
        store
            .transact(put(&key, &format!("the value of {key}, which is {}", "long ".repeat(20))))
            .await
            .unwrap();
    }
    drop(store);
    disk.image()
}

/// A disk on which this text stands differently, wherever it does.
async fn with_changed(text: &str) -> CrashDisk {
    let mut image = image().await;
    let file = image.contents(FILE);
    let places: Vec<_> = file
        .windows(text.len())
        .enumerate()
        .filter(|(_, part)| *part == text.as_bytes())
        .map(|(at, _)| at)
        .collect();
    assert!(!places.is_empty());
    places.into_iter().for_each(|at| file[at] ^= 1);
    CrashDisk::of(image)
}

async fn rows(store: &EmbeddedStore) -> Vec<Row> {
    store.range(Range::prefix("", 1_000)).await.unwrap().rows
}

fn is_corrupt<T>(answer: Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Corrupt { .. }))
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_named_and_stops_nothing_but_itself() {
    let store = open(&with_changed("the value of key/07").await).unwrap();
    assert_eq!(store.damaged(), ["key/07".into()]);
    let Err(StoreError::Corrupt { reason }) = store.get("key/07").await else {
        panic!("it must not look absent")
    };
    assert!(reason.contains("key/07"), "{reason}");
    for compare in [
        Compare::Absent("key/07".into()),
        Compare::Changed("key/07".into(), Revision(8)),
        Compare::Value("key/07".into(), Bytes::new()),
    ] {
        assert!(is_corrupt(store.transact(put("key/08", "new").when(compare)).await));
    }
    assert_eq!(rows(&store).await.len(), 29);
    assert_ne!(store.get("key/08").await.unwrap().unwrap().value, "new", "nothing was done");
    store.transact(put("key/08", "new")).await.expect("other rows are as ever");
}

#[tokio::test]
async fn writing_or_deleting_a_damaged_row_mends_it() {
    for mend in [
        put("key/07", "mended"),
        Transaction::default().write(Write::Delete("key/07".into())),
        Transaction::default().write(Write::DeleteRange("key/07".into(), "key/08".into())),
    ] {
        let disk = with_changed("the value of key/07").await;
        let is_put = matches!(mend.writes[0], Write::Put(..));
        let store = open(&disk).unwrap();
        let refused = mend.clone().when(Compare::Absent("key/08".into()));
        assert_eq!(store.transact(refused).await, Ok(Outcome::Refused));
        assert_eq!(store.damaged().len(), 1);
        store.transact(mend).await.unwrap();
        drop(store);
        let again = open(&disk).unwrap();
        for store in [again] {
            assert!(store.damaged().is_empty());
            assert_eq!(store.get("key/07").await.unwrap().is_some(), is_put);
            assert_eq!(rows(&store).await.len(), if is_put { 30 } else { 29 });
        }
    }
}

#[tokio::test]
async fn a_file_that_is_written_anew_keeps_what_it_cannot_read() {
    let disk = with_changed("the value of key/07").await;
    let store = open(&disk).unwrap();
    disk.set_faults(Faults { syncs: 1, ..Faults::default() });
    assert!(store.transact(put("key/08", "new")).await.is_err());
    store.transact(put("key/09", "new")).await.unwrap();
    drop(store);
    let store = open(&disk).unwrap();
    assert_eq!(store.damaged(), ["key/07".into()]);
    assert_eq!(rows(&store).await.len(), 29);
}

/// Wherever a bit flips: each row is as it was, or is named, or the store is not opened.
#[tokio::test]
async fn no_flipped_bit_makes_a_row_something_else() {
    let image = image().await;
    let original = rows(&open(&CrashDisk::of(image.clone())).unwrap()).await;
    let (mut refused, mut named) = (0, 0);
    for seed in 0..120 {
        let mut image = image.clone();
        let file = image.contents(FILE);
        // Half of them where rows are, which is little of the file.
        let needle = format!("the value of key/{:02}", seed % 30);
        let near = file.windows(needle.len()).position(|part| part == needle.as_bytes()).unwrap();
        let random = split_mix(seed) as usize;
        let at = if seed % 2 == 0 { near - 60 + random % 150 } else { random % file.len() };
        file[at] ^= 1 << (random >> 32 & 7);
        match open(&CrashDisk::of(image)) {
            Err(error) => {
                assert!(
                    matches!(error, StoreError::Corrupt { .. } | StoreError::Unavailable { .. }),
                    "{error}"
                );
                refused += 1;
            }
            Ok(store) => {
                let damaged = store.damaged();
                named += damaged.len();
                let expected = original.iter().filter(|row| !damaged.contains(&row.key));
                assert!(rows(&store).await.iter().eq(expected), "byte {at}");
            }
        }
    }
    assert!(refused > 2 && named > 10, "{refused} refused, {named} named: the test hits what it is about");
}

/// Changes the file as redb itself would.
async fn edited(edit: impl FnOnce(&redb::WriteTransaction)) -> CrashDisk {
    let disk = CrashDisk::of(image().await);
    let backend = watched::Watched::new(disk.open(FILE).unwrap());
    let database = Database::builder().create_with_backend(backend).unwrap();
    let write = database.begin_write().unwrap();
    edit(&write);
    write.commit().unwrap();
    database.begin_read().unwrap();
    drop(database);
    disk
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused_and_not_touched() {
    let disk = edited(|write| {
        write.open_table(ABOUT).unwrap().insert("format", &2_u64.to_le_bytes()[..]).unwrap();
    })
    .await;
    let error = open(&disk).unwrap_err();
    assert_eq!(error, StoreError::Newer { found: 2, known: 1 });
    let advice = error.to_string();
    assert!(advice.contains("start the version that wrote it"), "{advice}");
    assert_eq!(open(&disk).unwrap_err(), error);
}

#[tokio::test]
async fn a_row_that_vanished_is_noticed() {
    let gone = edited(|write| {
        write.open_table(ROWS).unwrap().remove(&b"key/07"[..]).unwrap();
    })
    .await;
    assert!(is_corrupt(open(&gone)));
    let exchanged = edited(|write| {
        let mut rows = write.open_table(ROWS).unwrap();
        rows.remove(&b"key/07"[..]).unwrap();
        rows.insert(&b"key/x"[..], &*record::encode("key/x", Revision(3), b"")).unwrap();
    })
    .await;
    assert!(is_corrupt(open(&exchanged)));
    let misnamed = edited(|write| {
        let mut rows = write.open_table(ROWS).unwrap();
        let record = rows.remove(&b"key/07"[..]).unwrap().unwrap().value().to_vec();
        rows.insert(&b"key/70"[..], &*record).unwrap();
    })
    .await;
    assert!(is_corrupt(open(&misnamed)));
}

#[tokio::test]
async fn what_is_no_store_is_refused() {
    let mut cut = image().await;
    let length = cut.contents(FILE).len();
    cut.contents(FILE).truncate(length / 2);
    let mut zeros = image().await;
    zeros.contents(FILE).fill(0);
    let mut text = image().await;
    *text.contents(FILE) = b"not a store".repeat(1_000);
    let mut without_tables = image().await;
    without_tables.contents(FILE).clear();
    for image in [cut, zeros, text, without_tables] {
        let answer = open(&CrashDisk::of(image));
        assert!(
            matches!(answer, Err(StoreError::Corrupt { .. } | StoreError::Unavailable { .. })),
            "{answer:?}"
        );
    }
}

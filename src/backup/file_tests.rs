//! The file by itself.

use bytes::Bytes;
use proptest::prelude::*;

use super::{
    BATCH_BYTES, BackupError, Header,
    file::{End, FileReader, FileWriter, Pair},
};
use crate::store::Revision;

fn header() -> Header {
    Header {
        identity: "me".into(),
        kind: "memory".into(),
        root: "r".into(),
        revision: Revision(7),
        unix_millis: 1_700_000_000_000,
    }
}

fn pair(key: &str, value: Vec<u8>) -> Pair {
    (format!("r/{key}").into(), value.into())
}

fn write(rows: &[Pair]) -> Vec<u8> {
    let mut file = FileWriter::begin(Vec::new(), &header()).unwrap();
    for row in rows {
        file.row(row).unwrap();
    }
    file.finish(vec!["r/lost".into()]).unwrap().0
}

fn read(file: &[u8]) -> Result<(Vec<Pair>, End), BackupError> {
    let mut reader = FileReader::open(file)?;
    let mut rows = Vec::new();
    while let Some(batch) = reader.next()? {
        rows.extend(batch);
    }
    assert_eq!(reader.header(), &header());
    Ok((rows, reader.into_end().1))
}

fn some_rows() -> Vec<Pair> {
    vec![pair("a", b"1".to_vec()), pair("b", Vec::new()), pair("c", vec![9; 40])]
}

/// Some rows are larger than a batch.
fn sizes() -> impl Strategy<Value = usize> {
    prop_oneof![30 => 0..300_usize, 1 => 0..2 * BATCH_BYTES]
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        rows in prop::collection::btree_map("[ -~]{1,9}", (any::<u8>(), sizes()), 0..9)
    ) {
        let rows: Vec<_> = (rows.into_iter()).map(|(key, (byte, size))| pair(&key, vec![byte; size])).collect();
        let (again, end) = read(&write(&rows)).unwrap();
        let bytes: usize = rows.iter().map(|(key, value)| key.len() + value.len()).sum();
        prop_assert_eq!(&again, &rows);
        prop_assert_eq!(end, End { rows: rows.len() as u64, bytes: bytes as u64, damaged: vec!["r/lost".into()] });
    }

    #[test]
    fn whatever_bytes_there_are_reading_ends(bytes in prop::collection::vec(any::<u8>(), 0..300), good in 0..150_usize) {
        let file = write(&some_rows());
        let mixed = [&file[..good.min(file.len())], &bytes].concat();
        prop_assert!(read(&mixed).is_err() || mixed == file);
    }
}

#[test]
fn no_flipped_bit_goes_unnoticed_and_no_cut() {
    let file = write(&some_rows());
    assert_eq!(read(&file).unwrap().0, some_rows());
    for bit in 0..file.len() * 8 {
        let mut damaged = file.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(read(&damaged).is_err(), "bit {bit}");
    }
    for length in 0..file.len() {
        assert!(read(&file[..length]).is_err(), "cut at {length}");
    }
    assert!(matches!(read(&[&file[..], b"x"].concat()), Err(BackupError::Damaged { .. })));
}

#[test]
fn parts_that_are_missing_repeated_or_from_elsewhere_are_noticed() {
    let file = |byte: u8| {
        let rows: Vec<_> =
            (0..4).map(|number| pair(&format!("{number}"), vec![byte + number; BATCH_BYTES])).collect();
        write(&rows)
    };
    let (file, other) = (file(0), file(10));
    let (frames, others) = (frames(&file), frames(&other));
    assert_eq!(frames.len(), 6, "a header, four rows that are each a batch, an end");
    let join = |frames: &[&[u8]]| [&file[..20], &frames.concat()].concat();
    assert!(read(&join(&frames)).is_ok() && read(&other).is_ok());
    let order = |order: &[usize]| order.iter().map(|frame| frames[*frame]).collect::<Vec<_>>();
    for wrong in
        [&[0, 1, 3, 4, 5][..], &[0, 1, 2, 2, 3, 4, 5], &[0, 2, 1, 3, 4, 5], &[0, 5], &[1, 2, 3, 4, 5]]
    {
        assert!(read(&join(&order(wrong))).is_err(), "{wrong:?}");
    }
    // The same keys, sizes and count: only what comes before it tells that it belongs elsewhere.
    for place in 1..5 {
        let mut mixed = frames.clone();
        mixed[place] = others[place];
        assert!(read(&join(&mixed)).is_err(), "row {place}");
    }
    assert!(read(&join(&[&frames[..3], &others[3..]].concat())).is_err());
}

/// They begin behind the magic and the format; their lengths say where they end.
fn frames(file: &[u8]) -> Vec<&[u8]> {
    let (mut frames, mut at) = (Vec::new(), 20);
    while at < file.len() {
        let length = u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize + 12;
        frames.push(&file[at..at + length]);
        at += length;
    }
    frames
}

#[test]
fn rows_that_no_writer_of_ours_writes_are_refused() {
    let swapped = vec![pair("b", Vec::new()), pair("a", Vec::new())];
    let elsewhere: Pair = ("ra/a".into(), Bytes::new());
    for wrong in [swapped, vec![pair("a", Vec::new()); 2], vec![elsewhere], vec![pair("\n", Vec::new())]] {
        assert!(matches!(read(&write(&wrong)), Err(BackupError::Damaged { .. })), "{wrong:?}");
    }
}

#[test]
fn other_files_and_newer_formats_are_told_apart() {
    for other in [&b""[..], b"shardway backup\n", b"PK\x03\x04 and so on, for long enough"] {
        assert!(matches!(read(other), Err(BackupError::NotABackup)));
    }
    let mut newer = write(&some_rows());
    newer[16] = 9;
    assert!(matches!(read(&newer), Err(BackupError::Newer { found: 9, known: 1 })));
}

/// A file of format 1, byte for byte: what was written once is read for ever.
#[test]
fn the_format_stays_what_it_is() {
    let file = write(&[pair("a", b"1".to_vec())]);
    let hex: String = file.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, GOLDEN);
}

const GOLDEN: &str = "7368617264776179206261636b75700a010000001a0000000a180a026d6512066d656d6f72791a017220072880d095ff\
    bc3118ebe88922e8ea8e0a00000012080a03722f61120131dd8a10b5132092810e0000001a0c080110041a06722f6c6f7374c61dad69\
    b03b21c4";

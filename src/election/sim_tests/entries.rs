//! What is committed here: entries of several items, each of which tells which entry it belongs to.

use bytes::Bytes;

use super::chance::Chance;
use crate::journal::Loaded;

/// One entry: some items that belong together.
pub(super) fn entry(chance: &mut Chance, id: u64) -> Vec<Bytes> {
    let count = chance.between(1, 4);
    (0..count).map(|index| item(id, count, index, chance.below(300) as usize)).collect()
}

pub(super) fn item(id: u64, count: u64, index: u64, padding: usize) -> Bytes {
    let mut item = format!("{id} {count} {index} ").into_bytes();
    item.resize(item.len() + padding, b'.');
    item.into()
}

/// The entries that a whole state consists of.
pub(super) fn ids_of(loaded: &Loaded) -> Vec<u64> {
    assert_eq!((&loaded.damage[..], &loaded.mismatch), (&[][..], &None), "nothing here damages anything");
    let deltas = loaded.deltas.iter().flat_map(|delta| ids(&delta.items));
    ids(&loaded.snapshot).into_iter().chain(deltas).collect()
}

/// The entries that items are of, each of them whole.
pub(super) fn ids(items: &[Bytes]) -> Vec<u64> {
    let mut ids = Vec::new();
    let mut items = items.iter();
    while let Some(first) = items.next() {
        let numbers = |item: &Bytes| -> Vec<u64> {
            let text = std::str::from_utf8(item).unwrap();
            text.split(' ').take(3).map(|number| number.parse().unwrap()).collect()
        };
        let [id, count, 0] = numbers(first)[..] else { panic!("an entry without its beginning: {first:?}") };
        for index in 1..count {
            let next = items.next().expect("an entry without its end");
            assert_eq!(numbers(next), [id, count, index], "entries are whole and in order");
        }
        ids.push(id);
    }
    ids
}

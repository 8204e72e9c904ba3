//! A disk in memory that fails as told, and that remembers every operation, so that a crash can be had at any of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
};

use parking_lot::Mutex;
use redb::StorageBackend;

use super::disk::Disk;

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;
/// What a file takes of the space, even for one byte.
const BLOCK: u64 = 4096;

/// A disk; clones are the same one.
#[derive(Clone, Debug, Default)]
pub(super) struct CrashDisk(Arc<Mutex<Inner>>);

/// What a disk holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Image {
    names: BTreeMap<String, usize>,
    files: Vec<Vec<u8>>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Before all operations.
    start: Image,
    /// After them.
    now: Image,
    done: Vec<Operation>,
    blocks: BTreeSet<(usize, u64)>,
    faults: Faults,
}

/// How a disk fails.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Faults {
    /// So many blocks may be written, and no others.
    pub(super) blocks: Option<usize>,
    /// No write succeeds.
    pub(super) writes: bool,
    /// The write behind so many others is done, but said to have failed.
    pub(super) lie: Option<usize>,
    /// So many syncs fail.
    pub(super) syncs: usize,
    /// No file is made, renamed or removed.
    pub(super) names: bool,
}

#[derive(Clone, Debug)]
enum Operation {
    Make(String, usize),
    Write {
        file: usize,
        offset: u64,
        data: Arc<[u8]>,
    },
    SetLen {
        file: usize,
        len: u64,
    },
    Sync {
        file: usize,
    },
    /// What was not durable before may be lost in spite of every later sync.
    FailedSync {
        file: usize,
    },
    Remove(String),
    Rename(String, String),
    SyncNames,
    Acknowledged(u64),
}

/// What of that which was not made durable is there after a crash.
#[derive(Clone, Copy, Debug)]
pub(super) enum Survival {
    Nothing,
    Everything,
    /// Each sector or not, by a seed.
    Some(u64),
}

impl Survival {
    fn next(&mut self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Some(seed) => {
                *seed = split_mix(*seed);
                *seed & 1 == 0
            }
        }
    }
}

/// A random number from another one.
pub(super) fn split_mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl CrashDisk {
    pub(super) fn of(image: Image) -> Self {
        Self(Arc::new(Mutex::new(Inner { start: image.clone(), now: image, ..Inner::default() })))
    }

    pub(super) fn set_faults(&self, faults: Faults) {
        self.0.lock().faults = faults;
    }

    /// How many blocks are in use.
    pub(super) fn blocks(&self) -> usize {
        self.0.lock().blocks.len()
    }

    /// Remembers that so many transactions were acknowledged by now.
    pub(super) fn acknowledge(&self, transactions: u64) {
        self.0.lock().done.push(Operation::Acknowledged(transactions));
    }

    /// How many operations there were.
    pub(super) fn operations(&self) -> usize {
        self.0.lock().done.len()
    }

    /// Which file it is that has a name.
    pub(super) fn file(&self, name: &str) -> usize {
        self.0.lock().now.names[name]
    }

    /// What it holds now, as whoever does not crash sees it.
    pub(super) fn image(&self) -> Image {
        self.0.lock().now.clone()
    }

    /// What it holds after a crash behind the first `cut` operations, and how many transactions were acknowledged.
    pub(super) fn crash(&self, cut: usize, mut survival: Survival) -> (Image, u64) {
        let inner = self.0.lock();
        let done = &inner.done[..cut];
        let mut image = inner.start.clone();
        let mut acknowledged = 0;
        let mut lost_names = false;
        for (operation, is_safe) in done.iter().zip(which_are_safe(done)) {
            match operation {
                Operation::Acknowledged(transactions) => acknowledged = *transactions,
                Operation::Write { file, offset, data } => {
                    for (number, sector) in data.chunks(SECTOR).enumerate() {
                        let from = usize::try_from(*offset).unwrap() + number * SECTOR;
                        let contents = image.file(*file);
                        // What lies behind the end is lost with the end.
                        if (is_safe || survival.next()) && from + sector.len() <= contents.len() {
                            contents[from..from + sector.len()].copy_from_slice(sector);
                        }
                    }
                }
                Operation::SetLen { file, len } => {
                    if is_safe || survival.next() {
                        image.file(*file).resize(usize::try_from(*len).unwrap(), 0);
                    }
                }
                Operation::Sync { .. } | Operation::FailedSync { .. } | Operation::SyncNames => {}
                Operation::Make(..) | Operation::Remove(_) | Operation::Rename(..) => {
                    // Names change in order: one that is lost takes all later ones along.
                    lost_names |= !is_safe && !survival.next();
                    if !lost_names {
                        image.rename(operation);
                    }
                }
            }
        }
        (image, acknowledged)
    }
}

/// Of each operation, whether a later sync has made it durable: the next one, if that succeeded.
fn which_are_safe(done: &[Operation]) -> Vec<bool> {
    let mut synced = BTreeMap::new();
    let mut synced_names = false;
    let mut safe: Vec<_> = done
        .iter()
        .rev()
        .map(|operation| match operation {
            Operation::Sync { file } => synced.insert(*file, true).is_none(),
            Operation::FailedSync { file } => synced.insert(*file, false).is_none(),
            Operation::Write { file, .. } | Operation::SetLen { file, .. } => synced.get(file) == Some(&true),
            Operation::SyncNames => std::mem::replace(&mut synced_names, true),
            Operation::Make(..) | Operation::Remove(_) | Operation::Rename(..) => synced_names,
            Operation::Acknowledged(_) => true,
        })
        .collect();
    safe.reverse();
    safe
}

impl Image {
    fn file(&mut self, file: usize) -> &mut Vec<u8> {
        if self.files.len() <= file {
            self.files.resize(file + 1, Vec::new());
        }
        &mut self.files[file]
    }

    fn rename(&mut self, operation: &Operation) {
        match operation {
            Operation::Make(name, file) => drop(self.names.insert(name.clone(), *file)),
            Operation::Remove(name) => drop(self.names.remove(name)),
            Operation::Rename(from, to) => {
                let file = self.names.remove(from).expect("what is renamed is there");
                self.names.insert(to.clone(), file);
            }
            _ => unreachable!("only names"),
        }
    }

    /// The sum of a file's bytes, if it is there.
    pub(super) fn sum(&mut self, name: &str) -> Option<usize> {
        let file = *self.names.get(name)?;
        Some(self.file(file).iter().map(|byte| usize::from(*byte)).sum())
    }

    /// The contents of a file.
    pub(super) fn contents(&mut self, name: &str) -> &mut Vec<u8> {
        let file = self.names[name];
        self.file(file)
    }
}

impl Inner {
    fn do_names(&mut self, operation: Operation) -> io::Result<()> {
        if self.faults.names {
            return Err(io::Error::other("no names"));
        }
        self.now.rename(&operation);
        self.done.push(operation);
        let named: BTreeSet<_> = self.now.names.values().copied().collect();
        self.blocks.retain(|(file, _)| named.contains(file));
        Ok(())
    }
}

impl Disk for CrashDisk {
    fn place(&self) -> String {
        "a disk".to_owned()
    }

    fn exists(&self, name: &str) -> io::Result<bool> {
        Ok(self.0.lock().now.names.contains_key(name))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn StorageBackend>> {
        let mut inner = self.0.lock();
        let file = match inner.now.names.get(name) {
            Some(file) => *file,
            None => {
                let file = inner.now.files.len();
                inner.now.files.push(Vec::new());
                inner.do_names(Operation::Make(name.to_owned(), file))?;
                file
            }
        };
        Ok(Box::new(CrashFile { disk: self.0.clone(), file }))
    }

    fn replace(&self, from: &str, to: &str) -> io::Result<()> {
        let mut inner = self.0.lock();
        inner.do_names(Operation::Rename(from.to_owned(), to.to_owned()))?;
        inner.done.push(Operation::SyncNames);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut inner = self.0.lock();
        match inner.now.names.contains_key(name) {
            true => inner.do_names(Operation::Remove(name.to_owned())),
            false => Ok(()),
        }
    }
}

#[derive(Debug)]
struct CrashFile {
    disk: Arc<Mutex<Inner>>,
    file: usize,
}

impl StorageBackend for CrashFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.lock().now.files[self.file].len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let inner = self.disk.lock();
        let from = usize::try_from(offset).unwrap();
        let bytes = inner.now.files[self.file].get(from..from + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut inner = self.disk.lock();
        if inner.faults.writes {
            return Err(io::Error::other("no writes"));
        }
        inner.now.files[self.file].resize(usize::try_from(len).unwrap(), 0);
        inner.done.push(Operation::SetLen { file: self.file, len });
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut inner = self.disk.lock();
        if inner.faults.syncs > 0 {
            inner.faults.syncs -= 1;
            inner.done.push(Operation::FailedSync { file: self.file });
            return Err(io::Error::other("no syncs"));
        }
        inner.done.push(Operation::Sync { file: self.file });
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut inner = self.disk.lock();
        if inner.faults.writes {
            return Err(io::Error::other("no writes"));
        }
        let touched =
            (offset / BLOCK..=(offset + data.len() as u64 - 1) / BLOCK).map(|block| (self.file, block));
        let new: Vec<_> = touched.filter(|block| !inner.blocks.contains(block)).collect();
        if inner.faults.blocks.is_some_and(|most| !new.is_empty() && inner.blocks.len() + new.len() > most) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        inner.blocks.extend(new);
        let from = usize::try_from(offset).unwrap();
        inner.now.files[self.file][from..from + data.len()].copy_from_slice(data);
        inner.done.push(Operation::Write { file: self.file, offset, data: data.into() });
        match inner.faults.lie {
            Some(0) => {
                inner.faults.lie = None;
                Err(io::Error::other("no write, they say"))
            }
            left => {
                inner.faults.lie = left.map(|left| left - 1);
                Ok(())
            }
        }
    }
}

//! A file of which we know whether a commit to it can have happened, and whether it can be trusted.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use redb::StorageBackend;

/// Passes everything on and remembers about syncs. Not about locks: the folder has one.
///
/// redb points to a commit's pages in the header, at the very beginning of the file, and then syncs once. It also syncs
/// while a transaction is still being made, when the file grows: a failure after that says nothing about the commit.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    file: Arc<dyn StorageBackend>,
    seen: Arc<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// The header was written since the commit began.
    header: AtomicBool,
    /// A sync was tried since, well or not.
    sync_of_header: AtomicBool,
    /// One has failed, ever.
    failed_sync: AtomicBool,
}

impl Watched {
    pub(super) fn new(file: Box<dyn StorageBackend>) -> Self {
        Self { file: file.into(), seen: Arc::default() }
    }

    pub(super) fn begin_commit(&self) {
        self.seen.header.store(false, Ordering::Relaxed);
        self.seen.sync_of_header.store(false, Ordering::Relaxed);
    }

    /// Whether the disk was asked to make the commit durable, so that it may be.
    pub(super) fn may_have_committed(&self) -> bool {
        self.seen.sync_of_header.load(Ordering::Relaxed)
    }

    /// Whether a sync ever failed.
    pub(super) fn has_sync_failed(&self) -> bool {
        self.seen.failed_sync.load(Ordering::Relaxed)
    }
}

impl StorageBackend for Watched {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        if self.seen.header.load(Ordering::Relaxed) {
            self.seen.sync_of_header.store(true, Ordering::Relaxed);
        }
        let result = self.file.sync_data();
        if result.is_err() {
            self.seen.failed_sync.store(true, Ordering::Relaxed);
        }
        result
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if offset == 0 {
            self.seen.header.store(true, Ordering::Relaxed);
        }
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }
}

//! The few things that the embedded store does with a folder, so that tests can put a failing one in its place.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use redb::{StorageBackend, backends::FileBackend};

use crate::store::StoreError;

/// A folder of files. Failures leave it as it was.
pub(super) trait Disk: fmt::Debug + Send {
    /// For messages.
    fn place(&self) -> String;

    fn exists(&self, name: &str) -> io::Result<bool>;

    /// Opens a file, and makes it when it is not there.
    fn open(&self, name: &str) -> io::Result<Box<dyn StorageBackend>>;

    /// Gives a file another one's name, for good: when this returns, a crash does not undo it.
    fn replace(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file, if it is there.
    fn remove(&self, name: &str) -> io::Result<()>;
}

/// A real folder that no other process has open.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Locked as long as this is open; the system unlocks it when the process ends, however it ends.
    _lock: fs::File,
}

impl Folder {
    /// Makes the folder if need be, and keeps every other process out.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let place = path.display();
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::PermissionDenied => StoreError::Denied { reason: format!("{place}: {error}") },
            _ => StoreError::Unavailable { reason: format!("{place}: {error}") },
        };
        fs::create_dir_all(path).map_err(failed)?;
        let lock = fs::File::create(path.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(StoreError::Locked { path: place.to_string() }),
            Err(fs::TryLockError::Error(error)) => return Err(failed(error)),
        }
        if let Some(parent) = path.parent() {
            sync_folder(parent).map_err(failed)?;
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }
}

impl Disk for Folder {
    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn exists(&self, name: &str) -> io::Result<bool> {
        self.path.join(name).try_exists()
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn StorageBackend>> {
        let mut options = fs::OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(self.path.join(name))?;
        Ok(Box::new(FileBackend::new(file).map_err(io::Error::other)?))
    }

    fn replace(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))?;
        sync_folder(&self.path)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.path.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Makes names durable: a synced file is lost all the same when its folder's entry is.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    // A path of one part lies in the present folder, whose own path is empty.
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    // Elsewhere a folder cannot be opened as a file; there, the file system's own journal has to do.
    if cfg!(unix) { fs::File::open(path)?.sync_all() } else { Ok(()) }
}

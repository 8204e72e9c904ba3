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
        make_folder(path, &mut sync_folder).map_err(failed)?;
        let lock = fs::File::create(path.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(StoreError::Locked { path: place.to_string() }),
            Err(fs::TryLockError::Error(error)) => return Err(failed(error)),
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

/// Makes a folder, and those above it, if need be; each is durable before the next is made in it. `sync` is
/// [`sync_folder`].
fn make_folder(path: &Path, sync: &mut dyn FnMut(&Path) -> io::Result<()>) -> io::Result<()> {
    let Some(parent) = path.parent() else { return Ok(()) };
    if path.is_dir() {
        // Whoever made it may have ended before this. Where we may not look, we have made nothing.
        return sync(parent).or_else(|error| match error.kind() {
            io::ErrorKind::PermissionDenied => Ok(()),
            _ => Err(error),
        });
    }
    make_folder(parent, sync)?;
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists || !path.is_dir() => Err(error),
        _ => sync(parent),
    }
}

/// Makes names durable: a synced file is lost all the same when its folder's entry is.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    // A path of one part lies in the present folder, whose own path is empty.
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    // Elsewhere a folder cannot be opened as a file; there, the file system's own journal has to do.
    if cfg!(unix) { fs::File::open(path)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The folders that were synced, in order, each with the number of those below the root that were there then.
    fn made(root: &Path, below: &str) -> Vec<(PathBuf, usize)> {
        let mut synced = Vec::new();
        let path = root.join(below);
        make_folder(&path, &mut |folder| {
            let there = path.ancestors().filter(|above| above.starts_with(root) && above.is_dir()).count();
            synced.push((folder.to_owned(), there - 1));
            sync_folder(folder)
        })
        .unwrap();
        assert!(path.is_dir());
        synced
    }

    #[test]
    fn each_new_folder_is_durable_before_the_next_is_made_in_it() {
        let root = std::env::temp_dir().join(format!("shardway-folders-{}", std::process::id()));
        fs::create_dir(&root).unwrap();
        let above = root.parent().unwrap().to_owned();
        let (a, b) = (root.join("a"), root.join("a/b"));
        assert_eq!(made(&root, "a/b/c"), [(above, 0), (root.clone(), 1), (a, 2), (b.clone(), 3)]);
        // Who made it may not have come so far as to make it durable.
        assert_eq!(made(&root, "a/b/c"), [(b, 3)]);
        fs::write(root.join("file"), "").unwrap();
        make_folder(&root.join("file/d"), &mut sync_folder).unwrap_err();
        fs::remove_dir_all(&root).unwrap();
    }
}

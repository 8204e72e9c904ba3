//! Watches one file and hands out its complete contents whenever they change.
//!
//! Used by whatever is configured through a file that others replace at run time: it copes with an atomic rename over
//! the file, with writing in place, with the symlink swap by which Kubernetes updates a mounted ConfigMap, with a file
//! or directory that is not there yet, and with file systems that report nothing.
//!
//! ```text
//! let watch = FileWatch::spawn(path, FileWatchOptions::default(), move |seen| match seen {
//!     FileSeen::Changed(contents) => ..., // the first read, and every read that differs from the one before
//!     FileSeen::Unchanged => ...,         // read again and the same: proof of freshness
//!     FileSeen::Failed(error) => ...,     // not readable; told once until it becomes readable or fails otherwise
//! })?;
//! drop(watch); // ends it
//! ```
//!
//! It runs on a thread of its own and needs no runtime: a file system that hangs then holds up nobody else.

mod read;
#[cfg(test)]
pub(crate) mod scratch;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use notify::{
    EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode},
};
use xxhash_rust::xxh3::xxh3_128;

pub(crate) use self::read::{FileReadError, read_file};
use crate::clock::{Clock, SystemClock};

/// How a file is watched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileWatchOptions {
    /// How often the file is read even though no event came. A second: where no events exist (network file systems,
    /// exhausted inotify limits, a symlink into another directory) a change is still seen within that time.
    pub(crate) poll: Duration,
    /// How long events must have been silent before the file is read, so that one save is one read and a file written
    /// in place is mostly read whole. Waits at most ten times as long: a busy directory may never be silent.
    pub(crate) settle: Duration,
    /// A larger file is refused unread.
    pub(crate) max_bytes: usize,
}

impl Default for FileWatchOptions {
    fn default() -> Self {
        Self { poll: Duration::from_secs(1), settle: Duration::from_millis(30), max_bytes: 4 << 20 }
    }
}

/// What a look at the file showed.
#[derive(Debug)]
pub(crate) enum FileSeen<'a> {
    /// Its complete contents, for the first time or different from the last that could be read.
    Changed(&'a [u8]),
    /// The same as last time.
    Unchanged,
    /// It cannot be read. Told when the reason changes, not at every look. The first read after it tells `Changed`
    /// or `Unchanged` against the last contents that could be read.
    Failed(&'a FileReadError),
}

/// Watches until dropped. Dropping does not wait: a call that is under way may still finish, so a callback may drop
/// its own watch.
#[derive(Debug)]
pub(crate) struct FileWatch {
    stopped: Arc<AtomicBool>,
    wake: SyncSender<()>,
}

impl FileWatch {
    /// Reads the file at once, on the watching thread, and from then on whenever it may have changed. That the file
    /// does not exist is not an error here, only that no thread can be had.
    pub(crate) fn spawn(
        path: impl Into<PathBuf>,
        options: FileWatchOptions,
        on_seen: impl FnMut(FileSeen<'_>) + Send + 'static,
    ) -> io::Result<Self> {
        let path = path.into();
        // One slot: a wake-up that is already waiting covers all events until it is taken.
        let (wake, woken) = sync_channel(1);
        let stopped = Arc::new(AtomicBool::new(false));
        let watch = Self { stopped: stopped.clone(), wake: wake.clone() };
        let look = Look { path, max_bytes: options.max_bytes, on_seen, contents: None, failure: None };
        thread::Builder::new()
            .name("shardway-watch".into())
            .spawn(move || watch_loop(look, options, &stopped, &wake, &woken))?;
        Ok(watch)
    }
}

impl Drop for FileWatch {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Release);
        // A full slot wakes the thread as well.
        let _ = self.wake.try_send(());
    }
}

fn watch_loop<F: FnMut(FileSeen<'_>)>(
    mut look: Look<F>,
    options: FileWatchOptions,
    stopped: &AtomicBool,
    wake: &SyncSender<()>,
    woken: &Receiver<()>,
) {
    // Watch first, read second: a change between the two is then an event, not a loss.
    let mut _events = watch_directory(&look.path, wake.clone()).ok();
    while !stopped.load(Ordering::Acquire) {
        if !look.look() {
            // The directory may have come, or gone and come back as another one, which the old watch would not see.
            _events = watch_directory(&look.path, wake.clone()).ok();
        }
        match woken.recv_timeout(options.poll) {
            Ok(()) => settle(woken, stopped, options.settle),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Waits until the events pause.
fn settle(woken: &Receiver<()>, stopped: &AtomicBool, quiet: Duration) {
    let clock = SystemClock::new();
    let latest = clock.now() + quiet * 10;
    while clock.now() < latest && !stopped.load(Ordering::Acquire) && woken.recv_timeout(quiet).is_ok() {}
}

/// Watches the directory, not the file: a watch on the file follows the old file when a new one is renamed over it,
/// and never sees the swap of a symlink.
fn watch_directory(path: &Path, wake: SyncSender<()>) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Our own reading is an access too: to answer it with reading would never end. Errors (lost events) wake.
        let read_only = event.is_ok_and(|event| match event.kind {
            EventKind::Access(kind) => kind != AccessKind::Close(AccessMode::Write),
            _ => false,
        });
        if !read_only {
            let _ = wake.try_send(());
        }
    })?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    watcher.watch(directory, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}

struct Look<F> {
    path: PathBuf,
    max_bytes: usize,
    on_seen: F,
    /// Hash of the last contents that could be read. 128 bits: two different files never collide by accident.
    contents: Option<u128>,
    /// The failure that was told last, if nothing could be read since.
    failure: Option<FileReadError>,
}

impl<F: FnMut(FileSeen<'_>)> Look<F> {
    /// Reads and tells; false when it could not read.
    fn look(&mut self) -> bool {
        match read_file(&self.path, self.max_bytes) {
            Ok(contents) => {
                self.failure = None;
                let hash = xxh3_128(&contents);
                let unchanged = self.contents.replace(hash) == Some(hash);
                (self.on_seen)(if unchanged { FileSeen::Unchanged } else { FileSeen::Changed(&contents) });
                true
            }
            Err(error) => {
                if self.failure.as_ref() != Some(&error) {
                    (self.on_seen)(FileSeen::Failed(&error));
                    self.failure = Some(error);
                }
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, sync::mpsc};

    use super::{scratch::ScratchDir, *};

    const DEADLINE: Duration = Duration::from_secs(20);
    const BY_EVENT: FileWatchOptions = FileWatchOptions {
        poll: Duration::from_secs(3600),
        settle: Duration::from_millis(10),
        max_bytes: 100,
    };
    const BY_POLL: FileWatchOptions = FileWatchOptions { poll: Duration::from_millis(10), ..BY_EVENT };

    /// Watches and tells what it sees as text, leaving out `Unchanged`.
    fn watch(path: &Path, options: FileWatchOptions) -> (FileWatch, impl Fn() -> String + use<>) {
        let (tell, told) = mpsc::channel();
        let watch = FileWatch::spawn(path, options, move |seen| {
            let _ = match seen {
                FileSeen::Changed(contents) => tell.send(String::from_utf8_lossy(contents).into_owned()),
                FileSeen::Unchanged => Ok(()),
                FileSeen::Failed(error) => tell.send(format!("failed: {error}")),
            };
        })
        .unwrap();
        (watch, move || told.recv_timeout(DEADLINE).expect("the watch tells within the deadline"))
    }

    fn no_such_file(path: &Path) -> String {
        format!("failed: {}: no such file", path.display())
    }

    /// Writes in place may be seen half done; what counts is that the last state is seen.
    fn see(next: &impl Fn() -> String, expected: &str) {
        while next() != expected {}
    }

    #[test]
    fn sees_rename_over_write_in_place_removal_and_return() {
        let dir = ScratchDir::new();
        let (path, other) = (dir.path().join("list"), dir.path().join("list.new"));
        fs::write(&path, "one").unwrap();
        let (_watch, next) = watch(&path, BY_EVENT);
        assert_eq!(next(), "one");
        for round in 0..3 {
            let contents = format!("renamed {round}");
            fs::write(&other, &contents).unwrap();
            fs::rename(&other, &path).unwrap();
            see(&next, &contents);
        }
        fs::write(&path, "in place").unwrap();
        see(&next, "in place");
        fs::remove_file(&path).unwrap();
        see(&next, &no_such_file(&path));
        fs::write(&path, "back").unwrap();
        see(&next, "back");
    }

    #[cfg(unix)]
    #[test]
    fn sees_the_symlink_swap_of_a_config_map() {
        let dir = ScratchDir::new();
        let root = dir.path();
        let publish = |version: &str| {
            fs::create_dir(root.join(version)).unwrap();
            fs::write(root.join(version).join("list"), version).unwrap();
            std::os::unix::fs::symlink(version, root.join("..data_tmp")).unwrap();
            fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
        };
        publish("..v1");
        std::os::unix::fs::symlink("..data/list", root.join("list")).unwrap();
        let (_watch, next) = watch(&root.join("list"), BY_EVENT);
        assert_eq!(next(), "..v1");
        for version in ["..v2", "..v3"] {
            publish(version);
            see(&next, version);
        }
    }

    #[cfg(unix)]
    #[test]
    fn polling_sees_what_no_event_tells() {
        let (dir, elsewhere) = (ScratchDir::new(), ScratchDir::new());
        let (path, target) = (dir.path().join("list"), elsewhere.path().join("target"));
        fs::write(&target, "one").unwrap();
        std::os::unix::fs::symlink(&target, &path).unwrap();
        let (_watch, next) = watch(&path, BY_POLL);
        assert_eq!(next(), "one");
        fs::write(&target, "two").unwrap();
        see(&next, "two");
    }

    #[test]
    fn a_directory_that_comes_later_is_watched() {
        let dir = ScratchDir::new();
        let path = dir.path().join("later").join("list");
        let (_watch, next) = watch(&path, BY_POLL);
        assert_eq!(next(), no_such_file(&path));
        fs::create_dir(path.parent().unwrap()).unwrap();
        fs::write(&path, "here").unwrap();
        see(&next, "here");
    }

    #[test]
    fn a_failure_is_told_once_and_the_same_contents_are_no_change() {
        let dir = ScratchDir::new();
        let path = dir.path().join("list");
        fs::write(&path, "x".repeat(101)).unwrap();
        let (tell, told) = mpsc::channel();
        let _watch = FileWatch::spawn(&path, BY_POLL, move |seen| {
            let _ = tell.send(format!("{seen:?}"));
        })
        .unwrap();
        let next = || told.recv_timeout(DEADLINE).unwrap();
        assert!(next().starts_with("Failed(TooLarge"));
        let rename_to = |contents: &str| {
            fs::write(dir.path().join("new"), contents).unwrap();
            fs::rename(dir.path().join("new"), &path).unwrap();
        };
        rename_to("ok");
        assert_eq!(next(), format!("Changed({:?})", b"ok"), "the same failure is not told twice");
        rename_to("ok");
        for _ in 0..3 {
            assert_eq!(next(), "Unchanged");
        }
    }

    #[test]
    fn reading_does_not_wake_the_reader_and_dropping_ends_it() {
        let dir = ScratchDir::new();
        let path = dir.path().join("list");
        fs::write(&path, "one").unwrap();
        let (tell, told) = mpsc::channel();
        let watch = FileWatch::spawn(&path, BY_EVENT, move |seen| {
            let _ = tell.send(format!("{seen:?}"));
        })
        .unwrap();
        assert!(told.recv_timeout(DEADLINE).unwrap().starts_with("Changed"));
        // Events caused by our own read would arrive within microseconds and settle within 10 ms.
        assert_eq!(told.recv_timeout(Duration::from_millis(200)), Err(RecvTimeoutError::Timeout));
        drop(watch);
        assert_eq!(told.recv_timeout(DEADLINE), Err(RecvTimeoutError::Disconnected), "the thread is gone");
    }
}

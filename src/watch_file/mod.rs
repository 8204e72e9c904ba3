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
//! A file that is written in place can be read half done, and half of a file may be valid. So what is new is told only
//! once nobody has written to the file for a while and whoever did has closed it; where no events tell so, once it has
//! been read twice. A rename needs none of that, but costs the same tenth of a second. Only the very first read is told
//! at once, so that a start is not held up.
//!
//! It runs on a thread of its own and needs no runtime: a file system that hangs then holds up nobody else.

mod activity;
mod read;
#[cfg(test)]
pub(crate) mod scratch;
#[cfg(test)]
mod tests;

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use xxhash_rust::xxh3::xxh3_128;

use self::activity::{Activity, Moment};
pub(crate) use self::read::{FileReadError, read_file};

/// How a file is watched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileWatchOptions {
    /// How often the file is read even though no event came. A second: where no events exist (network file systems,
    /// exhausted inotify limits, a symlink into another directory) a change is still seen within that time.
    pub(crate) poll: Duration,
    /// How long events must have been silent before the file is read, so that one save is one read. Waits at most ten
    /// times as long: a busy directory may never be silent.
    pub(crate) settle: Duration,
    /// How long nobody may have written to the file before what was read is told. Long enough for an event to arrive
    /// on a busy machine.
    pub(crate) confirm: Duration,
    /// How long to wait for a writer to close the file once it has stopped writing. Then it is taken for one that never
    /// closes, and the file for whole.
    pub(crate) patience: Duration,
    /// A larger file is refused unread.
    pub(crate) max_bytes: usize,
    /// The hash of contents that the caller has read already: not told again unless they change.
    pub(crate) known: Option<u128>,
}

impl Default for FileWatchOptions {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(1),
            settle: Duration::from_millis(30),
            confirm: Duration::from_millis(100),
            patience: Duration::from_secs(5),
            max_bytes: 4 << 20,
            known: None,
        }
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
    activity: Arc<Activity>,
}

impl FileWatch {
    /// Reads the file at once, on the watching thread, and from then on whenever it may have changed. A panic of
    /// `on_seen` is logged, and the next change told all the same. That the file
    /// does not exist is not an error here, only that no thread can be had.
    pub(crate) fn spawn(
        path: impl Into<PathBuf>,
        options: FileWatchOptions,
        on_seen: impl FnMut(FileSeen<'_>) + Send + 'static,
    ) -> io::Result<Self> {
        let path = path.into();
        let activity = Arc::new(Activity::of(&path));
        let watch = Self { activity: activity.clone() };
        let look =
            Look { path, max_bytes: options.max_bytes, on_seen, contents: options.known, failure: None };
        thread::Builder::new()
            .name("shardway-watch".into())
            .spawn(move || watch_loop(look, options, &activity))?;
        Ok(watch)
    }
}

impl Drop for FileWatch {
    fn drop(&mut self) {
        self.activity.stop();
    }
}

fn watch_loop<F: FnMut(FileSeen<'_>)>(
    mut look: Look<F>,
    options: FileWatchOptions,
    activity: &Arc<Activity>,
) {
    // Watch first, read second: a change between the two is then an event, not a loss.
    let mut _events = watch_directory(&look.path, activity).ok();
    while let Some(moment) = activity.moment() {
        let seen = look.read();
        if look.is_news(&seen) && !look.is_first() && !is_whole(&look, &seen, moment, options, activity) {
            continue;
        }
        if seen.is_err() {
            // The directory may have come, or gone and come back as another one, which the old watch would not see.
            _events = watch_directory(&look.path, activity).ok();
        }
        // Whoever is told may be an embedder, whose panic must not end the watching.
        if catch_unwind(AssertUnwindSafe(|| look.tell(seen))).is_err() {
            tracing::error!(path = %look.path.display(), "what was told of this file panicked; it is watched on");
        }
        if activity.wait_for_event(moment, options.poll) {
            activity.settle(options.settle);
        }
    }
}

/// Whether what was read after `moment` is what somebody finished writing.
fn is_whole<F>(
    look: &Look<F>,
    seen: &Reading,
    moment: Moment,
    options: FileWatchOptions,
    activity: &Activity,
) -> bool {
    // Read again, because there may be no events to tell of writing. It may differ if it was replaced meanwhile: then
    // what was read is whole, and only not the newest any more.
    activity.is_unwritten(moment, options.confirm, options.patience)
        && (look.read() == *seen || activity.was_replaced_since(moment))
}

/// Watches the directory, not the file: a watch on the file follows the old file when a new one is renamed over it,
/// and never sees the swap of a symlink.
fn watch_directory(path: &Path, activity: &Arc<Activity>) -> notify::Result<RecommendedWatcher> {
    let activity = activity.clone();
    let mut watcher = notify::recommended_watcher(move |event| activity.note(event))?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    watcher.watch(directory, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}

/// The contents, or why there are none.
type Reading = Result<Vec<u8>, FileReadError>;

struct Look<F> {
    path: PathBuf,
    max_bytes: usize,
    on_seen: F,
    /// Hash of the last contents that were told. 128 bits: two different files never collide by accident.
    contents: Option<u128>,
    /// The failure that was told last, if nothing could be read since.
    failure: Option<FileReadError>,
}

impl<F> Look<F> {
    fn read(&self) -> Reading {
        read_file(&self.path, self.max_bytes)
    }

    /// Whether nothing has been told yet.
    fn is_first(&self) -> bool {
        self.contents.is_none() && self.failure.is_none()
    }

    /// Whether it differs from what was told last.
    fn is_news(&self, seen: &Reading) -> bool {
        match seen {
            Ok(contents) => self.contents != Some(xxh3_128(contents)),
            Err(error) => self.failure.as_ref() != Some(error),
        }
    }
}

impl<F: FnMut(FileSeen<'_>)> Look<F> {
    fn tell(&mut self, seen: Reading) {
        match seen {
            Ok(contents) => {
                self.failure = None;
                let hash = xxh3_128(&contents);
                let unchanged = self.contents.replace(hash) == Some(hash);
                (self.on_seen)(if unchanged { FileSeen::Unchanged } else { FileSeen::Changed(&contents) });
            }
            Err(error) if self.failure.as_ref() != Some(&error) => {
                (self.on_seen)(FileSeen::Failed(self.failure.insert(error)));
            }
            Err(_) => {}
        }
    }
}

//! The local file: read once at the start, then followed.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;

use super::{ConfigError, ContentHash, DynamicConfig, Layer, MAX_FILE_BYTES, Settings, Strictness};
use crate::{
    clock::{Clock, SystemClock},
    telemetry::{Recorder, metric},
    types::Mono,
    watch_file::{FileSeen, FileWatch, FileWatchOptions, read_file},
};

/// Why a reload failed: the labels of [`ConfigError`] that a file can get while it is followed.
const FAILURES: [&str; 6] = ["not_found", "not_a_file", "too_large", "unreadable", "syntax", "invalid"];

type OnReload = Box<dyn Fn(&ConfigFileStatus) + Send>;

/// A file of settings that operators change while we run.
///
/// A change is in force within a fraction of a second of the rename, of the symlink's swap, or of its writer closing
/// it; within a second or so where the file system tells nothing. A file that is missing, cannot be read or is wrong
/// changes nothing: the last good values stay, and log, [status](ConfigFileWatch::status) and metrics say why.
///
/// ```no_run
/// use shardway::dynconfig::{ConfigFile, DynamicConfig};
///
/// let config = DynamicConfig::new(Some("cluster0"));
/// let watch = ConfigFile::new("/etc/shardway/dynamic.yaml").start(&config)?;
/// println!("{}", watch.status());
/// # Ok::<(), shardway::dynconfig::ConfigError>(())
/// ```
///
/// Write it with a rename: into a file beside it, then over it. A file that is written in place is read when its writer
/// closes it, or has not touched it for five seconds; where the file system tells nothing of that, half of a file that
/// happens to be valid may be taken for the whole, if its writer pauses for a tenth of a second.
#[must_use = "nothing is read before it is started"]
pub struct ConfigFile {
    path: PathBuf,
    strictness: Strictness,
    poll: Duration,
    clock: Arc<dyn Clock>,
    on_reload: Option<OnReload>,
}

impl ConfigFile {
    /// The file at `path`, read strictly.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            strictness: Strictness::default(),
            poll: FileWatchOptions::default().poll,
            clock: Arc::new(SystemClock::new()),
            on_reload: None,
        }
    }

    /// What to do about keys that are not known.
    pub fn strictness(self, strictness: Strictness) -> Self {
        Self { strictness, ..self }
    }

    /// How often the file is read although nothing told of a change. Default: a second.
    pub fn poll(self, poll: Duration) -> Self {
        Self { poll, ..self }
    }

    /// Tells the ages in the status. Default: the machine's.
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Called with the new status after every change that was applied or refused, on the thread that reads the file. A
    /// panic is logged and counted, and the file followed on.
    pub fn on_reload(self, on_reload: impl Fn(&ConfigFileStatus) + Send + 'static) -> Self {
        Self { on_reload: Some(Box::new(on_reload)), ..self }
    }

    /// Reads the file, puts it in force, and follows it on a thread of its own.
    ///
    /// An error means that nothing was started and nothing is in force: without a valid file there are no last good
    /// values, and a process that began with the defaults might route against its operator's will.
    pub fn start(self, config: &DynamicConfig) -> Result<ConfigFileWatch, ConfigError> {
        let name = self.path.display().to_string();
        let contents =
            read_file(&self.path, MAX_FILE_BYTES).map_err(|error| ConfigError::unreadable(&error))?;
        let settings = Settings::parse(&name, &contents, self.strictness)?;
        let state = State {
            applied: Dated { what: settings.hash(), at: self.clock.now() },
            unreadable: None,
            refused: None,
            seen: self.clock.now(),
            counts: ReloadCounts { applied: 1, ..ReloadCounts::default() },
            failures: [0; FAILURES.len()],
        };
        let shared = Arc::new(Shared { name, clock: self.clock, state: Mutex::new(state) });
        let options = FileWatchOptions {
            poll: self.poll,
            max_bytes: MAX_FILE_BYTES,
            known: Some(settings.hash().get()),
            ..FileWatchOptions::default()
        };
        shared.log_applied(&settings);
        let panicked = config.put_in_force(Layer::LocalFile, Some(settings));
        shared.state.lock().counts.panicked = panicked.unwrap_or(0);
        let follower = Follower {
            shared: Arc::clone(&shared),
            config: config.clone(),
            strictness: self.strictness,
            on_reload: self.on_reload,
        };
        let watch = FileWatch::spawn(self.path, options, move |seen| follower.take(seen));
        match watch {
            Ok(watch) => Ok(ConfigFileWatch { shared, _watch: watch }),
            Err(error) => {
                config.publish(Layer::LocalFile, None);
                let reason = format!("{}: no thread to follow it: {error}", shared.name);
                Err(ConfigError::Unreadable { cause: "no_thread", reason: reason.into() })
            }
        }
    }
}

impl fmt::Debug for ConfigFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigFile")
            .field("path", &self.path)
            .field("strictness", &self.strictness)
            .field("poll", &self.poll)
            .finish_non_exhaustive()
    }
}

/// A file that is being followed. Dropping it ends that; its values stay in force.
#[derive(Debug)]
#[must_use = "dropping it ends the following"]
pub struct ConfigFileWatch {
    shared: Arc<Shared>,
    _watch: FileWatch,
}

impl ConfigFileWatch {
    /// How the file stands.
    pub fn status(&self) -> ConfigFileStatus {
        self.shared.status()
    }

    /// Gives the present value of every metric to `recorder`.
    pub fn record(&self, recorder: &dyn Recorder) {
        let ConfigFileStatus { file, hash, error, counts, .. } = self.status();
        let file = ("file", file.as_str());
        for (outcome, total) in
            [("applied", counts.applied), ("unchanged", counts.unchanged), ("failed", counts.failed)]
        {
            recorder.counter(metric::CONFIG_RELOADS, &[file, ("outcome", outcome)], total);
        }
        let failures = self.shared.state.lock().failures;
        for (reason, total) in FAILURES.into_iter().zip(failures) {
            recorder.counter(metric::CONFIG_FAILURES, &[file, ("reason", reason)], total);
        }
        recorder.counter(metric::CONFIG_PANICS, &[file], counts.panicked);
        recorder.gauge(metric::CONFIG_HASH, &[file], hash.upper_52_bits());
        recorder.gauge(metric::CONFIG_REFUSED, &[file], f64::from(u8::from(error.is_some())));
    }
}

/// How a file stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigFileStatus {
    /// The file.
    pub file: String,
    /// The contents in force.
    pub hash: ContentHash,
    /// How long they have been.
    pub applied_ago: Duration,
    /// How long ago the file could last be read, whatever was in it.
    pub read_ago: Duration,
    /// Why what the file says now is not in force.
    pub error: Option<ConfigError>,
    /// How long that has been so.
    pub error_ago: Option<Duration>,
    /// What happened so far.
    pub counts: ReloadCounts,
}

/// How often the file was looked at, by what came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReloadCounts {
    /// New contents were put in force, the first ones included.
    pub applied: u64,
    /// The contents were those in force.
    pub unchanged: u64,
    /// It could not be read, or what was read was refused. Once for each change, not for each look.
    pub failed: u64,
    /// Subscribers and `on_reload` panicked when they were told.
    pub panicked: u64,
}

impl fmt::Display for ConfigFileStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: contents {} in force for {:.0?}", self.file, self.hash, self.applied_ago)?;
        match (&self.error, self.error_ago) {
            (Some(error), Some(ago)) => write!(f, "; what it says now was refused {ago:.0?} ago: {error}"),
            _ => Ok(()),
        }
    }
}

struct Shared {
    name: String,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    applied: Dated<ContentHash>,
    /// Why the file cannot be read now.
    unreadable: Option<Dated<ConfigError>>,
    /// Why what was last read was refused.
    refused: Option<Dated<ConfigError>>,
    seen: Mono,
    counts: ReloadCounts,
    /// Of `counts.failed`, how many for which reason.
    failures: [u64; FAILURES.len()],
}

struct Dated<T> {
    what: T,
    at: Mono,
}

impl Shared {
    fn status(&self) -> ConfigFileStatus {
        let (state, now) = (self.state.lock(), self.clock.now());
        let error = state.unreadable.as_ref().or(state.refused.as_ref());
        ConfigFileStatus {
            file: self.name.clone(),
            hash: state.applied.what,
            applied_ago: now.since(state.applied.at),
            read_ago: now.since(state.seen),
            error: error.map(|error| error.what.clone()),
            error_ago: error.map(|error| now.since(error.at)),
            counts: state.counts,
        }
    }

    fn log_applied(&self, settings: &Settings) {
        let (file, hash) = (&self.name, settings.hash());
        tracing::info!(%file, %hash, ignored = settings.ignored().len(), "dynamic config is in force");
        for warning in settings.warnings() {
            tracing::warn!("{file}:{warning}");
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status())
    }
}

/// Takes what the file watch sees; the watch tells a change of the contents once.
struct Follower {
    shared: Arc<Shared>,
    config: DynamicConfig,
    strictness: Strictness,
    on_reload: Option<OnReload>,
}

impl Follower {
    fn take(&self, seen: FileSeen<'_>) {
        match seen {
            FileSeen::Changed(contents) => {
                match Settings::parse(&self.shared.name, contents, self.strictness) {
                    Ok(settings) => self.apply(settings),
                    Err(error) => self.fail(error, |state| &mut state.refused),
                }
            }
            FileSeen::Unchanged => {
                let mut state = self.shared.state.lock();
                state.seen = self.shared.clock.now();
                state.counts.unchanged += 1;
                if state.unreadable.take().is_none() {
                    return;
                }
            }
            FileSeen::Failed(error) => {
                self.fail(ConfigError::unreadable(error), |state| &mut state.unreadable);
            }
        }
        let Some(on_reload) = &self.on_reload else { return };
        let status = self.shared.status();
        if catch_unwind(AssertUnwindSafe(|| on_reload(&status))).is_err() {
            tracing::error!(file = %self.shared.name, "on_reload of dynamic config panicked, the file is followed on");
            self.shared.state.lock().counts.panicked += 1;
        }
    }

    fn apply(&self, settings: Settings) {
        self.shared.log_applied(&settings);
        let hash = settings.hash();
        let panicked = self.config.put_in_force(Layer::LocalFile, Some(settings));
        let mut state = self.shared.state.lock();
        let now = self.shared.clock.now();
        (state.unreadable, state.refused, state.seen) = (None, None, now);
        if let Some(panicked) = panicked {
            state.counts.panicked += panicked;
            state.applied = Dated { what: hash, at: now };
            state.counts.applied += 1;
        } else {
            state.counts.unchanged += 1;
        }
    }

    fn fail(&self, error: ConfigError, slot: impl Fn(&mut State) -> &mut Option<Dated<ConfigError>>) {
        tracing::warn!("dynamic config stays as it was: {error}");
        let mut state = self.shared.state.lock();
        let now = self.shared.clock.now();
        state.counts.failed += 1;
        if let Some(reason) = FAILURES.into_iter().position(|reason| reason == error.label()) {
            state.failures[reason] += 1;
        }
        if matches!(error, ConfigError::Refused(_)) {
            (state.unreadable, state.seen) = (None, now);
        }
        *slot(&mut state) = Some(Dated { what: error, at: now });
    }
}

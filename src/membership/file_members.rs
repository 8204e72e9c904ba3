//! Members from a watched file.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::{
    MAX_MEMBER_FILE_BYTES, MemberSink, MemberSource, MemberSourceError, parse_members,
    run::{Outlet, Run},
};
use crate::{
    types::Member,
    watch_file::{FileSeen, FileWatch, FileWatchOptions},
};

/// How often an unchanged list is delivered again.
const REFRESH: Duration = Duration::from_secs(30);

/// Members from a file that others replace: a deploy tool, a mounted ConfigMap, a person. [`parse_members`] says what
/// it holds.
///
/// A change is seen within milliseconds where the file system tells of it, else within a second, whether the file is
/// renamed over, written in place or swapped by a symlink. While it is missing, unreadable or wrong, the last good
/// list stays and the sink is told why, once. Needs no runtime: the file is read by a thread of its own.
///
/// ```no_run
/// use shardway::membership::{FileMembers, MemberSource};
/// # fn route_by(_: &dyn MemberSource) {}
///
/// let source = FileMembers::new("/etc/matching/members.yaml");
/// route_by(&source);
/// ```
#[derive(Debug)]
pub struct FileMembers {
    path: PathBuf,
    refresh: Duration,
    poll: Duration,
    run: Run<FileWatch>,
}

impl FileMembers {
    /// A source that reads `path`, which need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let poll = FileWatchOptions::default().poll;
        Self { path: path.into(), refresh: REFRESH, poll, run: Run::default() }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl MemberSource for FileMembers {
    fn kind(&self) -> &'static str {
        "file"
    }

    fn start(&self, sink: Arc<dyn MemberSink>) -> Result<(), MemberSourceError> {
        let options = FileWatchOptions {
            poll: self.poll,
            max_bytes: MAX_MEMBER_FILE_BYTES,
            ..FileWatchOptions::default()
        };
        self.run.start(sink, |outlet| {
            let looks_per_refresh = self.refresh.as_nanos().div_ceil(self.poll.as_nanos().max(1)).max(1);
            let mut reader = Reader {
                name: self.path.display().to_string(),
                outlet,
                members: None,
                looks_per_refresh,
                looks_left: looks_per_refresh,
            };
            FileWatch::spawn(&self.path, options, move |seen| reader.take(seen)).map_err(|error| {
                MemberSourceError::Unreachable {
                    what: self.path.display().to_string(),
                    reason: error.to_string(),
                }
            })
        })
    }

    fn stop(&self) {
        self.run.stop();
    }
}

struct Reader {
    name: String,
    outlet: Outlet,
    /// What the file says now; `None` when that is no list.
    members: Option<Vec<Member>>,
    looks_per_refresh: u128,
    /// Looks at an unchanged file until its list is delivered again. Events make for more looks, never for fewer.
    looks_left: u128,
}

impl Reader {
    fn take(&mut self, seen: FileSeen<'_>) {
        match seen {
            FileSeen::Changed(contents) => {
                self.members = match parse_members(contents, &self.name) {
                    Ok(members) => Some(members),
                    Err(error) => {
                        let (what, reason) = (self.name.clone(), error.to_string());
                        self.outlet.failed(MemberSourceError::Invalid { what, reason });
                        None
                    }
                };
                self.looks_left = 0;
            }
            FileSeen::Unchanged => self.looks_left = self.looks_left.saturating_sub(1),
            FileSeen::Failed(error) => {
                let (what, reason) = (self.name.clone(), error.to_string());
                self.outlet.failed(MemberSourceError::Unreachable { what, reason });
                // The next look that succeeds is worth telling.
                self.looks_left = 1;
                return;
            }
        }
        if self.looks_left == 0 {
            self.looks_left = self.looks_per_refresh;
            if let Some(members) = &self.members {
                self.outlet.members(members.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{
        super::listener::{Listener, Told, members},
        *,
    };
    use crate::watch_file::scratch::ScratchDir;

    struct Setup {
        dir: ScratchDir,
        source: FileMembers,
        listener: Arc<Listener>,
    }

    impl Setup {
        /// Polls fast; delivers an unchanged list after `refresh`.
        fn new(refresh: Duration) -> Self {
            let dir = ScratchDir::new();
            let source = FileMembers {
                refresh,
                poll: Duration::from_millis(10),
                ..FileMembers::new(dir.path().join("members.yaml"))
            };
            Self { dir, source, listener: Listener::new() }
        }

        fn replace(&self, contents: &str) {
            let new = self.dir.path().join("new");
            fs::write(&new, contents).unwrap();
            fs::rename(&new, self.source.path()).unwrap();
        }
    }

    const NEVER: Duration = Duration::from_secs(86_400);

    #[test]
    fn follows_the_file_and_keeps_the_last_good_list() {
        let setup = Setup::new(NEVER);
        let (source, listener) = (&setup.source, &setup.listener);
        source.start(listener.clone()).unwrap();
        let mut at = listener.wait_failed(0, "unreachable");
        assert!(
            listener.last_failure().ends_with("members.yaml: no such file"),
            "{}",
            listener.last_failure()
        );
        setup.replace("[a:1, b:1]");
        at = listener.wait_members(at, &["a:1", "b:1"]);
        setup.replace("[a:1, b:1, b:1]");
        at = listener.wait_failed(at, "invalid");
        let name = source.path().display();
        let expected = format!("{name}:1:12: identity: \"b:1\" is another member's already, at 1:7");
        assert!(listener.last_failure().ends_with(&expected), "{}", listener.last_failure());
        setup.replace("- c:1\n");
        at = listener.wait_members(at, &["c:1"]);
        fs::write(source.path(), "- d:1\n").unwrap();
        at = listener.wait_members(at, &["d:1"]);
        fs::remove_file(source.path()).unwrap();
        at = listener.wait_failed(at, "unreachable");
        setup.replace("- d:1\n");
        assert_eq!(
            listener.wait_members(at, &["d:1"]),
            at + 1,
            "its return is told, though it is what it was"
        );
    }

    #[test]
    fn an_unchanged_list_is_delivered_again_and_a_wrong_one_is_not() {
        let setup = Setup::new(Duration::from_millis(30));
        setup.replace("[a:1]");
        setup.source.start(setup.listener.clone()).unwrap();
        let mut at = 0;
        for _ in 0..3 {
            at = setup.listener.wait_members(at, &["a:1"]);
        }
        setup.replace("[a:1");
        at = setup.listener.wait_failed(at, "invalid");
        setup.replace("[a:1, b:1]");
        let next = setup.listener.wait_members(at, &["a:1", "b:1"]);
        assert_eq!(next, at + 1, "nothing was told in between");
    }

    #[test]
    fn start_and_stop_may_be_repeated() {
        let setup = Setup::new(NEVER);
        let (source, listener) = (&setup.source, &setup.listener);
        setup.replace("[a:1]");
        source.stop();
        source.start(listener.clone()).unwrap();
        source.start(listener.clone()).unwrap();
        let at = listener.wait_members(0, &["a:1"]);
        source.stop();
        source.stop();
        setup.replace("[b:1]");
        let second = Listener::new();
        source.start(second.clone()).unwrap();
        second.wait_members(0, &["b:1"]);
        assert_eq!(listener.told(at), Vec::<Told>::new(), "the first sink hears nothing after stop");
        assert_eq!(second.told(0), [members(&["b:1"])]);
        assert_eq!(Arc::strong_count(listener), 1, "and was let go of");
    }
}

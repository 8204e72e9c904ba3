use std::{
    fs,
    io::Write,
    sync::mpsc::{self, RecvTimeoutError},
};

use super::{scratch::ScratchDir, *};

const DEADLINE: Duration = Duration::from_secs(20);
const BY_EVENT: FileWatchOptions = FileWatchOptions {
    poll: Duration::from_secs(3600),
    settle: Duration::from_millis(10),
    confirm: Duration::from_millis(50),
    patience: Duration::from_secs(3600),
    max_bytes: 100,
    known: None,
};
const BY_POLL: FileWatchOptions = FileWatchOptions { poll: Duration::from_millis(10), ..BY_EVENT };

/// Watches and tells what it sees as text, leaving out `Unchanged`.
fn watch(path: &Path, options: FileWatchOptions) -> (FileWatch, impl Fn() -> String + use<>) {
    let (watch, told) = watch_quietly(path, options);
    (watch, move || told.recv_timeout(DEADLINE).expect("the watch tells within the deadline"))
}

fn watch_quietly(path: &Path, options: FileWatchOptions) -> (FileWatch, mpsc::Receiver<String>) {
    let (tell, told) = mpsc::channel();
    let watch = FileWatch::spawn(path, options, move |seen| {
        let _ = match seen {
            FileSeen::Changed(contents) => tell.send(String::from_utf8_lossy(contents).into_owned()),
            FileSeen::Unchanged => Ok(()),
            FileSeen::Failed(error) => tell.send(format!("failed: {error}")),
        };
    })
    .unwrap();
    (watch, told)
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

#[test]
fn a_panic_of_whoever_is_told_ends_nothing() {
    let dir = ScratchDir::new();
    let path = dir.path().join("list");
    let (tell, told) = mpsc::channel();
    let _watch = FileWatch::spawn(&path, BY_POLL, move |seen| {
        if !matches!(seen, FileSeen::Unchanged) {
            tell.send(()).unwrap();
            panic!("at everything that is news");
        }
    })
    .unwrap();
    let next = || told.recv_timeout(DEADLINE).expect("the watch tells within the deadline");
    next();
    assert_eq!(
        told.recv_timeout(BY_POLL.poll * 5),
        Err(RecvTimeoutError::Timeout),
        "the failure is told once"
    );
    for contents in ["one", "two"] {
        fs::write(&path, contents).unwrap();
        next();
    }
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

#[cfg(target_os = "linux")]
#[test]
fn half_of_a_file_is_not_told_while_its_writer_has_it_open() {
    let dir = ScratchDir::new();
    let path = dir.path().join("list");
    fs::write(&path, "one").unwrap();
    // By poll as well: it must not tell what events know to be half done.
    let options = FileWatchOptions { poll: Duration::from_millis(10), ..BY_EVENT };
    let (_watch, told) = watch_quietly(&path, options);
    let next = || told.recv_timeout(DEADLINE).unwrap();
    assert_eq!(next(), "one");
    for round in 0..5 {
        let mut file = fs::File::create(&path).unwrap();
        write!(file, "first half, {round}").unwrap();
        // Far longer than an event takes to arrive and a read to be told.
        assert_eq!(told.recv_timeout(Duration::from_millis(400)), Err(RecvTimeoutError::Timeout));
        write!(file, ", second half").unwrap();
        drop(file);
        assert_eq!(next(), format!("first half, {round}, second half"));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_writer_that_never_closes_is_given_up_on() {
    let dir = ScratchDir::new();
    let path = dir.path().join("list");
    fs::write(&path, "one").unwrap();
    let options = FileWatchOptions { patience: Duration::from_millis(100), ..BY_EVENT };
    let (_watch, next) = watch(&path, options);
    assert_eq!(next(), "one");
    let mut file = fs::File::create(&path).unwrap();
    write!(file, "never closed").unwrap();
    see(&next, "never closed");
}

#[test]
fn a_file_that_is_replaced_without_pause_is_told_nevertheless() {
    let dir = ScratchDir::new();
    let path = dir.path().join("list");
    fs::write(&path, "0").unwrap();
    let (_watch, next) = watch(&path, BY_EVENT);
    assert_eq!(next(), "0");
    let (stop, stopped) = mpsc::channel::<()>();
    let writer = thread::spawn(move || {
        for i in 1_u64.. {
            fs::write(dir.path().join("new"), i.to_string()).unwrap();
            fs::rename(dir.path().join("new"), dir.path().join("list")).unwrap();
            if stopped.recv_timeout(Duration::from_millis(1)) == Err(RecvTimeoutError::Disconnected) {
                return dir;
            }
        }
        unreachable!()
    });
    let versions: Vec<u64> = (0..3).map(|_| next().parse().expect("a complete version")).collect();
    assert!(versions.is_sorted(), "{versions:?}");
    drop(stop);
    writer.join().unwrap();
}

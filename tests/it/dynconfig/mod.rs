//! Dynamic config against real files and everything that people and tools do to them.

mod effect;
#[cfg(target_os = "linux")]
mod torn;

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    time::Duration,
};

use shardway::{
    clock::{Clock, SystemClock},
    dynconfig::{
        ConfigError, ConfigFile, ConfigFileStatus, ConfigFileWatch, DynamicConfig, Layer, MAX_FILE_BYTES,
        Strictness,
    },
    policy::RoutingPolicy,
    types::{Mono, Namespace},
};

/// For what must happen, however slow the machine.
const DEADLINE: Duration = Duration::from_secs(30);
/// For what must not happen: several times what it would take.
const LONG_ENOUGH: Duration = Duration::from_millis(400);

fn ns() -> Namespace {
    Namespace::new("orders").unwrap()
}

/// A new, empty directory that is removed when dropped.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("dynconfig-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn replace(path: &Path, contents: impl AsRef<[u8]>) {
    let beside = path.with_extension("new");
    fs::write(&beside, contents).unwrap();
    fs::rename(beside, path).unwrap();
}

fn percentage(percent: i64) -> String {
    format!("shardway.routing.percentage: [{{value: {percent}}}]\n")
}

/// A config that follows a file, and all that its subscribers and its operator are told.
struct Following {
    config: DynamicConfig,
    policies: Receiver<Arc<RoutingPolicy>>,
    reloads: Receiver<ConfigFileStatus>,
    watch: ConfigFileWatch,
    _binding: shardway::dynconfig::Binding,
}

fn follow(path: &Path) -> Following {
    follow_into(DynamicConfig::new(None), path, || ())
}

fn follow_into(config: DynamicConfig, path: &Path, after_telling: impl Fn() + Send + 'static) -> Following {
    let (tell_reload, reloads) = mpsc::channel();
    let file = ConfigFile::new(path).on_reload(move |status| {
        drop(tell_reload.send(status.clone()));
        after_telling();
    });
    let watch = file.start(&config).unwrap();
    let (tell_policy, policies) = mpsc::channel();
    let _binding = config.bind([ns()], move |_, settings| drop(tell_policy.send(settings.policy.clone())));
    Following { config, policies, reloads, watch, _binding }
}

impl Following {
    fn next_percentage(&self) -> u8 {
        self.policies.recv_timeout(DEADLINE).expect("a change is told").percentage().get()
    }

    /// Does something to the file and waits until the policy is there; how long that took.
    fn flip(&self, expected: u8, change: impl FnOnce()) -> Duration {
        change();
        let clock = SystemClock::new();
        assert_eq!(self.next_percentage(), expected);
        clock.now().since(Mono::ZERO)
    }

    fn next_error(&self) -> String {
        let status = self.reloads.recv_timeout(DEADLINE).expect("a refusal is told");
        status.error.expect("the file was refused").to_string()
    }
}

/// Machines that run tests stall now and then; the middle one of several tells how long it takes.
fn assert_middle_is_within_a_second(mut took: Vec<Duration>) {
    took.sort();
    assert!(took[took.len() / 2] < Duration::from_secs(1), "{took:?}");
}

#[test]
fn a_file_renamed_over_written_in_place_or_created_again_is_in_force_within_a_second() {
    let dir = Dir::new();
    let path = dir.join("config.yaml");
    fs::write(&path, percentage(1)).unwrap();
    let following = follow(&path);
    assert_eq!(following.next_percentage(), 1);
    let mut took = Vec::new();
    for round in [10, 20, 30] {
        took.push(following.flip(round, || replace(&path, percentage(round.into()))));
        took.push(following.flip(round + 1, || fs::write(&path, percentage(i64::from(round) + 1)).unwrap()));
        took.push(following.flip(round + 2, || {
            fs::remove_file(&path).unwrap();
            fs::write(&path, percentage(i64::from(round) + 2)).unwrap();
        }));
    }
    assert_middle_is_within_a_second(took);
    // Subscribers are told before the status is.
    while following.reloads.recv_timeout(DEADLINE).expect("each change is told").counts.applied < 10 {}
    assert_eq!(following.watch.status().error, None);
}

#[cfg(unix)]
#[test]
fn the_swap_of_a_mounted_config_map_is_in_force_within_a_second() {
    let dir = Dir::new();
    let publish = |version: u8| {
        let name = format!("..2026_{version}");
        fs::create_dir(dir.join(&name)).unwrap();
        fs::write(dir.join(&name).join("config.yaml"), percentage(version.into())).unwrap();
        std::os::unix::fs::symlink(&name, dir.join("..data_tmp")).unwrap();
        fs::rename(dir.join("..data_tmp"), dir.join("..data")).unwrap();
    };
    publish(1);
    std::os::unix::fs::symlink("..data/config.yaml", dir.join("config.yaml")).unwrap();
    let following = follow(&dir.join("config.yaml"));
    assert_eq!(following.next_percentage(), 1);
    let took = (2..7).map(|version| {
        let took = following.flip(version, || publish(version));
        fs::remove_dir_all(dir.join(&format!("..2026_{}", version - 1))).unwrap();
        took
    });
    assert_middle_is_within_a_second(took.collect());
}

#[cfg(unix)]
#[test]
fn an_edit_that_tells_nothing_and_keeps_the_time_is_found_by_reading() {
    let (dir, elsewhere) = (Dir::new(), Dir::new());
    let (path, target) = (dir.join("config.yaml"), elsewhere.join("target.yaml"));
    fs::write(&target, percentage(10)).unwrap();
    std::os::unix::fs::symlink(&target, &path).unwrap();
    let written_at = fs::metadata(&target).unwrap().modified().unwrap();
    let following = follow(&path);
    assert_eq!(following.next_percentage(), 10);
    // In another directory, of the same size, under the same time of change: only the contents differ.
    following.flip(20, || {
        let mut file = File::create(&target).unwrap();
        file.write_all(percentage(20).as_bytes()).unwrap();
        file.set_modified(written_at).unwrap();
    });
}

#[test]
fn a_bad_file_changes_nothing_and_is_told_once() {
    let dir = Dir::new();
    let path = dir.join("config.yaml");
    fs::write(&path, percentage(42)).unwrap();
    let following = follow(&path);
    assert_eq!(following.next_percentage(), 42);
    let good = following.config.layers();
    let huge = format!("{}{}", percentage(1), "#".repeat(MAX_FILE_BYTES));
    let deep = "[".repeat(200_000);
    let name = path.display().to_string();
    let bad: [(&[u8], String); 9] = [
        (b"", format!("{name}:1:1: empty; a file that sets nothing holds {{}}")),
        (b"\n# nothing\n", format!("{name}:1:1: empty; a file that sets nothing holds {{}}")),
        (b"shardway.routing.percentage: [{value: 4", format!("{name}:1:31: not YAML")),
        (
            b"shardway.routing.percentage: [{value: 400}]",
            format!("{name}:1:39: shardway.routing.percentage: expected"),
        ),
        (
            b"shardway.routing.mode: [{value: 7}]\nother: 1",
            format!("{name}:1:33: shardway.routing.mode: expected"),
        ),
        (&[0; 4096], format!("{name}:1:1: ")),
        (b"\x7fELF\x02\x01\x01\x00\xff\xfe", format!("{name}:1:9: not UTF-8 text")),
        (huge.as_bytes(), format!("cannot read {name}: longer than the {MAX_FILE_BYTES} bytes allowed")),
        (deep.as_bytes(), format!("{name}:1:33: not YAML")),
    ];
    let mut failures = 0;
    for (contents, expected) in &bad {
        replace(&path, contents);
        let error = following.next_error();
        assert!(error.starts_with(expected), "{error} should start with {expected}");
        failures += 1;
        assert!(Arc::ptr_eq(&following.config.layers(), &good), "not a byte is another");
        assert_eq!(following.watch.status().counts.failed, failures, "{expected}");
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(following.next_error(), format!("cannot read {name}: no such file"));
    assert!(Arc::ptr_eq(&following.config.layers(), &good));
    assert_eq!(
        following.reloads.recv_timeout(Duration::from_secs(3)).ok(),
        None,
        "told once, whatever is polled"
    );
    // The same contents again: nothing changes, and it is well again.
    replace(&path, percentage(42));
    let status = following.reloads.recv_timeout(DEADLINE).unwrap();
    assert_eq!((status.error, status.counts.applied, status.counts.failed), (None, 1, 10));
    assert!(Arc::ptr_eq(&following.config.layers(), &good));
    following.flip(43, || replace(&path, percentage(43)));
}

#[test]
fn without_a_valid_file_nothing_starts() {
    let dir = Dir::new();
    let path = dir.join("config.yaml");
    let config = DynamicConfig::new(None);
    let error = ConfigFile::new(&path).start(&config).unwrap_err();
    assert!(matches!(error, ConfigError::Unreadable { cause: "not_found", .. }), "{error}");
    let error = ConfigFile::new(&dir.0).start(&config).unwrap_err();
    assert!(matches!(error, ConfigError::Unreadable { cause: "not_a_file", .. }), "{error}");
    fs::write(&path, "frontend.rps: [{value: 1200}]\n").unwrap();
    let error = ConfigFile::new(&path).start(&config).unwrap_err();
    assert!(error.to_string().ends_with("config.yaml:1:1: frontend.rps: unknown key"), "{error}");
    assert!(config.layers().layer(Layer::LocalFile).is_none(), "nothing is in force");
    let watch = ConfigFile::new(&path).strictness(Strictness::Lenient).start(&config).unwrap();
    assert_eq!(config.layers().layer(Layer::LocalFile).unwrap().ignored().len(), 1);
    assert_eq!(watch.status().counts.applied, 1);
}

#[test]
fn values_stay_when_the_file_is_no_longer_followed() {
    let dir = Dir::new();
    let path = dir.join("config.yaml");
    fs::write(&path, percentage(5)).unwrap();
    let Following { config, policies, reloads, watch, _binding } = follow(&path);
    assert_eq!(policies.recv_timeout(DEADLINE).unwrap().percentage().get(), 5);
    drop(watch);
    assert_eq!(
        reloads.recv_timeout(DEADLINE).err(),
        Some(RecvTimeoutError::Disconnected),
        "the thread is gone"
    );
    replace(&path, percentage(6));
    assert_eq!(policies.recv_timeout(LONG_ENOUGH).err(), Some(RecvTimeoutError::Timeout));
    assert_eq!(config.routing_policy(&ns()).percentage().get(), 5);
}

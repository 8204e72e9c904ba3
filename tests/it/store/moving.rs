//! Backups and moves as operators make them: the binary, folders, real etcds, and a kill -9 in between.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use shardway::{
    election::TermRecord,
    engine::{Change, PolicyText},
    journal::{Entry, Log, LogError, Mode, OpenAs, Record, Rows, Term},
    store::{EmbeddedOptions, EmbeddedStore, Errand, EtcdStore, Keys, Step, Store, Transaction, Write},
    types::{Namespace, Version},
};

use super::{etcd::server::Cluster, scratch::ScratchDir};

fn shardway(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shardway"));
    command.arg("store").args(args).args(["--output", "json"]).env_remove("SHARDWAY_LOG");
    command
}

/// The exit code and the answer.
fn run(args: &[&str]) -> (i32, Value) {
    let Output { status, stdout, stderr } = shardway(args).output().unwrap();
    let answer = serde_json::from_slice(&stdout)
        .unwrap_or_else(|_| panic!("{args:?}: {}", String::from_utf8_lossy(&stderr)));
    (status.code().unwrap(), answer)
}

fn refusal(args: &[&str]) -> String {
    let Output { status, stdout, stderr } = shardway(args).output().unwrap();
    assert_eq!((status.code(), stdout.len()), (Some(3), 0), "{args:?}");
    String::from_utf8(stderr).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn open(folder: &Path) -> EmbeddedStore {
    EmbeddedStore::open(folder, EmbeddedOptions::default()).unwrap()
}

async fn drive(store: &dyn Store, log: &mut Log) -> Result<Version, LogError> {
    let mut reply = None;
    loop {
        match log.next(reply.take()) {
            Step::Ask(request) => reply = Some(request.ask(store).await),
            Step::Pause(error) => panic!("{error}"),
            Step::Done(end) => return end,
        }
    }
}

/// Takes the lead of a namespace, as a control plane does, and opens its log.
async fn lead(store: &dyn Store, name: &str, number: u64, mode: Mode) -> (Log, Result<Version, LogError>) {
    let (keys, namespace) = (Keys::default(), Namespace::new(name).unwrap());
    let key = keys.term(&namespace);
    let record = TermRecord { number, ..TermRecord::default() }.to_row(&key);
    let take = Write::Put(key, record.clone());
    store.transact(Transaction::default().write(take)).await.unwrap();
    let term = Term { number, record };
    let with = OpenAs { mode, unix_millis: 1_000, ..OpenAs::default() };
    let mut log = Log::new(Rows::new(&keys, &namespace), store.limits(), term, with);
    let opened = drive(store, &mut log).await;
    (log, opened)
}

/// Three namespaces with so many commits each, of some 4 KB; answers the newest version of them.
async fn populate(store: &dyn Store, commits: usize) -> Version {
    let mut newest = Version::default();
    for name in ["a", "b", "c"] {
        let (mut log, opened) = lead(store, name, 1, Mode::Resume).await;
        opened.unwrap();
        for number in 0..commits {
            let policy = PolicyText { epoch: number as u64, text: "p".repeat(4_000).into() };
            let items = vec![Change::Policy(policy).encode()];
            log.begin(Entry { items, ..Entry::default() }).unwrap();
            newest = newest.max(drive(store, &mut log).await.unwrap());
        }
    }
    newest
}

fn namespaces(report: &Value) -> Vec<(&str, bool)> {
    let told = |told: &Value| told["problems"] == json!([]) && told["state"] == "live";
    let all = report["namespaces"].as_array().unwrap();
    assert!(all.iter().all(told), "{report:#}");
    all.iter().map(|told| (told["version"].as_str().unwrap(), !told["adopt"].is_null())).collect()
}

/// Folder, file, etcd, folder again: what is decided stays, and each place has to be adopted, above all before it.
#[tokio::test]
async fn a_store_goes_round_and_its_tokens_only_grow() {
    let (scratch, cluster) = (ScratchDir::new(), Cluster::one().await);
    let path = |name: &str| scratch.path().join(name);
    let (data, file, back) = (path("data"), path("monday.backup"), path("back"));
    let etcd = format!("etcd://{}", cluster.urls()[0].trim_start_matches("http://"));

    let store = open(&data);
    let granted = populate(&store, 5).await;
    let complaint = refusal(&["backup", text(&data), text(&file)]);
    assert!(complaint.contains("another process has the store"), "{complaint}");
    drop(store);

    let (code, saved) = run(&["backup", text(&data), text(&file)]);
    assert_eq!((code, &saved["damaged"], &saved["kind"]), (0, &json!([]), &json!("embedded")));
    assert!(refusal(&["backup", text(&data), text(&file)]).contains("exists already"));
    let (code, checked) = run(&["verify", text(&file)]);
    assert_eq!((code, &checked["rows"], &checked["is_backup"]), (0, &saved["rows"], &json!(true)));

    let (code, put) = run(&["restore", text(&file), &etcd]);
    assert_eq!((code, &put["rows"], &put["namespaces"]), (0, &saved["rows"], &json!(3)));
    assert!(refusal(&["restore", text(&file), &etcd]).contains("exists already"));
    let (code, there) = run(&["verify", &etcd]);
    assert_eq!((code, &there["rows"]), (0, &saved["rows"]));
    let versions = |report: &Value| {
        namespaces(report).iter().map(|(version, _)| version.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(versions(&there), versions(&checked));
    assert!(namespaces(&there).iter().all(|(_, adopt)| *adopt));

    let store = EtcdStore::new(cluster.config()).unwrap();
    let (_, refused) = lead(&store, "a", 2, Mode::Resume).await;
    assert!(matches!(refused, Err(LogError::NeedsAdoption(_))), "{refused:?}");
    let adopt = Mode::Adopt { wait: Duration::from_secs(10) };
    let (mut leader, adopted) = lead(&store, "a", 3, adopt).await;
    let adopted = adopted.unwrap();
    assert!(adopted > granted);

    let (code, moved) = run(&["copy", &etcd, text(&back), "--seal"]);
    assert_eq!((code, &moved["namespaces"], &moved["sealed"]), (0, &json!(3), &json!(true)));
    leader.begin(Entry::default()).unwrap();
    assert_eq!(drive(&store, &mut leader).await, Err(LogError::Deposed));
    assert_eq!(lead(&store, "a", 4, adopt).await.1, Err(LogError::Sealed));
    let (code, left) = run(&["verify", &etcd]);
    assert_eq!((code, left["namespaces"][0]["state"].as_str()), (0, Some("sealed")));
    assert!(left["moved_to"].is_string());
    let elsewhere = path("elsewhere");
    assert!(refusal(&["copy", &etcd, text(&elsewhere), "--seal"]).contains("was moved to store"));

    let (code, there) = run(&["verify", text(&back)]);
    assert_eq!((code, namespaces(&there).len()), (0, 3));
    let store = open(&back);
    assert!(lead(&store, "a", 4, adopt).await.1.unwrap().incarnation > adopted.incarnation);
}

/// A restore that is killed leaves a store that says so, and the next one makes it whole.
#[tokio::test]
async fn a_killed_restore_is_begun_anew() {
    const KILLS: u64 = 4;
    const TRIES: u64 = 40;
    let scratch = ScratchDir::new();
    let path = |name: &str| scratch.path().join(name);
    let (data, file, folder) = (path("data"), path("b"), path("restored"));
    let store = open(&data);
    populate(&store, 400).await;
    drop(store);
    let (_, saved) = run(&["backup", text(&data), text(&file)]);
    let size = fs::metadata(&file).unwrap().len();
    let mut unfinished = 0;
    for kill in 0..TRIES {
        if unfinished == KILLS {
            break;
        }
        let mut child =
            shardway(&["restore", text(&file), text(&folder)]).stdout(Stdio::null()).spawn().unwrap();
        // Another moment each time. A store that is taken over has its size already.
        let goal = size * (kill % 8) / 16;
        let has_grown = || fs::metadata(folder.join("store.redb")).is_ok_and(|file| file.len() > goal);
        while !has_grown() && child.try_wait().unwrap().is_none() {
            thread::yield_now();
        }
        (0..kill * 131 % 400).for_each(|_| thread::yield_now());
        child.kill().unwrap();
        if child.wait().unwrap().success() {
            // Too quick for us.
            fs::remove_dir_all(&folder).unwrap();
            continue;
        }
        let (code, report) = run(&["verify", text(&folder)]);
        if report["rows"] != json!(0) {
            assert_eq!((code, &report["unfinished"]), (1, &json!(true)), "{report:#}");
            unfinished += 1;
        }
    }
    assert!(unfinished > 0, "none was killed in the middle");
    let (code, put) = run(&["restore", text(&file), text(&folder)]);
    assert_eq!((code, &put["rows"]), (0, &saved["rows"]));
    let (code, report) = run(&["verify", text(&folder)]);
    assert_eq!((code, &report["rows"], &report["unfinished"]), (0, &saved["rows"], &json!(false)));
    assert_eq!(namespaces(&report).len(), 3);
}

#[tokio::test]
async fn what_is_wrong_is_said_and_changes_nothing() {
    let scratch = ScratchDir::new();
    let path = |name: &str| scratch.path().join(name);
    let (data, file, cut, to) = (path("data"), path("b"), path("cut"), path("to"));
    populate(&open(&data), 2).await;
    run(&["backup", text(&data), text(&file)]);
    let bytes = fs::read(&file).unwrap();
    fs::write(&cut, &bytes[..bytes.len() - 30]).unwrap();
    for args in [&["verify", text(&cut)][..], &["restore", text(&cut), text(&to)]] {
        assert!(refusal(args).contains("the backup is damaged at byte"), "{args:?}");
    }
    let (code, report) = run(&["verify", text(&to)]);
    assert_eq!((code, &report["rows"]), (0, &json!(0)));
    fs::write(&cut, "something else, and long enough").unwrap();
    assert!(refusal(&["verify", text(&cut)]).contains("is no backup"));
    let missing = path("missing");
    for args in [&["verify", text(&missing)][..], &["backup", text(&missing), text(&to)]] {
        assert!(refusal(args).contains("there is no store in it"), "{args:?}");
    }
    assert!(!missing.exists(), "asking makes nothing");
    assert!(refusal(&["restore", text(&missing), text(&to)]).contains("cannot open backup"));
}

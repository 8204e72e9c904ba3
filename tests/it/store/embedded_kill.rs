//! Kills a process that writes, at any moment, again and again: what it saw acknowledged is there.

use std::{
    env,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
};

use shardway::store::{EmbeddedOptions, EmbeddedStore, Store, StoreError, Transaction, Write};

use super::scratch::ScratchDir;

/// Kills of a usual run. `KILLS` asks for more.
const KILLS: usize = 5;
/// Tells a process of this test that it is the one to be killed, and where it writes.
const FOLDER: &str = "SHARDWAY_TEST_KILLED_STORE";
const WRITERS: usize = 4;

/// Not a test of its own: what the process does that is killed. Several writers count, and tell what was acknowledged.
#[test]
fn the_process_that_is_killed() {
    let Some(folder) = env::var_os(FOLDER) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let store = Arc::new(EmbeddedStore::open(folder, EmbeddedOptions::default()).unwrap());
        let writers: Vec<_> = (0..WRITERS).map(|writer| tokio::spawn(count(store.clone(), writer))).collect();
        for writer in writers {
            writer.await.unwrap();
        }
    });
}

async fn count(store: Arc<EmbeddedStore>, writer: usize) {
    let mut number = counted(&*store, writer).await.unwrap_or_else(|error| panic!("{error}"));
    loop {
        number += 1;
        // Sizes differ, so that pages are split and joined.
        let value = format!("{number} {}", "x".repeat(number * 37 % 3_000));
        let both = Transaction::default()
            .write(Write::Put(format!("count/{writer}").into(), value.clone().into()))
            .write(Write::Put(format!("copy/{writer}/{}", number % 50).into(), value.into()));
        store.transact(both).await.unwrap();
        println!("acknowledged {writer} {number}");
    }
}

/// How far a writer has counted; both of its rows say so.
async fn counted(store: &dyn Store, writer: usize) -> Result<usize, StoreError> {
    let Some(row) = store.get(&format!("count/{writer}")).await? else { return Ok(0) };
    let number: usize = std::str::from_utf8(&row.value).unwrap().split(' ').next().unwrap().parse().unwrap();
    let copy = store.get(&format!("copy/{writer}/{}", number % 50)).await?.expect("both or none");
    assert_eq!((&copy.value, copy.changed), (&row.value, row.changed));
    Ok(number)
}

fn start(folder: &Path) -> Child {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "store::embedded_kill::the_process_that_is_killed", "--nocapture"]);
    command.env(FOLDER, folder).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

#[tokio::test]
async fn a_killed_process_loses_nothing_that_was_acknowledged() {
    let kills = env::var_os("KILLS").map_or(KILLS, |kills| kills.into_string().unwrap().parse().unwrap());
    let scratch = ScratchDir::new();
    let mut acknowledged = [0; WRITERS];
    let mut told = 0;
    for kill in 0..kills {
        let mut child = start(scratch.path());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut hear = |line: String| {
            let Some((writer, number)) =
                line.strip_prefix("acknowledged ").and_then(|rest| rest.split_once(' '))
            else {
                return 0;
            };
            let (writer, number): (usize, usize) = (writer.parse().unwrap(), number.parse().unwrap());
            assert!(number > acknowledged[writer]);
            acknowledged[writer] = number;
            1
        };
        // At another moment each time: after some acknowledgements, and some of the processor's time.
        let mut heard = 0;
        while heard < kill * 7 % 40 {
            heard += hear(lines.next().expect("it writes until it is killed").unwrap());
        }
        (0..kill * 131 % 400).for_each(|_| thread::yield_now());
        child.kill().unwrap();
        // What it said before it died counts, but for a line that was cut.
        let rest: Vec<_> = lines.map_while(Result::ok).collect();
        heard += rest.into_iter().map(hear).sum::<usize>();
        child.wait().unwrap();
        told += heard;

        let store = EmbeddedStore::open(scratch.path(), EmbeddedOptions::default()).unwrap();
        assert!(store.damaged().is_empty());
        for (writer, acknowledged) in acknowledged.iter_mut().enumerate() {
            let counted = counted(&store, writer).await.unwrap();
            let expected = *acknowledged..=*acknowledged + 1;
            assert!(
                expected.contains(&counted),
                "writer {writer}: {acknowledged} acknowledged, {counted} there"
            );
            *acknowledged = counted;
        }
    }
    assert!(told >= kills, "it did write: {told}");
}

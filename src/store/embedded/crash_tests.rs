//! Crashes at every kind of moment: whatever a disk may hold afterwards, everything that was acknowledged is there, and
//! nothing is there by halves.

use tokio::runtime::{Builder, Runtime};

use super::{
    crash_disk::{CrashDisk, Image, Survival, split_mix},
    *,
};
use crate::store::{Compare, Write, kv::Kv};

/// Crash points of a usual run. `CRASH_POINTS` asks for more.
const POINTS: u64 = 150;
/// Points that share a workload.
const POINTS_EACH: u64 = 250;
const TRANSACTIONS: u64 = 40;

/// Transactions that each make one revision, and the rows after each.
struct Workload {
    transactions: Vec<Transaction>,
    states: Vec<Vec<Row>>,
}

impl Workload {
    fn new(mut seed: u64) -> Self {
        let mut random = move |below: u64| {
            seed = split_mix(seed);
            seed % below
        };
        let mut kv = Kv::new(Limits::default(), Retention::default());
        let (mut transactions, mut states) = (Vec::new(), vec![Vec::new()]);
        for number in 1..=TRANSACTIONS {
            let mut transaction = Transaction::default();
            for part in 0..=random(3) {
                let key: Arc<str> =
                    format!("{}/{:02}", ["a", "b", "c"][part as usize % 3], random(20)).into();
                let large = if random(6) == 0 { 30_000 } else { 300 };
                let value = vec![number as u8; random(large) as usize];
                transaction = transaction.write(match random(8) {
                    0 => Write::Delete(key),
                    1 => Write::DeleteRange(key.clone(), format!("{key}~").into()),
                    _ => Write::Put(key, value.into()),
                });
            }
            // Makes sure that it changes something, and that its order matters.
            let count = kv.get("count").unwrap();
            transaction =
                transaction.write(Write::Put("count".into(), number.to_string().into())).when(match count {
                    None => Compare::Absent("count".into()),
                    Some(row) => Compare::Value("count".into(), row.value),
                });
            assert_eq!(kv.apply(transaction.clone()), Ok(Outcome::Committed(Revision(number))));
            transactions.push(transaction);
            states.push(kv.rows().collect());
        }
        Self { transactions, states }
    }

    /// Opens a store and does what it has not done yet, up to a transaction; one to four at a time.
    fn run(&self, disk: &CrashDisk, until: usize, runtime: &Runtime) {
        let store = Arc::new(EmbeddedStore::on(Box::new(disk.clone()), EmbeddedOptions::default()).unwrap());
        let mut done = self.check(&store, 0, runtime);
        runtime.block_on(async {
            while done < until {
                let wave = &self.transactions[done..until.min(done + 1 + done % 4)];
                // A runtime of one thread begins its tasks in order.
                let tasks = wave.iter().map(|transaction| {
                    let (store, transaction) = (store.clone(), transaction.clone());
                    tokio::spawn(async move { store.transact(transaction).await })
                });
                for task in tasks.collect::<Vec<_>>() {
                    done += 1;
                    assert_eq!(task.await.unwrap(), Ok(Outcome::Committed(Revision(done as u64))));
                    disk.acknowledge(done as u64);
                }
            }
        });
    }

    /// Expects one of the states from the acknowledged one on; answers which.
    fn check(&self, store: &EmbeddedStore, acknowledged: u64, runtime: &Runtime) -> usize {
        let page = runtime.block_on(store.range(Range::prefix("", 1_000))).unwrap();
        assert!(
            page.revision.0 >= acknowledged,
            "{acknowledged} were acknowledged, {:?} are there",
            page.revision
        );
        let at = usize::try_from(page.revision.0).unwrap();
        assert_eq!(page.rows, self.states[at], "a state that never was");
        assert!(store.damaged().is_empty());
        at
    }

    fn check_image(&self, image: Image, acknowledged: u64, runtime: &Runtime) -> CrashDisk {
        let disk = CrashDisk::of(image);
        let store = EmbeddedStore::on(Box::new(disk.clone()), EmbeddedOptions::default())
            .unwrap_or_else(|error| panic!("an unreadable store: {error}"));
        self.check(&store, acknowledged, runtime);
        disk
    }
}

fn points() -> u64 {
    let asked = std::env::var_os("CRASH_POINTS").and_then(|points| points.into_string().ok());
    asked.map_or(POINTS, |points| points.parse().expect("CRASH_POINTS is a number"))
}

fn survival(point: u64) -> Survival {
    match point % 4 {
        0 => Survival::Nothing,
        1 => Survival::Everything,
        _ => Survival::Some(point),
    }
}

#[test]
fn nothing_acknowledged_is_lost_in_a_crash() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let mut left = points();
    let mut seed = 0;
    while left > 0 {
        let workload = Workload::new(seed);
        let disk = CrashDisk::default();
        workload.run(&disk, TRANSACTIONS as usize, &runtime);
        for point in 0..left.min(POINTS_EACH) {
            let cut = split_mix(seed * POINTS_EACH + point) as usize % (disk.operations() + 1);
            let (image, acknowledged) = disk.crash(cut, survival(point));
            let mended = workload.check_image(image, acknowledged, &runtime);
            // Every tenth crashes again while it is mended.
            if point % 10 == 0 {
                let cut = split_mix(point) as usize % (mended.operations() + 1);
                let (image, _) = mended.crash(cut, survival(point / 10));
                let again = workload.check_image(image, acknowledged, &runtime);
                workload.run(&again, TRANSACTIONS as usize, &runtime);
            }
        }
        left -= left.min(POINTS_EACH);
        seed += 1;
    }
}

#[test]
fn a_store_keeps_its_identity_through_a_crash() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let disk = CrashDisk::default();
    let open =
        |disk: &CrashDisk| EmbeddedStore::on(Box::new(disk.clone()), EmbeddedOptions::default()).unwrap();
    let store = open(&disk);
    let identity = runtime.block_on(store.identity()).unwrap();
    let (image, _) = disk.crash(disk.operations(), Survival::Nothing);
    assert_eq!(runtime.block_on(open(&CrashDisk::of(image)).identity()), Ok(identity.clone()));
    let other = open(&CrashDisk::default());
    assert_ne!(runtime.block_on(other.identity()), Ok(identity));
}

#[test]
fn the_test_disk_loses_what_was_not_made_durable() {
    let disk = CrashDisk::default();
    let file = disk.open("f").unwrap();
    file.set_len(1024).unwrap();
    file.sync_data().unwrap();
    file.write(0, &[1; 1024]).unwrap();
    let sum = |name, survival| disk.crash(disk.operations(), survival).0.sum(name);
    assert_eq!(sum("f", Survival::Nothing), None, "the name was not durable");
    assert_eq!(sum("f", Survival::Everything), Some(1024));
    disk.replace("f", "g").unwrap();
    assert_eq!(sum("g", Survival::Nothing), Some(0));
    let partly: Vec<_> = (0..20).filter_map(|seed| sum("g", Survival::Some(seed))).collect();
    assert!(partly.contains(&512), "one sector and not the other: {partly:?}");
    file.sync_data().unwrap();
    assert_eq!(sum("g", Survival::Nothing), Some(1024));
}

//! How many instructions does a lookup take, relative to the floor?
//!
//! Time is noisy, a count is not: it shows the change that made a lookup longer on any machine, however busy. The
//! program runs itself under callgrind, once for each subject. Exits with 1 when a ring lookup takes more than
//! [`LIMIT`] times the floor's instructions, or when valgrind is missing.

use std::{
    env, hint,
    process::{Command, ExitCode},
};

use shardway::{
    bench::{
        fleet,
        floor::Floor,
        keys::{KeyShape, Keys},
    },
    resolver::Resolver,
    ring::RingSpec,
    types::Namespace,
};

/// The promise for `ring`, as a multiple of the floor.
const LIMIT: f64 = 1.40;
const LOOKUPS: usize = 20_000;
/// The floor first. `ring` answers the owner's place, as the floor does; `resolver` goes on to the fields of the host.
const SUBJECTS: [&str; 4] = ["floor", "ring", "member", "resolver"];

fn main() -> ExitCode {
    // `cargo bench` and `cargo test` pass options of their own.
    if let Some(subject) = env::args().skip(1).find(|arg| !arg.starts_with("--")) {
        look_up(&subject);
        return ExitCode::SUCCESS;
    }
    let mut floor = 0.0;
    let mut ring = f64::INFINITY;
    for subject in SUBJECTS {
        let count = match instructions(subject) {
            Ok(count) => count as f64 / LOOKUPS as f64,
            Err(reason) => {
                eprintln!("instructions of {subject}: {reason}");
                return ExitCode::FAILURE;
            }
        };
        match subject {
            "floor" => floor = count,
            "ring" => ring = count / floor,
            _ => {}
        }
        println!("{subject:<9} {count:>7.1} instructions per lookup, {:.2} x floor", count / floor);
    }
    if ring <= LIMIT {
        return ExitCode::SUCCESS;
    }
    eprintln!("a ring lookup takes {ring:.2} times the floor's instructions, {LIMIT} are allowed");
    ExitCode::FAILURE
}

/// 36-byte keys in a ring of 100 members with 100 points each.
fn look_up(subject: &str) {
    let members = fleet::members(100, 0);
    let ring = fleet::ring(RingSpec::default(), &members);
    let floor = Floor::new(ring.points());
    let resolver = Resolver::builder(Namespace::new("matching").expect("a plain word")).build();
    resolver.set_members(members).expect("distinct members");
    let keys = Keys::generate(KeyShape::GOAL, LOOKUPS, 1);
    let keys = keys.list();
    match subject {
        "floor" => counted(&keys, |key| floor.read(key.as_bytes())),
        "ring" => {
            counted(&keys, |key| ring.slot_at(ring.position(key.as_bytes())).map_or(0, |slot| slot as u64))
        }
        "member" => {
            counted(&keys, |key| ring.lookup(key.as_bytes()).map_or(0, |member| member.weight().into()))
        }
        "resolver" => counted(&keys, |key| resolver.lookup(key).map_or(0, |owner| owner.host().len() as u64)),
        _ => panic!("nothing is called {subject}"),
    }
}

/// Callgrind counts while this runs; it goes by the name.
#[inline(never)]
fn counted(keys: &[&str], look_up: impl Fn(&str) -> u64) {
    hint::black_box(keys.iter().fold(0, |sum: u64, key| sum.wrapping_add(look_up(key))));
}

fn instructions(subject: &str) -> Result<u64, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*counted*"])
        .arg(program)
        .arg(subject)
        .output()
        .map_err(|error| format!("valgrind did not run: {error}"))?;
    let said = String::from_utf8_lossy(&run.stderr);
    let collected = said.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    collected.filter(|count| *count > 0).ok_or_else(|| format!("callgrind counted nothing: {said}"))
}

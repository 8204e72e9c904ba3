//! A writer that races the watch.

use std::{
    fs::{self, File},
    io::Write,
    sync::mpsc,
    time::Duration,
};

use shardway::policy::RoutingPolicy;

use super::{DEADLINE, Dir, LONG_ENOUGH, follow};

/// A file of which many beginnings are valid files too, with another meaning: a number cut short, keys left out.
fn treacherous(version: u32) -> String {
    let value = 10 + version % 90;
    format!(
        "shardway.routing.percentage:\n- value: {value}\nshardway.routing.maxAge:\n- value: {value}s\n\
         # {version}\nshardway.routing.killSwitch:\n- value: true\n"
    )
}

fn is_of_a_whole_file(policy: &RoutingPolicy) -> bool {
    let percent = policy.percentage().get();
    policy.kill_switch() && policy.max_age() == Some(Duration::from_secs(percent.into()))
}

#[test]
fn of_a_thousand_torn_writes_none_is_applied_in_part() {
    const WRITES: u32 = 1000;
    let dir = Dir::new();
    let path = dir.join("config.yaml");
    fs::write(&path, treacherous(0)).unwrap();
    let following = follow(&path);
    // A clock for the writer's pauses: nobody ever sends.
    let (_never, pause) = mpsc::channel::<()>();
    let mut random = 0x9e37_79b9_u32;
    for version in 1..=WRITES {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let contents = treacherous(version);
        let (first, second) = contents.split_at((random >> 8) as usize % contents.len());
        let mut file = File::create(&path).unwrap();
        file.write_all(first.as_bytes()).unwrap();
        match version % 100 {
            // Long enough to be taken for finished by whoever does not know that the file is open.
            1 => drop(pause.recv_timeout(LONG_ENOUGH)),
            n if n % 4 == 0 => drop(pause.recv_timeout(Duration::from_millis(u64::from(random >> 30)))),
            _ => {}
        }
        file.write_all(second.as_bytes()).unwrap();
        drop(file);
        // Now and then it is left alone until it is applied, so that there is something to catch.
        if version % 50 == 0 {
            while following
                .policies
                .recv_timeout(DEADLINE)
                .map(|policy| {
                    assert!(is_of_a_whole_file(&policy), "version {version}: {policy}");
                    u32::from(policy.percentage().get()) != 10 + version % 90
                })
                .expect("what was written last is applied")
            {}
        }
    }
    let status = following.watch.status();
    assert!(status.counts.applied >= u64::from(WRITES / 50), "{status}");
    for policy in following.policies.try_iter() {
        assert!(is_of_a_whole_file(&policy), "{policy}");
    }
}

//! How even loads are.

use super::{rules::owning, *};

#[test]
fn how_uneven_loads_are_is_told() {
    let told = |board: &Board| {
        let report = plan(board, Mono::ZERO, &Config::default(), 3).report;
        (report.max_over_mean, report.cv)
    };
    let near = |(max, cv): (f64, f64), expected: (f64, f64)| {
        (max - expected.0).abs() < 1e-9 && (cv - expected.1).abs() < 1e-9
    };
    let uneven = told(&owning(&[&[1.0, 1.0, 1.0], &[1.0]]));
    assert!(near(uneven, (1.5, 0.5)), "{uneven:?}");
    let even = told(&owning(&[&[1.0, 3.0], &[2.0, 2.0]]));
    assert!(near(even, (1.0, 0.0)), "{even:?}");
    assert_eq!(told(&board(0, 3)), (0.0, 0.0));
    // Whoever weighs three times as much has three times as much, and counts for three.
    let mut weighed = board(1, 0);
    let light = ExecutorSlot::new(0);
    let heavy = Executor::new(member(1).with_weight(3).unwrap(), Mono::ZERO);
    let heavy = weighed.add_executor(heavy, State::Active, true);
    for owner in [light, heavy, heavy, heavy] {
        let shard = weighed.add_shard(weighed.total().shards.into());
        weighed.set_owner(shard, Some(owner));
    }
    let even = told(&weighed);
    assert!(near(even, (1.0, 0.0)), "{even:?}");
    for _ in 0..4 {
        let shard = weighed.add_shard(weighed.total().shards.into());
        weighed.set_owner(shard, Some(light));
    }
    // Five and three of eight, for weights of one and three: 2.5 and 0.5 of the mean.
    let uneven = told(&weighed);
    assert!(near(uneven, (2.5, 0.75_f64.sqrt())), "{uneven:?}");
}

//! The lists of an input, by name; and whether they can have been read from a board.

use std::collections::BTreeMap;

use crate::plan::{ExecutorSlot, Input, MAX_SHARDS, Pin, Tally, input::Row, load::MAX_PARTS};

/// The lists of shards, each under its name.
pub(super) fn lists(input: &Input) -> [(&'static str, &[Row]); 5] {
    [
        ("waiting", &input.waiting),
        ("adrift", &input.adrift),
        ("misplaced", &input.misplaced),
        ("leaving", &input.leaving),
        ("movable", &input.movable),
    ]
}

/// One of [`lists`].
pub(super) fn list_mut<'i>(input: &'i mut Input, name: &str) -> Option<&'i mut Vec<Row>> {
    match name {
        "waiting" => Some(&mut input.waiting),
        "adrift" => Some(&mut input.adrift),
        "misplaced" => Some(&mut input.misplaced),
        "leaving" => Some(&mut input.leaving),
        "movable" => Some(&mut input.movable),
        _ => None,
    }
}

/// How many rows an input has.
pub(super) fn count(input: &Input) -> usize {
    let shards: usize = lists(input).iter().map(|(_, rows)| rows.len()).sum();
    input.seats.len() + input.released.len() + shards
}

/// Whether a board may have said all of this at once: a round relies on it, and takes shards away from sums that they
/// are in.
pub(super) fn is_sound(input: &Input) -> Result<(), &'static str> {
    let is = |holds, what| if holds { Ok(()) } else { Err(what) };
    is(input.seats.is_sorted_by(|(a, _), (b, _)| a < b), "the order of executors")?;
    is(input.released.is_sorted_by(|a, b| a < b), "the order of released shards")?;
    let mut sums = Sums::default();
    for (name, rows) in lists(input) {
        is(rows.is_sorted_by(|a, b| a.shard < b.shard), "the order of shards")?;
        is(rows.iter().all(|row| row.losses <= input.losses), "a number of losses below that of all")?;
        sums.add(name, rows);
    }
    let has_seat = |slot: &ExecutorSlot| input.seats.binary_search_by_key(slot, |(slot, _)| *slot).is_ok();
    is(sums.named.iter().all(has_seat), "an executor that a shard names")?;
    is(input.total.shards as usize <= MAX_SHARDS, "a number of shards that a board can have")?;
    is(may_be(input.total), "the sum of all shards")?;
    let (mut held, mut coming) = (Tally::default(), Tally::default());
    for (slot, seat) in &input.seats {
        let of = |sums: &BTreeMap<_, Tally>| sums.get(slot).copied().unwrap_or_default();
        for sum in [seat.held, seat.coming, seat.going] {
            is(may_be(sum) && contains(input.total, sum), "a sum that is part of the whole")?;
        }
        is(contains(seat.held, seat.going), "a sum of what goes that is part of what is held")?;
        let mut staying = seat.held;
        staying -= seat.going;
        is(contains(staying, of(&sums.settled)), "shards at rest that are part of what is held")?;
        is(contains(seat.coming, of(&sums.coming)), "shards on their way that are part of what comes")?;
        held += seat.held;
        coming += seat.coming;
        is(contains(input.total, held) && contains(input.total, coming), "sums that are parts of the whole")?;
    }
    Ok(())
}

/// What the rows add up to, by executor.
#[derive(Default)]
struct Sums {
    settled: BTreeMap<ExecutorSlot, Tally>,
    coming: BTreeMap<ExecutorSlot, Tally>,
    named: Vec<ExecutorSlot>,
}

impl Sums {
    fn add(&mut self, list: &str, rows: &[Row]) {
        let is_at_rest = !matches!(list, "waiting" | "adrift");
        for row in rows {
            let pin = match row.pin {
                Some(Pin::To(to)) => Some(to),
                Some(Pin::Away) | None => None,
            };
            self.named.extend([row.owner, row.to, pin].into_iter().flatten());
            if let Some(owner) = row.owner.filter(|_| is_at_rest) {
                *self.settled.entry(owner).or_default() += Tally::of(row.load);
            }
            if let Some(to) = row.to {
                *self.coming.entry(to).or_default() += Tally::of(row.load);
            }
        }
    }
}

/// Whether shards can add up to this.
fn may_be(sum: Tally) -> bool {
    sum.measured <= sum.shards && sum.load.parts() <= u128::from(sum.measured) * MAX_PARTS
}

/// Whether some of these shards can be those.
fn contains(all: Tally, some: Tally) -> bool {
    let unmeasured = |tally: Tally| tally.shards - tally.measured;
    some.measured <= all.measured && unmeasured(some) <= unmeasured(all) && some.load <= all.load
}

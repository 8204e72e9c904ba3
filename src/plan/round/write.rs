//! A round as text: one fact a line, words between spaces, floating-point numbers in as many digits as they need.

use std::fmt::{self, Display, Write};

use super::{Round, lists::lists};
use crate::{
    hash::xxh3,
    plan::{
        Action, Config, ExecutorSlot, Input, Load, Pin, Placement, Rollout, Seat, Strategy, Tally, input::Row,
    },
};

/// What every text begins with; the number is raised when a reader of the old one would misread the new one.
pub(super) const HEADER: &str = "shardway round 1";

/// The round without its header; `None` when its input was too large to be kept.
pub(super) fn to_text(round: &Round) -> Option<String> {
    let mut body = String::new();
    write_config(&mut body, &round.config)
        .and_then(|()| write_input(&mut body, round.input.as_ref().ok_or(fmt::Error)?))
        .and_then(|()| write_plan(&mut body, round))
        .ok()?;
    Some(format!("{HEADER}\ndigest {}\n{body}", Digest::of(&body)))
}

/// Of all that follows it: a text that was cut short or changed is not believed.
pub(super) struct Digest(u64);

impl Digest {
    pub(super) fn of(body: &str) -> Self {
        Self(xxh3(body.as_bytes()))
    }
}

impl Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

fn write_plan(f: &mut String, round: &Round) -> fmt::Result {
    for change in &round.plan.moves {
        let (what, to) = match change.action {
            Action::Grant(to) => ("grant", Some(to)),
            Action::Unassign => ("unassign", None),
            Action::HandOver(to) => ("hand_over", Some(to)),
            Action::Redirect(to) => ("redirect", to),
        };
        writeln!(f, "move {} {what} {} {}", change.shard, Maybe(to), change.reason.as_str())?;
    }
    for (shard, name) in &round.names {
        writeln!(f, "name {shard} {}", Word(name))?;
    }
    Ok(())
}

fn write_config(f: &mut String, config: &Config) -> fmt::Result {
    let placement = match config.placement {
        Placement::Ring => "ring",
        Placement::Even => "even",
        Placement::LeastLoaded => "least_loaded",
    };
    writeln!(f, "placement {placement} {:?} {:?} {}", config.bound, config.count_share, config.freeze)?;
    match config.strategy {
        Strategy::Steady(it) => writeln!(
            f,
            "strategy steady {:?} {:?} {:?} {} {} {}",
            it.upper_band,
            it.lower_band,
            it.move_budget,
            it.cooldown.as_nanos(),
            it.settling.as_nanos(),
            it.smoothing.as_nanos()
        )?,
        Strategy::Naive(it) => writeln!(f, "strategy naive {:?}", it.max_deviation)?,
        Strategy::Greedy(it) => writeln!(
            f,
            "strategy greedy {:?} {:?} {:?} {:?} {} {}",
            it.upper_band,
            it.lower_band,
            it.severe_imbalance_ratio,
            it.move_budget,
            it.cooldown.as_nanos(),
            it.smoothing.as_nanos()
        )?,
    }
    match &config.rollout {
        Rollout::Detect => writeln!(f, "rollout detect")?,
        Rollout::Off => writeln!(f, "rollout off")?,
        Rollout::Retiring(versions) => {
            f.write_str("rollout retiring")?;
            for version in versions {
                write!(f, " {}", Word(version))?;
            }
            f.write_char('\n')?;
        }
    }
    match config.quarantine {
        Some(it) => writeln!(
            f,
            "quarantine {} {} {} {:?}",
            it.losses,
            it.window.as_nanos(),
            it.hold.as_nanos(),
            it.max_share
        ),
        None => writeln!(f, "quarantine off"),
    }
}

fn write_input(f: &mut String, input: &Input) -> fmt::Result {
    let spec = input.ring.spec();
    writeln!(
        f,
        "input {} {} {} {} {} {} {}",
        input.now.as_nanos(),
        input.seed,
        spec.flavour(),
        spec.points_per_member(),
        Counted(input.total),
        input.in_flight,
        input.losses
    )?;
    for (slot, seat) in &input.seats {
        write_seat(f, *slot, seat)?;
    }
    for shard in &input.released {
        writeln!(f, "released {shard}")?;
    }
    for (list, rows) in lists(input) {
        for row in rows {
            write_row(f, list, row)?;
        }
    }
    Ok(())
}

fn write_seat(f: &mut String, slot: ExecutorSlot, seat: &Seat) -> fmt::Result {
    let executor = &seat.executor;
    let member = executor.member();
    write!(f, "executor {slot} {} {} ", Word(member.address()), Word(member.identity()))?;
    write!(f, "{} {} ", member.weight(), Maybe(executor.version().map(Word)))?;
    write!(f, "{} ", Maybe(executor.max_shards()))?;
    write!(f, "{} ", Maybe(executor.max_load().map(Load::get)))?;
    write!(f, "{} {} {} ", executor.joined().as_nanos(), seat.state.as_str(), seat.receives)?;
    writeln!(f, "{} {} {}", Counted(seat.held), Counted(seat.coming), Counted(seat.going))
}

fn write_row(f: &mut String, list: &str, row: &Row) -> fmt::Result {
    write!(f, "{list} {} {} {} {} ", row.shard, Maybe(row.owner), Maybe(row.to), row.position)?;
    write!(f, "{} ", Maybe(row.load.map(Load::get)))?;
    match row.pin {
        None => f.write_str("-")?,
        Some(Pin::Away) => f.write_str("away")?,
        Some(Pin::To(to)) => write!(f, "{to}")?,
    }
    writeln!(f, " {} {}", row.is_quarantined, row.losses)
}

/// `-` stands for nothing.
struct Maybe<T>(Option<T>);

impl<T: Display> Display for Maybe<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("-"),
        }
    }
}

/// Text without spaces: bytes that are not plain ASCII as `%` and two digits. Begins with `'`, so that it is never
/// empty, nor taken for `-`.
struct Word<'a>(&'a str);

impl Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('\'')?;
        for byte in self.0.bytes() {
            match byte {
                b'%' | 0..=b' ' | 0x7f.. => write!(f, "%{byte:02x}")?,
                _ => f.write_char(byte.into())?,
            }
        }
        Ok(())
    }
}

struct Counted(Tally);

impl Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { shards, measured, load } = self.0;
        write!(f, "{shards} {measured} {}", load.parts())
    }
}

//! A round from its text.

use std::{
    collections::BTreeSet,
    fmt,
    str::{FromStr, SplitWhitespace},
    sync::Arc,
    time::Duration,
};

use super::{
    Round,
    lists::{is_sound, list_mut},
    write::{Digest, HEADER},
};
use crate::{
    plan::{
        Action, Config, Executor, ExecutorSlot, Greedy, Input, Load, LoadSum, MAX_SHARDS, Move, Naive, Pin,
        Placement, Plan, Quarantine, Reason, Rollout, Seat, ShardSlot, State, Steady, Strategy, Tally,
        decide, input::Row, placement_ring::PlacementRing,
    },
    ring::{Flavour, RingSpec},
    types::{Member, Mono},
};

/// Most slots for sessions that a text may speak of: a round has a desk for each, named or not, and one line must not
/// make it furnish billions.
const MAX_SESSIONS: usize = 1 << 20;

/// A text that is no round.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoundError {
    /// The line, from 1.
    pub line: usize,
    /// What is missing or not understood there.
    pub what: &'static str,
}

impl fmt::Display for RoundError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} of a round: {} is missing or makes no sense", self.line, self.what)
    }
}

impl std::error::Error for RoundError {}

impl FromStr for Round {
    type Err = RoundError;

    /// Reads what [`Round::to_text`] writes. The report is made anew, by deciding again; a plan that is not the recorded
    /// one is an error: another version of this program decided it.
    fn from_str(text: &str) -> Result<Self, RoundError> {
        let refused = |line, what| RoundError { line, what };
        let rest = text.strip_prefix(HEADER).and_then(|rest| rest.strip_prefix("\ndigest "));
        let rest = rest.ok_or(refused(1, "the header of this version"))?;
        let (digest, body) = rest.split_once('\n').ok_or(refused(2, "the digest"))?;
        if digest != Digest::of(body).to_string() {
            return Err(refused(2, "the digest of what follows"));
        }
        let mut draft = Draft::default();
        for (line, number) in body.lines().zip(3..) {
            let mut words = line.split_whitespace();
            let read = draft.read(&mut words).and_then(|()| match words.next() {
                Some(_) => Err("the end of the line"),
                None => Ok(()),
            });
            read.map_err(|what| refused(number, what))?;
        }
        draft.finish().map_err(|what| refused(text.lines().count(), what))
    }
}

type Words<'a> = SplitWhitespace<'a>;
type Answer<T> = Result<T, &'static str>;

#[derive(Default)]
struct Draft {
    config: Config,
    input: Option<(Input, RingSpec)>,
    moves: Vec<Move>,
    names: Vec<(ShardSlot, Box<str>)>,
}

impl Draft {
    fn read(&mut self, words: &mut Words<'_>) -> Answer<()> {
        match words.next().ok_or("a first word")? {
            "placement" => self.read_placement(words)?,
            "strategy" => self.config.strategy = read_strategy(words)?,
            "rollout" => self.config.rollout = read_rollout(words)?,
            "quarantine" => self.config.quarantine = read_quarantine(words)?,
            "input" if self.input.is_some() => return Err("one input and not two"),
            "input" => self.input = Some(read_input(words)?),
            "move" => self.moves.push(read_move(words)?),
            "name" => self.names.push((shard(words)?, text(words)?.into())),
            list => {
                let (input, _) = self.input.as_mut().ok_or("an input before its rows")?;
                match list {
                    "executor" => input.seats.push(read_seat(words)?),
                    "released" => input.released.push(shard(words)?),
                    _ => list_mut(input, list).ok_or("a known first word")?.push(read_row(words)?),
                }
            }
        }
        Ok(())
    }

    fn finish(self) -> Answer<Round> {
        let (mut input, spec) = self.input.ok_or("an input")?;
        is_sound(&input)?;
        input.ring = ring(spec, &input.seats);
        let plan: Plan = decide(&input, &self.config);
        if plan.moves != self.moves {
            return Err("the plan that this version makes of this input");
        }
        Ok(Round::new(input, self.config, plan).with_names(self.names))
    }

    fn read_placement(&mut self, words: &mut Words<'_>) -> Answer<()> {
        self.config.placement = match words.next() {
            Some("ring") => Placement::Ring,
            Some("even") => Placement::Even,
            Some("least_loaded") => Placement::LeastLoaded,
            _ => return Err("a placement"),
        };
        self.config.bound = value(words, "the bound")?;
        self.config.count_share = value(words, "the count's share")?;
        self.config.freeze = value(words, "whether it is frozen")?;
        Ok(())
    }
}

fn read_strategy(words: &mut Words<'_>) -> Answer<Strategy> {
    match words.next() {
        Some("steady") => Ok(Strategy::Steady(Steady {
            upper_band: value(words, "the upper band")?,
            lower_band: value(words, "the lower band")?,
            move_budget: value(words, "the budget")?,
            cooldown: duration(words)?,
            settling: duration(words)?,
            smoothing: duration(words)?,
        })),
        Some("naive") => Ok(Strategy::Naive(Naive { max_deviation: value(words, "the deviation")? })),
        Some("greedy") => Ok(Strategy::Greedy(Greedy {
            upper_band: value(words, "the upper band")?,
            lower_band: value(words, "the lower band")?,
            severe_imbalance_ratio: value(words, "the severe ratio")?,
            move_budget: value(words, "the budget")?,
            cooldown: duration(words)?,
            smoothing: duration(words)?,
        })),
        _ => Err("a strategy"),
    }
}

fn read_rollout(words: &mut Words<'_>) -> Answer<Rollout> {
    match words.next() {
        Some("detect") => Ok(Rollout::Detect),
        Some("off") => Ok(Rollout::Off),
        Some("retiring") => {
            let mut versions: BTreeSet<Arc<str>> = BTreeSet::new();
            for version in words {
                versions.insert(unescape(version).ok_or("a version")?.into());
            }
            Ok(Rollout::Retiring(versions))
        }
        _ => Err("a rollout"),
    }
}

fn read_quarantine(words: &mut Words<'_>) -> Answer<Option<Quarantine>> {
    let first = words.next().ok_or("a number of losses")?;
    if first == "off" {
        return Ok(None);
    }
    Ok(Some(Quarantine {
        losses: first.parse().map_err(|_| "a number of losses")?,
        window: duration(words)?,
        hold: duration(words)?,
        max_share: value(words, "a share")?,
    }))
}

fn read_input(words: &mut Words<'_>) -> Answer<(Input, RingSpec)> {
    let now = Mono::from_nanos(value(words, "the time")?);
    let seed = value(words, "the seed")?;
    let flavour: Flavour = value(words, "a flavour")?;
    let spec = RingSpec::new(flavour, value(words, "the points")?).map_err(|_| "the points")?;
    let mut input = Input::empty(now, seed, tally(words)?, ring(spec, &[]));
    input.in_flight = value(words, "the moves in flight")?;
    input.losses = value(words, "the losses")?;
    Ok((input, spec))
}

/// The ring that a board has of these sessions.
fn ring(spec: RingSpec, seats: &[(ExecutorSlot, Seat)]) -> Arc<PlacementRing> {
    let open = seats.iter().filter(|(_, seat)| seat.is_open());
    Arc::new(PlacementRing::new(spec, open.map(|(slot, seat)| (*slot, &*seat.executor)), None))
}

fn read_seat(words: &mut Words<'_>) -> Answer<(ExecutorSlot, Seat)> {
    let slot = executor_slot(words.next()).ok_or("a slot")?;
    let member = Member::new(text(words)?).map_err(|_| "an address")?;
    let member = member.with_identity(text(words)?).map_err(|_| "an identity")?;
    let member = member.with_weight(value(words, "a weight")?).map_err(|_| "a weight")?;
    let version = maybe(words, unescape, "a version")?;
    let max_shards = maybe(words, |word| word.parse().ok(), "a limit")?;
    let max_load = maybe(words, |word| Load::new(word.parse().ok()?), "a limit")?;
    let joined = Mono::from_nanos(value(words, "when it joined")?);
    let mut executor = Executor::new(member, joined);
    if let Some(version) = version {
        executor = executor.with_version(version);
    }
    if let Some(shards) = max_shards {
        executor = executor.with_max_shards(shards);
    }
    if let Some(load) = max_load {
        executor = executor.with_max_load(load);
    }
    let state = words.next().and_then(|word| State::ALL.into_iter().find(|state| state.as_str() == word));
    let seat = Seat {
        executor: Arc::new(executor),
        state: state.ok_or("a state")?,
        receives: value(words, "whether it receives")?,
        held: tally(words)?,
        coming: tally(words)?,
        going: tally(words)?,
    };
    Ok((slot, seat))
}

fn read_row(words: &mut Words<'_>) -> Answer<Row> {
    Ok(Row {
        shard: shard(words)?,
        owner: maybe(words, |word| executor_slot(Some(word)), "an owner")?,
        to: maybe(words, |word| executor_slot(Some(word)), "a destination")?,
        position: value(words, "a position")?,
        load: maybe(words, |word| Load::new(word.parse().ok()?), "a load")?,
        pin: maybe(
            words,
            |word| if word == "away" { Some(Pin::Away) } else { executor_slot(Some(word)).map(Pin::To) },
            "a pin",
        )?,
        is_quarantined: value(words, "whether it is quarantined")?,
        losses: value(words, "the losses")?,
    })
}

fn read_move(words: &mut Words<'_>) -> Answer<Move> {
    let shard = shard(words)?;
    let action = words.next().ok_or("an action")?;
    let to = maybe(words, |word| executor_slot(Some(word)), "a destination")?;
    let action = match (action, to) {
        ("grant", Some(to)) => Action::Grant(to),
        ("unassign", None) => Action::Unassign,
        ("hand_over", Some(to)) => Action::HandOver(to),
        ("redirect", to) => Action::Redirect(to),
        _ => return Err("an action"),
    };
    let reason = words.next().and_then(|word| Reason::ALL.into_iter().find(|reason| reason.as_str() == word));
    Ok(Move { shard, action, reason: reason.ok_or("a reason")? })
}

fn value<T: FromStr>(words: &mut Words<'_>, what: &'static str) -> Answer<T> {
    words.next().and_then(|word| word.parse().ok()).ok_or(what)
}

fn text(words: &mut Words<'_>) -> Answer<String> {
    words.next().and_then(unescape).ok_or("a text")
}

fn maybe<T>(
    words: &mut Words<'_>,
    read: impl Fn(&str) -> Option<T>,
    what: &'static str,
) -> Answer<Option<T>> {
    match words.next().ok_or(what)? {
        "-" => Ok(None),
        word => read(word).map(Some).ok_or(what),
    }
}

fn tally(words: &mut Words<'_>) -> Answer<Tally> {
    let what = "a sum";
    let (shards, measured) = (value(words, what)?, value(words, what)?);
    let load = LoadSum::from_parts(value(words, what)?);
    if measured <= shards { Ok(Tally { shards, measured, load }) } else { Err(what) }
}

fn duration(words: &mut Words<'_>) -> Answer<Duration> {
    Ok(Duration::from_nanos(value(words, "a duration")?))
}

fn shard(words: &mut Words<'_>) -> Answer<ShardSlot> {
    let index: usize = value(words, "a shard")?;
    if index < MAX_SHARDS { Ok(ShardSlot::new(index)) } else { Err("a shard") }
}

fn executor_slot(word: Option<&str>) -> Option<ExecutorSlot> {
    let index: usize = word?.parse().ok()?;
    (index < MAX_SESSIONS).then(|| ExecutorSlot::new(index))
}

fn unescape(word: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = word.strip_prefix('\'')?.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

//! A namespace's configuration as bytes.
//!
//! Every setting is written, defaults too, so that a namespace keeps running as it was set up when a later binary has
//! other defaults.

use std::time::Duration;

use super::{Keying, Kind, NamespaceConfig, Ownership, change::Extra, record::nanos};
use crate::{
    journal::{Encoder, Field, Fields, Unknown, WireError},
    lease::ClockRates,
    plan::{Greedy, MAX_BUILD_BYTES, MAX_BUILDS, Naive, Placement, Quarantine, Rollout, Steady, Strategy},
};

pub(super) fn encode(config: &NamespaceConfig, out: &mut Encoder) {
    let NamespaceConfig { plan, .. } = config;
    let shards = match config.kind {
        Kind::Ephemeral => 0,
        Kind::Fixed { shards } => shards.into(),
    };
    let ownership = u64::from(config.ownership == Ownership::Affinity);
    let placement = match plan.placement {
        Placement::Ring => 0,
        Placement::Even => 1,
        Placement::LeastLoaded => 2,
    };
    let numbers = [
        shards,
        ownership,
        nanos(config.lease),
        nanos(config.beat_every),
        nanos(config.round_every),
        nanos(config.gather),
        config.restrain_from as u64,
        config.max_sessions as u64,
        config.max_shards as u64,
        config.rates.error_ppm().into(),
        placement,
        plan.bound.to_bits(),
        plan.count_share.to_bits(),
        plan.freeze.into(),
        config.allow_unfenced.into(),
        u64::from(config.keys == Keying::Hashed),
    ];
    for (field, number) in (1..).zip(numbers) {
        put(field, number, out);
    }
    out.message(20, |out| encode_strategy(&plan.strategy, out));
    out.message(21, |out| match &plan.rollout {
        Rollout::Detect => put(1, 0, out),
        Rollout::Off => put(1, 1, out),
        Rollout::Retiring(builds) => {
            put(1, 2, out);
            for build in builds {
                out.item(2, build.as_bytes());
            }
        }
    });
    if let Some(quarantine) = plan.quarantine {
        out.message(22, |out| {
            put(1, quarantine.losses as u64, out);
            put(2, nanos(quarantine.window), out);
            put(3, nanos(quarantine.hold), out);
            put(4, quarantine.max_share.to_bits(), out);
        });
    }
    if let Some(unknown) = config.extra.get() {
        out.unknown(unknown);
    }
}

pub(super) fn decode(fields: Fields) -> Result<NamespaceConfig, WireError> {
    let mut config = NamespaceConfig::new(Kind::Ephemeral);
    config.plan.quarantine = None;
    let mut unknown = Unknown::default();
    for field in fields {
        let field = field?;
        let plan = &mut config.plan;
        match field.number {
            1 => {
                config.kind = match small(&field)? {
                    0 => Kind::Ephemeral,
                    shards => Kind::Fixed { shards },
                }
            }
            // The stricter one does no harm.
            2 => match one_of(&field, &[Ownership::Exclusive, Ownership::Affinity])? {
                Some(ownership) => config.ownership = *ownership,
                None => unknown.keep(&field),
            },
            3 => config.lease = length(&field)?,
            4 => config.beat_every = length(&field)?,
            5 => config.round_every = length(&field)?,
            6 => config.gather = length(&field)?,
            7 => config.restrain_from = small(&field)? as usize,
            8 => config.max_sessions = small(&field)? as usize,
            9 => config.max_shards = small(&field)? as usize,
            10 => {
                let rates = ClockRates::within_ppm(small(&field)?);
                config.rates = rates.ok_or_else(|| field.error("a clock that errs too much"))?;
            }
            11 => match one_of(&field, &[Placement::Ring, Placement::Even, Placement::LeastLoaded])? {
                Some(placement) => plan.placement = *placement,
                None => unknown.keep(&field),
            },
            12 => plan.bound = fraction(&field)?,
            13 => plan.count_share = fraction(&field)?,
            14 => plan.freeze = number(&field)? != 0,
            15 => config.allow_unfenced = number(&field)? != 0,
            // Whoever took a key for a shard would find none; a later kind of key is refused rather than mistaken.
            16 => {
                let keys = one_of(&field, &[Keying::Named, Keying::Hashed])?;
                config.keys = *keys.ok_or_else(|| field.error("a kind of key that is not known"))?;
            }
            20 => match field.message(decode_strategy)? {
                Some(strategy) => plan.strategy = strategy,
                None => unknown.keep(&field),
            },
            21 => match field.message(decode_rollout)? {
                Some(rollout) => plan.rollout = rollout,
                None => unknown.keep(&field),
            },
            22 => plan.quarantine = Some(field.message(decode_quarantine)?),
            _ => unknown.keep(&field),
        }
    }
    config.extra = Extra::from(unknown);
    config.check().map_err(|_| WireError { at: 0, what: "a configuration that cannot work" })?;
    Ok(config)
}

fn encode_strategy(strategy: &Strategy, out: &mut Encoder) {
    let (kind, values) = match strategy {
        Strategy::Steady(it) => (
            0,
            vec![
                it.upper_band.to_bits(),
                it.lower_band.to_bits(),
                it.move_budget.to_bits(),
                nanos(it.cooldown),
                nanos(it.settling),
                nanos(it.smoothing),
            ],
        ),
        Strategy::Naive(it) => (1, vec![it.max_deviation.to_bits()]),
        Strategy::Greedy(it) => (
            2,
            vec![
                it.upper_band.to_bits(),
                it.lower_band.to_bits(),
                it.severe_imbalance_ratio.to_bits(),
                it.move_budget.to_bits(),
                nanos(it.cooldown),
                nanos(it.smoothing),
            ],
        ),
    };
    put(1, kind, out);
    for (field, value) in (2..).zip(values) {
        put(field, value, out);
    }
}

/// The kind is read first, because it is written first; without it, the default strategy. `None`: one that a later
/// binary knows.
fn decode_strategy(fields: Fields) -> Result<Option<Strategy>, WireError> {
    let mut strategy = Strategy::default();
    for field in fields {
        let field = field?;
        if field.number == 1 {
            let kinds =
                [Strategy::default(), Strategy::Naive(Naive::default()), Strategy::Greedy(Greedy::default())];
            let Some(kind) = one_of(&field, &kinds)? else { return Ok(None) };
            strategy = *kind;
            continue;
        }
        match &mut strategy {
            Strategy::Steady(Steady {
                upper_band,
                lower_band,
                move_budget,
                cooldown,
                settling,
                smoothing,
            }) => match field.number {
                2 => *upper_band = fraction(&field)?,
                3 => *lower_band = fraction(&field)?,
                4 => *move_budget = fraction(&field)?,
                5 => *cooldown = length(&field)?,
                6 => *settling = length(&field)?,
                7 => *smoothing = length(&field)?,
                _ => {}
            },
            Strategy::Naive(Naive { max_deviation }) => {
                if field.number == 2 {
                    *max_deviation = fraction(&field)?;
                }
            }
            Strategy::Greedy(it) => match field.number {
                2 => it.upper_band = fraction(&field)?,
                3 => it.lower_band = fraction(&field)?,
                4 => it.severe_imbalance_ratio = fraction(&field)?,
                5 => it.move_budget = fraction(&field)?,
                6 => it.cooldown = length(&field)?,
                7 => it.smoothing = length(&field)?,
                _ => {}
            },
        }
    }
    Ok(Some(strategy))
}

fn decode_rollout(fields: Fields) -> Result<Option<Rollout>, WireError> {
    let mut rollout = Rollout::Detect;
    for field in fields {
        let field = field?;
        match (field.number, &mut rollout) {
            (1, _) => {
                let kinds = [Rollout::Detect, Rollout::Off, Rollout::Retiring(Default::default())];
                let Some(kind) = one_of(&field, &kinds)? else { return Ok(None) };
                rollout = kind.clone();
            }
            (2, Rollout::Retiring(builds)) if builds.len() < MAX_BUILDS => {
                builds.insert(field.text(MAX_BUILD_BYTES)?.into());
            }
            _ => {}
        }
    }
    Ok(Some(rollout))
}

fn decode_quarantine(fields: Fields) -> Result<Quarantine, WireError> {
    let mut quarantine = Quarantine::default();
    for field in fields {
        let field = field?;
        match field.number {
            1 => quarantine.losses = small(&field)? as usize,
            2 => quarantine.window = length(&field)?,
            3 => quarantine.hold = length(&field)?,
            4 => quarantine.max_share = fraction(&field)?,
            _ => {}
        }
    }
    Ok(quarantine)
}

/// Eight bytes, so that a zero is written as well.
fn put(field: u32, value: u64, out: &mut Encoder) {
    out.item(field, &value.to_le_bytes());
}

fn number(field: &Field) -> Result<u64, WireError> {
    let bytes =
        <[u8; 8]>::try_from(&*field.bytes()?).map_err(|_| field.error("a number of another length"))?;
    Ok(u64::from_le_bytes(bytes))
}

fn small(field: &Field) -> Result<u32, WireError> {
    u32::try_from(number(field)?).map_err(|_| field.error("a number of more than 32 bits"))
}

fn length(field: &Field) -> Result<Duration, WireError> {
    number(field).map(Duration::from_nanos)
}

fn fraction(field: &Field) -> Result<f64, WireError> {
    number(field).map(f64::from_bits)
}

/// `None`: a choice that a later binary knows. It is kept, behind what this one writes in its place, so that whoever
/// knows it reads it last.
fn one_of<'a, T>(field: &Field, all: &'a [T]) -> Result<Option<&'a T>, WireError> {
    Ok(usize::try_from(number(field)?).ok().and_then(|at| all.get(at)))
}

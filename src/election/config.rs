//! How an election is paced.

use std::{fmt, time::Duration};

use crate::lease::{ClockRates, LeaseLengthError, check_length};
use crate::planted::{Planted, is};

/// Longest time that any setting but the lease may have.
const MAX_SPAN: Duration = Duration::from_hours(24);
/// Shortest time between two handovers: even thousands of namespaces must leave the store room for other things.
const MIN_HANDOVER_EVERY: Duration = Duration::from_millis(10);
/// How much longer than two renewals may take a replica counts as one that reaches the store.
const REACH_MARGIN: Duration = Duration::from_millis(500);
/// Most calls about terms at the same time.
const MAX_CAMPAIGNS: usize = 1024;

/// How an election is paced. Every value that can be made works: no setting makes a replica spin, and none makes two
/// of them lead at once, whatever the others are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElectionConfig {
    lease: Duration,
    rates: ClockRates,
    patience: Duration,
    settle: Duration,
    handover_every: Duration,
    recheck: Duration,
    campaigns: usize,
}

/// A setting that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The leader lease.
    Lease(LeaseLengthError),
    /// A time that is too short or too long.
    Span {
        /// Which setting.
        setting: &'static str,
        /// What it was to be.
        value: Duration,
        /// The shortest that works.
        least: Duration,
        /// The longest that works.
        most: Duration,
    },
    /// The number of calls about terms at the same time.
    Campaigns(usize),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lease(error) => write!(f, "leader lease: {error}"),
            Self::Span { setting, value, least, most } => {
                write!(f, "{setting} of {value:?} is not between {least:?} and {most:?}")
            }
            Self::Campaigns(value) => write!(f, "{value} campaigns at once are not 1 to {MAX_CAMPAIGNS}"),
        }
    }
}

impl std::error::Error for ConfigError {}

impl Default for ElectionConfig {
    /// A leader lease of 5 s.
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(5),
            rates: ClockRates::DEFAULT,
            patience: Duration::from_millis(500),
            settle: Duration::from_secs(30),
            handover_every: Duration::from_secs(1),
            recheck: Duration::from_secs(20),
            campaigns: 16,
        }
    }
}

impl ElectionConfig {
    /// How long a replica that is not heard of keeps its terms. Shorter: a dead leader is replaced sooner. Longer: the store
    /// may be away for longer without anybody losing anything. Where replicas differ, as while a change of it is rolled out,
    /// the longer one counts between any two. The other times follow where they must.
    pub fn with_lease(self, lease: Duration) -> Result<Self, ConfigError> {
        let lease = check_length(lease).map_err(ConfigError::Lease)?;
        Ok(Self {
            lease,
            patience: self.patience.min(lease),
            settle: self.settle.max(lease),
            recheck: self.recheck.max(lease),
            ..self
        })
    }

    /// How far the clock's rate may be off.
    pub fn with_rates(self, rates: ClockRates) -> Self {
        Self { rates, ..self }
    }

    /// How much longer than the replica before it each next one in a namespace's order of preference waits before it
    /// takes a term that is free. Zero: everybody tries at once.
    pub fn with_patience(self, patience: Duration) -> Result<Self, ConfigError> {
        let patience = span("patience", patience, Duration::ZERO, self.lease)?;
        Ok(Self { patience, ..self })
    }

    /// How long a preferred replica must have been up before others hand over to it. At least the lease, so that one
    /// that crashes again and again is not given anything.
    pub fn with_settle(self, settle: Duration) -> Result<Self, ConfigError> {
        let settle = span("settle", settle, self.lease, MAX_SPAN)?;
        Ok(Self { settle, ..self })
    }

    /// A replica advises one handover in this time, at the most.
    pub fn with_handover_every(self, every: Duration) -> Result<Self, ConfigError> {
        let handover_every = span("handover every", every, MIN_HANDOVER_EVERY, MAX_SPAN)?;
        Ok(Self { handover_every, ..self })
    }

    /// How often a term that another replica holds is read, should the watch have told nothing. At least the lease.
    pub fn with_recheck(self, recheck: Duration) -> Result<Self, ConfigError> {
        let recheck = span("recheck", recheck, self.lease, MAX_SPAN)?;
        Ok(Self { recheck, ..self })
    }

    /// So many calls about terms at the same time: 1 to 1024.
    pub fn with_campaigns(self, campaigns: usize) -> Result<Self, ConfigError> {
        if !(1..=MAX_CAMPAIGNS).contains(&campaigns) {
            return Err(ConfigError::Campaigns(campaigns));
        }
        Ok(Self { campaigns, ..self })
    }

    /// The leader lease.
    pub fn lease(&self) -> Duration {
        self.lease
    }

    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    pub(super) fn settle(&self) -> Duration {
        self.settle
    }

    pub(super) fn handover_every(&self) -> Duration {
        self.handover_every
    }

    pub(super) fn recheck(&self) -> Duration {
        self.recheck
    }

    pub(super) fn campaigns(&self) -> usize {
        self.campaigns
    }

    /// How long after its last confirmed renewal was sent a replica counts as one that reaches the store. Long enough for
    /// a second try when a renewal fails, so that an etcd that elects a leader sends nobody's clients away.
    pub(super) fn reach(&self) -> Duration {
        self.hold().min(self.lease * 2 / 3 + REACH_MARGIN)
    }

    /// How long a renewal proves that we lead, from when it was sent.
    pub(super) fn hold(&self) -> Duration {
        if is(Planted::NoRateMargin) {
            return self.lease;
        }
        self.rates.hold(self.lease)
    }

    /// The lease by which to judge a replica that has this one: whichever is longer, so that none that does not say is judged
    /// too soon.
    pub(super) fn lease_beside(&self, theirs: Duration) -> Duration {
        if is(Planted::OwnLeaseForAll) { self.lease } else { self.lease.max(theirs) }
    }

    /// How long the record of a replica with the lease must stand still before it is taken for dead.
    pub(super) fn listening_to(&self, lease: Duration) -> Duration {
        if is(Planted::NoRateMargin) {
            return lease;
        }
        self.rates.listening(lease)
    }

    /// From one renewal to the next: two may fail before the lease ends.
    pub(super) fn renewal(&self) -> Duration {
        self.lease / 3
    }

    /// From one look at the other replicas to the next. Adds to the time that a dead leader goes unnoticed, so it is
    /// short; it is one small read.
    pub(super) fn look(&self) -> Duration {
        self.lease / 6
    }

    /// How long after something failed it is tried again.
    pub(super) fn retry(&self) -> Duration {
        self.lease / 12
    }

    /// How long a call to the store may take.
    pub(super) fn call(&self) -> Duration {
        self.lease / 4
    }
}

fn span(
    setting: &'static str,
    value: Duration,
    least: Duration,
    most: Duration,
) -> Result<Duration, ConfigError> {
    if (least..=most).contains(&value) {
        Ok(value)
    } else {
        Err(ConfigError::Span { setting, value, least, most })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lease_leaves_room_for_a_second_renewal() {
        for ppm in [0, 10_000, 200_000] {
            for lease in [crate::lease::MIN_LEASE, Duration::from_secs(5), crate::lease::MAX_LEASE] {
                let rates = ClockRates::within_ppm(ppm).unwrap();
                let config = ElectionConfig::default().with_lease(lease).unwrap().with_rates(rates);
                let second = config.renewal() + config.retry();
                assert!(config.hold() > second, "{lease:?} at {ppm} ppm: {:?}", config.hold());
                assert!(config.retry() > Duration::from_millis(40));
            }
        }
    }

    #[test]
    fn what_is_refused_says_what_would_do() {
        let config = ElectionConfig::default();
        let day = Duration::from_hours(25);
        let errors = [
            config.with_lease(Duration::ZERO).unwrap_err().to_string(),
            config.with_patience(Duration::from_secs(6)).unwrap_err().to_string(),
            config.with_settle(Duration::from_secs(4)).unwrap_err().to_string(),
            config.with_handover_every(Duration::ZERO).unwrap_err().to_string(),
            config.with_recheck(day).unwrap_err().to_string(),
            config.with_campaigns(0).unwrap_err().to_string(),
        ];
        assert_eq!(
            errors,
            [
                "leader lease: a lease of 0ns is not between 500ms and 3600s",
                "patience of 6s is not between 0ns and 5s",
                "settle of 4s is not between 5s and 86400s",
                "handover every of 0ns is not between 10ms and 86400s",
                "recheck of 90000s is not between 5s and 86400s",
                "0 campaigns at once are not 1 to 1024",
            ]
        );
    }
}

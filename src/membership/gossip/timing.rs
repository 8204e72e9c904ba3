//! How fast a fleet that gossips learns of changes, and what that costs.

use std::{
    fmt,
    num::{NonZeroU8, NonZeroUsize},
    time::Duration,
};

use foca::{Config, PeriodicParams};

use super::envelope::MAX_PAYLOAD;

/// When a process that gossips does what. All processes of a fleet should agree.
///
/// One that dies is asked within three `probe_every` by one or another, suspected a `probe_every` later, and dropped
/// by all `suspect_for` and a `probe_every` or two after that: within 11 seconds with the defaults. One that
/// [leaves](crate::membership::MemberSource::leave) is gone at once. Each process sends a handful of datagrams a
/// second, whatever the size of the fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GossipTiming {
    /// How often one member is asked whether it is there. Default 1 s.
    pub probe_every: Duration,
    /// How long it may take to answer before others are asked to ask it, too; less than half of `probe_every`.
    /// Default 400 ms, far above any round trip within a region.
    pub probe_timeout: Duration,
    /// How long a member that did not answer has to contradict, while it stays a member. Default 5 s: longer than a
    /// stop-the-world collection or a live migration usually takes.
    pub suspect_for: Duration,
    /// How often news is passed on to three others, if there is any. Default 200 ms.
    pub spread_every: Duration,
    /// How often the complete list is fetched from another at random, and seeds and ones that are gone are tried, so
    /// that nothing stays missed for ever and the halves of a parted fleet find together again. Default 30 s.
    pub compare_every: Duration,
    /// How often the seeds are tried while nobody is known. Default 1 s.
    pub join_every: Duration,
    /// How long a process that has seeds waits for one before it routes by a list of itself alone. Default 10 s. The
    /// first process of a fleet, which names no other seed, does not wait.
    pub join_patience: Duration,
    /// How long one that is gone is remembered. Default 1 h.
    pub forget_after: Duration,
}

impl Default for GossipTiming {
    fn default() -> Self {
        Self {
            probe_every: Duration::from_secs(1),
            probe_timeout: Duration::from_millis(400),
            suspect_for: Duration::from_secs(5),
            spread_every: Duration::from_millis(200),
            compare_every: Duration::from_secs(30),
            join_every: Duration::from_secs(1),
            join_patience: Duration::from_secs(10),
            forget_after: Duration::from_secs(3600),
        }
    }
}

impl GossipTiming {
    pub(super) fn check(&self) -> Result<(), GossipTimingError> {
        for (field, value) in [
            ("probe_every", self.probe_every),
            ("probe_timeout", self.probe_timeout),
            ("suspect_for", self.suspect_for),
            ("spread_every", self.spread_every),
            ("compare_every", self.compare_every),
            ("join_every", self.join_every),
            ("forget_after", self.forget_after),
        ] {
            if value < Duration::from_millis(1) {
                return Err(GossipTimingError { field, rule: "must be at least a millisecond" });
            }
        }
        if self.probe_timeout * 2 >= self.probe_every {
            let rule =
                "must be less than half of probe_every, because those who ask for us need as long again";
            return Err(GossipTimingError { field: "probe_timeout", rule });
        }
        Ok(())
    }

    pub(super) fn foca(&self) -> Config {
        const SEVERAL: NonZeroUsize = NonZeroUsize::new(3).expect("three is not zero");
        const PACKET: NonZeroUsize =
            NonZeroUsize::new(MAX_PAYLOAD).expect("a datagram has room for a payload");
        let periodically = |frequency, num_members| Some(PeriodicParams { frequency, num_members });
        Config {
            probe_period: self.probe_every,
            probe_rtt: self.probe_timeout,
            num_indirect_probes: SEVERAL,
            // Each hears a piece of news and passes it on this often: foca's advice is 5 for small fleets, 15 for
            // very large ones.
            max_transmissions: NonZeroU8::new(10).expect("ten is not zero"),
            suspect_to_down_after: self.suspect_for,
            remove_down_after: Some(self.forget_after),
            max_packet_size: PACKET,
            // Tells one that was dropped by mistake, which then comes back under a new generation.
            notify_down_members: true,
            // Rosters do it better: an announcement is answered with as many members as fit into one datagram.
            periodic_announce: None,
            periodic_announce_to_down_members: periodically(self.compare_every, SEVERAL),
            periodic_gossip: periodically(self.spread_every, SEVERAL),
        }
    }
}

/// A time that cannot work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GossipTimingError {
    /// Which field of [`GossipTiming`].
    pub field: &'static str,
    /// The rule that it breaks.
    pub rule: &'static str,
}

impl fmt::Display for GossipTimingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.rule)
    }
}

impl std::error::Error for GossipTimingError {}

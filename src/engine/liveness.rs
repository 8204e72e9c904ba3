//! Who is alive, as far as this leader can tell. Known to it alone, and gone with it.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use super::state::Slot;
use crate::{
    lease::ClockRates,
    types::{Mono, SessionId, Version},
};

/// What a leader knows of a session from its beats.
#[derive(Clone, Debug)]
pub(super) struct Pulse {
    pub(super) id: SessionId,
    /// When it was last heard by this leader.
    pub(super) heard: Option<Mono>,
    /// The executor may believe in its lease until then, at the latest.
    granted_until: Mono,
    /// Its last beat.
    pub(super) seq: u64,
    /// The version of the assignments that it was last told, to which changes apply; `None`: it has to be told all.
    pub(super) told: Option<Version>,
    /// When it was last told everything.
    pub(super) told_all: Option<Mono>,
    is_late: bool,
    /// Whether it was given one more lease, and in which episode last.
    extended: bool,
    last_extension: u64,
}

/// The pulses of all sessions, and what follows from their absence.
#[derive(Debug)]
pub(super) struct Liveness {
    settings: Settings,
    pulses: Vec<Option<Pulse>>,
    /// One entry a session: when to look at it next. Beats do not move it; looking does.
    looks: BTreeSet<(Mono, Slot, SessionId)>,
    listening_since: Mono,
    /// Nobody expires before: everybody was listened to for long enough.
    floor: Mono,
    /// Who became late or expired, when, within one lease.
    troubled: VecDeque<(Mono, SessionId)>,
    began: VecDeque<Mono>,
    ended: VecDeque<Mono>,
    live: usize,
    /// Odd while expiries are held back.
    episode: u64,
    is_overridden: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) lease: Duration,
    pub(super) longest_lease: Duration,
    pub(super) beat_every: Duration,
    pub(super) restrain_from: usize,
    pub(super) rates: ClockRates,
}

/// What looking found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// The session's lease has run out.
    Expired(Slot),
    /// It was not heard for more than two beats, or was heard again after that.
    Lateness(Slot),
    /// Expiries are held back from now on: so many are troubled, of so many.
    Restrained(usize, usize),
    /// They no longer are.
    Unrestrained,
}

impl Liveness {
    pub(super) fn new(settings: Settings, now: Mono) -> Self {
        let mut new = Self {
            settings,
            pulses: Vec::new(),
            looks: BTreeSet::new(),
            listening_since: now,
            floor: now,
            troubled: VecDeque::new(),
            began: VecDeque::new(),
            ended: VecDeque::new(),
            live: 0,
            episode: 0,
            is_overridden: false,
        };
        new.listen_again(now);
        new
    }

    pub(super) const fn configure(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// The leader could not answer for a while, or has just begun: everybody gets a whole lease to be heard.
    pub(super) fn listen_again(&mut self, now: Mono) {
        self.listening_since = now;
        self.floor = self.floor.max(now + self.settings.rates.listening(self.settings.longest_lease));
    }

    /// A session that this leader has not heard yet.
    pub(super) fn expect(&mut self, slot: Slot, id: SessionId, now: Mono) {
        let pulse = Pulse {
            id,
            heard: None,
            granted_until: now,
            seq: 0,
            told: None,
            told_all: None,
            is_late: false,
            extended: false,
            last_extension: 0,
        };
        if self.pulses.len() <= slot as usize {
            self.pulses.resize(slot as usize + 1, None);
        }
        self.pulses[slot as usize] = Some(pulse);
        self.live += 1;
        self.looks.insert((now, slot, id));
    }

    /// A session that registered just now, which counts as a beat.
    pub(super) fn begin(&mut self, slot: Slot, id: SessionId, now: Mono) {
        self.expect(slot, id, now);
        self.began.push_back(now);
        self.hear(slot, now);
    }

    pub(super) fn forget(&mut self, slot: Slot, now: Mono) {
        if self.pulses.get_mut(slot as usize).is_some_and(|pulse| pulse.take().is_some()) {
            self.live -= 1;
            self.ended.push_back(now);
        }
    }

    pub(super) fn pulse(&self, slot: Slot) -> Option<&Pulse> {
        self.pulses.get(slot as usize)?.as_ref()
    }

    pub(super) fn pulse_mut(&mut self, slot: Slot) -> Option<&mut Pulse> {
        self.pulses.get_mut(slot as usize)?.as_mut()
    }

    pub(super) fn pulses_mut(&mut self) -> impl Iterator<Item = (Slot, &mut Pulse)> {
        self.pulses.iter_mut().enumerate().filter_map(|(slot, pulse)| Some((slot as Slot, pulse.as_mut()?)))
    }

    /// It is about to be acknowledged: from now on it may believe for a whole lease. Tells whether it was late.
    pub(super) fn hear(&mut self, slot: Slot, now: Mono) -> bool {
        let until = now + self.settings.rates.expiry(self.settings.lease);
        let Some(pulse) = self.pulse_mut(slot) else { return false };
        pulse.heard = Some(now);
        pulse.granted_until = pulse.granted_until.max(until);
        pulse.extended = false;
        std::mem::take(&mut pulse.is_late)
    }

    /// Whether it has been heard lately, by this leader.
    pub(super) fn is_heard(&self, slot: Slot) -> bool {
        self.pulse(slot).is_some_and(|pulse| pulse.heard.is_some() && !pulse.is_late)
    }

    /// Lets the sessions that are held back expire when they would have.
    pub(super) fn allow_expiry(&mut self, now: Mono) {
        self.is_overridden = true;
        let mut looks = BTreeSet::new();
        for (slot, pulse) in self.pulses_mut() {
            pulse.extended = false;
            looks.insert((now, slot, pulse.id));
        }
        self.looks = looks;
    }

    pub(super) fn next_look(&self) -> Option<Mono> {
        let look = self.looks.first().map(|&(when, ..)| when);
        let unrestrain =
            self.is_restrained().then(|| self.troubled.front().map(|&(when, _)| when + self.window()));
        [look, unrestrain.flatten()].into_iter().flatten().min()
    }

    /// Looks at everybody whose time has come. Whoever is reported as expired is to be ended; until then it is
    /// reported again.
    pub(super) fn look(&mut self, now: Mono) -> Vec<Finding> {
        let mut findings = Vec::new();
        self.forget_what_is_past(now);
        if self.is_restrained() && !self.is_mass_failure() {
            self.episode += 1;
            self.is_overridden = false;
            findings.push(Finding::Unrestrained);
        }
        while let Some(&(when, slot, id)) = self.looks.first()
            && when <= now
        {
            self.looks.pop_first();
            // Forgotten meanwhile; whoever has the slot now has an entry of its own.
            if self.pulse(slot).is_some_and(|pulse| pulse.id == id)
                && let Some(next) = self.look_at(slot, now, &mut findings)
            {
                self.looks.insert((next, slot, id));
            }
        }
        findings
    }

    fn look_at(&mut self, slot: Slot, now: Mono, findings: &mut Vec<Finding>) -> Option<Mono> {
        let late_at = self.late_at(self.pulse(slot)?);
        let pulse = self.pulse_mut(slot)?;
        if now < late_at {
            return Some(late_at);
        }
        let id = pulse.id;
        if !pulse.is_late {
            pulse.is_late = true;
            findings.push(Finding::Lateness(slot));
            self.trouble(id, now, findings);
        }
        let expires_at = self.expires_at(slot)?;
        if now < expires_at {
            return Some(expires_at);
        }
        self.trouble(id, now, findings);
        let expires_at = self.expires_at(slot)?;
        if now < expires_at {
            return Some(expires_at);
        }
        findings.push(Finding::Expired(slot));
        Some(now + self.settings.beat_every)
    }

    /// More than two beats after it was heard; a new leader is found within a quarter of a lease.
    fn late_at(&self, pulse: &Pulse) -> Mono {
        let found = self.listening_since + self.settings.lease / 4;
        pulse.heard.map_or(found, |heard| if heard < self.listening_since { found } else { heard })
            + self.settings.beat_every * 2
    }

    fn expires_at(&self, slot: Slot) -> Option<Mono> {
        let pulse = self.pulse(slot)?;
        let until = pulse.granted_until.max(self.floor);
        Some(if pulse.extended { until + self.settings.longest_lease } else { until })
    }

    fn trouble(&mut self, id: SessionId, now: Mono, findings: &mut Vec<Finding>) {
        self.troubled.push_back((now, id));
        if !self.is_mass_failure() || self.is_overridden {
            return;
        }
        let troubled: BTreeSet<SessionId> = self.troubled.iter().map(|&(_, id)| id).collect();
        if !self.is_restrained() {
            self.episode += 1;
            findings.push(Finding::Restrained(troubled.len(), self.live_before()));
        }
        let episode = self.episode;
        let held_back =
            self.pulses.iter_mut().flatten().filter(|pulse| pulse.is_late && troubled.contains(&pulse.id));
        for pulse in held_back.filter(|pulse| pulse.last_extension != episode) {
            (pulse.extended, pulse.last_extension) = (true, episode);
        }
    }

    pub(super) const fn is_restrained(&self) -> bool {
        self.episode % 2 == 1
    }

    fn is_mass_failure(&self) -> bool {
        let from = self.settings.restrain_from;
        // Cheap first: a set is made only when there may be enough.
        if from == 0 || self.troubled.len() < from {
            return false;
        }
        let troubled = self.troubled.iter().map(|&(_, id)| id).collect::<BTreeSet<_>>().len();
        troubled >= from && troubled * 2 > self.live_before()
    }

    /// How many were live when the window began.
    fn live_before(&self) -> usize {
        (self.live + self.ended.len()).saturating_sub(self.began.len())
    }

    fn window(&self) -> Duration {
        self.settings.longest_lease
    }

    fn forget_what_is_past(&mut self, now: Mono) {
        let window = self.window();
        while self.troubled.front().is_some_and(|&(when, _)| when + window <= now) {
            self.troubled.pop_front();
        }
        for times in [&mut self.began, &mut self.ended] {
            while times.front().is_some_and(|&when| when + window <= now) {
                times.pop_front();
            }
        }
    }
}

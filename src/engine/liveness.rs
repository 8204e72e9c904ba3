//! Who is alive, as far as this leader can tell. Known to it alone, and gone with it.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use super::{MAX_SESSIONS, lag::Lag, state::Slot};
use crate::{
    lease::ClockRates,
    planted::{Planted, is},
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
    /// Whether it has applied less than it was told, and for how long.
    pub(super) lag: Lag,
    /// The last attempt of its registration.
    pub(super) attempt: u32,
    /// It has not beaten yet, and is given nothing before it has.
    pub(super) on_trial: bool,
    /// When it registered with this leader; `None`: with one before.
    began: Option<Mono>,
    /// Whether its beats are answered. Those of a session that another has replaced are not: that it falls silent says
    /// nothing about the network.
    counts: bool,
    is_late: bool,
    extension: Extension,
}

/// One more lease, which a session is given in a mass failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extension {
    /// It was not, since it was last heard.
    None,
    /// It was. Silent still when that is over, it expires: nobody is given two.
    Given,
    /// It was, and an operator has taken it back.
    TakenBack,
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
    troubles: VecDeque<(Mono, SessionId)>,
    /// How often each of them did.
    troubled: BTreeMap<SessionId, u32>,
    /// Those of them that are no more, or do not count any more.
    fallen: BTreeSet<SessionId>,
    /// Those of them that have begun within that lease.
    young: BTreeSet<SessionId>,
    began: VecDeque<(Mono, SessionId)>,
    ended: VecDeque<Mono>,
    /// Sessions that count.
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
            troubles: VecDeque::new(),
            troubled: BTreeMap::new(),
            fallen: BTreeSet::new(),
            young: BTreeSet::new(),
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
        if is(Planted::ExpiresAtOnce) {
            return;
        }
        self.floor = self.floor.max(now + self.settings.rates.listening(self.settings.longest_lease));
    }

    /// A session that this leader has not heard yet, and the last attempt that is stored of its registration. `counts`: its
    /// beats would be answered.
    pub(super) fn expect(&mut self, slot: Slot, id: SessionId, attempt: u32, counts: bool, now: Mono) {
        let pulse = Pulse {
            id,
            heard: None,
            granted_until: now,
            seq: 0,
            told: None,
            lag: Lag::default(),
            attempt,
            on_trial: false,
            began: None,
            counts,
            is_late: false,
            extension: Extension::None,
        };
        if self.pulses.len() <= slot as usize {
            self.pulses.resize(slot as usize + 1, None);
        }
        self.pulses[slot as usize] = Some(pulse);
        self.live += usize::from(counts);
        self.looks.insert((now, slot, id));
    }

    /// A session that registered just now, which counts as a beat.
    pub(super) fn begin(&mut self, slot: Slot, id: SessionId, attempt: u32, on_trial: bool, now: Mono) {
        self.expect(slot, id, attempt, true, now);
        remember(&mut self.began, (now, id));
        if let Some(pulse) = self.pulse_mut(slot) {
            // It begins with nothing, and is told changes from there on.
            (pulse.told, pulse.on_trial) = (Some(Version::default()), on_trial);
            pulse.began = Some(now);
        }
        self.hear(slot, now);
    }

    /// Its beats are not answered any more: another session has its executor's id.
    pub(super) fn discount(&mut self, slot: Slot, now: Mono) {
        let Some(pulse) = self.pulse_mut(slot) else { return };
        let (id, counted) = (pulse.id, std::mem::take(&mut pulse.counts));
        if counted {
            self.live -= 1;
            remember(&mut self.ended, now);
            if self.troubled.contains_key(&id) {
                self.fallen.insert(id);
            }
        }
    }

    pub(super) fn forget(&mut self, slot: Slot, now: Mono) {
        self.discount(slot, now);
        if let Some(pulse) = self.pulses.get_mut(slot as usize) {
            *pulse = None;
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
        pulse.extension = Extension::None;
        std::mem::take(&mut pulse.is_late)
    }

    /// Whether it has been heard lately, by this leader, and may be given something.
    pub(super) fn is_heard(&self, slot: Slot) -> bool {
        self.pulse(slot).is_some_and(|pulse| pulse.heard.is_some() && !pulse.is_late && !pulse.on_trial)
    }

    /// Whether all that count were heard lately, by this leader.
    pub(super) fn hears_everybody(&self) -> bool {
        self.pulses.iter().flatten().all(|pulse| !pulse.counts || pulse.heard.is_some() && !pulse.is_late)
    }

    /// Lets the sessions that are held back expire when they would have. It says nothing about the next mass failure.
    pub(super) fn allow_expiry(&mut self, now: Mono) {
        self.is_overridden = self.is_restrained();
        let mut looks = BTreeSet::new();
        for (slot, pulse) in self.pulses_mut() {
            if pulse.extension == Extension::Given {
                pulse.extension = Extension::TakenBack;
            }
            looks.insert((now, slot, pulse.id));
        }
        self.looks = looks;
    }

    pub(super) fn next_look(&self) -> Option<Mono> {
        let look = self.looks.first().map(|&(when, ..)| when);
        let unrestrain =
            self.is_restrained().then(|| self.troubles.front().map(|&(when, _)| when + self.window()));
        [look, unrestrain.flatten()].into_iter().flatten().min()
    }

    /// Looks at everybody whose time has come. Whoever is reported as expired is to be ended; until then it is
    /// reported again.
    ///
    /// First all that are late are noted, then it is decided whether that is a mass failure, then who expires: the
    /// network that fails takes many at once, and none of them is to be judged before the others.
    pub(super) fn look(&mut self, now: Mono) -> Vec<Finding> {
        let mut findings = Vec::new();
        self.forget_what_is_past(now);
        if self.is_restrained() && self.mass_failure().is_none() {
            self.episode += 1;
            self.is_overridden = false;
            findings.push(Finding::Unrestrained);
        }
        let late = self.find_late(now, &mut findings);
        self.restrain(&late, &mut findings);
        for slot in late {
            let (Some(pulse), Some(expires_at)) = (self.pulse(slot), self.expires_at(slot)) else { continue };
            let id = pulse.id;
            let next = if now < expires_at {
                expires_at
            } else {
                findings.push(Finding::Expired(slot));
                now + self.settings.beat_every
            };
            self.looks.insert((next, slot, id));
        }
        findings
    }

    /// Those whose time has come, and who have not been heard.
    fn find_late(&mut self, now: Mono, findings: &mut Vec<Finding>) -> Vec<Slot> {
        let mut late = Vec::new();
        while let Some(&(when, slot, id)) = self.looks.first()
            && when <= now
        {
            self.looks.pop_first();
            // Forgotten meanwhile; whoever has the slot now has an entry of its own.
            let Some(pulse) = self.pulse(slot).filter(|pulse| pulse.id == id) else { continue };
            let (late_at, counts, was_late) = (self.late_at(pulse), pulse.counts, pulse.is_late);
            let is_young = pulse.began.is_some_and(|began| now < began + self.window());
            if now < late_at {
                self.looks.insert((late_at, slot, id));
                continue;
            }
            if !was_late {
                findings.push(Finding::Lateness(slot));
            }
            if let Some(pulse) = self.pulse_mut(slot) {
                pulse.is_late = true;
            }
            let is_expiring = self.expires_at(slot).is_some_and(|expires_at| now >= expires_at);
            if counts && (!was_late || is_expiring) {
                self.troubles.push_back((now, id));
                *self.troubled.entry(id).or_default() += 1;
                if is_young {
                    self.young.insert(id);
                }
            }
            late.push(slot);
        }
        late
    }

    /// More than two beats after it was heard; a new leader is found within a quarter of a lease.
    fn late_at(&self, pulse: &Pulse) -> Mono {
        let found = self.listening_since + self.settings.lease / 4;
        pulse.heard.map_or(found, |heard| if heard < self.listening_since { found } else { heard })
            + self.settings.beat_every * 2
    }

    fn expires_at(&self, slot: Slot) -> Option<Mono> {
        let pulse = self.pulse(slot)?;
        let granted_until = match pulse.heard {
            Some(heard) if is(Planted::ShorterAtOnce) => heard + self.settings.lease,
            _ => pulse.granted_until,
        };
        let until = granted_until.max(self.floor);
        Some(if pulse.extension == Extension::Given { until + self.settings.longest_lease } else { until })
    }

    /// Gives those who are late one more lease, once in a silence, if so many are that the network is to blame.
    fn restrain(&mut self, late: &[Slot], findings: &mut Vec<Finding>) {
        let may_hold_back =
            |pulse: &Pulse| pulse.is_late && pulse.counts && pulse.extension == Extension::None;
        let mut candidates = late.iter().filter_map(|&slot| self.pulse(slot));
        if is(Planted::NoRestraint) || self.is_overridden || !candidates.any(may_hold_back) {
            return;
        }
        let Some((troubled, of)) = self.mass_failure() else { return };
        let begins = !self.is_restrained();
        if begins {
            self.episode += 1;
            findings.push(Finding::Restrained(troubled, of));
        }
        let Self { pulses, troubled, .. } = self;
        let hold_back = |pulse: &mut Pulse| {
            if may_hold_back(pulse) && troubled.contains_key(&pulse.id) {
                pulse.extension = Extension::Given;
            }
        };
        if begins {
            pulses.iter_mut().flatten().for_each(hold_back);
        } else {
            for &slot in late {
                pulses[slot as usize].iter_mut().for_each(hold_back);
            }
        }
    }

    pub(super) const fn is_restrained(&self) -> bool {
        self.episode % 2 == 1
    }

    /// How many of how many are troubled, if that is a mass failure: of those that were live when the window began, whoever
    /// has come since; or of those that there are now, whoever has left since without any trouble.
    fn mass_failure(&self) -> Option<(usize, usize)> {
        let troubled = self.troubled.len();
        let before = (self.live + self.ended.len()).saturating_sub(self.began.len());
        let from = self.settings.restrain_from;
        [(troubled - self.young.len(), before), (troubled, self.live + self.fallen.len())]
            .into_iter()
            .find(|&(troubled, of)| from > 0 && troubled >= from && troubled * 2 > of)
    }

    fn window(&self) -> Duration {
        self.settings.longest_lease
    }

    fn forget_what_is_past(&mut self, now: Mono) {
        let window = self.window();
        while let Some(&(when, id)) = self.troubles.front()
            && when + window <= now
        {
            self.troubles.pop_front();
            if let Some(times) = self.troubled.get_mut(&id) {
                *times -= 1;
                if *times == 0 {
                    self.troubled.remove(&id);
                    self.fallen.remove(&id);
                    self.young.remove(&id);
                }
            }
        }
        while let Some(&(when, id)) = self.began.front()
            && when + window <= now
        {
            self.began.pop_front();
            self.young.remove(&id);
        }
        while self.ended.front().is_some_and(|&when| when + window <= now) {
            self.ended.pop_front();
        }
    }
}

/// Beginnings and ends that are remembered. Whoever comes and goes more often within a lease is counted as having been
/// there all the while.
const MAX_REMEMBERED: usize = 2 * MAX_SESSIONS;

fn remember<T>(times: &mut VecDeque<T>, what: T) {
    if times.len() == MAX_REMEMBERED {
        times.pop_front();
    }
    times.push_back(what);
}

//! Comparing ring and distributor without anybody waiting for it.
//!
//! A sampled lookup leaves its key in a buffer of fixed size and goes on; if the buffer is full or somebody has it, the
//! sample is let go and counted. The comparison happens later, elsewhere, and can change no answer.

use std::{collections::VecDeque, fmt};

use parking_lot::Mutex;

use super::meter::Counts;
use super::view::View;
use super::{OwnerMap, Standing};
use crate::ring::HashRing;
use crate::telemetry::{Recorder, metric};
use crate::types::{Member, Mono};

/// Bytes of keys that wait to be compared: some thousand keys between two comparisons.
const BUFFER_BYTES: usize = 64 * 1024;
/// Mismatches kept for a person to look at.
const MAX_RECENT: usize = 32;

/// What a comparison of ring and distributor found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Both name the same member.
    Match,
    /// Both are up to date and differ: the distributor placed the shard elsewhere, for its own reasons.
    Placement,
    /// The distributor's owner is not a member of the ring: the ring has not heard of it.
    RingStale,
    /// The ring's owner is not among the distributor's executors: the map has not heard of it.
    MapStale,
    /// The shard is just being handed over.
    Moving,
    /// The distributor knows the shard and nobody owns it.
    Unassigned,
    /// The policy excludes the key by now, so nobody expects the two to agree.
    Excluded,
    /// One of the two has no answer: no map, unknown key, empty ring.
    Error,
}

impl Verdict {
    /// All verdicts.
    pub const ALL: [Self; 8] = [
        Self::Match,
        Self::Placement,
        Self::RingStale,
        Self::MapStale,
        Self::Moving,
        Self::Unassigned,
        Self::Excluded,
        Self::Error,
    ];
    const LABELS: [&str; 8] = {
        let mut labels = [""; 8];
        let mut at = 0;
        while at < labels.len() {
            labels[at] = Self::ALL[at].as_str();
            at += 1;
        }
        labels
    };

    /// The word in metrics and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Placement => "placement",
            Self::RingStale => "ring_stale",
            Self::MapStale => "map_stale",
            Self::Moving => "moving",
            Self::Unassigned => "unassigned",
            Self::Excluded => "excluded",
            Self::Error => "error",
        }
    }

    /// Whether both sources have an owner and the owners differ: the key would move.
    pub const fn is_move(self) -> bool {
        matches!(self, Self::Placement | Self::RingStale | Self::MapStale | Self::Moving)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A comparison that did not match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The key that was looked up.
    pub key: String,
    /// Why it does not match.
    pub verdict: Verdict,
    /// The ring's owner, if it has one.
    pub ring: Option<Member>,
    /// The distributor's owner, if it has one.
    pub distributor: Option<Member>,
    /// When it was compared.
    pub at: Mono,
}

/// All comparisons since the resolver was made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShadowReport {
    /// How often each verdict was given.
    pub verdicts: Vec<(Verdict, u64)>,
    /// Samples that were let go.
    pub dropped: u64,
    /// The share of the compared lookups whose owner the other source would change; `None` before the first.
    pub would_move: Option<f64>,
    /// The last mismatches, newest last.
    pub recent: Vec<Mismatch>,
}

pub(super) struct Shadow {
    waiting: Mutex<Vec<u8>>,
    verdicts: Counts<{ Verdict::ALL.len() }>,
    dropped: Counts<1>,
    recent: Mutex<VecDeque<Mismatch>>,
}

impl Shadow {
    pub(super) fn new() -> Self {
        Self {
            waiting: Mutex::new(Vec::with_capacity(BUFFER_BYTES)),
            verdicts: Counts::new(metric::SHADOW_VERDICTS, Verdict::LABELS),
            dropped: Counts::new(metric::SHADOW_DROPPED, [""]),
            recent: Mutex::new(VecDeque::with_capacity(MAX_RECENT)),
        }
    }

    /// Leaves a key to be compared. Never waits and never allocates: the buffer was made as large as it gets.
    #[cold]
    pub(super) fn offer(&self, key: &[u8]) {
        if let Some(mut waiting) = self.waiting.try_lock()
            && let Ok(length) = u16::try_from(key.len())
            && waiting.len() + size_of::<u16>() + key.len() <= BUFFER_BYTES
        {
            waiting.extend_from_slice(&length.to_le_bytes());
            waiting.extend_from_slice(key);
        } else {
            self.dropped.add(0, 1);
        }
    }

    /// Compares what waits, as `view` sees it, and returns how many keys that were.
    pub(super) fn compare_waiting(&self, view: &View) -> usize {
        if self.waiting.lock().is_empty() {
            return 0;
        }
        let keys = std::mem::replace(&mut *self.waiting.lock(), Vec::with_capacity(BUFFER_BYTES));
        let (mut rest, mut compared) = (keys.as_slice(), 0);
        while let Some((length, tail)) = rest.split_first_chunk() {
            let (key, tail) = tail.split_at(u16::from_le_bytes(*length).into());
            self.compare(view, key);
            (rest, compared) = (tail, compared + 1);
        }
        compared
    }

    fn compare(&self, view: &View, key: &[u8]) {
        let (ring, distributor) =
            (ring_owner(&view.ring, key), view.owners.as_deref().and_then(|map| map_owner(map, key)));
        let verdict = match view.policy.route(key).shadow() {
            Some(_) => judge(&view.ring, view.owners.as_deref(), key),
            None => Verdict::Excluded,
        };
        self.verdicts.add(verdict as usize, 1);
        if verdict != Verdict::Match {
            let mut recent = self.recent.lock();
            if recent.len() == MAX_RECENT {
                recent.pop_front();
            }
            recent.push_back(Mismatch {
                key: String::from_utf8_lossy(key).into_owned(),
                verdict,
                ring: ring.cloned(),
                distributor: distributor.cloned(),
                at: view.clock.now(),
            });
        }
    }

    pub(super) fn report(&self) -> ShadowReport {
        let verdicts: Vec<_> =
            Verdict::ALL.into_iter().map(|verdict| (verdict, self.verdicts.get(verdict as usize))).collect();
        let count = |of: fn(Verdict) -> bool| -> u64 {
            verdicts.iter().filter(|(v, _)| of(*v)).map(|(_, n)| n).sum()
        };
        let (moves, compared) =
            (count(Verdict::is_move), count(|verdict| verdict.is_move() || verdict == Verdict::Match));
        ShadowReport {
            would_move: (compared > 0).then(|| moves as f64 / compared as f64),
            verdicts,
            dropped: self.dropped.get(0),
            recent: self.recent.lock().iter().cloned().collect(),
        }
    }

    pub(super) fn record(&self, namespace: &str, recorder: &dyn Recorder) {
        self.verdicts.record(namespace, recorder);
        recorder.counter(metric::SHADOW_DROPPED, &[("namespace", namespace)], self.dropped.get(0));
    }
}

/// Ring and map are compared by address: that is what a caller would connect to.
fn judge(ring: &HashRing, map: Option<&OwnerMap>, key: &[u8]) -> Verdict {
    let Some((map, assignment)) = map.and_then(|map| Some((map, map.get(key)?))) else {
        return Verdict::Error;
    };
    let Some(by_ring) = ring_owner(ring, key) else {
        return Verdict::Error;
    };
    match map.owner(assignment) {
        None => Verdict::Unassigned,
        Some(by_map) if by_map.address() == by_ring.address() => Verdict::Match,
        Some(_) if assignment.standing == Standing::Moving => Verdict::Moving,
        Some(by_map) if ring.member_by_address(by_map.address()).is_none() => Verdict::RingStale,
        Some(_) if map.executors().all(|executor| executor.address() != by_ring.address()) => {
            Verdict::MapStale
        }
        Some(_) => Verdict::Placement,
    }
}

fn ring_owner<'a>(ring: &'a HashRing, key: &[u8]) -> Option<&'a Member> {
    ring.lookup(key)
}

fn map_owner<'a>(map: &'a OwnerMap, key: &[u8]) -> Option<&'a Member> {
    map.owner(map.get(key)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolver::MapVersion;
    use crate::ring::RingSpec;
    use crate::types::{ShardKey, Token};

    #[test]
    fn every_mismatch_has_its_cause() {
        let member = |name: &str| Member::new(format!("{name}:1")).unwrap();
        let ring = HashRing::new(RingSpec::default(), [member("a"), member("b")]).unwrap();
        let key = |owner: &str| {
            let owned = |i: &u32| ring.lookup(i.to_string().as_bytes()).unwrap().host() == owner;
            ShardKey::new((0..).find(owned).unwrap().to_string()).unwrap()
        };
        let (of_a, of_b) = (key("a"), key("b"));
        let judged = |key: &ShardKey, edit: &dyn Fn(&mut crate::resolver::OwnerMapEdit)| {
            let mut changes = OwnerMap::empty().edit();
            edit(&mut changes);
            let map = changes.finish(MapVersion { incarnation: 1, generation: 1 }).unwrap();
            judge(&ring, Some(&map), key.as_bytes())
        };
        let token = Token { incarnation: 1, generation: 1 };
        assert_eq!(judged(&of_a, &|edit| _ = edit.assign(of_a.clone(), &member("a"), token)), Verdict::Match);
        let both = |edit: &mut crate::resolver::OwnerMapEdit| {
            edit.executor(&member("a")).assign(of_a.clone(), &member("b"), token);
        };
        assert_eq!(judged(&of_a, &both), Verdict::Placement);
        assert_eq!(
            judged(&of_a, &|edit| _ = edit.assign(of_a.clone(), &member("c"), token)),
            Verdict::RingStale
        );
        assert_eq!(
            judged(&of_b, &|edit| _ = edit.assign(of_b.clone(), &member("a"), token)),
            Verdict::MapStale
        );
        assert_eq!(
            judged(&of_a, &|edit| _ = edit.moving(of_a.clone(), &member("b"), token)),
            Verdict::Moving
        );
        assert_eq!(judged(&of_a, &|edit| _ = edit.moving(of_a.clone(), &member("a"), token)), Verdict::Match);
        assert_eq!(judged(&of_a, &|edit| _ = edit.unassign(of_a.clone())), Verdict::Unassigned);
        assert_eq!(judged(&of_a, &|_| ()), Verdict::Error, "unknown to the map");
        assert_eq!(judge(&ring, None, of_a.as_bytes()), Verdict::Error, "no map");
        let empty = HashRing::empty(RingSpec::default());
        let map = OwnerMap::empty();
        assert_eq!(judge(&empty, Some(&map), of_a.as_bytes()), Verdict::Error, "empty ring");
    }

    #[test]
    fn a_full_buffer_lets_samples_go_and_counts_them() {
        let shadow = Shadow::new();
        let key = [b'k'; 1024];
        for _ in 0..100 {
            shadow.offer(&key);
        }
        let kept = BUFFER_BYTES / (1024 + 2);
        assert_eq!(shadow.report().dropped, 100 - kept as u64);
        let taken = shadow.waiting.lock();
        shadow.offer(b"while somebody holds the buffer");
        assert_eq!(shadow.report().dropped, 101 - kept as u64);
        assert_eq!(taken.capacity(), BUFFER_BYTES, "the buffer never grew");
    }
}

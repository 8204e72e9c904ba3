//! The other replicas: who lives, and who has stood still for too long.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    ElectionConfig,
    record::{ReplicaRecord, ReplicaSession},
};
use crate::{
    journal::Record,
    planted::{Planted, is},
    store::{
        Change, Compare, Key, Keys, Page, Range, Reply, Request, Revision, Row, Transaction, Write,
        after_prefix,
    },
    types::Mono,
};

/// Rows of a page, at most.
const PAGE_ROWS: usize = 100;

/// What is known of everybody's liveness records, our own included.
#[derive(Debug)]
pub(super) struct Replicas {
    config: ElectionConfig,
    keys: Keys,
    me: String,
    page_rows: usize,
    known: BTreeMap<String, Known>,
    /// All records are known as of this revision; some are known later.
    revision: Revision,
    /// When that was.
    looked: Option<Mono>,
    look_due: Mono,
    looking: Option<Looking>,
    reap_after: Mono,
    reaping: bool,
}

#[derive(Clone, Debug)]
struct Known {
    key: Arc<str>,
    /// `None`: the record cannot be read.
    record: Option<ReplicaRecord>,
    changed: Revision,
    /// Since when we have known this revision of it.
    still_since: Mono,
    /// Since when we have known this session of it.
    up_since: Mono,
}

impl Known {
    /// Whether it can be asked for anything: what an operator's tool leads is for that tool alone.
    fn is_reached(&self) -> bool {
        self.record.as_ref().is_none_or(|record| !record.address.is_empty())
    }

    /// How long it counts: as its holder says, who may have been given another lease than we.
    fn lease(&self, ours: &ElectionConfig) -> Duration {
        ours.lease_beside(self.record.as_ref().map_or(Duration::ZERO, |record| record.lease))
    }
}

/// A look that takes several pages.
#[derive(Debug, Default)]
struct Looking {
    rows: Vec<Row>,
    range: Option<Range>,
}

impl Replicas {
    pub(super) fn new(config: ElectionConfig, keys: &Keys, me: &str, page_rows: usize) -> Self {
        Self {
            config,
            keys: keys.clone(),
            me: me.to_owned(),
            page_rows: page_rows.clamp(1, PAGE_ROWS),
            known: BTreeMap::new(),
            revision: Revision::default(),
            looked: None,
            look_due: Mono::ZERO,
            looking: None,
            reap_after: Mono::ZERO,
            reaping: false,
        }
    }

    /// When to [`look`](Self::look).
    pub(super) fn look_due(&self) -> Option<Mono> {
        self.looking.is_none().then_some(self.look_due)
    }

    /// When to [`reap`](Self::reap).
    pub(super) fn reap_due(&self) -> Option<Mono> {
        let first = self.others().map(|(_, known)| self.may_go(known)).min()?;
        let due = first.max(self.reap_after);
        (!self.reaping && self.sees(due)).then_some(due)
    }

    /// Reads everybody's record.
    pub(super) fn look(&mut self) -> Request {
        let range = Range::prefix(&self.keys.replicas(), self.page_rows);
        self.looking = Some(Looking { rows: Vec::new(), range: Some(range.clone()) });
        Request::Range(range)
    }

    /// Hears what the store said to the last look: whether anybody has come or gone since, or what to ask next.
    pub(super) fn looked(&mut self, now: Mono, reply: Reply) -> Result<bool, Request> {
        let Some(mut looking) = self.looking.take() else { return Ok(false) };
        self.look_due = now + self.config.look();
        let Ok(page) = reply.page() else { return Ok(false) };
        let Page { rows, revision, more } = page;
        looking.rows.extend(rows);
        if let (true, Some(last)) = (more, looking.rows.last()) {
            let range = Range {
                // The first key behind it: keys are printable ASCII, and '!' is the first of it.
                from: format!("{}!", last.key),
                until: after_prefix(&self.keys.replicas()),
                at: Some(revision),
                rows: self.page_rows,
            };
            looking.range = Some(range.clone());
            self.looking = Some(looking);
            return Err(Request::Range(range));
        }
        Ok(self.saw(now, looking.rows, revision))
    }

    /// Looks as soon as it can.
    pub(super) fn look_at(&mut self, now: Mono) {
        self.look_due = now;
    }

    /// Hears of one record from a watch; whether anybody has come or gone.
    pub(super) fn watched(&mut self, now: Mono, change: &Change) -> bool {
        match change {
            Change::Put(row) => self.put(now, row.clone()),
            // What has gone must be known as of a revision. A look tells.
            Change::Deleted { .. } => {
                self.look_due = now;
                false
            }
        }
    }

    /// Deletes the record that has stood still for longest. Its holder, if it should live, has stopped believing in it.
    pub(super) fn reap(&mut self, now: Mono) -> Option<Request> {
        self.reap_after = now + self.config.retry();
        let still = |known: &Known| self.sees(now) && now >= self.may_go(known);
        let (_, dead) =
            self.others().filter(|(_, known)| still(known)).min_by_key(|(_, known)| known.still_since)?;
        let compare = Compare::Changed(dead.key.clone(), dead.changed);
        let delete = Write::Delete(dead.key.clone());
        self.reaping = true;
        Some(Request::Transact(Transaction::default().when(compare).write(delete)))
    }

    /// Hears what the store said to the last reap. Whatever it was, the next look shows what is there now.
    pub(super) fn reaped(&mut self, now: Mono) {
        self.reaping = false;
        self.look_due = now;
    }

    /// Whether the session is gone, asked by whoever has seen it at the revision. Once gone it never comes back.
    pub(super) fn is_gone(
        &self,
        now: Mono,
        replica: &str,
        session: ReplicaSession,
        seen_at: Revision,
    ) -> bool {
        let silent = |known: &Known| now.since(known.still_since) > self.config.lease() / 2;
        if is(Planted::TakeFromTheLiving) && self.known.get(replica).is_some_and(silent) {
            return true;
        }
        match self.known.get(replica) {
            Some(known) => {
                known.changed.max(self.revision) >= seen_at
                    && known.record.as_ref().is_some_and(|record| record.session != session)
            }
            None => self.revision >= seen_at,
        }
    }

    /// Whether we are the only one, as of the revision or later.
    pub(super) fn is_alone(&self, as_of: Revision) -> bool {
        self.revision >= as_of && self.others().next().is_none()
    }

    /// Whether the replica lives and has been up for long enough to be given something.
    pub(super) fn is_settled(&self, now: Mono, replica: &str) -> bool {
        let settled =
            |known: &Known| self.lives(now, known) && now.since(known.up_since) >= self.config.settle();
        self.known.get(replica).is_some_and(settled)
    }

    /// The longest leader lease that somebody has.
    pub(super) fn longest_lease(&self) -> Duration {
        self.known
            .values()
            .map(|known| known.lease(&self.config))
            .max()
            .unwrap_or_default()
            .max(self.config.lease())
    }

    /// Those who live, and we: all that can be reached.
    pub(super) fn spread_over(&self, now: Mono) -> impl Iterator<Item = &str> + Clone {
        let lives = move |(name, known): &(&String, &Known)| **name == self.me || self.lives(now, known);
        let led_by = self.known.iter().filter(lives).filter(|(_, known)| known.is_reached());
        led_by.map(|(name, _)| name.as_str())
    }

    /// Living replicas that can be reached and their addresses, our own included once its record has been read.
    pub(super) fn living(&self, now: Mono) -> impl Iterator<Item = (&str, &str)> {
        let living = self.known.iter().filter(move |(_, known)| self.lives(now, known) && known.is_reached());
        living.filter_map(|(name, known)| Some((name.as_str(), known.record.as_ref()?.address.as_str())))
    }

    fn others(&self) -> impl Iterator<Item = (&str, &Known)> {
        self.known.iter().filter(|(name, _)| **name != self.me).map(|(name, known)| (name.as_str(), known))
    }

    /// Whether the last look is fresh enough to say of somebody that he stands still. While the store was away, all did.
    fn sees(&self, now: Mono) -> bool {
        self.looked.is_some_and(|looked| now.since(looked) <= self.config.lease() / 2)
    }

    fn lives(&self, now: Mono, known: &Known) -> bool {
        known.record.is_some() && now.since(known.still_since) < known.lease(&self.config)
    }

    /// When it has stood still for so long that whoever renewed it last has stopped believing in it.
    fn may_go(&self, known: &Known) -> Mono {
        known.still_since + self.config.listening_to(known.lease(&self.config))
    }

    fn saw(&mut self, now: Mono, rows: Vec<Row>, revision: Revision) -> bool {
        let (before, config) = (self.looked, self.config);
        if revision < self.revision {
            // Another store, or an older copy: what was known is of no use.
            self.known.clear();
        }
        let mut gone = std::mem::take(&mut self.known);
        let mut differs = false;
        for row in rows {
            if let Some(Key::Replica(name)) = self.keys.parse(&row.key) {
                if let Some(known) = gone.remove(&name) {
                    self.known.insert(name, known);
                }
                differs |= self.put(now, row);
            }
        }
        // What a watch has told since that revision stays.
        let still_known = |known: &Known| known.changed > revision;
        differs |= !gone.values().all(still_known);
        self.known.extend(gone.into_iter().filter(|(_, known)| still_known(known)));
        // While we could not look, nobody could be seen to live: who has missed half a lease of it begins again.
        for known in self.known.values_mut() {
            if before.is_none_or(|before| now.since(before) > known.lease(&config) / 2) {
                known.still_since = now;
            }
        }
        self.revision = revision;
        self.looked = Some(now);
        differs
    }

    /// Learns of a record; whether it is of a session that was not known.
    fn put(&mut self, now: Mono, row: Row) -> bool {
        let Some(Key::Replica(name)) = self.keys.parse(&row.key) else { return false };
        let before = self.known.get(&name);
        if before.is_some_and(|before| before.changed >= row.changed) {
            return false;
        }
        let record = ReplicaRecord::from_row(&row.key, &row.value).ok();
        let session = |record: &Option<ReplicaRecord>| record.as_ref().map(|record| record.session);
        let same = before.filter(|before| session(&before.record) == session(&record));
        let up_since = same.map_or(now, |same| same.up_since);
        let is_new = same.is_none();
        let known = Known { key: row.key, record, changed: row.changed, still_since: now, up_since };
        self.known.insert(name, known);
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What "me" knows who looks and finds these records, each with when it changed.
    fn seeing(records: &[(&str, ReplicaRecord, u64)]) -> Replicas {
        let mut replicas = Replicas::new(ElectionConfig::default(), &Keys::default(), "me", 10);
        see(&mut replicas, Mono::ZERO, records);
        replicas
    }

    fn see(replicas: &mut Replicas, now: Mono, records: &[(&str, ReplicaRecord, u64)]) {
        let row = |(name, record, changed): &(&str, ReplicaRecord, u64)| {
            let key = Keys::default().replica(name).unwrap();
            Row { value: record.to_row(&key), key, changed: Revision(*changed) }
        };
        let _ = replicas.look();
        let page = Page { rows: records.iter().map(row).collect(), revision: Revision(10), more: false };
        replicas.looked(now, Reply::Page(Ok(page))).expect("that was all");
    }

    fn record(address: &str) -> ReplicaRecord {
        ReplicaRecord { address: address.to_owned(), ..ReplicaRecord::default() }
    }

    fn seconds(seconds: u64) -> Mono {
        Mono::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn each_is_heard_out_for_its_own_lease_or_ours_if_that_is_longer() {
        let of = |seconds| ReplicaRecord { lease: Duration::from_secs(seconds), ..record("there:1") };
        // Ours is 5 s.
        let records =
            [("long", of(60), 1), ("me", of(5), 2), ("says nothing", of(0), 3), ("short", of(1), 4)];
        let mut replicas = seeing(&records);
        let mut gone = Vec::new();
        for now in (1..70).map(seconds) {
            let left: Vec<_> =
                records.iter().filter(|(name, ..)| !gone.contains(&(*name).to_owned())).cloned().collect();
            see(&mut replicas, now, &left);
            let lives = replicas.living(now).any(|(name, _)| name == "long");
            assert_eq!(lives, now < seconds(60), "{now:?}");
            if let Some(Request::Transact(reap)) = replicas.reap(now) {
                let Some(Key::Replica(name)) = Keys::default().parse(reap.compares[0].key()) else {
                    panic!()
                };
                assert!(now > seconds(if name == "long" { 60 } else { 5 }), "{name} at {now:?}");
                gone.push(name);
                replicas.reaped(now);
            }
        }
        assert_eq!(gone, ["says nothing", "short", "long"]);
        assert_eq!(seeing(&records).longest_lease(), Duration::from_secs(60));
    }

    #[test]
    fn who_could_not_look_for_half_of_somebodys_lease_begins_with_him_again() {
        let long = ReplicaRecord { lease: Duration::from_secs(60), ..record("there:1") };
        for (unseen, due) in [(30, 62), (31, 62 + 31)] {
            let mut replicas = seeing(&[("long", long.clone(), 1)]);
            (unseen..=due).for_each(|now| see(&mut replicas, seconds(now), &[("long", long.clone(), 1)]));
            assert!(replicas.reap_due().is_some_and(|at| at <= seconds(due)), "{:?}", replicas.reap_due());
            assert!(replicas.reap_due().is_some_and(|at| at > seconds(due - 2)), "{:?}", replicas.reap_due());
        }
    }

    #[test]
    fn what_nobody_reaches_is_given_nothing_and_is_heard_out_all_the_same() {
        let replicas = seeing(&[("a", record("a:1"), 1), ("me", record("me:1"), 2), ("tool", record(""), 3)]);
        let now = Mono::ZERO;
        assert_eq!(replicas.spread_over(now).collect::<Vec<_>>(), ["a", "me"]);
        assert_eq!(replicas.living(now).collect::<Vec<_>>(), [("a", "a:1"), ("me", "me:1")]);
        assert!(!replicas.is_gone(now, "tool", 0, Revision(3)));
    }
}

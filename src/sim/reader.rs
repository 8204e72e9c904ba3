//! What was truly committed: read from the store itself, at every transaction, by nobody who could have a part in it.

use std::sync::Arc;

use super::{coverage::Met, invariants::Promise, stage::Stage};
use crate::{
    election::TermRecord,
    engine::{Change, Delta},
    journal::{self, Follow, Followed, Head, Link, Loaded, Record as _, Rows},
    store::{
        Errand, Key, Keys, Limits, Outcome, Record, Reply, Request, Revision, Step, StoreIdentity,
        Transaction, Write, kv::Kv,
    },
    types::{Namespace, Version},
};

/// Reads the namespace's history as it is written, and tells the auditor.
#[derive(Debug)]
pub(super) struct Reader {
    keys: Keys,
    namespace: Namespace,
    /// What the keys of its rows begin with, and two of them.
    prefix: String,
    head: Arc<str>,
    term: Arc<str>,
    limits: Limits,
    /// The store's.
    identity: StoreIdentity,
    follow: Follow,
    /// Everything up to here.
    read: Revision,
    snapshot: Option<Version>,
}

/// In which terms a transaction writes the namespace's rows, and which one is in force.
#[derive(Debug, Default)]
pub(super) struct Writers {
    terms: Vec<u64>,
    /// Part of a commit that is not visible yet.
    is_part: bool,
    in_force: Option<TermRecord>,
}

impl Reader {
    pub(super) fn new(namespace: &Namespace, limits: Limits, identity: StoreIdentity) -> Self {
        let keys = Keys::default();
        let follow = Follow::new(Rows::new(&keys, namespace), limits, None);
        Self {
            prefix: keys.namespace(namespace),
            head: keys.head(namespace),
            term: keys.term(namespace),
            namespace: namespace.clone(),
            keys,
            limits,
            identity,
            follow,
            read: Revision(0),
            snapshot: None,
        }
    }

    /// The store is another one, with rows of its own from this revision on. What was read before is nobody's past.
    pub(super) fn restored(&mut self, identity: StoreIdentity, revision: Revision) {
        *self = Self::new(&self.namespace, self.limits, identity);
        self.read = revision;
    }

    /// Whether the namespace, if it is there, was written in this store.
    pub(super) fn is_at_home(&self, kv: &Kv) -> bool {
        let row = kv.get(&self.head).ok().flatten();
        let head = row.and_then(|row| Head::from_row(&row.key, &row.value).ok());
        head.is_none_or(|head| head.identity == self.identity.0)
    }

    /// Looks at a transaction before it happens, or does not.
    pub(super) fn writers(&self, kv: &Kv, transaction: &Transaction) -> Writers {
        let writes_head = |write: &Write| matches!(write, Write::Put(key, _) if *key == self.head);
        let has_head = transaction.writes.iter().any(writes_head);
        let mut writers = Writers::default();
        for write in &transaction.writes {
            let Write::Put(key, value) = write else { continue };
            if !key.starts_with(&self.prefix) {
                continue;
            }
            match self.keys.parse(key) {
                Some(Key::Of(_, Record::Delta(chunk))) => {
                    writers.is_part |= !has_head;
                    writers.terms.push(chunk.term);
                }
                Some(Key::Of(_, Record::Snapshot(chunk))) => writers.terms.push(chunk.term),
                Some(Key::Of(_, Record::Head)) => {
                    writers.terms.extend(Head::from_row(key, value).ok().map(|head| head.link.term));
                }
                _ => {}
            }
        }
        if !writers.terms.is_empty() {
            let row = kv.get(&self.term).ok().flatten();
            writers.in_force = row.and_then(|row| TermRecord::from_row(&row.key, &row.value).ok());
        }
        writers
    }

    /// Hears what became of it.
    pub(super) fn answered(&self, stage: &mut Stage, writers: &Writers, outcome: Outcome) {
        if writers.is_part && matches!(outcome, Outcome::Committed(_)) {
            stage.met(Met::ChunkedCommit);
        }
        for term in &writers.terms {
            let in_force = writers.in_force.as_ref();
            match outcome {
                Outcome::Committed(_) => {
                    let in_force = in_force.filter(|record| !record.resigned).map(|record| record.number);
                    stage.auditor.wrote(stage.now, *term, in_force);
                }
                Outcome::Refused if in_force.is_some_and(|record| record.number > *term) => {
                    stage.met(Met::Deposition);
                }
                Outcome::Refused => {}
            }
        }
    }

    /// Reads what a transaction has done.
    pub(super) fn read(&mut self, stage: &mut Stage, kv: &Kv) {
        match kv.batch(&self.prefix, self.read.next()) {
            Ok(Some(batch)) => {
                self.read = batch.revision;
                if batch.changes.is_empty() {
                    return;
                }
                self.follow.watched(batch);
            }
            Ok(None) => return,
            Err(error) => self.follow.watch_ended(&error),
        }
        let mut reply = None;
        loop {
            match self.follow.next(reply.take()) {
                Step::Ask(Request::Range(range)) => reply = Some(Reply::Page(kv.range(&range))),
                Step::Ask(_) | Step::Pause(_) => return,
                Step::Done(Followed::UpToDate { .. }) => return,
                Step::Done(followed) => self.tell(stage, followed),
            }
        }
    }

    fn tell(&mut self, stage: &mut Stage, followed: Followed) {
        match followed {
            Followed::Advanced { head, deltas } => {
                self.look_at(stage, &head);
                for delta in &deltas {
                    self.commit(stage, delta);
                }
                self.note_deletion(stage, &head);
            }
            Followed::Loaded(loaded) => self.loaded(stage, &loaded),
            other => judge(stage, format!("what is stored is not to be believed: {other:?}")),
        }
    }

    fn look_at(&mut self, stage: &mut Stage, head: &Head) {
        let snapshot = head.snapshot.map(|link| link.version);
        if snapshot > self.snapshot {
            stage.met(Met::Snapshot);
        }
        self.snapshot = snapshot;
        stage.auditor.waits(stage.now, !head.wait.is_zero());
    }

    fn commit(&self, stage: &mut Stage, delta: &journal::Delta) {
        if let Some(changes) = decode(stage, &delta.items) {
            let Link { version, term, .. } = delta.link;
            let delta = Delta { version, changes };
            stage.tell(|| format!("stored in term {term}: {}", super::brief::Brief(&delta)));
            let Stage { auditor, coverage, now, .. } = stage;
            auditor.committed(*now, term, &delta, coverage);
        }
    }

    /// Whether there is nothing of the namespace any more but its head.
    fn note_deletion(&self, stage: &mut Stage, head: &Head) -> bool {
        let is_deleted = head.state == journal::State::Deleted;
        if is_deleted && !stage.auditor.is_deleted {
            stage.tell(|| format!("deleted as of {}", head.link.version));
            stage.auditor.deleted(stage.now, head.link.version);
        }
        is_deleted
    }

    /// The beginning of a history: of the first one, of one that goes on from a backup, or of one that was asked for.
    fn loaded(&mut self, stage: &mut Stage, loaded: &Loaded) {
        let version = loaded.head.link.version;
        if loaded.head.identity != self.identity.0 {
            // Restored, and not adopted yet.
            return;
        }
        if !loaded.damage.is_empty() || loaded.mismatch.is_some() {
            let what = (&loaded.damage, &loaded.mismatch);
            return judge(stage, format!("commit {version} is there, and cannot be read: {what:?}"));
        }
        self.snapshot = loaded.head.snapshot.map(|link| link.version);
        if self.note_deletion(stage, &loaded.head) {
            return;
        }
        if stage.auditor.ledger.version == Version::default() {
            loaded.deltas.iter().for_each(|delta| self.commit(stage, delta));
            return;
        }
        if !stage.auditor.may_begin(stage.now) {
            return judge(stage, format!("commit {version} continues another history than what came before"));
        }
        let items = loaded.snapshot.iter().chain(loaded.deltas.iter().flat_map(|delta| &delta.items));
        if let Some(changes) = decode(stage, items) {
            if stage.auditor.is_restored {
                stage.met(Met::Adoption);
            } else if stage.auditor.is_deleted {
                stage.met(Met::Recreation);
            }
            stage.tell(|| format!("another history begins as {version}"));
            stage.auditor.begun_anew(stage.now, &Delta { version, changes });
            stage.auditor.waits(stage.now, !loaded.head.wait.is_zero());
        }
    }
}

fn judge(stage: &mut Stage, what: String) {
    stage.auditor.judge::<()>(stage.now, Promise::MonotoneViews, Err(what));
}

fn decode<'a>(stage: &mut Stage, items: impl IntoIterator<Item = &'a bytes::Bytes>) -> Option<Vec<Change>> {
    let changes: Result<Vec<Change>, _> = items.into_iter().map(Change::decode).collect();
    match changes {
        Ok(changes) => Some(changes),
        Err(error) => {
            judge(stage, format!("a stored change cannot be read: {error}"));
            None
        }
    }
}

//! The store's terms in etcd's, and back.

use std::sync::Arc;

use bytes::Bytes;

use super::wire::{self, compare, request_op::Request};
use crate::store::{
    Compare, Page, Range, Revision, Row, Transaction, Write, after_prefix, transaction::check_key,
};

/// etcd's word for "no end" in the place of the first key behind a range.
const NO_END: &[u8] = &[0];

/// What stands before every key of ours in etcd.
#[derive(Clone, Debug)]
pub(super) struct Root(Arc<str>);

impl Root {
    pub(super) fn new(root: &str) -> Self {
        Self(root.into())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn key(&self, key: &str) -> Bytes {
        Bytes::from([self.0.as_bytes(), key.as_bytes()].concat())
    }

    /// The first key behind a range of ours.
    fn end(&self, until: Option<&str>) -> Bytes {
        match until {
            Some(until) => self.key(until),
            None => after_prefix(&self.0).map_or(Bytes::from_static(NO_END), Bytes::from),
        }
    }

    /// Where a range of ours begins: a key that whoever may read the range may read. etcd knows no empty key; zero is the first one it knows.
    pub(super) fn start(&self, from: &str) -> Bytes {
        let key = self.key(from);
        if key.is_empty() { Bytes::from_static(&[0]) } else { key }
    }

    /// Our key, without the root. What could not be a key of ours is somebody else's, and not seen.
    pub(super) fn strip(&self, key: &Bytes) -> Option<Arc<str>> {
        let key = std::str::from_utf8(key.strip_prefix(self.0.as_bytes())?).ok()?;
        check_key(key).is_ok().then(|| key.into())
    }

    pub(super) fn row(&self, row: wire::KeyValue) -> Option<Row> {
        Some(Row { key: self.strip(&row.key)?, value: row.value, changed: revision(row.mod_revision) })
    }

    pub(super) fn get(&self, key: &str) -> wire::RangeRequest {
        wire::RangeRequest { key: self.key(key), ..Default::default() }
    }

    pub(super) fn range(&self, range: &Range, rows: usize) -> wire::RangeRequest {
        wire::RangeRequest {
            key: self.start(&range.from),
            range_end: self.end(range.until.as_deref()),
            // Zero would be no limit.
            limit: i64::try_from(rows.max(1)).unwrap_or(i64::MAX),
            // To etcd, revision zero is the present one. To us it is before the first, like the first itself.
            revision: range.at.map_or(0, |at| number(at).max(1)),
            keys_only: false,
        }
    }

    pub(super) fn page(&self, answer: wire::RangeResponse, at: Revision) -> Page {
        let rows = answer.kvs.into_iter().filter_map(|row| self.row(row)).collect();
        Page { rows, revision: at, more: answer.more }
    }

    pub(super) fn watch(&self, prefix: &str, from: u64) -> wire::WatchCreateRequest {
        let end = after_prefix(prefix);
        wire::WatchCreateRequest {
            key: self.start(prefix),
            range_end: self.end(end.as_deref()),
            start_revision: number(Revision(from)),
            progress_notify: true,
            fragment: true,
        }
    }

    pub(super) fn transaction(&self, transaction: &Transaction) -> wire::TxnRequest {
        let compare = transaction.compares.iter().map(|compare| self.compare(compare)).collect();
        let writes: Vec<_> = transaction.writes.iter().filter_map(|write| self.write(write)).collect();
        if !writes.is_empty() {
            return wire::TxnRequest { compare, success: writes, failure: vec![] };
        }
        // A transaction of comparisons alone would be answered from what one member happens to know. One that reads is
        // not.
        let key = transaction.compares.first().map_or("", |compare| compare.key());
        let read = wire::RangeRequest { key: self.start(key), keys_only: true, ..Default::default() };
        let read = vec![operation(Request::Range(read))];
        wire::TxnRequest { compare, success: read.clone(), failure: read }
    }

    fn compare(&self, comparison: &Compare) -> wire::Compare {
        use compare::{CompareTarget, TargetUnion};
        let (key, target, union) = match comparison {
            Compare::Absent(key) => (key, CompareTarget::Mod, TargetUnion::ModRevision(0)),
            // In etcd's terms, revision 0 is that of rows that are not there; no row has the largest.
            Compare::Changed(key, Revision(0)) => {
                (key, CompareTarget::Mod, TargetUnion::ModRevision(i64::MAX))
            }
            Compare::Changed(key, at) => (key, CompareTarget::Mod, TargetUnion::ModRevision(number(*at))),
            // A row that is not there has no value, not even an empty one.
            Compare::Value(key, value) => (key, CompareTarget::Value, TargetUnion::Value(value.clone())),
        };
        wire::Compare {
            result: compare::CompareResult::Equal.into(),
            target: target.into(),
            key: self.key(key),
            target_union: Some(union),
        }
    }

    fn write(&self, write: &Write) -> Option<wire::RequestOp> {
        let request = match write {
            Write::Put(key, value) => {
                Request::Put(wire::PutRequest { key: self.key(key), value: value.clone() })
            }
            Write::Delete(key) => {
                Request::DeleteRange(wire::DeleteRangeRequest { key: self.key(key), range_end: Bytes::new() })
            }
            // Nothing lies between them, and etcd is not to be asked what it makes of that.
            Write::DeleteRange(from, until) if from >= until => return None,
            Write::DeleteRange(from, until) => Request::DeleteRange(wire::DeleteRangeRequest {
                key: self.start(from),
                range_end: self.key(until),
            }),
        };
        Some(operation(request))
    }
}

/// A revision as etcd spells it.
pub(super) fn number(revision: Revision) -> i64 {
    i64::try_from(revision.0).unwrap_or(i64::MAX)
}

/// A revision as etcd spelt it.
pub(super) fn revision(number: i64) -> Revision {
    Revision(u64::try_from(number).unwrap_or_default())
}

fn operation(request: Request) -> wire::RequestOp {
    wire::RequestOp { request: Some(request) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_below_the_root_and_come_back_without_it() {
        let root = Root::new("our/");
        assert_eq!(root.key("a"), "our/a");
        assert_eq!(root.strip(&Bytes::from("our/a")).as_deref(), Some("a"));
        assert_eq!(root.strip(&Bytes::from("other/a")), None);
        for foreign in [&b"our/"[..], b"our/\xff", "our/ä".as_bytes(), b"our/a\n"] {
            assert_eq!(root.strip(&Bytes::from(foreign)), None);
        }
        let all = root.range(&Range { from: String::new(), until: None, at: None, rows: 0 }, 0);
        assert_eq!((&all.key[..], &all.range_end[..], all.limit), (&b"our/"[..], &b"our0"[..], 1));
        let watch = root.watch("", 7);
        assert_eq!((&watch.key[..], &watch.range_end[..]), (&b"our/"[..], &b"our0"[..]));
    }

    #[test]
    fn without_a_root_everything_is_ours() {
        let root = Root::new("");
        let all = root.range(&Range { from: String::new(), until: None, at: None, rows: 9 }, 9);
        assert_eq!((&all.key[..], &all.range_end[..]), (&[0][..], &[0][..]), "etcd's word for all keys");
        let watch = root.watch("", 1);
        assert_eq!((&watch.key[..], &watch.range_end[..]), (&[0][..], &[0][..]));
        assert_eq!(&root.watch("a/", 1).range_end[..], b"a0");
    }

    #[test]
    fn a_transaction_that_writes_nothing_reads() {
        let root = Root::new("");
        let nothing = Transaction::default();
        let compares = Transaction::default().when(Compare::Absent("a".into()));
        let vain = Transaction::default().write(Write::DeleteRange("b".into(), "a".into()));
        for transaction in [nothing, compares, vain] {
            let request = root.transaction(&transaction);
            for operations in [request.success, request.failure] {
                let [wire::RequestOp { request: Some(Request::Range(_)) }] = &operations[..] else {
                    panic!("etcd would answer it from one member's memory: {operations:?}")
                };
            }
        }
    }

    #[test]
    fn revisions_that_etcd_cannot_spell_are_its_largest() {
        assert_eq!(number(Revision(u64::MAX)), i64::MAX);
        assert_eq!(revision(-1), Revision(0));
        let never = Root::new("").compare(&Compare::Changed("a".into(), Revision(0)));
        assert_eq!(never.target_union, Some(compare::TargetUnion::ModRevision(i64::MAX)));
    }
}

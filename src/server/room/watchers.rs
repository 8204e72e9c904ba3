//! Who watches, and how far each has come.

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use parking_lot::Mutex;

use crate::types::Version;

/// Watchers of one namespace at one replica.
pub(crate) const MAX_WATCHERS: usize = 10_000;

/// What a watcher has last said of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatcherReport {
    /// Who it says it is.
    pub name: String,
    /// Where its connection comes from.
    pub address: String,
    /// What it has in force.
    pub version: Version,
    /// The policy that routes its lookups.
    pub policy_epoch: u64,
}

/// All watchers of a namespace.
#[derive(Clone, Debug, Default)]
pub struct Watchers(Arc<Mutex<All>>);

#[derive(Debug, Default)]
struct All {
    last: u64,
    reports: BTreeMap<u64, WatcherReport>,
}

/// A watcher's place in the list, until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    all: Watchers,
    number: u64,
}

impl Watchers {
    /// Enters a watcher; `None`: there are as many as there may be.
    pub fn enter(&self, name: String, address: String) -> Option<Watcher> {
        let mut all = self.0.lock();
        if all.reports.len() >= MAX_WATCHERS {
            return None;
        }
        all.last += 1;
        let number = all.last;
        all.reports.insert(number, WatcherReport { name, address, ..WatcherReport::default() });
        Some(Watcher { all: self.clone(), number })
    }

    /// What everybody has last said.
    pub fn reports(&self) -> Vec<WatcherReport> {
        self.0.lock().reports.values().cloned().collect()
    }

    /// What those have last said who came after the one of this number, in the order in which they came, each with its
    /// number: at most so many.
    pub fn reports_after(&self, after: Option<u64>, most: usize) -> Vec<(u64, WatcherReport)> {
        let all = self.0.lock();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let reports = all.reports.range((from, Bound::Unbounded)).take(most);
        reports.map(|(number, report)| (*number, report.clone())).collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.lock().reports.len()
    }

    /// Whether nobody watches.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Watcher {
    /// What it has in force now.
    pub fn report(&self, version: Version, policy_epoch: u64) {
        if let Some(report) = self.all.0.lock().reports.get_mut(&self.number) {
            (report.version, report.policy_epoch) = (version, policy_epoch);
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.all.0.lock().reports.remove(&self.number);
    }
}

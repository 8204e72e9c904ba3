//! What the store's history must be, whatever anybody does.

use super::World;
use crate::{
    election::sim_tests::{entries::ids_of, node::rows},
    journal::Load,
    store::{Errand, Keys, Reply, Request, Step, Write},
    types::{Namespace, Version},
};

impl World {
    /// After every transaction that may have moved a head: a loader sees a whole state that continues the one before.
    pub(super) fn record_history(&mut self, writes: &[Write]) {
        for namespace in self.namespaces() {
            let (prefix, head) = (rows(&namespace).prefix(), Keys::default().head(&namespace));
            let touches = |write: &Write| match write {
                Write::Put(key, _) | Write::Delete(key) => *key == head,
                Write::DeleteRange(from, _) => from.starts_with(&prefix),
            };
            if writes.iter().any(touches)
                && let Some((version, ids)) = self.load_version(&namespace)
            {
                let history = self.histories.entry(namespace.clone()).or_default();
                let continues = match history.range(..=version).next_back() {
                    Some((same, before)) if *same == version => *before == ids,
                    Some((_, before)) => ids.starts_with(before) && ids.len() <= before.len() + 1,
                    None => ids.is_empty(),
                };
                let is_newest = history.last_key_value().is_none_or(|(newest, _)| *newest <= version);
                let known = history.insert(version, ids.clone()).is_some();
                if !continues || !is_newest {
                    self.wrong(format!("{namespace} {version}: {ids:?} does not continue the history"));
                }
                if !known {
                    self.count("head moved");
                }
            }
        }
    }

    pub(super) fn load(&self, namespace: &Namespace) -> Option<Vec<u64>> {
        self.load_version(namespace).map(|(_, ids)| ids)
    }

    fn load_version(&self, namespace: &Namespace) -> Option<(Version, Vec<u64>)> {
        let mut load = Load::new(rows(namespace), self.kv.limits());
        let mut reply = None;
        loop {
            match load.next(reply) {
                Step::Ask(Request::Range(range)) => reply = Some(Reply::Page(self.kv.range(&range))),
                Step::Done(Ok(loaded)) => return Some((loaded.head.link.version, ids_of(&loaded))),
                Step::Done(Err(_)) => return None,
                step => panic!("a loader does not {step:?}"),
            }
        }
    }
}

//! What keeps namespaces from being run, as it was last said.

use std::collections::BTreeMap;

use crate::{journal::LogError, replica::Trouble, types::Namespace};

#[derive(Debug, Default)]
pub(super) struct Troubles(BTreeMap<Namespace, LogError>);

impl Troubles {
    /// What keeps this one.
    pub(super) fn get(&self, namespace: &Namespace) -> Option<&LogError> {
        self.0.get(namespace)
    }

    /// Notes what is new, and logs it. A tool says it in its own words.
    pub(super) fn note(&mut self, namespace: Namespace, trouble: &Trouble, of_tool: bool) {
        let is_known = match trouble {
            Trouble::Log(error) => {
                self.0.insert(namespace.clone(), error.clone()).is_some_and(|known| known == *error)
            }
            _ => false,
        };
        if !is_known && !of_tool {
            tracing::error!(%namespace, "{trouble}");
        }
    }

    /// It is run, or is no more.
    pub(super) fn forget(&mut self, namespace: &Namespace) {
        self.0.remove(namespace);
    }
}

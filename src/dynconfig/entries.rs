//! The values of one key, and which of them counts.

use std::{collections::BTreeMap, sync::Arc};

use super::{Constraint, ConstraintValue, Filters, Value};
use crate::{policy::RoutingPolicy, types::Place};

/// One value of a key.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) place: Place,
    pub(super) value: Value,
    /// Sorted by name.
    pub(super) constraints: Box<[(Constraint, ConstraintValue)]>,
    /// Of a list of patterns: a policy that holds them compiled, so that all namespaces share one automaton.
    pub(super) compiled: Option<Arc<RoutingPolicy>>,
}

impl Entry {
    /// The namespace that it is constrained to.
    fn namespace(&self) -> Option<&ConstraintValue> {
        self.constraints
            .iter()
            .find(|(constraint, _)| *constraint == Constraint::Namespace)
            .map(|(_, name)| name)
    }

    fn holds(&self, filters: &Filters) -> bool {
        self.constraints.iter().all(|(constraint, value)| filters.get(*constraint) == Some(value))
    }
}

/// The values of one key in the order of the file, with what makes finding one cheap: policies of thousands of
/// namespaces are made anew when a file with as many entries changes.
#[derive(Clone, Debug, Default)]
pub(super) struct Entries {
    list: Vec<Entry>,
    /// Where the entries of each namespace stand.
    of_namespace: BTreeMap<ConstraintValue, Vec<usize>>,
    /// Where those stand that are constrained by something else only.
    of_any_namespace: Vec<usize>,
    last_unconstrained: Option<usize>,
}

impl Entries {
    pub(super) fn new(list: Vec<Entry>) -> Self {
        let mut entries = Self::default();
        for (i, entry) in list.iter().enumerate() {
            match entry.namespace() {
                Some(name) => entries.of_namespace.entry(name.clone()).or_default().push(i),
                None if entry.constraints.is_empty() => entries.last_unconstrained = Some(i),
                None => entries.of_any_namespace.push(i),
            }
        }
        Self { list, ..entries }
    }

    /// The first entry in the order of the file that has constraints, all of them among the filters; else the last one
    /// without constraints.
    pub(super) fn find(&self, filters: &Filters) -> Option<&Entry> {
        let first = |places: &[usize]| places.iter().copied().find(|i| self.list[*i].holds(filters));
        let of_namespace = filters.get(Constraint::Namespace).and_then(|name| self.of_namespace.get(name));
        let found = [of_namespace.and_then(|places| first(places)), first(&self.of_any_namespace)];
        found.into_iter().flatten().min().or(self.last_unconstrained).map(|i| &self.list[i])
    }

    /// In the order of the file.
    pub(super) fn iter(&self) -> std::slice::Iter<'_, Entry> {
        self.list.iter()
    }

    /// Whether everybody gets a value.
    pub(super) const fn answer_all(&self) -> bool {
        self.last_unconstrained.is_some()
    }

    /// The namespaces that entries are constrained to.
    pub(super) fn namespaces(&self) -> impl Iterator<Item = &str> {
        self.of_namespace.keys().filter_map(|name| match name {
            ConstraintValue::Text(name) => Some(&**name),
            ConstraintValue::Int(_) => None,
        })
    }
}

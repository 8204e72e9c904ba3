//! What an entry's constraints are compared with.

use std::{fmt, sync::Arc};

use super::{
    Misfit, ProblemKind,
    value::{Quoted, Scalar, found},
};
use crate::{
    types::Namespace,
    yaml::{Body, Node},
};

/// Something that an entry may be constrained by: the names that Cadence knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Constraint {
    /// `domainName`, a text.
    DomainName,
    /// `domainID`, a text.
    DomainId,
    /// `taskListName`, a text.
    TaskListName,
    /// `taskType`, a whole number or a text.
    TaskType,
    /// `shardID`, a whole number.
    ShardId,
    /// `clusterName`, a text.
    ClusterName,
    /// `workflowID`, a text.
    WorkflowId,
    /// `workflowType`, a text.
    WorkflowType,
    /// `ratelimitKey`, a text.
    RatelimitKey,
    /// `namespace`, a text: what shardway's own keys are asked with.
    Namespace,
}

impl Constraint {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::DomainName,
        Self::DomainId,
        Self::TaskListName,
        Self::TaskType,
        Self::ShardId,
        Self::ClusterName,
        Self::WorkflowId,
        Self::WorkflowType,
        Self::RatelimitKey,
        Self::Namespace,
    ];

    /// The name in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DomainName => "domainName",
            Self::DomainId => "domainID",
            Self::TaskListName => "taskListName",
            Self::TaskType => "taskType",
            Self::ShardId => "shardID",
            Self::ClusterName => "clusterName",
            Self::WorkflowId => "workflowID",
            Self::WorkflowType => "workflowType",
            Self::RatelimitKey => "ratelimitKey",
            Self::Namespace => "namespace",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|constraint| constraint.as_str() == name)
    }

    /// Reads what the entry wants it to be.
    pub(super) fn read(self, node: &Node) -> Result<ConstraintValue, Misfit> {
        let (wants_text, wants_int) = match self {
            Self::TaskType => (true, true),
            Self::ShardId => (false, true),
            _ => (true, false),
        };
        let Body::Scalar { text, plain } = &node.body else {
            return Err(misfit("a single value", node, None));
        };
        match Scalar::read(text, *plain) {
            Scalar::Text if wants_text => Ok(ConstraintValue::Text(Arc::clone(text))),
            Scalar::Int(n) if wants_int => Ok(ConstraintValue::Int(n)),
            _ if wants_text => Err(misfit("a text", node, Some(Quoted(text).to_string()))),
            _ => Err(misfit(
                "a whole number",
                node,
                matches!(Scalar::read(text, true), Scalar::Int(_)).then(|| text.to_string()),
            )),
        }
    }
}

fn misfit(expected: &str, node: &Node, suggestion: Option<String>) -> Misfit {
    let kind = ProblemKind::WrongType { expected: expected.into(), found: found(node).into() };
    Misfit { kind, suggestion, item: None }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a constraint is compared with: equal if of the same type and the same value, as in Cadence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConstraintValue {
    /// A text.
    Text(Arc<str>),
    /// A whole number.
    Int(i64),
}

impl From<&str> for ConstraintValue {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<i64> for ConstraintValue {
    fn from(n: i64) -> Self {
        Self::Int(n)
    }
}

impl fmt::Display for ConstraintValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => Quoted(text).fmt(f),
            Self::Int(n) => n.fmt(f),
        }
    }
}

/// On whose behalf a value is asked for. An entry counts if each of its constraints is among the filters and equal.
///
/// ```
/// use shardway::{dynconfig::{Constraint, Filters}, types::Namespace};
///
/// let filters = Filters::of_namespace(&Namespace::new("matching")?).with(Constraint::ClusterName, "cluster0");
/// assert_eq!(filters.to_string(), r#"{clusterName: "cluster0", namespace: "matching"}"#);
/// # Ok::<(), shardway::types::NameError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters {
    values: [Option<ConstraintValue>; Constraint::ALL.len()],
}

impl Filters {
    /// None: only unconstrained entries count.
    pub const fn new() -> Self {
        Self { values: [const { None }; Constraint::ALL.len()] }
    }

    /// On behalf of a namespace.
    pub fn of_namespace(namespace: &Namespace) -> Self {
        Self::new().with(Constraint::Namespace, namespace.as_str())
    }

    /// The same with one more; given again, the last one counts.
    #[must_use]
    pub fn with(mut self, constraint: Constraint, value: impl Into<ConstraintValue>) -> Self {
        self.values[constraint as usize] = Some(value.into());
        self
    }

    /// What a constraint is compared with; `None`: no entry that has it counts.
    pub fn get(&self, constraint: Constraint) -> Option<&ConstraintValue> {
        self.values[constraint as usize].as_ref()
    }
}

impl fmt::Display for Filters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        let set = Constraint::ALL.into_iter().filter_map(|c| self.get(c).map(|value| (c, value)));
        for (i, (constraint, value)) in set.enumerate() {
            write!(f, "{}{constraint}: {value}", if i == 0 { "" } else { ", " })?;
        }
        f.write_str("}")
    }
}

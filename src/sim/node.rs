//! Who there is.

use std::fmt;

/// A place in the virtual network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Node {
    Replica(u8),
    Executor(u8),
    Router(u8),
    Operator,
    /// What the executors write to.
    Resource,
    Store,
}

/// Most machines that run executors.
pub(super) const MAX_EXECUTORS: u8 = 32;
/// Most replicas of the distributor, and most routers.
pub(super) const MAX_OTHERS: u8 = 8;
/// Above all indices.
pub(super) const NODES: usize = 64;

impl Node {
    /// A number of its own, below [`NODES`].
    pub(super) const fn index(self) -> usize {
        let (base, number) = match self {
            Self::Executor(number) => (0, number),
            Self::Replica(number) => (MAX_EXECUTORS, number),
            Self::Router(number) => (MAX_EXECUTORS + MAX_OTHERS, number),
            Self::Operator => (MAX_EXECUTORS + 2 * MAX_OTHERS, 0),
            Self::Resource => (MAX_EXECUTORS + 2 * MAX_OTHERS + 1, 0),
            Self::Store => (MAX_EXECUTORS + 2 * MAX_OTHERS + 2, 0),
        };
        base as usize + number as usize
    }

    pub(super) const fn of_index(index: usize) -> Option<Self> {
        let index = index as u8;
        Some(if index < MAX_EXECUTORS {
            Self::Executor(index)
        } else if index < MAX_EXECUTORS + MAX_OTHERS {
            Self::Replica(index - MAX_EXECUTORS)
        } else if index < MAX_EXECUTORS + 2 * MAX_OTHERS {
            Self::Router(index - MAX_EXECUTORS - MAX_OTHERS)
        } else {
            match index - MAX_EXECUTORS - 2 * MAX_OTHERS {
                0 => Self::Operator,
                1 => Self::Resource,
                2 => Self::Store,
                _ => return None,
            }
        })
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replica(number) => write!(f, "replica {number}"),
            Self::Executor(number) => write!(f, "machine {number}"),
            Self::Router(number) => write!(f, "router {number}"),
            Self::Operator => f.write_str("operator"),
            Self::Resource => f.write_str("resource"),
            Self::Store => f.write_str("store"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_has_a_number_of_its_own() {
        for index in 0..NODES {
            if let Some(node) = Node::of_index(index) {
                assert_eq!(node.index(), index, "{node}");
            }
        }
        assert!(Node::of_index(Node::Store.index()).is_some());
    }
}

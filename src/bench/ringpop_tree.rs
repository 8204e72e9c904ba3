//! A port of ringpop's ring, to measure against without Go.
//!
//! It mirrors `hashring` of ringpop-go 0.10: every replica point is inserted into a red-black tree of heap-allocated
//! nodes, ordered by farm32 hash, then address, then index; a lookup walks the tree recursively from the root, skips
//! left branches below the key's hash, and collects distinct addresses in a set and a list that it allocates for the
//! purpose; when the end is reached it starts again at zero. The set is std's, whose SipHash stands where Go has its
//! own map hash. Where Go boxes keys and values behind interfaces, the nodes here hold them directly: a port should be
//! as good as its design permits.

use std::{cmp::Ordering, collections::HashSet, sync::Arc};

use crate::{hash::farm32, types::Member};

/// Points of a member in ringpop.
pub const REPLICA_POINTS: u32 = 100;

/// Ringpop's ring.
#[derive(Debug, Default)]
pub struct RingpopTree {
    root: Link,
}

type Link = Option<Box<Node>>;

#[derive(Debug)]
struct Node {
    point: Point,
    red: bool,
    left: Link,
    right: Link,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Point {
    hash: u32,
    address: Arc<str>,
    index: u32,
}

impl RingpopTree {
    /// Inserts every point of every member, one by one, as ringpop does on each change of membership.
    pub fn build(members: &[Member]) -> Self {
        let mut tree = Self::default();
        for member in members {
            let address: Arc<str> = member.address().into();
            let separator = if member.identity() == member.address() { "" } else { "#" };
            for index in 0..REPLICA_POINTS {
                let replica = format!("{}{separator}{index}", member.identity());
                let point = Point { hash: farm32(replica.as_bytes()), address: Arc::clone(&address), index };
                let mut root = insert(tree.root.take(), point);
                root.red = false;
                tree.root = Some(root);
            }
        }
        tree
    }

    /// The address that owns the key.
    pub fn lookup(&self, key: &str) -> Option<&str> {
        self.lookup_n(key, 1).first().copied()
    }

    /// The next `n` distinct addresses from the key onwards, in ring order; all of them when there are fewer.
    pub fn lookup_n(&self, key: &str, n: usize) -> Vec<&str> {
        let mut found = Found { wanted: n, unique: HashSet::new(), ordered: Vec::new() };
        found.collect_from(&self.root, farm32(key.as_bytes()));
        if found.unique.len() < n {
            found.collect_from(&self.root, 0);
        }
        found.ordered
    }
}

struct Found<'a> {
    wanted: usize,
    unique: HashSet<&'a str>,
    ordered: Vec<&'a str>,
}

impl<'a> Found<'a> {
    fn collect_from(&mut self, node: &'a Link, hash: u32) {
        let Some(node) = node else { return };
        if self.unique.len() >= self.wanted {
            return;
        }
        let at_or_above = node.point.hash >= hash;
        if at_or_above {
            self.collect_from(&node.left, hash);
        }
        if self.unique.len() >= self.wanted {
            return;
        }
        if at_or_above && self.unique.insert(&node.point.address) {
            self.ordered.push(&node.point.address);
        }
        self.collect_from(&node.right, hash);
    }
}

/// Inserts into a left-leaning red-black tree: the same shape and depth as any other, in the fewest lines.
fn insert(link: Link, point: Point) -> Box<Node> {
    let Some(mut node) = link else {
        return Box::new(Node { point, red: true, left: None, right: None });
    };
    match point.cmp(&node.point) {
        Ordering::Less => node.left = Some(insert(node.left.take(), point)),
        Ordering::Greater => node.right = Some(insert(node.right.take(), point)),
        Ordering::Equal => {}
    }
    if is_red(&node.right) && !is_red(&node.left) {
        node = rotate_left(node);
    }
    if is_red(&node.left) && node.left.as_ref().is_some_and(|left| is_red(&left.left)) {
        node = rotate_right(node);
    }
    if is_red(&node.left) && is_red(&node.right) {
        node.red = true;
        for child in [&mut node.left, &mut node.right].into_iter().flatten() {
            child.red = false;
        }
    }
    node
}

fn is_red(link: &Link) -> bool {
    link.as_ref().is_some_and(|node| node.red)
}

fn rotate_left(mut node: Box<Node>) -> Box<Node> {
    let mut top = node.right.take().expect("a red link leads to a node");
    node.right = top.left.take();
    top.red = std::mem::replace(&mut node.red, true);
    top.left = Some(node);
    top
}

fn rotate_right(mut node: Box<Node>) -> Box<Node> {
    let mut top = node.left.take().expect("a red link leads to a node");
    node.left = top.right.take();
    top.red = std::mem::replace(&mut node.red, true);
    top.right = Some(node);
    top
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Black nodes on the way to each leaf, and the check that makes it a red-black tree.
    fn black_height(link: &Link, parent_is_red: bool) -> usize {
        let Some(node) = link else { return 1 };
        assert!(!(node.red && parent_is_red), "two red nodes in a row");
        let heights = (black_height(&node.left, node.red), black_height(&node.right, node.red));
        assert_eq!(heights.0, heights.1);
        heights.0 + usize::from(!node.red)
    }

    #[test]
    fn agrees_with_the_go_ring() {
        let text = include_str!("../../tests/data/ringpop.json");
        let rings: serde_json::Value = serde_json::from_str(text).unwrap();
        let mut lookups = 0;
        for ring in rings.as_array().unwrap() {
            let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
            let members: Vec<Member> = (ring["members"].as_array().unwrap().iter())
                .map(|m| {
                    Member::new(text(&m["address"])).unwrap().with_identity(text(&m["identity"])).unwrap()
                })
                .collect();
            let tree = RingpopTree::build(&members);
            black_height(&tree.root, true);
            for lookup in ring["lookups"].as_array().unwrap() {
                let key = text(&lookup["key"]);
                let owners: Vec<String> = lookup["owners3"].as_array().unwrap().iter().map(text).collect();
                assert_eq!(tree.lookup(&key), lookup["owner"].as_str(), "{key}");
                assert_eq!(tree.lookup_n(&key, 3), owners, "{key}");
                lookups += 1;
            }
        }
        assert!(lookups >= 12 * 60, "the file of vectors is not what it was");
        assert_eq!(RingpopTree::default().lookup("any"), None);
    }
}

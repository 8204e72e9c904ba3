//! Every key that the distributor writes, as text that sorts the way it is read.
//!
//! | key | what its row says |
//! |---|---|
//! | `<root>/cluster` | what all replicas must agree on |
//! | `<root>/moved` | which store everything has moved to, for good |
//! | `<root>/restoring` | present while a backup is being put in: whoever finds it does not serve |
//! | `<root>/replicas/<replica>` | that a replica lives |
//! | `<root>/catalogue/<namespace>` | that there is a namespace, and how it is founded |
//! | `<root>/ns/<namespace>/term` | who leads the namespace |
//! | `<root>/ns/<namespace>/head` | the newest commit of the namespace |
//! | `<root>/ns/<namespace>/delta/<chunk>` | a piece of a commit |
//! | `<root>/ns/<namespace>/snapshot/<chunk>` | a piece of the namespace's whole state |
//!
//! A chunk is `<generation>/<term>/<attempt>/<number>`, all of them padded with zeros, so that keys sort as numbers do.
//! In names that come from outside, every byte but letters, digits and `._:@-` is written `%2F`. So no name can reach
//! into another one's rows: what begins with a namespace's prefix is that namespace's.

use std::{borrow::Cow, fmt::Write, sync::Arc};

use crate::types::{NameError, Namespace};

/// Longest root, in bytes. Leaves room for a namespace or a replica's escaped name within a store's longest key.
pub const MAX_ROOT_BYTES: usize = 256;
/// Longest name of a replica, in bytes before escaping, which makes at most three of each.
pub const MAX_REPLICA_BYTES: usize = 256;

/// Bytes of a key besides its root and its namespace, at most.
const ROOM: usize = 80;

/// Makes and reads the keys below one root.
///
/// ```
/// use shardway::{store::Keys, types::Namespace};
///
/// let keys = Keys::default();
/// assert_eq!(&*keys.term(&Namespace::new("matching")?), "shardway/ns/matching/term");
/// assert_eq!(&*keys.replica("10.0.0.1/a")?, "shardway/replicas/10.0.0.1%2Fa");
/// # Ok::<(), shardway::types::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    root: Arc<str>,
}

/// What a key is the key of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// `<root>/cluster`
    Cluster,
    /// `<root>/moved`
    Moved,
    /// `<root>/restoring`
    Restoring,
    /// `<root>/replicas/<replica>`
    Replica(String),
    /// `<root>/catalogue/<namespace>`
    Catalogue(Namespace),
    /// `<root>/ns/<namespace>/...`
    Of(Namespace, Record),
}

/// Which record of a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Record {
    /// `delta/<chunk>`
    Delta(Chunk),
    /// `head`
    Head,
    /// `snapshot/<chunk>`
    Snapshot(Chunk),
    /// `term`
    Term,
}

/// Which piece of which delta or snapshot. Two leaders, or two attempts of one, never write the same piece.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chunk {
    /// The generation that the commit makes, or that the snapshot shows.
    pub generation: u64,
    /// The term of the leader that wrote it.
    pub term: u64,
    /// How often that leader had tried before.
    pub attempt: u32,
    /// Which piece, from zero.
    pub number: u32,
}

impl Default for Keys {
    /// Below `shardway`.
    fn default() -> Self {
        Self { root: "shardway".into() }
    }
}

impl Keys {
    /// Keys below a root: 1 to 256 bytes of letters, digits and `._:@-/`, and no `/` at its end.
    pub fn new(root: &str) -> Result<Self, NameError> {
        const WHAT: &str = "root of the store's keys";
        NameError::check(WHAT, root, MAX_ROOT_BYTES, "letters, digits and ._:@-/", |c| {
            c == '/' || u8::try_from(c).is_ok_and(is_plain)
        })?;
        if root.ends_with('/') {
            return Err(NameError::new(WHAT, root, "must not end with '/', which is added"));
        }
        Ok(Self { root: root.into() })
    }

    /// What all keys begin with, without the `/` behind it.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// `<root>/`: what all keys begin with.
    pub fn all(&self) -> String {
        format!("{}/", self.root)
    }

    /// `<root>/cluster`
    pub fn cluster(&self) -> Arc<str> {
        format!("{}/cluster", self.root).into()
    }

    /// `<root>/moved`
    pub fn moved(&self) -> Arc<str> {
        format!("{}/moved", self.root).into()
    }

    /// `<root>/restoring`
    pub fn restoring(&self) -> Arc<str> {
        format!("{}/restoring", self.root).into()
    }

    /// `<root>/replicas/`: what the keys of all replicas begin with.
    pub fn replicas(&self) -> String {
        format!("{}/replicas/", self.root)
    }

    /// `<root>/replicas/<replica>`. The name is 1 to 256 bytes, any.
    pub fn replica(&self, replica: &str) -> Result<Arc<str>, NameError> {
        NameError::check("replica's name", replica, MAX_REPLICA_BYTES, "any byte", |_| true)?;
        let mut key = self.replicas();
        escape(replica, &mut key);
        Ok(key.into())
    }

    /// `<root>/catalogue/`: what the keys of all entries of the catalogue begin with.
    pub fn catalogues(&self) -> String {
        format!("{}/catalogue/", self.root)
    }

    /// `<root>/catalogue/<namespace>`
    pub fn catalogue(&self, namespace: &Namespace) -> Arc<str> {
        let mut key = self.catalogues();
        escape(namespace, &mut key);
        key.into()
    }

    /// `<root>/ns/`: what the keys of all namespaces begin with.
    pub fn namespaces(&self) -> String {
        format!("{}/ns/", self.root)
    }

    /// `<root>/ns/<namespace>/`: what all keys of a namespace begin with, and no other key does.
    pub fn namespace(&self, namespace: &Namespace) -> String {
        // Room for any name that needs no escaping, and for what follows it.
        let mut prefix = String::with_capacity(self.root.len() + namespace.len() + ROOM);
        prefix.push_str(&self.root);
        prefix.push_str("/ns/");
        escape(namespace, &mut prefix);
        prefix.push('/');
        prefix
    }

    /// `<root>/ns/<namespace>/head`
    pub fn head(&self, namespace: &Namespace) -> Arc<str> {
        self.record(namespace, "head")
    }

    /// `<root>/ns/<namespace>/term`
    pub fn term(&self, namespace: &Namespace) -> Arc<str> {
        self.record(namespace, "term")
    }

    /// `<root>/ns/<namespace>/delta/`: what the keys of all deltas of a namespace begin with.
    pub fn deltas(&self, namespace: &Namespace) -> String {
        self.namespace(namespace) + "delta/"
    }

    /// `<root>/ns/<namespace>/delta/<generation>/`: what the pieces of one generation begin with. All deltas from one
    /// generation up to another are the range between their two prefixes.
    pub fn deltas_of(&self, namespace: &Namespace, generation: u64) -> String {
        format!("{}{generation:020}/", self.deltas(namespace))
    }

    /// `<root>/ns/<namespace>/delta/<generation>/<term>/<attempt>/<number>`
    pub fn delta(&self, namespace: &Namespace, chunk: Chunk) -> Arc<str> {
        chunk.below(self.deltas(namespace))
    }

    /// `<root>/ns/<namespace>/snapshot/`: what the keys of all snapshots of a namespace begin with.
    pub fn snapshots(&self, namespace: &Namespace) -> String {
        self.namespace(namespace) + "snapshot/"
    }

    /// `<root>/ns/<namespace>/snapshot/<generation>/`: what the pieces of one generation begin with.
    pub fn snapshots_of(&self, namespace: &Namespace, generation: u64) -> String {
        format!("{}{generation:020}/", self.snapshots(namespace))
    }

    /// `<root>/ns/<namespace>/snapshot/<generation>/<term>/<attempt>/<number>`
    pub fn snapshot(&self, namespace: &Namespace, chunk: Chunk) -> Arc<str> {
        chunk.below(self.snapshots(namespace))
    }

    /// What a key is the key of; `None` when these functions never make it.
    pub fn parse(&self, key: &str) -> Option<Key> {
        let rest = key.strip_prefix(&*self.root)?.strip_prefix('/')?;
        match rest.split_once('/') {
            None if rest == "cluster" => Some(Key::Cluster),
            None if rest == "moved" => Some(Key::Moved),
            None if rest == "restoring" => Some(Key::Restoring),
            Some(("replicas", name)) => {
                let name = unescape(name).filter(|name| (1..=MAX_REPLICA_BYTES).contains(&name.len()))?;
                Some(Key::Replica(name.into_owned()))
            }
            Some(("catalogue", namespace)) => {
                Some(Key::Catalogue(Namespace::new(unescape(namespace)?).ok()?))
            }
            Some(("ns", rest)) => {
                let (namespace, record) = rest.split_once('/')?;
                let namespace = Namespace::new(unescape(namespace)?).ok()?;
                Some(Key::Of(namespace, Record::parse(record)?))
            }
            _ => None,
        }
    }

    fn record(&self, namespace: &Namespace, name: &str) -> Arc<str> {
        (self.namespace(namespace) + name).into()
    }
}

impl Record {
    fn parse(text: &str) -> Option<Self> {
        match text.split_once('/') {
            None => match text {
                "head" => Some(Self::Head),
                "term" => Some(Self::Term),
                _ => None,
            },
            Some(("delta", chunk)) => Chunk::parse(chunk).map(Self::Delta),
            Some(("snapshot", chunk)) => Chunk::parse(chunk).map(Self::Snapshot),
            Some(_) => None,
        }
    }
}

impl Chunk {
    fn below(self, mut prefix: String) -> Arc<str> {
        let Self { generation, term, attempt, number } = self;
        write!(prefix, "{generation:020}/{term:020}/{attempt:010}/{number:010}")
            .expect("text takes whatever is written to it");
        prefix.into()
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        // One chunk, one text: signs, missing zeros and further parts are no chunk's.
        let mut next = |digits: usize| {
            let part = parts.next().filter(|part| part.len() == digits)?;
            part.bytes().all(|byte| byte.is_ascii_digit()).then_some(part)?.parse::<u64>().ok()
        };
        let chunk = Self {
            generation: next(20)?,
            term: next(20)?,
            attempt: next(10)?.try_into().ok()?,
            number: next(10)?.try_into().ok()?,
        };
        parts.next().is_none().then_some(chunk)
    }
}

/// What stands for itself in a key.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'@' | b'-')
}

fn escape(name: &str, out: &mut String) {
    if name.bytes().all(is_plain) {
        return out.push_str(name);
    }
    for byte in name.bytes() {
        if is_plain(byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("text takes whatever is written to it");
        }
    }
}

/// The name that is escaped like this; `None` when none is.
fn unescape(text: &str) -> Option<Cow<'_, str>> {
    if text.bytes().all(is_plain) {
        return Some(text.into());
    }
    let mut name = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        name.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            _ => byte,
        });
    }
    let name = String::from_utf8(name).ok()?;
    let mut again = String::with_capacity(text.len());
    escape(&name, &mut again);
    (again == text).then_some(name.into())
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::select};

    use super::*;
    use crate::store::after_prefix;

    fn print(keys: &Keys, key: &Key) -> Arc<str> {
        match key {
            Key::Cluster => keys.cluster(),
            Key::Moved => keys.moved(),
            Key::Restoring => keys.restoring(),
            Key::Replica(name) => keys.replica(name).unwrap(),
            Key::Catalogue(namespace) => keys.catalogue(namespace),
            Key::Of(namespace, Record::Delta(chunk)) => keys.delta(namespace, *chunk),
            Key::Of(namespace, Record::Head) => keys.head(namespace),
            Key::Of(namespace, Record::Snapshot(chunk)) => keys.snapshot(namespace, *chunk),
            Key::Of(namespace, Record::Term) => keys.term(namespace),
        }
    }

    fn any_number() -> impl Strategy<Value = u64> {
        prop_oneof![0..3u64, 9..11u64, any::<u64>()]
    }

    fn any_chunk() -> impl Strategy<Value = Chunk> {
        (any_number(), any_number(), any::<u32>(), 0..12u32)
            .prop_map(|(generation, term, attempt, number)| Chunk { generation, term, attempt, number })
    }

    fn any_namespace() -> impl Strategy<Value = Namespace> {
        let like_records = select(vec!["term", "head", "delta", "ns", ".", "..", "a", "a:", "a-", "aa"]);
        prop_oneof![like_records.prop_map(str::to_owned), "[A-Za-z0-9._:@-]{1,256}"]
            .prop_map(|name| Namespace::new(name).unwrap())
    }

    fn any_key() -> impl Strategy<Value = Key> {
        let record = prop_oneof![
            any_chunk().prop_map(Record::Delta),
            Just(Record::Head),
            any_chunk().prop_map(Record::Snapshot),
            Just(Record::Term),
        ];
        let name = prop_oneof![
            "[a/%2F.]{1,6}",
            "\\PC{1,40}",
            "(?s).{1,20}",
            Just("\u{0}\u{7f}\u{10ffff}".to_owned())
        ];
        prop_oneof![
            Just(Key::Cluster),
            Just(Key::Moved),
            Just(Key::Restoring),
            name.prop_map(Key::Replica),
            any_namespace().prop_map(Key::Catalogue),
            (any_namespace(), record).prop_map(|(namespace, record)| Key::Of(namespace, record)),
        ]
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back_and_every_store_takes_it(key in any_key(), root in "[a-z/]{0,250}[a-z]") {
            let keys = Keys::new(&root).unwrap();
            let printed = print(&keys, &key);
            prop_assert_eq!(keys.parse(&printed), Some(key));
            prop_assert!(printed.len() <= 2048 && printed.bytes().all(|byte| byte.is_ascii_graphic()));
            prop_assert!(printed.starts_with(&keys.all()));
        }

        #[test]
        fn two_things_never_share_a_key(one in any_key(), other in any_key()) {
            let keys = Keys::default();
            prop_assert_eq!(print(&keys, &one) == print(&keys, &other), one == other);
        }

        #[test]
        fn a_namespaces_range_holds_its_own_rows_and_no_others(key in any_key(), namespace in any_namespace()) {
            let keys = Keys::default();
            let printed = print(&keys, &key);
            let (from, until) = (keys.namespace(&namespace), after_prefix(&keys.namespace(&namespace)).unwrap());
            let in_range = from.as_str() <= &*printed && &*printed < until.as_str();
            let is_its_own = matches!(key, Key::Of(of, _) if of == namespace);
            prop_assert_eq!(in_range, is_its_own);
        }

        #[test]
        fn chunks_sort_as_their_numbers_do(one in any_chunk(), other in any_chunk()) {
            let (keys, namespace) = (Keys::default(), Namespace::new("n").unwrap());
            let delta = |chunk| keys.delta(&namespace, chunk);
            prop_assert_eq!(delta(one).cmp(&delta(other)), one.cmp(&other));
            prop_assert!(delta(one).starts_with(&keys.deltas_of(&namespace, one.generation)));
            prop_assert!(keys.snapshot(&namespace, one).starts_with(&keys.snapshots_of(&namespace, one.generation)));
        }

        #[test]
        fn foreign_text_is_read_as_what_prints_it_or_not_at_all(
            text in prop_oneof!["shardway/(ns|replicas)/[ab%0-9F/]{0,9}(/term|/delta/[0-9+]{20}/0/0/0)?", "\\PC{0,30}"]
        ) {
            let keys = Keys::default();
            if let Some(key) = keys.parse(&text) {
                prop_assert_eq!(&*print(&keys, &key), text.as_str());
            }
        }
    }

    #[test]
    fn keys_look_as_documented() {
        let (keys, namespace) = (Keys::new("prod/eu").unwrap(), Namespace::new("matching").unwrap());
        assert_eq!(&*keys.cluster(), "prod/eu/cluster");
        assert_eq!(&*keys.replica("a/%\u{e4}").unwrap(), "prod/eu/replicas/a%2F%25%C3%A4");
        assert_eq!(&*keys.head(&namespace), "prod/eu/ns/matching/head");
        let chunk = Chunk { generation: 7, term: 2, attempt: 1, number: 30 };
        let delta =
            "prod/eu/ns/matching/delta/00000000000000000007/00000000000000000002/0000000001/0000000030";
        assert_eq!(&*keys.delta(&namespace, chunk), delta);
    }

    #[test]
    fn a_root_that_could_be_misread_is_refused() {
        for bad in ["", "a/", "/", "a b", "a%2F", "\u{e4}", &"r".repeat(257)] {
            assert!(Keys::new(bad).is_err(), "{bad:?} must be refused");
        }
        assert!(Keys::default().replica("").is_err() && Keys::default().replica(&"r".repeat(257)).is_err());
    }
}

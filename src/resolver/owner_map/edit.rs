//! Making a newer map from an older one.

use std::collections::{BTreeMap, HashMap};
use std::{fmt, sync::Arc};

use super::{Chunk, Entry, MapVersion, OwnerMap, Place, Standing};
use crate::hash::xxh3;
use crate::policy::KeyFacts;
use crate::types::{Member, ShardKey, Token};

/// Most shards of a namespace. Ten times what a fixed namespace may have, because ephemeral ones come and go.
pub const MAX_SHARDS: usize = 10_000_000;
/// Most incarnations of the store among the tokens of one map. Each restore of the store adds one, and voids the
/// grants of those before it.
pub const MAX_INCARNATIONS: usize = 256;

/// Most executors of a namespace, of all that were there at one time.
pub const MAX_EXECUTORS: usize = 1 << 20;

/// A chunk is a quarter of a thousand shards on average: small enough to copy for one change in it, large enough
/// that a million shards make a list of a few thousand.
const SHARDS_PER_CHUNK: usize = 256;

/// The changes that lead to a newer map. Nothing is visible until [`finish`](Self::finish).
///
/// ```
/// use shardway::resolver::{MapVersion, OwnerMap};
/// use shardway::types::{Member, ShardKey, Token};
///
/// let mut edit = OwnerMap::empty().edit();
/// let token = Token { incarnation: 1, generation: 7 };
/// edit.assign(ShardKey::new("orders-17")?, &Member::new("10.0.0.7:7933")?, token);
/// let map = edit.finish(MapVersion { incarnation: 1, generation: 7 })?;
/// let assignment = map.get(b"orders-17").unwrap();
/// assert_eq!(map.owner(assignment).unwrap().address(), "10.0.0.7:7933");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct OwnerMapEdit {
    old: OwnerMap,
    executors: Vec<Place>,
    /// Where each executor of the list is.
    places: HashMap<Arc<Member>, u32>,
    free: Vec<u32>,
    /// The last word on each key that was touched; `None` removes it.
    changes: BTreeMap<ShardKey, Option<Change>>,
}

#[derive(Clone, Copy)]
struct Change {
    executor: u32,
    standing: Standing,
    token: Token,
}

/// A map that was not made; the old one is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OwnerMapError {
    /// The new version is not above the old one.
    NotNewer {
        /// The old map's version.
        old: MapVersion,
        /// The refused version.
        new: MapVersion,
    },
    /// More than [`MAX_SHARDS`].
    TooManyShards {
        /// How many it would have had.
        count: usize,
    },
    /// Tokens of more than [`MAX_INCARNATIONS`] incarnations.
    TooManyIncarnations,
    /// More than [`MAX_EXECUTORS`].
    TooManyExecutors {
        /// How many it would have had.
        count: usize,
    },
    /// Far too many keys share the upper bits of their hash, which does not happen unless they were chosen to.
    Crowded,
}

impl OwnerMapEdit {
    pub(super) fn new(old: OwnerMap) -> Self {
        let executors = old.executors.to_vec();
        let (mut places, mut free) = (HashMap::with_capacity(executors.len()), Vec::new());
        for (at, place) in (0..).zip(&executors) {
            match &place.member {
                Some(member) => drop(places.insert(Arc::clone(member), at)),
                None => free.push(at),
            }
        }
        Self { old, executors, places, free, changes: BTreeMap::new() }
    }

    /// `executor` owns `key` under `token`.
    pub fn assign(&mut self, key: ShardKey, executor: &Member, token: Token) -> &mut Self {
        let executor = self.place(executor);
        self.change(key, Some(Change { executor, standing: Standing::Owned, token }))
    }

    /// `executor` still owns `key` under `token` and has been asked to let go of it.
    pub fn moving(&mut self, key: ShardKey, executor: &Member, token: Token) -> &mut Self {
        let executor = self.place(executor);
        self.change(key, Some(Change { executor, standing: Standing::Moving, token }))
    }

    /// `key` exists and nobody owns it.
    pub fn unassign(&mut self, key: ShardKey) -> &mut Self {
        self.change(
            key,
            Some(Change { executor: 0, standing: Standing::Unassigned, token: Token::default() }),
        )
    }

    /// `key` exists no more.
    pub fn remove(&mut self, key: ShardKey) -> &mut Self {
        self.change(key, None)
    }

    /// `executor` is there, whether it owns something or not.
    pub fn executor(&mut self, executor: &Member) -> &mut Self {
        self.place(executor);
        self
    }

    /// `executor` is gone: it is no longer listed once no shard is its.
    pub fn executor_left(&mut self, executor: &Member) -> &mut Self {
        if let Some(at) = self.places.get(executor) {
            self.executors[*at as usize].leaving = true;
        }
        self
    }

    /// The newer map.
    pub fn finish(mut self, version: MapVersion) -> Result<OwnerMap, OwnerMapError> {
        let shards = self.count_shards();
        let old = &self.old;
        if version <= old.version {
            return Err(OwnerMapError::NotNewer { old: old.version, new: version });
        }
        let incarnations = incarnations(old, &self.changes)?;
        if shards > MAX_SHARDS {
            return Err(OwnerMapError::TooManyShards { count: shards });
        }
        if self.executors.len() > MAX_EXECUTORS {
            return Err(OwnerMapError::TooManyExecutors { count: self.executors.len() });
        }
        let mut newer = OwnerMap { version, shards, ..old.clone() };
        newer.lay_out(shards);
        let mut changes: BTreeMap<usize, ChunkChanges<'_>> = BTreeMap::new();
        for (key, change) in &self.changes {
            let entry = change.map(|Change { executor, standing, token }| {
                let incarnation = incarnations.iter().position(|known| *known == token.incarnation);
                let incarnation = u8::try_from(incarnation.unwrap_or_default()).unwrap_or_default();
                Entry::new(token, incarnation, executor, standing, KeyFacts::of(key.as_bytes()))
            });
            changes.entry(newer.chunk_at(xxh3(key.as_bytes()))).or_default().insert(key, entry);
        }
        newer.chunks = newer.changed_chunks(old, changes)?;
        newer.incarnations = incarnations.into();
        newer.members = self.members();
        for place in &mut self.executors {
            if place.leaving && place.shards == 0 {
                *place = Place::default();
            }
        }
        newer.executors = self.executors.into();
        Ok(newer)
    }

    fn change(&mut self, key: ShardKey, change: Option<Change>) -> &mut Self {
        self.changes.insert(key, change);
        self
    }

    fn place(&mut self, executor: &Member) -> u32 {
        if let Some(at) = self.places.get(executor) {
            self.executors[*at as usize].leaving = false;
            return *at;
        }
        let member = Arc::new(executor.clone());
        let place = Place { member: Some(Arc::clone(&member)), shards: 0, leaving: false };
        let at = match self.free.pop() {
            Some(at) => {
                self.executors[at as usize] = place;
                at
            }
            None => {
                self.executors.push(place);
                u32::try_from(self.executors.len() - 1).expect("there are fewer executors than addresses")
            }
        };
        self.places.insert(member, at);
        at
    }

    /// The old map's list where nobody came, because most edits only move shards.
    fn members(&self) -> Arc<[Member]> {
        let old = &self.old;
        let is_known = |(new, old): (&Place, &Place)| match (&new.member, &old.member) {
            (Some(new), Some(old)) => Arc::ptr_eq(new, old),
            (new, _) => new.is_none(),
        };
        if self.executors.len() == old.executors.len()
            && self.executors.iter().zip(&*old.executors).all(is_known)
        {
            return Arc::clone(&old.members);
        }
        let at = |(at, place): (usize, &Place)| match &place.member {
            Some(member) => Member::clone(member),
            None => old.members[at].clone(),
        };
        self.executors.iter().enumerate().map(at).collect()
    }

    /// Brings every executor's count up to date and returns how many shards there will be.
    fn count_shards(&mut self) -> usize {
        let mut shards = self.old.shards;
        for (key, change) in &self.changes {
            let before = self.old.get(key.as_bytes());
            shards = shards + usize::from(change.is_some()) - usize::from(before.is_some());
            if let Some(before) = before.filter(|before| before.standing != Standing::Unassigned) {
                self.executors[before.executor as usize].shards -= 1;
            }
            if let Some(after) = change.filter(|after| after.standing != Standing::Unassigned) {
                self.executors[after.executor as usize].shards += 1;
            }
        }
        shards
    }
}

/// What happens to one chunk, by key; `None` removes.
type ChunkChanges<'k> = BTreeMap<&'k str, Option<Entry>>;

impl OwnerMap {
    /// Keeps the number of chunks while they are at most twice as full as meant, so that growth is paid once per
    /// doubling.
    fn lay_out(&mut self, shards: usize) {
        if shards > self.chunks.len() * SHARDS_PER_CHUNK * 2 {
            let chunks = shards.div_ceil(SHARDS_PER_CHUNK).next_power_of_two();
            self.chunks = vec![Arc::default(); chunks].into();
            self.shift = u64::BITS - chunks.ilog2();
        }
    }

    /// The chunks of `self`'s layout, with what `old` has and `changes` on top.
    fn changed_chunks(
        &self,
        old: &Self,
        mut changes: BTreeMap<usize, ChunkChanges<'_>>,
    ) -> Result<Arc<[Arc<Chunk>]>, OwnerMapError> {
        if self.chunks.len() == old.chunks.len() {
            let mut chunks = old.chunks.to_vec();
            for (at, changes) in changes {
                chunks[at] = changed(old.chunks[at].iter(), &changes)?;
            }
            return Ok(chunks.into());
        }
        let mut kept: Vec<Vec<(&str, Entry)>> = vec![Vec::new(); self.chunks.len()];
        for (key, entry) in old.chunks.iter().flat_map(|chunk| chunk.iter()) {
            kept[self.chunk_at(xxh3(key.as_bytes()))].push((key, entry));
        }
        let chunks = kept.into_iter().enumerate();
        chunks.map(|(at, kept)| changed(kept.into_iter(), &changes.remove(&at).unwrap_or_default())).collect()
    }
}

fn changed<'k>(
    kept: impl Iterator<Item = (&'k str, Entry)>,
    changes: &ChunkChanges<'k>,
) -> Result<Arc<Chunk>, OwnerMapError> {
    let mut shards: Vec<_> = kept.filter(|(key, _)| !changes.contains_key(key)).collect();
    shards.extend(changes.iter().filter_map(|(key, entry)| Some((*key, (*entry)?))));
    let chunk = Chunk::new(shards.into_iter());
    if chunk.is_overfull() { Err(OwnerMapError::Crowded) } else { Ok(Arc::new(chunk)) }
}

/// All incarnations that may occur in the newer map.
fn incarnations(
    old: &OwnerMap,
    changes: &BTreeMap<ShardKey, Option<Change>>,
) -> Result<Vec<u64>, OwnerMapError> {
    let mut all = old.incarnations.to_vec();
    for token in changes.values().flatten().map(|change| change.token) {
        if !all.contains(&token.incarnation) {
            all.push(token.incarnation);
        }
    }
    if all.len() > MAX_INCARNATIONS { Err(OwnerMapError::TooManyIncarnations) } else { Ok(all) }
}

impl fmt::Debug for OwnerMapEdit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnerMapEdit").field("old", &self.old).field("changes", &self.changes.len()).finish()
    }
}

impl fmt::Display for OwnerMapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotNewer { old, new } => {
                write!(f, "map {new} is not newer than map {old}; the old one stays")
            }
            Self::TooManyShards { count } => {
                write!(f, "{count} shards are more than the {MAX_SHARDS} allowed; the old map stays")
            }
            Self::TooManyExecutors { count } => {
                write!(f, "{count} executors are more than the {MAX_EXECUTORS} allowed; the old map stays")
            }
            Self::Crowded => {
                f.write_str("the keys' hashes crowd in one place; the old map stays, refuse such keys")
            }
            Self::TooManyIncarnations => write!(
                f,
                "tokens of more than {MAX_INCARNATIONS} incarnations; the old map stays, build a new one from nothing"
            ),
        }
    }
}

impl std::error::Error for OwnerMapError {}

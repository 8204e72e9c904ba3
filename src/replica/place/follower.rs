//! What a replica knows of a namespace's committed state, whether it leads it or not.
//!
//! Lookups and watches are answered from it, and a new leader that is up to date takes over from it without reading
//! the history. It moves by commits alone: what the watch tells of other leaders', and what this replica, when it
//! leads, has committed itself.

use std::sync::Arc;

use super::{Damaged, Effect, ReplicaConfig, Trouble, observed::Observed, office::Opened, pauses::Pauses};
use crate::{
    engine::{Change, Delta, NamespaceConfig, State},
    journal::{self, Follow, Followed, Head, Link, Loaded, LogError, Rows, Seen},
    store::{Batch, Errand, Limits, Reply, Request, Revision, Step},
    types::{Mono, Version},
};

#[derive(Debug)]
pub(super) struct Follower {
    config: ReplicaConfig,
    follow: Follow,
    view: Option<View>,
    /// Whether it was told that there is no such namespace.
    is_deleted: bool,
    /// Whether the store has been asked something.
    asks: bool,
    pauses: Pauses,
}

/// A committed state, and which one it is.
#[derive(Debug)]
struct View {
    state: State,
    observed: Observed,
    link: Link,
    snapshot: Option<Version>,
    length: Length,
    /// Whether its configuration is stored. Before, it is only being founded.
    is_founded: bool,
    /// Part of it could not be read: nobody takes over from it.
    damaged: Option<Arc<Damaged>>,
    /// Its commits do not continue one another: nor from this.
    is_broken: bool,
}

/// How long a history is, for whoever decides when it is worth a snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Length {
    /// Commits since the newest snapshot, and their bytes.
    pub(super) commits: usize,
    pub(super) bytes: usize,
    /// Bytes of the newest snapshot, as far as known.
    pub(super) snapshot_bytes: usize,
}

/// What follows from something that has happened.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) asks: Option<Request>,
    pub(super) news: Vec<News>,
}

#[derive(Debug)]
pub(super) enum News {
    /// There is another state, unconnected to what was told before.
    Viewed,
    /// The next commit.
    Published(Arc<Delta>),
    /// There is no such namespace any more.
    Deleted,
    Trouble(Trouble),
}

impl From<News> for Effect {
    fn from(news: News) -> Self {
        match news {
            News::Viewed => Self::Viewed,
            News::Published(delta) => Self::Published(delta),
            News::Deleted => Self::Deleted,
            News::Trouble(trouble) => Self::Trouble(trouble),
        }
    }
}

impl Follower {
    pub(super) fn new(rows: Rows, limits: Limits, config: ReplicaConfig) -> Self {
        let follow = Follow::new(rows, limits, None);
        Self { config, follow, view: None, is_deleted: false, asks: false, pauses: Pauses::over() }
    }

    /// The newest committed state that is known here.
    pub(super) fn state(&self) -> Option<&State> {
        self.view.as_ref().map(|view| &view.state)
    }

    /// What of that could not be read.
    pub(super) fn damaged(&self) -> Option<&Damaged> {
        self.view.as_ref()?.damaged.as_deref()
    }

    /// What a leader must not fall behind.
    pub(super) fn seen(&self) -> Option<Seen> {
        self.follow.seen()
    }

    /// A copy of the state that a term takes over, if it is the one that is known here, and its history's length. `before`
    /// is the last commit before the term's own first one, which changes nothing and may have been heard of already.
    pub(super) fn as_of(&self, now: Mono, before: Option<Link>, first: Link) -> Option<(State, Length)> {
        let view = self.view.as_ref().filter(|view| view.is_whole())?;
        let is_it = Some(view.link) == before || (before.is_some() && view.link == first);
        if !is_it {
            return None;
        }
        let mut state = view.state.clone();
        view.observed.tell(now, &mut state);
        Some((state, view.length))
    }

    pub(super) const fn next_wake(&self) -> Option<Mono> {
        self.pauses.until()
    }

    pub(super) fn woke(&mut self, now: Mono, founding: &Arc<NamespaceConfig>) -> Heard {
        if self.pauses.are_over(now) { self.go_on(now, None, founding) } else { Heard::default() }
    }

    pub(super) fn replied(&mut self, now: Mono, reply: Reply, founding: &Arc<NamespaceConfig>) -> Heard {
        self.asks = false;
        self.go_on(now, Some(reply), founding)
    }

    pub(super) fn watched(&mut self, now: Mono, batch: Batch, founding: &Arc<NamespaceConfig>) -> Heard {
        self.follow.watched(batch);
        self.go_on_if_idle(now, founding)
    }

    /// The watch has missed something, and goes on.
    pub(super) fn missed(&mut self, now: Mono, founding: &Arc<NamespaceConfig>) -> Heard {
        self.follow.restart();
        self.go_on_if_idle(now, founding)
    }

    /// This replica has taken the namespace over, from what is known here or from what it has read. The term's first
    /// commit changed nothing but the head.
    pub(super) fn led(
        &mut self,
        now: Mono,
        opened: Option<Box<Opened>>,
        head: &Head,
        at: Revision,
    ) -> Option<News> {
        self.follow.committed(head, at);
        self.is_deleted = false;
        let version = head.link.version;
        match (opened, &mut self.view) {
            (_, Some(view)) if view.link.version >= version => None,
            (None, Some(view)) => {
                let delta = Arc::new(Delta { version, changes: Vec::new() });
                view.state.apply(&delta);
                view.link = head.link;
                view.length.commits += 1;
                Some(News::Published(delta))
            }
            (opened, view) => {
                *view = opened.map(|opened| View {
                    observed: observe(now, &opened.changes, &opened.state),
                    state: opened.state,
                    link: head.link,
                    snapshot: head.snapshot.map(|snapshot| snapshot.version),
                    length: opened.length,
                    is_founded: opened.is_founded,
                    damaged: opened.damaged,
                    is_broken: false,
                });
                Some(News::Viewed)
            }
        }
    }

    /// This replica has committed something, which is news unless the watch has told of it before the store has
    /// answered.
    pub(super) fn committed(
        &mut self,
        now: Mono,
        delta: Arc<Delta>,
        head: &Head,
        at: Revision,
        length: Length,
    ) -> Option<News> {
        self.follow.committed(head, at);
        // The answer may be so late that another leader has gone on.
        if self.view.as_ref().is_some_and(|view| view.link.version >= head.link.version) {
            return None;
        }
        if head.state == journal::State::Deleted {
            return self.deleted();
        }
        let Some(view) = &mut self.view else { return Some(News::Published(delta)) };
        view.apply(now, &delta);
        view.link = head.link;
        let snapshot = head.snapshot.map(|snapshot| snapshot.version);
        if std::mem::replace(&mut view.snapshot, snapshot) != snapshot {
            // It shows what is known here, and nothing before it is read any more.
            (view.damaged, view.is_broken) = (None, false);
        }
        view.length = length;
        Some(News::Published(delta))
    }

    /// There is nothing to look at any more; told once.
    fn deleted(&mut self) -> Option<News> {
        self.view = None;
        (!std::mem::replace(&mut self.is_deleted, true)).then_some(News::Deleted)
    }

    fn go_on_if_idle(&mut self, now: Mono, founding: &Arc<NamespaceConfig>) -> Heard {
        if self.asks || self.pauses.until().is_some() {
            return Heard::default();
        }
        self.go_on(now, None, founding)
    }

    fn go_on(&mut self, now: Mono, mut reply: Option<Reply>, founding: &Arc<NamespaceConfig>) -> Heard {
        let mut heard = Heard::default();
        loop {
            match self.follow.next(reply.take()) {
                Step::Ask(request) => {
                    self.asks = true;
                    heard.asks = Some(request);
                    return heard;
                }
                Step::Pause(_) => {
                    self.pauses.begin(now, &self.config);
                    return heard;
                }
                Step::Done(followed) => {
                    self.pauses = Pauses::default();
                    match followed {
                        Followed::UpToDate { .. } => return heard,
                        Followed::Loaded(loaded) => self.loaded(now, &loaded, founding, &mut heard.news),
                        Followed::Advanced { head, deltas } => {
                            self.advanced(now, &head, &deltas, &mut heard.news);
                        }
                        Followed::Mismatch(mismatch) => {
                            heard.news.push(News::Trouble(Trouble::Log(LogError::NeedsAdoption(mismatch))));
                        }
                        Followed::Unreadable(row) => {
                            heard.news.push(News::Trouble(Trouble::Log(LogError::Unreadable(row))));
                        }
                    }
                }
            }
        }
    }

    fn loaded(&mut self, now: Mono, loaded: &Loaded, founding: &Arc<NamespaceConfig>, news: &mut Vec<News>) {
        let link = loaded.head.link;
        if self.view.as_ref().is_some_and(|view| view.link == link && view.is_sound()) {
            // Loaded in vain: nothing was missed after all.
            return;
        }
        if loaded.head.state == journal::State::Deleted {
            news.extend(self.deleted());
            return;
        }
        let (changes, senseless) = changes_of(loaded);
        self.is_deleted = false;
        let state = State::from_changes(link.version, founding, &changes);
        self.view = Some(View {
            observed: observe(now, &changes, &state),
            state,
            link,
            snapshot: loaded.head.snapshot.map(|snapshot| snapshot.version),
            length: Length::of(loaded),
            is_founded: founds(&changes),
            damaged: damaged(loaded, senseless),
            is_broken: loaded.mismatch.is_some(),
        });
        news.push(News::Viewed);
    }

    fn advanced(&mut self, now: Mono, head: &Head, deltas: &[journal::Delta], news: &mut Vec<News>) {
        if head.state == journal::State::Deleted {
            news.extend(self.deleted());
            return;
        }
        let Some(view) = &mut self.view else { return };
        for delta in deltas {
            let mut changes = Vec::with_capacity(delta.items.len());
            for item in &delta.items {
                match Change::decode(item) {
                    Ok(change) => changes.push(change),
                    Err(error) => {
                        let damaged = view.damaged.get_or_insert_default();
                        Arc::make_mut(damaged).senseless.push(error);
                        news.push(News::Trouble(Trouble::Senseless(error)));
                    }
                }
            }
            let delta = Arc::new(Delta { version: delta.link.version, changes });
            view.apply(now, &delta);
            news.push(News::Published(delta));
        }
        view.link = head.link;
        view.length.commits += deltas.len();
        view.length.bytes +=
            deltas.iter().flat_map(|delta| &delta.items).map(bytes::Bytes::len).sum::<usize>();
        let snapshot = head.snapshot.map(|snapshot| snapshot.version);
        if let Some(named) = snapshot.filter(|_| snapshot != view.snapshot) {
            view.snapshot = snapshot;
            let behind = head.link.version.generation.saturating_sub(named.generation);
            view.length = Length {
                commits: usize::try_from(behind).unwrap_or(usize::MAX),
                bytes: 0,
                // It replaces as much as it is large, at least: that is when it is written.
                snapshot_bytes: view.length.snapshot_bytes.max(view.length.bytes),
            };
            if !view.is_sound() {
                // What could not be read is read no more.
                self.follow.restart();
            }
        }
    }
}

impl View {
    const fn is_whole(&self) -> bool {
        self.is_founded && self.is_sound()
    }

    const fn is_sound(&self) -> bool {
        self.damaged.is_none() && !self.is_broken
    }

    fn apply(&mut self, now: Mono, delta: &Delta) {
        self.is_founded |= founds(&delta.changes);
        self.state.apply(delta);
        for change in &delta.changes {
            self.observed.see(now, change, &self.state);
        }
    }
}

impl Length {
    pub(super) fn of(loaded: &Loaded) -> Self {
        let sum = |items: &[bytes::Bytes]| items.iter().map(bytes::Bytes::len).sum::<usize>();
        Self {
            commits: loaded.deltas.len(),
            bytes: loaded.deltas.iter().map(|delta| sum(&delta.items)).sum(),
            snapshot_bytes: sum(&loaded.snapshot),
        }
    }
}

/// What was read now, whenever it happened.
fn observe(now: Mono, changes: &[Change], state: &State) -> Observed {
    let mut observed = Observed::default();
    for change in changes {
        observed.see(now, change, state);
    }
    observed
}

fn founds(changes: &[Change]) -> bool {
    changes.iter().any(|change| matches!(change, Change::Config(_)))
}

/// What of it could not be read, if anything.
pub(super) fn damaged(loaded: &Loaded, senseless: Vec<journal::WireError>) -> Option<Arc<Damaged>> {
    let rows: Vec<_> = loaded.damage.iter().flat_map(|damage| damage.rows.clone()).collect();
    let is_whole = loaded.damage.is_empty() && senseless.is_empty();
    (!is_whole).then(|| Arc::new(Damaged { rows, senseless }))
}

/// All changes that a history is made of, and what of them makes no sense to this binary.
pub(super) fn changes_of(loaded: &Loaded) -> (Vec<Change>, Vec<journal::WireError>) {
    let items = loaded.snapshot.iter().chain(loaded.deltas.iter().flat_map(|delta| &delta.items));
    let (mut changes, mut senseless) = (Vec::new(), Vec::new());
    for item in items {
        match Change::decode(item) {
            Ok(change) => changes.push(change),
            Err(error) => senseless.push(error),
        }
    }
    (changes, senseless)
}

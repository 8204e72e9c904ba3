//! The answer to a lookup.

use std::{fmt, ops::Deref, rc::Rc, sync::Arc, time::Duration};

use super::MapVersion;
use super::view::{Outcome, Pick, View};
use crate::policy::RoutingPolicy;
use crate::publish::Snapshot;
use crate::types::{Member, Namespace, Source, Token};

/// Who owns a key, as one snapshot says.
///
/// It allocates nothing and copies no text: it holds on to the snapshot that it came from. How it holds it is `H`:
///
/// - [`Loan`] (what `lookup` returns): a loan from the calling thread's own snapshot. Taking and returning it costs no
///   atomic operation, and for that price it stays in its thread. [`keep`](Owner::keep) turns it into the next one.
/// - [`Kept`]: a share of the snapshot, free to go to other threads and across `.await`.
/// - [`Borrowed`]: a borrow from a [`ResolverSnapshot`](super::ResolverSnapshot).
#[derive(Clone)]
pub struct Owner<H = Loan> {
    view: H,
    pick: Pick,
}

/// A thread's own hold on a snapshot.
#[derive(Clone)]
#[expect(
    clippy::redundant_allocation,
    reason = "the outer count is the thread's own: lending is no atomic operation"
)]
pub struct Loan(Rc<Arc<Snapshot<View>>>);

/// A hold on a snapshot that may go anywhere.
#[derive(Clone)]
pub struct Kept(pub(super) Arc<Snapshot<View>>);

/// A borrow from a snapshot.
#[derive(Clone, Copy)]
pub struct Borrowed<'a>(pub(super) &'a Snapshot<View>);

/// What an [`Owner`] may hold its snapshot by. Sealed: the snapshot's content is not public.
pub trait Hold: sealed::Hold {}

impl Hold for Loan {}
impl Hold for Kept {}
impl Hold for Borrowed<'_> {}

mod sealed {
    pub trait Hold {
        fn view(&self) -> &super::View;
    }
}

impl sealed::Hold for Loan {
    #[inline]
    fn view(&self) -> &View {
        &self.0
    }
}

impl sealed::Hold for Kept {
    #[inline]
    fn view(&self) -> &View {
        &self.0
    }
}

impl sealed::Hold for Borrowed<'_> {
    #[inline]
    fn view(&self) -> &View {
        self.0
    }
}

impl Loan {
    pub(super) fn of(snapshot: Arc<Snapshot<View>>) -> Self {
        Self(Rc::new(snapshot))
    }

    #[inline]
    pub(super) fn view(&self) -> &View {
        &self.0
    }

    pub(super) fn namespace(&self) -> &Namespace {
        &self.view().namespace
    }
}

impl<H: Hold> Owner<H> {
    #[inline]
    pub(super) const fn new(view: H, pick: Pick) -> Self {
        Self { view, pick }
    }

    /// The member: address, host, ports, identity.
    #[inline]
    pub fn member(&self) -> &Member {
        self.view.view().member(self.pick)
    }

    /// Who said so.
    #[inline]
    pub const fn source(&self) -> Source {
        self.pick.source()
    }

    /// The distributor's last word although it is older than the policy's `max_age`.
    pub fn is_stale(&self) -> bool {
        self.pick.is(Outcome::Stale)
    }

    /// The ring's word because the distributor, who should have answered, could not.
    pub fn is_fallback(&self) -> bool {
        self.pick.is(Outcome::RingForDistributor)
    }

    /// The version of the answer's source: of the distributor's map, or the revision of the ring's members as a
    /// generation of incarnation 0.
    pub fn revision(&self) -> MapVersion {
        let view = self.view.view();
        match (self.source(), &view.owners) {
            (Source::Distributor, Some(owners)) => owners.version(),
            _ => MapVersion { incarnation: 0, generation: view.member_revision },
        }
    }

    /// The policy that chose the answer's source.
    pub fn policy(&self) -> &RoutingPolicy {
        &self.view.view().policy
    }

    /// How long ago the source last vouched for the answer. Read now, not when it was looked up.
    pub fn age(&self) -> Duration {
        self.view.view().age(self.source())
    }

    /// The grant's fencing token, where the distributor granted one.
    pub fn token(&self) -> Option<Token> {
        self.view.view().token(self.pick)
    }

    /// The namespace that was asked.
    pub fn namespace(&self) -> &Namespace {
        &self.view.view().namespace
    }
}

impl Owner<Loan> {
    /// The same answer, free to go to other threads and across `.await`. Costs two contended atomics in its life.
    pub fn keep(&self) -> Owner<Kept> {
        Owner { view: Kept(Arc::clone(&self.view.0)), pick: self.pick }
    }
}

impl<H: Hold> Deref for Owner<H> {
    type Target = Member;
    #[inline]
    fn deref(&self) -> &Member {
        self.member()
    }
}

impl<H: Hold> fmt::Debug for Owner<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Owner({:?} by {}", self.member(), self.source())?;
        if let Some(token) = self.token() {
            write!(f, ", token {token}")?;
        }
        write!(f, ", revision {})", self.revision())
    }
}

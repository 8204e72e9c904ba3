//! Whether clients should be sent to this replica, and why not.
//!
//! A replica that has lost the store knows what was, not what is. It says so by its health, refuses new streams and ends
//! those that there are, so that whoever has a single connection looks for another replica; what it is asked meanwhile
//! it answers from what it knows, and says that it may be out of date. It never decides this by what others say of it:
//! only its own renewals count, and its own clock.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use tokio::sync::watch;

use super::{
    rings::Rings,
    room::{Currency, Rooms},
};
use crate::{
    clock::Clock,
    proto::v1::wire::{Problem, problem::Reason},
    types::Mono,
};

/// How long a replica that has just found the store waits for all namespaces to be read. One that cannot be read keeps
/// the others waiting for no longer.
const READ_WITHIN: Duration = Duration::from_secs(5);
/// How often it looks whether they have been.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Why clients should go to another replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotReady {
    /// The store has not been found yet.
    Starting,
    /// The store has been found, and so many namespaces have not been read yet.
    Reading(usize),
    /// The store has been lost, at that time at the latest.
    CutOff(Mono),
    /// The store was moved to another one, and is sealed.
    Moved,
    /// A backup or another store is being put into the store, or that was never finished.
    Unfinished,
    /// The store's watch has fallen silent, at that time at the latest, and what is written succeeds all the same.
    Unhearing(Mono),
    /// The process is being stopped.
    Stopping,
}

/// Whether this replica is ready; cheap to clone.
#[derive(Clone)]
pub struct Readiness {
    clock: Arc<dyn Clock>,
    rooms: Arc<Rooms>,
    rings: Rings,
    standing: Arc<watch::Sender<Result<(), NotReady>>>,
    /// Why nobody can serve from the store, if that is why it is lost.
    closed: Arc<watch::Sender<Option<NotReady>>>,
}

impl Readiness {
    pub(super) fn new(clock: Arc<dyn Clock>, rooms: Arc<Rooms>, rings: Rings) -> Self {
        let standing = Arc::new(watch::Sender::new(Err(NotReady::Starting)));
        Self { clock, rooms, rings, standing, closed: Arc::default() }
    }

    /// Waits until the store is lost, or has not been found.
    pub(super) async fn lost(&self) {
        let is_lost = |standing: &Result<(), NotReady>| {
            standing.is_err_and(|why| why.has_no_store() || why == NotReady::Starting)
        };
        if self.standing.subscribe().wait_for(is_lost).await.is_err() {
            std::future::pending().await
        }
    }

    /// Says why it is lost, if it is known.
    pub(super) fn close(&self, why: Option<NotReady>) {
        self.closed.send_if_modified(|before| std::mem::replace(before, why) != why);
    }

    /// Whether it is ready at this very moment.
    pub fn check(&self) -> Result<(), NotReady> {
        let standing = *self.standing.borrow();
        // Whoever was suspended knows by its clock before it has been told by anybody.
        match standing {
            Ok(()) | Err(NotReady::Unhearing(_)) => {
                NotReady::of(self.clock.now(), *self.rooms.currency().borrow())
            }
            _ => standing,
        }
    }

    /// Tells whenever it becomes ready, or no longer is.
    pub fn standing(&self) -> watch::Receiver<Result<(), NotReady>> {
        self.standing.subscribe()
    }

    /// For how long the store has been out of reach.
    pub fn out_of_reach_for(&self, since: Mono) -> Duration {
        self.clock.now().since(since)
    }

    /// Waits until it is ready, unless it has lost the store or is stopping.
    pub(super) async fn wait(&self, within: Duration) -> Result<(), NotReady> {
        let mut standing = self.standing.subscribe();
        let is_decided = |standing: &Result<(), NotReady>| {
            !matches!(standing, Err(NotReady::Starting | NotReady::Reading(_)))
        };
        let _ = tokio::time::timeout(within, standing.wait_for(is_decided)).await;
        self.check()
    }

    /// Waits until the store is lost: for who needs no more than that what is decided here can be written.
    pub(super) fn cut_off(&self) -> impl Future<Output = NotReady> + Send + use<> {
        self.until(NotReady::has_no_store)
    }

    /// Waits until the store is lost or not heard, or the process is being stopped.
    pub(super) fn over(&self) -> impl Future<Output = NotReady> + Send + use<> {
        self.until(|why| why.has_no_news() || why == NotReady::Stopping)
    }

    /// Waits until the process is being stopped: for who does without the store.
    pub(super) fn stopping(&self) -> impl Future<Output = NotReady> + Send + use<> {
        self.until(|why| why == NotReady::Stopping)
    }

    fn until(&self, is_it: fn(NotReady) -> bool) -> impl Future<Output = NotReady> + Send + use<> {
        let mut standing = self.standing.subscribe();
        async move {
            match standing.wait_for(|standing| standing.is_err_and(is_it)).await.as_deref() {
                Ok(Err(why)) => *why,
                _ => NotReady::Stopping,
            }
        }
    }

    /// The process is being stopped: it is never ready again.
    pub(super) fn stop(&self) {
        let _before = self.standing.send_replace(Err(NotReady::Stopping));
    }

    /// Keeps the standing true, until it is stopped or aborted.
    pub(super) async fn keep(self) {
        let (mut currency, mut closed) = (self.rooms.currency(), self.closed.subscribe());
        let mut found_at = None;
        loop {
            let now = self.clock.now();
            let heard = *currency.borrow_and_update();
            let standing = self.look(now, heard, &mut found_at);
            let mut is_over = false;
            self.standing.send_if_modified(|before| {
                is_over = *before == Err(NotReady::Stopping);
                !is_over && std::mem::replace(before, standing) != standing
            });
            if is_over {
                return;
            }
            let pause = match standing {
                Err(NotReady::Reading(_)) => LOOK_EVERY,
                Err(NotReady::Unhearing(_)) => heard.confirmed_until.since(now),
                _ => heard.until().since(now),
            };
            tokio::select! {
                changed = currency.changed() => if changed.is_err() { return },
                _ = closed.changed() => {}
                () = tokio::time::sleep(pause), if !pause.is_zero() => {}
            }
        }
    }

    fn look(&self, now: Mono, heard: Currency, found_at: &mut Option<Mono>) -> Result<(), NotReady> {
        if let Err(lost) = NotReady::of(now, heard) {
            let closed = if lost.has_no_store() { *self.closed.borrow() } else { None };
            return Err(closed.unwrap_or(if found_at.is_some() { lost } else { NotReady::Starting }));
        }
        let found_at = *found_at.get_or_insert(now);
        let was_ready = self.standing.borrow().is_ok();
        match self.rooms.unread() + self.rings.unknown(&self.rooms) {
            unread if unread > 0 && !was_ready && now.since(found_at) < READ_WITHIN => {
                Err(NotReady::Reading(unread))
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Readiness").field(&*self.standing.borrow()).finish()
    }
}

impl NotReady {
    /// What is the case of a replica that has found its store.
    fn of(now: Mono, heard: Currency) -> Result<(), Self> {
        if now >= heard.confirmed_until {
            Err(Self::CutOff(heard.confirmed_until))
        } else if now >= heard.told_until {
            Err(Self::Unhearing(heard.told_until))
        } else {
            Ok(())
        }
    }

    /// Whether nothing can be written any more.
    pub(super) const fn has_no_store(self) -> bool {
        matches!(self, Self::CutOff(_) | Self::Moved | Self::Unfinished)
    }

    /// Whether it does not hear of what others decide.
    pub(super) const fn has_no_news(self) -> bool {
        self.has_no_store() || matches!(self, Self::Unhearing(_))
    }

    /// One word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Reading(_) => "reading",
            Self::CutOff(_) => "store_away",
            Self::Moved => "store_moved",
            Self::Unfinished => "store_unfinished",
            Self::Unhearing(_) => "store_silent",
            Self::Stopping => "stopping",
        }
    }

    /// What is told to whoever asks for a stream, or has one.
    pub(super) fn problem(self) -> Problem {
        let reason = match self {
            Self::Stopping => Reason::Stopping,
            _ => Reason::StoreAway,
        };
        Problem::new(reason, "this replica", self.to_string()).remedy("go to another replica")
    }
}

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => f.write_str("has not found its store yet"),
            Self::Reading(1) => f.write_str("has one namespace, or which there are, still to read"),
            Self::Reading(unread) => write!(f, "has {unread} namespaces still to read"),
            Self::CutOff(_) => f.write_str("has lost the store"),
            Self::Moved => f.write_str(
                "has a store that was moved to another one and is sealed for good: start it with that one",
            ),
            Self::Unfinished => f.write_str(
                "has a store into which a restore or a copy was not finished: stop it, and run that again",
            ),
            Self::Unhearing(_) => f.write_str("can write to the store, and is told nothing by its watch"),
            Self::Stopping => f.write_str("is being stopped"),
        }
    }
}

impl std::error::Error for NotReady {}

//! Those who watch a namespace that a ring answers for, in either package.

use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc;
use tonic::Status;

use super::{Office, delivery::deliver};
use crate::{
    proto::v1::wire::Problem,
    server::rings::{Place, Placed, Ring},
    types::Namespace,
};

/// How often a watcher hears that nothing has happened, and that it is looked whether the ring still answers.
const IDLE_EVERY: Duration = Duration::from_secs(1);

impl Office {
    /// Tells a watcher what it has to know until it goes, or the ring answers no more. `since`: what to tell one who was told
    /// what has that number; `idle`: what to tell when nothing has happened.
    pub(in crate::server) async fn tell_of_ring<T>(
        &self,
        namespace: &Namespace,
        ring: &Arc<Ring>,
        to: &mpsc::Sender<Result<T, Status>>,
        since: impl Fn(&Placed, Option<u64>) -> Vec<T> + Send,
        idle: Option<T>,
    ) -> Result<(), Problem>
    where
        T: Clone + Send,
    {
        let mut changes = ring.changes();
        let mut have = None;
        loop {
            if !self.is_answered_by(namespace, ring) {
                return Err(self.is_over(namespace));
            }
            let placed = changes.borrow_and_update().clone();
            if let Some(placed) = placed {
                for frame in since(&placed, have) {
                    if !deliver(to, frame).await? {
                        return Ok(());
                    }
                }
                have = Some(placed.serial());
            }
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return Ok(()) },
                () = to.closed() => return Ok(()),
                () = tokio::time::sleep(IDLE_EVERY) => {
                    // A replica that has lost the store cannot know that nothing has taken the ring's place.
                    let is_current = have.is_some() && self.readiness.check().is_ok();
                    if let Some(idle) = idle.clone().filter(|_| is_current)
                        && !deliver(to, idle).await?
                    {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn is_answered_by(&self, namespace: &Namespace, ring: &Arc<Ring>) -> bool {
        match self.answering(namespace) {
            Some(Place::Ring(answering)) => Arc::ptr_eq(&answering, ring),
            _ => false,
        }
    }
}

//! What a replica counts. Given to whatever [`Recorder`] asks; nothing is pushed anywhere.
//!
//! Labels are bounded: methods, codes, reasons, namespaces. No executor, no shard and no key ever becomes one.

mod calls;
mod namespace;
mod store;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use calls::Calls;
pub(crate) use calls::OpenCall;
pub(crate) use namespace::Led;
use namespace::NamespaceFigures;
use parking_lot::RwLock;
pub(super) use store::MeteredStore;
use store::StoreFigures;

use super::{rings::Rings, room::Rooms};
use crate::{
    replica::{self, place::Event},
    telemetry::{Histogram, Recorder, metric},
    types::Namespace,
};

/// All that a replica counts.
#[derive(Debug, Default)]
pub struct Metrics {
    calls: Calls,
    store: Arc<StoreFigures>,
    desk: [Histogram; DeskEvent::ALL.len()],
    ports: [PortFigures; Port::ALL.len()],
    namespaces: RwLock<BTreeMap<Namespace, Arc<NamespaceFigures>>>,
}

/// What keeps a task busy that decides: the desk, or a namespace's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeskEvent {
    Replied,
    Watched,
    Heard,
    Asked,
    Woke,
    Other,
}

/// Where connections arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// The services.
    Grpc,
    /// Cadence's, where they have one of their own.
    Cadence,
    /// Health, metrics and the read-only API.
    Admin,
}

/// The connections of one port.
#[derive(Debug, Default)]
pub(crate) struct PortFigures {
    pub(crate) open: AtomicU64,
    pub(crate) too_many: AtomicU64,
    pub(crate) silent: AtomicU64,
}

impl DeskEvent {
    /// Under what the time that an event takes is counted.
    pub(super) const fn of(event: &Event) -> Self {
        match event {
            Event::Replied(..) => Self::Replied,
            Event::Watched(_) => Self::Watched,
            Event::Heard(..) => Self::Heard,
            Event::Asked(..) => Self::Asked,
            Event::Woke => Self::Woke,
            _ => Self::Other,
        }
    }

    /// The same for the desk.
    pub(super) const fn of_desk(event: &replica::Event) -> Self {
        match event {
            replica::Event::Replied(..) => Self::Replied,
            replica::Event::Watched(_) => Self::Watched,
            replica::Event::Woke => Self::Woke,
            _ => Self::Other,
        }
    }

    const ALL: [(Self, &'static str); 6] = [
        (Self::Replied, "replied"),
        (Self::Watched, "watched"),
        (Self::Heard, "heard"),
        (Self::Asked, "asked"),
        (Self::Woke, "woke"),
        (Self::Other, "other"),
    ];
}

impl Port {
    const ALL: [(Self, &'static str); 3] =
        [(Self::Grpc, "grpc"), (Self::Cadence, "cadence"), (Self::Admin, "admin")];
}

impl Metrics {
    pub(crate) const fn calls(&self) -> &Calls {
        &self.calls
    }

    pub(crate) const fn store(&self) -> &Arc<StoreFigures> {
        &self.store
    }

    const fn desk(&self, event: DeskEvent) -> &Histogram {
        &self.desk[event as usize]
    }

    /// An event took so long.
    pub(crate) fn desk_took(&self, event: DeskEvent, took: Duration) {
        self.desk(event).observe(took);
    }

    pub(crate) const fn port(&self, port: Port) -> &PortFigures {
        &self.ports[port as usize]
    }

    /// What is counted of a namespace that there is.
    pub(crate) fn namespace(&self, namespace: &Namespace) -> Arc<NamespaceFigures> {
        if let Some(figures) = self.namespaces.read().get(namespace) {
            return figures.clone();
        }
        self.namespaces.write().entry(namespace.clone()).or_default().clone()
    }

    /// All of it. `led`: what is known of the namespaces that are led here.
    pub(super) fn record(
        &self,
        to: &dyn Recorder,
        is_ready: bool,
        rooms: &Rooms,
        rings: &Rings,
        led: &BTreeMap<Namespace, Led>,
    ) {
        to.gauge(metric::READY, &[], f64::from(is_ready));
        self.calls.record(to);
        self.store.record(to);
        for (event, name) in DeskEvent::ALL {
            to.histogram(metric::DESK_SECONDS, &[("event", name)], &self.desk(event).buckets());
        }
        for (port, name) in Port::ALL {
            let figures = self.port(port);
            to.gauge(metric::CONNECTIONS, &[("port", name)], figures.open.load(Ordering::Relaxed) as f64);
            for (why, count) in [("too_many", &figures.too_many), ("silent", &figures.silent)] {
                let labels = [("port", name), ("why", why)];
                to.counter(metric::CONNECTIONS_REFUSED, &labels, count.load(Ordering::Relaxed));
            }
        }
        for name in rooms.names() {
            if let Some(room) = rooms.get(&name) {
                self.namespace(&name).record(to, &name, &room, led.get(&name));
            }
        }
        rings.record(to, rooms);
        // Those of namespaces that are no more go with them.
        self.namespaces.write().retain(|name, _| rooms.get(name).is_some());
    }
}

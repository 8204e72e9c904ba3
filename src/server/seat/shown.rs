//! What everybody may know of a namespace without waiting for its task.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::{Mutex, RwLock};
use tokio::sync::mpsc;

use super::Command;
use crate::{
    engine::Condition,
    journal::LogError,
    replica::{Place, Trouble},
    server::metrics::Led,
    types::{Mono, Namespace},
};

/// The namespaces' tasks, for whoever has something to say to one.
#[derive(Debug, Default)]
pub(in crate::server) struct Seats(RwLock<BTreeMap<Namespace, SeatHandle>>);

#[derive(Clone, Debug)]
struct SeatHandle {
    commands: mpsc::Sender<Command>,
    shown: Arc<Shown>,
}

/// What a namespace's task has last shown.
#[derive(Debug, Default)]
pub(in crate::server) struct Shown(Mutex<Face>);

#[derive(Debug, Default)]
struct Face {
    /// What keeps it from being run, as it was last said.
    trouble: Option<LogError>,
    /// What of its history it is run without.
    damaged: Option<String>,
    /// Of its engine, if it is run here, and until when that leads.
    led: Option<(Mono, Led, Vec<Condition>)>,
    has_fallen: bool,
}

impl Seats {
    /// There is another task of the namespace. What it shows.
    pub(in crate::server) fn enter(
        &self,
        namespace: &Namespace,
        commands: mpsc::Sender<Command>,
    ) -> Arc<Shown> {
        let mut all = self.0.write();
        let shown = all.get(namespace).map(|before| before.shown.clone()).unwrap_or_default();
        all.insert(namespace.clone(), SeatHandle { commands, shown: shown.clone() });
        shown
    }

    /// The task of the namespace is no more.
    pub(in crate::server) fn fell(&self, namespace: &Namespace) {
        if let Some(shown) = self.shown(namespace) {
            *shown.0.lock() = Face { has_fallen: true, ..Face::default() };
        }
    }

    pub(in crate::server) fn remove(&self, namespace: &Namespace) {
        self.0.write().remove(namespace);
    }

    /// To speak to the task. `None`: there is none.
    pub(in crate::server) fn get(&self, namespace: &Namespace) -> Option<mpsc::Sender<Command>> {
        Some(self.0.read().get(namespace)?.commands.clone())
    }

    /// What the task shows.
    pub(in crate::server) fn shown(&self, namespace: &Namespace) -> Option<Arc<Shown>> {
        Some(self.0.read().get(namespace)?.shown.clone())
    }
}

impl Shown {
    /// What keeps it from being run.
    pub(in crate::server) fn trouble(&self) -> Option<LogError> {
        self.0.lock().trouble.clone()
    }

    /// What is wrong with it, if anything.
    pub(in crate::server) fn wrong(&self) -> Option<String> {
        let face = self.0.lock();
        let trouble = face.trouble.as_ref().map(ToString::to_string);
        let fell = face.has_fallen.then(|| {
            "a mistake in the program has ended it here, which the log tells of; this replica leads it no more until \
             it is started again"
                .to_owned()
        });
        trouble.or(fell).or_else(|| face.damaged.clone())
    }

    /// Whether it is run without part of its history.
    pub(in crate::server) fn is_damaged(&self) -> bool {
        self.0.lock().damaged.is_some()
    }

    /// Whether it is run here, and nobody else can lead it.
    pub(in crate::server) fn is_run(&self, now: Mono) -> bool {
        self.led(now).is_some()
    }

    /// What its engine has counted, if it is run here.
    pub(in crate::server) fn led(&self, now: Mono) -> Option<Led> {
        self.0.lock().led.as_ref().filter(|(until, ..)| now < *until).map(|(_, led, _)| *led)
    }

    /// What its engine says of how it is, if it is run here.
    pub(in crate::server) fn conditions(&self, now: Mono) -> Option<Vec<Condition>> {
        let face = self.0.lock();
        face.led.as_ref().filter(|(until, ..)| now < *until).map(|(.., conditions)| conditions.clone())
    }

    /// Shows how the place is now.
    pub(super) fn show(&self, place: &Place) {
        let damaged = place.damaged().map(ToString::to_string);
        let led = place.engine().map(|engine| (place.leads_until(), Led::of(engine), engine.conditions()));
        let mut face = self.0.lock();
        (face.damaged, face.led) = (damaged, led);
    }

    /// Notes what is new, and logs it. A tool says it in its own words.
    pub(super) fn note(&self, namespace: &Namespace, trouble: &Trouble, of_tool: bool) {
        let is_known = match trouble {
            Trouble::Log(error) => {
                let before = self.0.lock().trouble.replace(error.clone());
                before.is_some_and(|known| known == *error)
            }
            _ => false,
        };
        if !is_known && !of_tool {
            tracing::error!(%namespace, "{trouble}");
        }
    }

    /// It is run, or is no more.
    pub(super) fn forget(&self) {
        self.0.lock().trouble = None;
    }
}

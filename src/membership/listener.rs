//! A sink for tests.

use std::{sync::Arc, time::Duration};

use parking_lot::{Condvar, Mutex};

use super::{MemberSink, MemberSourceError};
use crate::types::Member;
#[cfg(feature = "gossip")]
use crate::{
    clock::{Clock, SystemClock},
    types::Mono,
};

/// Longer than any test needs on a busy machine.
pub(super) const DEADLINE: Duration = Duration::from_secs(30);

/// What a source told, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// The addresses, sorted.
    Members(Vec<String>),
    Failed(&'static str),
}

/// Keeps what it is told, and lets a test wait for it.
#[derive(Default)]
pub(super) struct Listener {
    told: Mutex<Vec<(Told, String)>>,
    last: Mutex<Vec<Member>>,
    news: Condvar,
}

impl Listener {
    pub(super) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Waits until something after the first `skip` that were told satisfies `wanted`; answers how many were told
    /// before and with it.
    pub(super) fn wait(&self, skip: usize, what: &str, wanted: impl Fn(&Told) -> bool) -> usize {
        let mut told = self.told.lock();
        loop {
            if let Some(at) = told.iter().skip(skip).position(|(told, _)| wanted(told)) {
                return skip + at + 1;
            }
            let timed_out = self.news.wait_for(&mut told, DEADLINE).timed_out();
            assert!(!timed_out, "not told within the deadline: {what}; told: {told:?}");
        }
    }

    pub(super) fn wait_members(&self, skip: usize, addresses: &[&str]) -> usize {
        let wanted = members(addresses);
        self.wait(skip, &format!("{wanted:?}"), |told| *told == wanted)
    }

    pub(super) fn wait_failed(&self, skip: usize, label: &'static str) -> usize {
        self.wait(skip, label, |told| *told == Told::Failed(label))
    }

    /// Everything told after the first `skip`.
    pub(super) fn told(&self, skip: usize) -> Vec<Told> {
        self.told.lock().iter().skip(skip).map(|(told, _)| told.clone()).collect()
    }

    /// The last failure, in words.
    pub(super) fn last_failure(&self) -> String {
        let told = self.told.lock();
        told.iter()
            .rev()
            .find(|(told, _)| matches!(told, Told::Failed(_)))
            .map_or(String::new(), |(_, text)| text.clone())
    }

    /// Waits until the last list is this one.
    #[cfg(feature = "gossip")]
    pub(super) fn wait_last_members(&self, addresses: &[&str]) {
        let wanted = members(addresses);
        let is_list = |told: &&Told| matches!(told, Told::Members(_));
        let mut told = self.told.lock();
        while told.iter().map(|(told, _)| told).rfind(is_list) != Some(&wanted) {
            let timed_out = self.news.wait_for(&mut told, DEADLINE).timed_out();
            assert!(!timed_out, "not told within the deadline: {wanted:?}; told: {told:?}");
        }
    }

    /// The last list, as it came.
    #[cfg(any(feature = "dns", feature = "gossip"))]
    pub(super) fn last_members(&self) -> Vec<Member> {
        self.last.lock().clone()
    }

    fn add(&self, told: Told, text: String) {
        self.told.lock().push((told, text));
        self.news.notify_all();
    }
}

/// Waits for what nobody tells.
#[cfg(feature = "gossip")]
pub(super) async fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let clock = SystemClock::new();
    while !condition() {
        assert!(clock.now() < Mono::ZERO + DEADLINE, "not within the deadline: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

pub(super) fn members(addresses: &[&str]) -> Told {
    let mut addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    addresses.sort();
    Told::Members(addresses)
}

impl MemberSink for Listener {
    fn members(&self, members: Vec<Member>) {
        let mut addresses: Vec<String> = members.iter().map(|member| member.address().to_owned()).collect();
        addresses.sort();
        *self.last.lock() = members;
        self.add(Told::Members(addresses), String::new());
    }

    fn failed(&self, reason: MemberSourceError) {
        self.add(Told::Failed(reason.label()), reason.to_string());
    }
}

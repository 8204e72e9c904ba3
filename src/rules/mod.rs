//! The rules that close the protocol's known holes, each with the schedule that falls into the hole without it.
//!
//! One file a rule, which begins with the rule in its own words. Its tests leave nothing to chance: they say what
//! arrives when, run the real engine, sessions, replicas, elections and histories, and run them twice, as they are and
//! with the rule's switch off ([`Planted`]). The first time every promise is kept, the second time the named one is
//! broken: so a rule that somebody takes for superfluous has a test that says what it is for.

mod fleet;
mod r01_expiry;
mod r02_incarnation;
mod r03_lineage;
mod r04_session;
mod r05_shorter_lease;
mod r06_term;
mod r07_listening;
mod r08_applied;
mod r09_release;
mod r10_destination;
mod r11_chunks;
// Among other things of a backup that is copied, which is the server's.
#[cfg(feature = "server")]
mod r12_tombstone;
mod r13_exclusive;
mod r14_unary;
mod stage;

use crate::{
    engine::tests::world::Broken,
    planted::{Planted, with},
};

/// The schedule breaks nothing as long as the rule is applied, and this without it.
fn needs(rule: Planted, schedule: impl Fn() -> Vec<Broken>, promise: &Broken) {
    assert_eq!(with(None, &schedule), [], "with the rule");
    let broken = with(Some(rule), &schedule);
    assert!(broken.contains(promise), "without the rule: {broken:?}");
}

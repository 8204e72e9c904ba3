//! Whether a plan keeps the rules: written without the planner's code, from the rules alone.
//!
//! It counts everything again, so it costs a pass over all shards. Tests and the simulation check every plan; whoever
//! carries plans out may.

mod balance;
mod completeness;
mod fault;
mod form;
mod limits;
mod quarantine;
mod recount;

pub use fault::Fault;

use super::{Board, Config, Plan};
use crate::types::Mono;
use recount::Recount;

/// Most faults that one check names.
pub const MAX_FAULTS: usize = 64;

/// Whether the plan keeps all rules for a board as it was when the plan was made. `Err` names what it breaks.
pub fn check(board: &Board, now: Mono, config: &Config, plan: &Plan) -> Result<(), Vec<Fault>> {
    let mut faults = Faults(Vec::new());
    form::check(board, plan, &mut faults);
    if faults.0.is_empty() {
        let recount = Recount::new(board, now, config, plan);
        quarantine::check(&recount, &mut faults);
        completeness::check(&recount, &mut faults);
        limits::check(&recount, &mut faults);
        balance::check(&recount, &mut faults);
    }
    if faults.0.is_empty() { Ok(()) } else { Err(faults.0) }
}

/// The first [`MAX_FAULTS`].
struct Faults(Vec<Fault>);

impl Faults {
    fn add(&mut self, fault: Fault) {
        if self.0.len() < MAX_FAULTS {
            self.0.push(fault);
        }
    }

    fn add_if(&mut self, is_broken: bool, fault: impl FnOnce() -> Fault) {
        if is_broken {
            self.add(fault());
        }
    }
}

//! P12: every write of a leader is conditional on its own term.

/// A commit of a term was stored while another one was in force.
pub(in crate::sim) fn stored(term: u64, in_force: u64) -> Result<(), String> {
    if term == in_force {
        Ok(())
    } else {
        Err(format!("a commit of term {term} is stored in term {in_force}"))
    }
}

//! P12: every write of a leader is conditional on its own term.
//!
//! Held at the store, at the instant of each transaction: the term in which the rows that it writes were written, as their
//! keys and the head say, against the term's own row.

/// A transaction of a term wrote rows of the namespace while this term was in force; `None`: none was, or its holder had
/// given it up.
pub(in crate::sim) fn wrote(term: u64, in_force: Option<u64>) -> Result<(), String> {
    if Some(term) == in_force {
        return Ok(());
    }
    let in_force = in_force.map_or_else(|| "while nobody led".to_owned(), |term| format!("in term {term}"));
    Err(format!("rows of term {term} are written {in_force}"))
}

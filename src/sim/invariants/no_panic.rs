//! Nothing that runs in a world panics, whatever happens in it: a process that did would be gone, and its callers with it.
//! And nothing keeps everybody busy for ever, which looks no better from outside.

use std::any::Any;

use crate::types::Mono;

/// Things that happen in a virtual second at the most; a hundred is usual.
const MAX_EVENTS_PER_SECOND: u32 = 100_000;

/// How much has happened in this virtual second.
#[derive(Debug, Default)]
pub(in crate::sim) struct Bustle {
    second: u64,
    events: u32,
}

impl Bustle {
    /// Something happens.
    pub(in crate::sim) fn happened(&mut self, now: Mono) -> Result<(), String> {
        let second = now.as_nanos() / 1_000_000_000;
        if std::mem::replace(&mut self.second, second) != second {
            self.events = 0;
        }
        self.events += 1;
        if self.events <= MAX_EVENTS_PER_SECOND {
            return Ok(());
        }
        Err(format!(
            "more than {MAX_EVENTS_PER_SECOND} things happened in one second: somebody runs in circles"
        ))
    }
}

/// Something did.
pub(in crate::sim) fn panicked(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("something panicked: {}", text.unwrap_or("it did not say why"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_in_circles_is_found_and_a_busy_second_is_forgiven() {
        let mut bustle = Bustle::default();
        let (one, two) = (Mono::from_nanos(1_999_999_999), Mono::from_nanos(2_000_000_000));
        assert!((0..MAX_EVENTS_PER_SECOND).all(|_| bustle.happened(one).is_ok()));
        assert!((0..MAX_EVENTS_PER_SECOND).all(|_| bustle.happened(two).is_ok()), "another second");
        assert!(bustle.happened(two).is_err());
    }
}

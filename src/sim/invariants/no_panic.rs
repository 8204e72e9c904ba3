//! Nothing that runs in a world panics, whatever happens in it: a process that did would be gone, and its callers with it.

use std::any::Any;

/// Something did.
pub(in crate::sim) fn panicked(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("something panicked: {}", text.unwrap_or("it did not say why"))
}

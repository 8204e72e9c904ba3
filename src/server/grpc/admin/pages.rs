//! Lists come in pages.

use std::fmt;

use crate::{
    proto::Invalid,
    types::{SessionId, Version},
};

/// Entries of a page if nothing else is said, and at most.
const PAGE_SIZE: u32 = 100;
const MAX_PAGE_SIZE: u32 = 1_000;

/// How many entries a page may have.
pub(super) fn size(page_size: u32) -> Result<usize, Invalid> {
    match page_size {
        0 => Ok(PAGE_SIZE as usize),
        1..=MAX_PAGE_SIZE => Ok(page_size as usize),
        _ => Err(Invalid::new("page_size", page_size, format!("must be at most {MAX_PAGE_SIZE}"))),
    }
}

/// How many of the newest: `usual` if nothing is said.
pub(super) fn newest(newest: u32, usual: u32, most: usize) -> Result<usize, Invalid> {
    let newest = if newest == 0 { usual } else { newest };
    match usize::try_from(newest) {
        Ok(newest) if newest <= most => Ok(newest),
        _ => Err(Invalid::new("newest", newest, format!("must be at most {most}"))),
    }
}

/// What the last page ended with; `None`: this is the first.
pub(super) fn after<T>(page: &str, read: fn(&str) -> Option<T>) -> Result<Option<T>, Invalid> {
    if page.is_empty() {
        return Ok(None);
    }
    let rule = "must be the next_page of an earlier answer";
    read(page).map(Some).ok_or_else(|| Invalid::new("page", page, rule))
}

/// A session, as it is displayed.
pub(super) fn session(page: &str) -> Option<SessionId> {
    let mut numbers = page.splitn(3, '.');
    let mut number = || numbers.next()?.parse::<u64>().ok();
    let began = Version { incarnation: number()?, generation: number()? };
    Some(SessionId { began, ordinal: number()?.try_into().ok()? })
}

/// At most so many of what there is, and where the next page begins, if there is more.
pub(super) fn cut<T, K: fmt::Display>(
    all: impl IntoIterator<Item = T>,
    size: usize,
    key: impl FnOnce(&T) -> K,
) -> (Vec<T>, String) {
    let mut all = all.into_iter();
    let page: Vec<T> = all.by_ref().take(size).collect();
    let next = page.last().filter(|_| all.next().is_some()).map(|last| key(last).to_string());
    (page, next.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_end_where_there_is_no_more() {
        let page = |size| cut(1..=4, size, |last| *last);
        assert_eq!(page(3), (vec![1, 2, 3], "3".into()));
        assert_eq!(page(4), (vec![1, 2, 3, 4], String::new()), "nothing is behind it");
        assert_eq!(cut(0..0, 4, |last| *last), (vec![], String::new()));
    }

    #[test]
    fn a_session_is_read_as_it_is_shown() {
        let began = Version { incarnation: 3, generation: 14 };
        let id = SessionId { began, ordinal: 15 };
        assert_eq!(session(&id.to_string()), Some(id));
        for bad in ["", "1", "1.2", "1.2.x", "1.2.3.4", "-1.2.3", "1.2.4294967296"] {
            assert_eq!(session(bad), None, "{bad}");
        }
    }
}

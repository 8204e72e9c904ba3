//! Lists in pages.

use serde::Deserialize;

/// Entries of a page, if the request does not say.
const PAGE: usize = 100;
/// And at most.
const MAX_PAGE: usize = 1000;

/// Which page of a list.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// How many entries; 100 if it does not say, at most 1000.
    page_size: Option<usize>,
    /// What the page before gave as `next_page`: the last entry of it.
    page: Option<String>,
}

impl Page {
    /// Behind which entry the page begins.
    pub(super) fn behind(&self) -> &str {
        self.page.as_deref().unwrap_or_default()
    }

    /// Takes a page of what comes behind; and what to ask for the next, if there is more.
    pub(super) fn take<T>(
        &self,
        entries: impl Iterator<Item = T>,
        name: impl Fn(&T) -> String,
    ) -> (Vec<T>, Option<String>) {
        let size = self.page_size.unwrap_or(PAGE).clamp(1, MAX_PAGE);
        let mut page: Vec<T> = entries.take(size + 1).collect();
        let more = page.len() > size;
        page.truncate(size);
        let next = page.last().filter(|_| more).map(name);
        (page, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_one_another_to_the_end() {
        let all: Vec<String> = (0..25).map(|number| format!("{number:02}")).collect();
        let (mut seen, mut page) = (Vec::new(), Page { page_size: Some(10), page: None });
        loop {
            let behind = page.behind().to_owned();
            let entries = all.iter().filter(|entry| **entry > behind).cloned();
            let (entries, next) = page.take(entries, Clone::clone);
            assert!(entries.len() <= 10);
            seen.extend(entries);
            match next {
                Some(next) => page.page = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, all);
        let (most, _) = Page { page_size: Some(usize::MAX), page: None }.take(0..5000, ToString::to_string);
        assert_eq!(most.len(), MAX_PAGE);
    }
}

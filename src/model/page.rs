//! Paging of lists: a bounded size, and a token that says where the next page begins (AIP-158).

use crate::model::failure::Failure;

const DEFAULT_SIZE: usize = 100;
const GREATEST_SIZE: usize = 1000;

/// Which part of a list is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// At most this many, 1 to 1000.
    pub size: usize,
    /// The last key of the page before; `None` for the first page.
    pub after: Option<String>,
}

impl Page {
    /// Reads the two fields of a list request. A negative size is refused.
    pub fn new(size: i32, token: &str) -> Result<Self, Failure> {
        let size = match usize::try_from(size) {
            Err(_) => return Err(Failure::invalid_field("page_size", "must not be negative")),
            Ok(0) => DEFAULT_SIZE,
            Ok(size) => size.min(GREATEST_SIZE),
        };
        let after = (!token.is_empty()).then(|| token.to_owned());
        Ok(Self { size, after })
    }

    /// Cuts a whole, sorted list down to this page. `key` must tell each item from all others.
    pub fn cut<T>(
        &self,
        items: Vec<T>,
        key: impl Fn(&T) -> String,
    ) -> Result<(Vec<T>, Option<String>), Failure> {
        let start = match &self.after {
            None => 0,
            Some(after) => items
                .iter()
                .position(|item| key(item) == *after)
                .map(|position| position + 1)
                .ok_or_else(Self::stale)?,
        };
        let mut page: Vec<T> = items.into_iter().skip(start).take(self.size + 1).collect();
        let more = page.len() > self.size;
        page.truncate(self.size);
        let next = if more { page.last().map(key) } else { None };
        Ok((page, next))
    }

    /// The failure for a token that no longer, or never, named a place in the list.
    pub fn stale() -> Failure {
        Failure::invalid_field(
            "page_token",
            "does not name a place in this list; start again without it",
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn walk(count: usize, size: i32) -> Vec<usize> {
        let (mut seen, mut token) = (Vec::new(), String::new());
        loop {
            let page = Page::new(size, &token).unwrap();
            let (items, next) = page.cut((0..count).collect(), ToString::to_string).unwrap();
            seen.extend(items);
            match next {
                Some(next) => token = next,
                None => return seen,
            }
        }
    }

    #[test]
    fn walking_the_pages_gives_each_item_once() {
        for count in [0, 1, 4, 5, 6, 10] {
            assert_eq!(walk(count, 5), (0..count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_unknown_token_is_refused_with_its_field() {
        let page = Page::new(0, "nowhere").unwrap();
        let failure = page.cut(vec![1], ToString::to_string).unwrap_err();
        assert_eq!(failure.fields[0].field, "page_token");
    }

    #[test]
    fn a_negative_size_is_refused_and_a_large_one_is_capped() {
        assert!(Page::new(-1, "").is_err());
        assert_eq!(Page::new(5000, "").unwrap().size, 1000);
    }
}

//! What one rule says of one statement; [`lint`](super::lint) adds where that stands.

use super::{
    finding::{Category, Severity},
    words::Cursor,
};

/// A finding without its place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Remark {
    pub(super) rule: String,
    pub(super) category: Category,
    pub(super) severity: Severity,
    /// The line, from 1 at the beginning of the section.
    pub(super) line: usize,
    pub(super) object: Option<String>,
    pub(super) message: String,
    pub(super) safe_way: String,
}

impl Remark {
    /// A remark on what stands at `place`.
    pub(super) fn new(
        rule: impl Into<String>,
        weight: (Category, Severity),
        place: Cursor<'_>,
        object: Option<String>,
        message: impl Into<String>,
        safe_way: impl Into<String>,
    ) -> Self {
        Self {
            rule: rule.into(),
            category: weight.0,
            severity: weight.1,
            line: place.line(),
            object,
            message: message.into(),
            safe_way: safe_way.into(),
        }
    }
}

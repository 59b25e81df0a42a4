//! What stands under a list.

use crate::cli::page::Page;

/// Says under a list that it goes on.
pub(super) fn more(page: &mut Page, next_page_token: &str) {
    if !next_page_token.is_empty() {
        page.line("there are more; --limit shows them");
    }
}

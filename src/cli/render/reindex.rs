//! What a Reindex run did.

use crate::{
    cli::{
        page::{Page, Render},
        words,
    },
    proto::ReindexResult,
};

impl Render for ReindexResult {
    fn render(&self, page: &mut Page) {
        let rows = self.indexes.iter().map(|index| {
            [
                format!("{}.{}", index.schema, index.index),
                index.table.clone(),
                words::value(index.outcome().as_str_name(), "REINDEX_OUTCOME_"),
                words::size(index.size_bytes_before),
                index.size_bytes_after.map(words::size).unwrap_or_default(),
                words::duration(index.duration.as_ref()),
                index.message.clone(),
            ]
        });
        page.table(
            [
                "index", "table", "outcome", "before", "after", "duration", "message",
            ],
            rows,
            "no indexes",
        );
        for leftover in &self.dropped_leftovers {
            page.line(&format!(
                "dropped what an earlier build had left: {leftover}"
            ));
        }
        let yields = match self.yield_count {
            0 => String::new(),
            count => format!("; made way for others {}", words::count(count, "time")),
        };
        page.line(&format!(
            "{}: {} rebuilt, {} skipped, {} failed{yields}",
            self.database, self.rebuilt_count, self.skipped_count, self.failed_count,
        ));
    }
}

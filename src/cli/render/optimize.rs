//! What an Optimize run did.

use crate::{
    cli::{
        page::{Page, Render},
        words,
    },
    proto::OptimizeResult,
};

impl Render for OptimizeResult {
    fn render(&self, page: &mut Page) {
        let rows = self.tables.iter().map(|table| {
            [
                format!("{}.{}", table.schema, table.table),
                words::value(table.action().as_str_name(), "OPTIMIZE_ACTION_"),
                words::value(table.outcome().as_str_name(), "OPTIMIZE_OUTCOME_"),
                words::size(table.size_bytes),
                change(table.dead_rows_before, table.dead_rows_after),
                change(table.pages_before, table.pages_after),
                words::duration(table.duration.as_ref()),
                table.message.clone(),
            ]
        });
        page.table(
            [
                "table",
                "action",
                "outcome",
                "size",
                "dead rows",
                "pages",
                "duration",
                "message",
            ],
            rows,
            "no tables",
        );
        let mut line = format!(
            "{}: {} optimized, {} skipped, {} failed",
            self.database,
            words::count(self.optimized_count, "table"),
            self.skipped_count,
            self.failed_count,
        );
        if self.fresh_count > 0 {
            line = format!("{line}, {} needed nothing", self.fresh_count);
        }
        if self.yield_count > 0 {
            let times = words::count(self.yield_count, "time");
            line = format!("{line}; made way for others {times}");
        }
        page.line(&line);
    }
}

/// `before > after`, or one number where it did not change or is not known.
fn change(before: i64, after: Option<i64>) -> String {
    match after {
        Some(after) if after != before => format!("{before} > {after}"),
        _ => before.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::page::rendered,
        proto::{OptimizeAction, OptimizeOutcome, OptimizedTable},
    };

    #[test]
    fn each_table_reads_with_what_was_done_and_what_changed() {
        let result = OptimizeResult {
            database: "app".to_owned(),
            tables: vec![OptimizedTable {
                schema: "public".to_owned(),
                table: "orders".to_owned(),
                action: OptimizeAction::VacuumAnalyze.into(),
                outcome: OptimizeOutcome::Optimized.into(),
                dead_rows_before: 12,
                dead_rows_after: Some(0),
                pages_before: 3,
                pages_after: Some(3),
                ..OptimizedTable::default()
            }],
            optimized_count: 1,
            fresh_count: 4,
            yield_count: 1,
            ..OptimizeResult::default()
        };
        let text = rendered(&result);
        assert!(text.contains("vacuum-analyze  optimized"), "{text}");
        assert!(text.contains("12 > 0"), "{text}");
        let end = "app: 1 table optimized, 0 skipped, 0 failed, 4 needed nothing; made way for others 1 time\n";
        assert!(text.ends_with(end), "{text}");
    }
}

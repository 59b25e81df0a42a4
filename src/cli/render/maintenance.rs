//! Maintenance mode and what an Optimize run did.

use crate::{
    cli::{
        page::{Page, Render},
        words,
    },
    proto::{Maintenance, OptimizeResult},
};

impl Render for Maintenance {
    fn render(&self, page: &mut Page) {
        if !self.active {
            page.line(&format!("{}: maintenance mode is off", self.database));
            return;
        }
        page.line(&format!("{}: maintenance mode is on", self.database));
        page.fields(&[
            ("reason", self.reason.clone()),
            ("entered by", self.principal.clone()),
            ("since", words::time(self.enter_time.as_ref())),
            ("sessions ended", self.ended_sessions.to_string()),
            ("other sessions", self.other_sessions.to_string()),
        ]);
    }
}

impl Render for OptimizeResult {
    fn render(&self, page: &mut Page) {
        let rows = self.tables.iter().map(|table| {
            [
                format!("{}.{}", table.schema, table.table),
                words::value(table.outcome().as_str_name(), "OPTIMIZE_OUTCOME_"),
                words::size(table.size_bytes),
                words::duration(table.duration.as_ref()),
                table.message.clone(),
            ]
        });
        page.table(
            ["table", "outcome", "size", "duration", "message"],
            rows,
            "no tables",
        );
        page.line(&format!(
            "{}: {} optimized, {} skipped, {} failed",
            self.database,
            words::count(self.optimized_count, "table"),
            self.skipped_count,
            self.failed_count,
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::page::rendered;

    #[test]
    fn the_mode_reads_as_one_line_when_off_and_has_its_reason_when_on() {
        let mut maintenance = Maintenance {
            database: "app".to_owned(),
            ..Maintenance::default()
        };
        assert_eq!(rendered(&maintenance), "app: maintenance mode is off\n");
        maintenance.active = true;
        maintenance.reason = "INC-7".to_owned();
        let text = rendered(&maintenance);
        assert!(
            text.starts_with("app: maintenance mode is on\nreason:          INC-7\n"),
            "{text}"
        );
    }
}

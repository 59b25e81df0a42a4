//! The jobs of the schedule, and what stands under a list.

use crate::{
    cli::{
        page::{Page, Render},
        words,
    },
    proto::ListSchedulesResponse,
};

impl Render for ListSchedulesResponse {
    fn render(&self, page: &mut Page) {
        let rows = self.schedules.iter().map(|job| {
            let last = job.last_run.as_ref();
            let ending = last.map_or_else(String::new, |run| {
                if run.message.is_empty() {
                    words::value(run.state().as_str_name(), "OPERATION_STATE_")
                } else {
                    run.message.clone()
                }
            });
            [
                job.name.clone(),
                job.method.clone(),
                job.cron.clone(),
                job.time_zone.clone(),
                words::time(job.next_run_time.as_ref()),
                words::time(last.and_then(|run| run.slot_time.as_ref())),
                ending,
            ]
        });
        page.table(
            [
                "name",
                "method",
                "cron",
                "time zone",
                "next run",
                "last run",
                "outcome",
            ],
            rows,
            "no jobs",
        );
    }
}

/// Says under a list that it goes on.
pub(super) fn more(page: &mut Page, next_page_token: &str) {
    if !next_page_token.is_empty() {
        page.line("there are more; --limit shows them");
    }
}

//! The jobs of the schedule and their runs.

use super::logs::more;
use crate::{
    cli::{
        page::{Page, Render},
        words,
    },
    proto::{ListScheduleRunsResponse, ListSchedulesResponse, OverdueJob, Schedule, ScheduleRun},
};

/// How a run ended, or why it did not run.
fn ending(run: &ScheduleRun) -> String {
    let state = words::value(run.run_state().as_str_name(), "RUN_STATE_");
    if run.message.is_empty() {
        return state;
    }
    format!("{state}: {}", run.message)
}

/// A pause or being overdue, which is what to look at first.
fn standing(job: &Schedule) -> String {
    match (&job.pause, &job.overdue) {
        (Some(pause), _) => {
            let until = match &pause.until_time {
                Some(until) => format!(" until {}", words::time(Some(until))),
                None => String::new(),
            };
            format!("paused{until} by {}: {}", pause.principal, pause.reason)
        }
        (None, Some(overdue)) => {
            format!("overdue since {}", words::time(overdue.since_time.as_ref()))
        }
        (None, None) => "active".to_owned(),
    }
}

/// The names of jobs that are overdue, e.g. `backup/app since 2026-11-22T02:00:00Z`.
pub(super) fn overdue(jobs: &[OverdueJob]) -> String {
    let jobs: Vec<String> = jobs
        .iter()
        .map(|job| {
            format!(
                "{} since {}",
                job.name,
                words::time(job.since_time.as_ref())
            )
        })
        .collect();
    words::list(&jobs)
}

fn run_rows(runs: &[ScheduleRun]) -> impl Iterator<Item = [String; 6]> {
    runs.iter().map(|run| {
        [
            words::time(run.slot_time.as_ref()),
            run.ticks.to_string(),
            run.attempt.to_string(),
            ending(run),
            words::time(run.end_time.as_ref()),
            run.operation_id.clone(),
        ]
    })
}

const RUN_COLUMNS: [&str; 6] = ["tick", "ticks", "attempt", "outcome", "ended", "operation"];

impl Render for ListSchedulesResponse {
    fn render(&self, page: &mut Page) {
        let rows = self.schedules.iter().map(|job| {
            let last = job.last_run.as_ref();
            [
                job.name.clone(),
                standing(job),
                job.cron.clone(),
                job.time_zone.clone(),
                words::time(job.next_run_time.as_ref()),
                words::time(last.and_then(|run| run.slot_time.as_ref())),
                last.map(ending).unwrap_or_default(),
                words::time(job.last_success_time.as_ref()),
                job.missed_count.to_string(),
            ]
        });
        page.table(
            [
                "name",
                "state",
                "cron",
                "time zone",
                "next run",
                "last run",
                "outcome",
                "last success",
                "missed",
            ],
            rows,
            "no jobs",
        );
    }
}

impl Render for Schedule {
    fn render(&self, page: &mut Page) {
        page.fields(&[
            ("job", self.name.clone()),
            ("state", standing(self)),
            ("method", self.method.clone()),
            ("cron", format!("{} ({})", self.cron, self.time_zone)),
            ("next run", words::time(self.next_run_time.as_ref())),
            ("last success", words::time(self.last_success_time.as_ref())),
            ("missed", self.missed_count.to_string()),
        ]);
        page.gap();
        page.table(RUN_COLUMNS, run_rows(&self.recent_runs), "no runs");
    }
}

impl Render for ListScheduleRunsResponse {
    fn render(&self, page: &mut Page) {
        page.table(RUN_COLUMNS, run_rows(&self.runs), "no runs");
        more(page, &self.next_page_token);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::page::rendered,
        proto::{RunState, SchedulePause},
    };

    #[test]
    fn a_job_shows_its_pause_and_why_its_last_tick_did_not_run() {
        let skipped = ScheduleRun {
            run_state: RunState::Skipped.into(),
            message: "paused by anna: new disk".to_owned(),
            ..ScheduleRun::default()
        };
        let text = rendered(&ListSchedulesResponse {
            schedules: vec![Schedule {
                name: "backup/app".to_owned(),
                pause: Some(SchedulePause {
                    principal: "anna".to_owned(),
                    reason: "new disk".to_owned(),
                    ..SchedulePause::default()
                }),
                last_run: Some(skipped),
                ..Schedule::default()
            }],
        });
        assert!(text.contains(" paused by anna: new disk "), "{text}");
        assert!(
            text.contains(" skipped: paused by anna: new disk "),
            "{text}"
        );
    }
}

//! Drills: what rehearsal restores said of backups, and how long they took.

use super::logs::more;
use crate::{
    cli::{
        page::{Page, Render},
        words,
    },
    proto::{Drill, DrillVerdict, ListDrillsResponse, StageDuration},
};

fn verdict(drill: &Drill) -> String {
    words::value(drill.verdict().as_str_name(), "DRILL_VERDICT_")
}

/// The verdict with its time, in a few words.
pub(super) fn in_short(drill: Option<&Drill>) -> String {
    drill.map_or_else(String::new, |drill| {
        format!(
            "{} {}",
            verdict(drill),
            words::time(drill.end_time.as_ref())
        )
    })
}

/// How long all stages took together.
fn total(drill: &Drill) -> String {
    let stages = drill.stages.iter();
    let total = stages
        .filter_map(|stage| std::time::Duration::try_from(stage.duration?).ok())
        .sum();
    words::span(total)
}

/// Stages with their durations, below each other.
pub(super) fn stages(page: &mut Page, stages: &[StageDuration]) {
    if stages.is_empty() {
        return;
    }
    page.gap();
    let rows = stages.iter().map(|stage| {
        [
            stage.stage.clone(),
            words::duration(stage.duration.as_ref()),
        ]
    });
    page.table(["stage", "duration"], rows, "");
}

impl Render for Drill {
    fn render(&self, page: &mut Page) {
        let file = if self.filename.is_empty() {
            "no backup"
        } else {
            &self.filename
        };
        page.line(&format!(
            "{}: drill of {file}: {}",
            self.database,
            verdict(self)
        ));
        let verified = if self.verdict() == DrillVerdict::Passed {
            format!(
                "{}, {}",
                words::count(self.verified_tables, "table"),
                words::count(self.verified_rows, "row")
            )
        } else {
            String::new()
        };
        page.fields(&[
            ("message", self.message.clone()),
            ("verified", verified),
            ("took", total(self)),
            ("ended", words::time(self.end_time.as_ref())),
            ("operation", self.operation_id.clone()),
        ]);
        stages(page, &self.stages);
        if !self.checks.is_empty() {
            page.gap();
            let rows = self.checks.iter().map(|check| {
                let passed = if check.passed { "passed" } else { "failed" };
                [check.name.clone(), passed.to_owned(), check.message.clone()]
            });
            page.table(["check", "verdict", "message"], rows, "");
        }
    }
}

impl Render for ListDrillsResponse {
    fn render(&self, page: &mut Page) {
        let rows = self.drills.iter().map(|drill| {
            [
                words::time(drill.end_time.as_ref()),
                drill.database.clone(),
                verdict(drill),
                total(drill),
                drill.filename.clone(),
                drill.operation_id.clone(),
                drill.message.clone(),
            ]
        });
        page.table(
            [
                "ended",
                "database",
                "verdict",
                "took",
                "file",
                "operation",
                "message",
            ],
            rows,
            "no drills",
        );
        more(page, &self.next_page_token);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cli::page::rendered, proto::DrillCheck};

    fn failed() -> Drill {
        let stage = |name: &str, seconds| StageDuration {
            stage: name.to_owned(),
            duration: Some(prost_types::Duration { seconds, nanos: 0 }),
        };
        Drill {
            database: "app".to_owned(),
            filename: "a.sql.gz".to_owned(),
            verdict: DrillVerdict::Failed.into(),
            message: "checks are not true".to_owned(),
            stages: vec![stage("check", 1), stage("load", 62)],
            checks: vec![DrillCheck {
                name: "orders.sql".to_owned(),
                passed: false,
                message: "it gave false".to_owned(),
            }],
            ..Drill::default()
        }
    }

    #[test]
    fn a_drill_shows_its_verdict_with_what_each_stage_took_and_each_check_gave() {
        assert_eq!(
            rendered(&failed()),
            "app: drill of a.sql.gz: failed\n\
             message:  checks are not true\n\
             took:     1m 3s\n\
             \n\
             STAGE  DURATION\n\
             check  1s\n\
             load   1m 2s\n\
             \n\
             CHECK       VERDICT  MESSAGE\n\
             orders.sql  failed   it gave false\n"
        );
    }

    #[test]
    fn a_list_has_a_line_for_each_drill() {
        let list = ListDrillsResponse {
            drills: vec![failed()],
            next_page_token: String::new(),
        };
        let text = rendered(&list);
        let row = text.lines().last().unwrap_or_default();
        assert!(
            row.contains("failed") && row.contains("1m 3s") && row.ends_with("checks are not true"),
            "{text}"
        );
    }
}

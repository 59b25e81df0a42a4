//! Schema versions, and what a migration did or would do.

use super::review::{findings, lost_way_back, rehearsal};
use crate::{
    cli::{
        page::{Page, Render},
        words,
    },
    proto::{Direction, MigrationResult, MigrationStep, SchemaVersion},
};

/// `upgrade` or `downgrade`.
pub(super) fn direction(direction: Direction) -> String {
    words::value(direction.as_str_name(), "DIRECTION_")
}

/// The rows of a version table; an empty one is at base.
pub(super) fn heads(heads: &[String]) -> String {
    if heads.is_empty() {
        "base".to_owned()
    } else {
        words::list(heads)
    }
}

impl Render for SchemaVersion {
    fn render(&self, page: &mut Page) {
        page.fields(&[
            ("database", self.database.clone()),
            ("at", heads(&self.database_heads)),
            ("scripts at", heads(&self.script_heads)),
            ("in sync", words::yes(self.in_sync)),
            ("pending", words::count(self.pending_count, "revision")),
            ("unknown revisions", words::list(&self.unknown_revisions)),
        ]);
    }
}

impl Render for MigrationResult {
    fn render(&self, page: &mut Page) {
        let (from, to) = (heads(&self.from_heads), heads(&self.to_heads));
        let steps = number(self.steps.len(), "revision");
        if self.steps.is_empty() {
            page.line(&format!("{}: nothing to do at {from}", self.database));
        } else if self.validate_only {
            page.line(&format!(
                "{}: would go from {from} to {to} by {steps}",
                self.database
            ));
            if self.backup_planned {
                page.line("a backup would be made first");
            }
            plan(self, page);
        } else {
            ran(&self.steps, page);
            page.line(&format!(
                "{}: from {from} to {to} by {steps}",
                self.database
            ));
            let rehearsed = match self.rehearsals.len() {
                0 => String::new(),
                count => number(count, "revision"),
            };
            page.fields(&[
                ("backup before", self.backup.clone()),
                ("rehearsed", rehearsed),
            ]);
            for warning in self.rehearsals.iter().filter_map(lost_way_back) {
                page.line(&warning);
            }
        }
        warnings(self, page);
    }
}

/// What would run, with what is to be known of it.
fn plan(result: &MigrationResult, page: &mut Page) {
    for step in &result.steps {
        let manner = if step.transactional {
            ""
        } else {
            " (not in a transaction)"
        };
        page.gap();
        page.line(&format!(
            "-- {} {}: {}{manner}",
            direction(step.direction()),
            step.revision,
            step.message
        ));
        if !step.sql.trim().is_empty() {
            page.block(&step.sql);
        }
        if !step.findings.is_empty() {
            page.gap();
            findings(&step.findings, page);
        }
    }
    for seen in &result.rehearsals {
        page.gap();
        rehearsal(seen, page);
    }
}

/// What has run.
fn ran(steps: &[MigrationStep], page: &mut Page) {
    let rows = steps.iter().map(|step| {
        [
            step.revision.clone(),
            direction(step.direction()),
            words::duration(step.duration.as_ref()),
            step.retries.to_string(),
            step.message.clone(),
        ]
    });
    page.table(
        ["revision", "direction", "duration", "retries", "message"],
        rows,
        "",
    );
}

/// What was or would be in the way.
fn warnings(result: &MigrationResult, page: &mut Page) {
    if !result.drift_before.is_empty() {
        page.gap();
        page.line(&format!(
            "warning: {} differed from what the revisions made when the migration began, and was left so:",
            number(result.drift_before.len(), "object")
        ));
        for difference in &result.drift_before {
            page.paragraph(difference);
        }
    }
    if !result.refusals.is_empty() {
        page.gap();
        page.line("it would be refused:");
        for refusal in &result.refusals {
            page.paragraph(refusal);
        }
    }
}

/// A number of things with their noun.
fn number(count: usize, noun: &str) -> String {
    words::count(i64::try_from(count).unwrap_or(i64::MAX), noun)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::page::rendered,
        proto::{Finding, FindingSeverity, Rehearsal},
    };

    fn result(steps: Vec<MigrationStep>, validate_only: bool) -> MigrationResult {
        MigrationResult {
            database: "app".to_owned(),
            from_heads: Vec::new(),
            to_heads: vec!["a1".to_owned()],
            steps,
            validate_only,
            ..MigrationResult::default()
        }
    }

    fn step() -> MigrationStep {
        MigrationStep {
            revision: "a1".to_owned(),
            direction: Direction::Upgrade.into(),
            message: "orders".to_owned(),
            sql: "CREATE TABLE orders (\n\tid int\n);\n".to_owned(),
            transactional: true,
            ..MigrationStep::default()
        }
    }

    #[test]
    fn a_migration_at_its_target_says_that_there_was_nothing_to_do() {
        assert_eq!(
            rendered(&result(Vec::new(), false)),
            "app: nothing to do at base\n"
        );
    }

    #[test]
    fn a_dry_run_shows_the_sql_with_its_own_lines() {
        assert_eq!(
            rendered(&result(vec![step()], true)),
            "app: would go from base to a1 by 1 revision\n\n\
             -- upgrade a1: orders\nCREATE TABLE orders (\n\tid int\n);\n"
        );
    }

    #[test]
    fn a_migration_lists_its_steps_and_ends_with_the_sum() {
        let text = rendered(&result(vec![step()], false));
        assert!(
            text.ends_with("app: from base to a1 by 1 revision\n"),
            "{text}"
        );
    }

    #[test]
    fn a_dry_run_shows_findings_backup_rehearsal_and_what_it_would_be_refused_for() {
        let mut plan = result(vec![step()], true);
        plan.backup_planned = true;
        plan.steps[0].findings = vec![Finding {
            name: "drop-table:orders".to_owned(),
            severity: FindingSeverity::Error.into(),
            message: "its rows are gone".to_owned(),
            ..Finding::default()
        }];
        plan.rehearsals = vec![Rehearsal {
            revision: "a1".to_owned(),
            direction: Direction::Upgrade.into(),
            downgraded: true,
            ..Rehearsal::default()
        }];
        plan.refusals = vec!["REVISION_NOT_APPROVED: a1 was approved by nobody".to_owned()];
        let text = rendered(&plan);
        for part in [
            "by 1 revision\na backup would be made first\n\n-- upgrade a1",
            "\n\nerror: drop-table:orders\n",
            "\n\nrehearsal of the upgrade of a1",
            "\nthe downgrade gives the schema back\n",
            "\n\nit would be refused:\n  REVISION_NOT_APPROVED: a1 was approved by nobody\n",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn a_migration_tells_its_backup_its_retries_and_the_drift_that_it_found() {
        let mut result = result(vec![step()], false);
        result.steps[0].retries = 3;
        result.backup = "app_1.sql.gz".to_owned();
        result.drift_before = vec!["index i was dropped".to_owned()];
        result.rehearsals = vec![Rehearsal {
            revision: "a1".to_owned(),
            downgrade_error: "no".to_owned(),
            ..Rehearsal::default()
        }];
        assert_eq!(
            rendered(&result),
            "\
REVISION  DIRECTION  DURATION  RETRIES  MESSAGE
a1        upgrade    -         3        orders
app: from base to a1 by 1 revision
backup before:  app_1.sql.gz
rehearsed:      1 revision
warning: the downgrade of a1 fails: no

warning: 1 object differed from what the revisions made when the migration began, and was left so:
  index i was dropped
"
        );
    }
}

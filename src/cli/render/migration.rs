//! Revisions, schema versions, and what a migration did or would do.

use crate::{
    cli::{
        page::{Page, Render},
        words,
    },
    proto::{ListRevisionsResponse, MigrationResult, Revision, SchemaVersion},
};

/// The rows of a version table; an empty one is at base.
fn heads(heads: &[String]) -> String {
    if heads.is_empty() {
        "base".to_owned()
    } else {
        words::list(heads)
    }
}

impl Render for Revision {
    fn render(&self, page: &mut Page) {
        page.fields(&[
            ("revision", self.revision.clone()),
            ("message", self.message.clone()),
            ("follows", heads(&self.down_revisions)),
            ("depends on", words::list(&self.depends_on)),
            ("labels", words::list(&self.branch_labels)),
            ("created", words::time(self.create_time.as_ref())),
            ("transactional", words::yes(self.transactional)),
            ("applied", words::yes(self.applied)),
            ("file", self.filename.clone()),
            ("sha256", self.sha256.clone()),
        ]);
        for (section, sql) in [
            ("upgrade", &self.upgrade_sql),
            ("downgrade", &self.downgrade_sql),
        ] {
            if !sql.trim().is_empty() {
                page.gap();
                page.line(&format!("-- {section}"));
                page.block(sql);
            }
        }
    }
}

impl Render for ListRevisionsResponse {
    fn render(&self, page: &mut Page) {
        let rows = self.revisions.iter().map(|revision| {
            let mut marks = revision.branch_labels.clone();
            if revision.head {
                marks.insert(0, "head".to_owned());
            }
            [
                revision.revision.clone(),
                heads(&revision.down_revisions),
                words::yes(revision.applied),
                words::list(&marks),
                words::time(revision.create_time.as_ref()),
                revision.message.clone(),
            ]
        });
        page.table(
            [
                "revision", "follows", "applied", "marks", "created", "message",
            ],
            rows,
            "no revisions",
        );
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
        if self.steps.is_empty() {
            page.line(&format!("{}: nothing to do at {from}", self.database));
            return;
        }
        let steps = words::count(
            i64::try_from(self.steps.len()).unwrap_or(i64::MAX),
            "revision",
        );
        if self.validate_only {
            page.line(&format!(
                "{}: would go from {from} to {to} by {steps}",
                self.database
            ));
            for step in &self.steps {
                let direction = words::value(step.direction().as_str_name(), "DIRECTION_");
                let manner = if step.transactional {
                    ""
                } else {
                    " (not in a transaction)"
                };
                page.gap();
                page.line(&format!(
                    "-- {direction} {}: {}{manner}",
                    step.revision, step.message
                ));
                page.block(&step.sql);
            }
            return;
        }
        let rows = self.steps.iter().map(|step| {
            [
                step.revision.clone(),
                words::value(step.direction().as_str_name(), "DIRECTION_"),
                words::duration(step.duration.as_ref()),
                step.message.clone(),
            ]
        });
        page.table(["revision", "direction", "duration", "message"], rows, "");
        page.line(&format!(
            "{}: from {from} to {to} by {steps}",
            self.database
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::page::rendered,
        proto::{Direction, MigrationStep},
    };

    fn result(steps: Vec<MigrationStep>, validate_only: bool) -> MigrationResult {
        MigrationResult {
            database: "app".to_owned(),
            from_heads: Vec::new(),
            to_heads: vec!["a1".to_owned()],
            steps,
            validate_only,
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
}

//! Backups, their lists and what retention decides about them.

use crate::{
    cli::{
        page::{Page, Render},
        words,
    },
    proto::{Backup, ListBackupsResponse, RetentionResult},
};

fn kind(backup: &Backup) -> String {
    words::value(backup.kind().as_str_name(), "BACKUP_KIND_")
}

/// The levels that were passed, each with its time if asked for.
fn verified(backup: &Backup, with_times: bool) -> String {
    let levels: Vec<String> = backup
        .verifications
        .iter()
        .map(|passed| {
            let level = words::value(passed.level().as_str_name(), "VERIFICATION_LEVEL_");
            match words::time(passed.time.as_ref()) {
                time if with_times && !time.is_empty() => format!("{level} at {time}"),
                _ => level,
            }
        })
        .collect();
    if with_times {
        words::list(&levels)
    } else {
        levels.last().cloned().unwrap_or_default()
    }
}

impl Render for Backup {
    fn render(&self, page: &mut Page) {
        page.fields(&[
            ("file", self.filename.clone()),
            ("database", self.database.clone()),
            ("kind", kind(self)),
            ("snapshot", words::time(self.snapshot_time.as_ref())),
            ("complete", words::time(self.complete_time.as_ref())),
            (
                "size",
                format!(
                    "{} ({} decompressed)",
                    words::size(self.size_bytes),
                    words::size(self.uncompressed_bytes)
                ),
            ),
            ("sha256", self.sha256.clone()),
            ("stores", words::list(&self.stores)),
            (
                "content",
                format!(
                    "{}, {}",
                    words::count(self.table_count, "table"),
                    words::count(self.row_count, "row")
                ),
            ),
            ("schema version", words::list(&self.schema_version)),
            ("server", self.server_version.clone()),
            ("pg_dump", self.tool_version.clone()),
            ("verified", verified(self, true)),
            ("operation", self.operation_id.clone()),
        ]);
        if !self.tables.is_empty() {
            page.gap();
            let rows = self.tables.iter().map(|table| {
                [
                    format!("{}.{}", table.schema, table.table),
                    table.rows.to_string(),
                ]
            });
            page.table(["table", "rows"], rows, "");
        }
    }
}

impl Render for ListBackupsResponse {
    fn render(&self, page: &mut Page) {
        let rows = self.backups.iter().map(|backup| {
            [
                backup.filename.clone(),
                backup.database.clone(),
                kind(backup),
                words::time(backup.complete_time.as_ref()),
                words::size(backup.size_bytes),
                backup.row_count.to_string(),
                words::list(&backup.stores),
                verified(backup, false),
            ]
        });
        page.table(
            [
                "file", "database", "kind", "complete", "size", "rows", "stores", "verified",
            ],
            rows,
            "no backups",
        );
        for manifest in &self.unreadable_manifests {
            page.line(&format!("unreadable manifest: {manifest}"));
        }
    }
}

impl Render for RetentionResult {
    fn render(&self, page: &mut Page) {
        let rows = self.decisions.iter().map(|decision| {
            let verdict = if decision.keep { "keep" } else { "remove" };
            [
                decision.filename.clone(),
                verdict.to_owned(),
                words::size(decision.size_bytes),
                decision.reason.clone(),
            ]
        });
        page.table(["file", "verdict", "size", "reason"], rows, "no backups");
        let (removed, freed) = if self.validate_only {
            ("would be removed", "would be freed")
        } else {
            ("removed", "freed")
        };
        page.line(&format!(
            "{}: {} {removed}, {} {freed}",
            self.database,
            words::count(self.removed_count, "backup"),
            words::size(self.freed_bytes),
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::page::rendered,
        proto::{BackupKind, RetentionDecision, Verification, VerificationLevel},
    };

    #[test]
    fn a_list_has_one_line_for_each_backup_with_its_highest_verification() {
        let passed = |level: VerificationLevel| Verification {
            level: level.into(),
            time: None,
        };
        let backup = Backup {
            filename: "app_1.sql.gz".to_owned(),
            database: "app".to_owned(),
            kind: BackupKind::Scheduled.into(),
            size_bytes: 2048,
            row_count: 12,
            stores: vec!["local".to_owned()],
            verifications: vec![
                passed(VerificationLevel::Committed),
                passed(VerificationLevel::FullRead),
            ],
            ..Backup::default()
        };
        let list = ListBackupsResponse {
            backups: vec![backup],
            unreadable_manifests: vec!["b.json: cut".to_owned()],
            ..ListBackupsResponse::default()
        };
        let text = rendered(&list);
        let lines: Vec<&str> = text.lines().collect();
        let words: Vec<&str> = lines[1].split_whitespace().collect();
        assert_eq!(
            words,
            [
                "app_1.sql.gz",
                "app",
                "scheduled",
                "-",
                "2.00",
                "KiB",
                "12",
                "local",
                "full-read"
            ]
        );
        assert_eq!(lines[2], "unreadable manifest: b.json: cut");
    }

    #[test]
    fn a_retention_that_only_plans_says_would() {
        let result = RetentionResult {
            database: "app".to_owned(),
            decisions: vec![RetentionDecision {
                filename: "a".to_owned(),
                keep: false,
                reason: "older than 14 days".to_owned(),
                size_bytes: 1024,
            }],
            removed_count: 1,
            freed_bytes: 1024,
            validate_only: true,
        };
        let text = rendered(&result);
        assert!(
            text.ends_with("app: 1 backup would be removed, 1.00 KiB would be freed\n"),
            "{text}"
        );
    }
}

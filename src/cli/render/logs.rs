//! The audit log.

use crate::{
    cli::{
        page::{Page, Render},
        words,
    },
    proto::ListAuditEntriesResponse,
};

impl Render for ListAuditEntriesResponse {
    fn render(&self, page: &mut Page) {
        let rows = self.entries.iter().map(|entry| {
            let outcome = words::value(entry.outcome().as_str_name(), "AUDIT_OUTCOME_");
            let ending = if entry.reason.is_empty() {
                outcome
            } else {
                format!("{outcome} ({})", entry.reason)
            };
            [
                entry.id.to_string(),
                words::time(entry.time.as_ref()),
                entry.principal.clone(),
                short_method(&entry.method).to_owned(),
                entry.database.clone(),
                ending,
                words::duration(entry.duration.as_ref()),
                entry.operation_id.clone(),
            ]
        });
        page.table(
            [
                "id",
                "time",
                "principal",
                "method",
                "database",
                "outcome",
                "duration",
                "operation",
            ],
            rows,
            "no entries",
        );
        more(page, &self.next_page_token);
    }
}

/// Says under a list that it goes on.
pub(super) fn more(page: &mut Page, next_page_token: &str) {
    if !next_page_token.is_empty() {
        page.line("there are more; --limit shows them");
    }
}

/// `CreateBackup` of `pgsteward.v1.BackupService/CreateBackup`.
fn short_method(method: &str) -> &str {
    method.rsplit_once('/').map_or(method, |(_, short)| short)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::page::rendered,
        proto::{AuditEntry, AuditOutcome},
    };

    #[test]
    fn an_entry_has_its_short_method_and_its_reason_and_a_cut_list_says_so() {
        let entries = ListAuditEntriesResponse {
            entries: vec![AuditEntry {
                id: 7,
                principal: "ops".to_owned(),
                method: "pgsteward.v1.RestoreService/Restore".to_owned(),
                database: "app".to_owned(),
                outcome: AuditOutcome::Denied.into(),
                reason: "ROLE_MISSING".to_owned(),
                ..AuditEntry::default()
            }],
            next_page_token: "x".to_owned(),
        };
        let text = rendered(&entries);
        let lines: Vec<&str> = text.lines().collect();
        let words: Vec<&str> = lines[1].split_whitespace().collect();
        assert_eq!(
            words,
            [
                "7",
                "-",
                "ops",
                "Restore",
                "app",
                "denied",
                "(ROLE_MISSING)",
                "-",
                "-"
            ]
        );
        assert_eq!(lines[2], "there are more; --limit shows them");
    }
}

//! The audit log: entries, steps of it, and what a verification found.

use super::logs::more;
use crate::{
    cli::{
        page::{Page, Render},
        words,
    },
    proto::{AuditEntry, AuditKind, ListAuditEntriesResponse, VerifyAuditResponse},
};

impl Render for ListAuditEntriesResponse {
    fn render(&self, page: &mut Page) {
        let rows = self.entries.iter().map(|entry| {
            [
                entry.id.to_string(),
                words::time(entry.time.as_ref()),
                entry.principal.clone(),
                method(entry),
                entry.database.clone(),
                ending(entry),
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

/// One step of a log that is followed, on one line.
impl Render for AuditEntry {
    fn render(&self, page: &mut Page) {
        let parts = [
            words::time(self.time.as_ref()),
            format!("#{}", self.id),
            self.principal.clone(),
            method(self),
            self.database.clone(),
            ending(self),
            words::duration(self.duration.as_ref()),
        ];
        let said: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        page.line(&said.join("  "));
    }
}

impl Render for VerifyAuditResponse {
    fn render(&self, page: &mut Page) {
        let records = words::count(self.record_count, "record");
        if self.findings.is_empty() {
            page.line(&format!("the log is whole: {records}"));
        } else {
            page.line(&format!("the log is damaged: {records}"));
            for finding in &self.findings {
                let damage = words::value(finding.damage().as_str_name(), "AUDIT_DAMAGE_");
                page.paragraph(&format!("{damage}: {}", finding.message));
            }
        }
        let place = |head: Option<&crate::proto::AuditHead>| {
            head.filter(|head| head.number > 0)
                .map_or_else(String::new, |head| format!("{}:{}", head.number, head.hash))
        };
        page.fields(&[
            ("head", place(self.head.as_ref())),
            ("seen before", place(self.anchor.as_ref())),
            ("control role", self.control_role.clone()),
        ]);
        for guard in &self.missing_guards {
            page.line(&format!("tampered with: {guard}"));
        }
        if !self.weaknesses.is_empty() {
            page.line("the control role could change the log:");
            for weakness in &self.weaknesses {
                page.paragraph(weakness);
            }
            page.line("configure control.owner_url, so that another role owns it");
        }
    }
}

/// `CreateBackup` of `pgsteward.v1.BackupService/CreateBackup`; what only read, and how many calls it was, stand beside it.
fn method(entry: &AuditEntry) -> String {
    let method = &entry.method;
    let short = method
        .rsplit_once('/')
        .map_or(&**method, |(_, short)| short);
    let mut text = short.to_owned();
    if entry.call_count > 1 {
        text = format!("{text} ×{}", entry.call_count);
    }
    match entry.kind() {
        AuditKind::Read => format!("{text} (read)"),
        AuditKind::Refusal => format!("{text} (not let in)"),
        AuditKind::Change | AuditKind::Unspecified => text,
    }
}

fn ending(entry: &AuditEntry) -> String {
    let outcome = words::value(entry.outcome().as_str_name(), "AUDIT_OUTCOME_");
    if entry.reason.is_empty() {
        outcome
    } else {
        format!("{outcome} ({})", entry.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::page::rendered,
        proto::{AuditDamage, AuditFinding, AuditHead, AuditOutcome},
    };

    fn entry() -> AuditEntry {
        AuditEntry {
            id: 7,
            principal: "ops".to_owned(),
            method: "pgsteward.v1.RestoreService/Restore".to_owned(),
            database: "app".to_owned(),
            outcome: AuditOutcome::Denied.into(),
            reason: "ROLE_MISSING".to_owned(),
            kind: AuditKind::Change.into(),
            call_count: 1,
            ..AuditEntry::default()
        }
    }

    #[test]
    fn an_entry_has_its_short_method_and_its_reason_and_a_cut_list_says_so() {
        let entries = ListAuditEntriesResponse {
            entries: vec![entry()],
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

    #[test]
    fn reads_are_marked_and_counted_and_refusals_are_marked() {
        let mut read = entry();
        (read.kind, read.call_count) = (AuditKind::Read.into(), 60);
        assert_eq!(method(&read), "Restore ×60 (read)");
        read.kind = AuditKind::Refusal.into();
        read.call_count = 1;
        assert_eq!(method(&read), "Restore (not let in)");
    }

    #[test]
    fn a_verification_says_what_is_wrong_and_who_could_do_it() {
        let answer = VerifyAuditResponse {
            record_count: 3,
            head: Some(AuditHead {
                number: 3,
                hash: "0f".to_owned(),
            }),
            findings: vec![AuditFinding {
                damage: AuditDamage::Gap.into(),
                number: 2,
                message: "record 2 is missing".to_owned(),
            }],
            control_role: "ops".to_owned(),
            weaknesses: vec!["it is a superuser".to_owned()],
            ..VerifyAuditResponse::default()
        };
        assert_eq!(
            rendered(&answer),
            "the log is damaged: 3 records\n  gap: record 2 is missing\nhead:          3:0f\ncontrol role:  ops\nthe control role could change the log:\n  it is a superuser\nconfigure control.owner_url, so that another role owns it\n"
        );
    }
}

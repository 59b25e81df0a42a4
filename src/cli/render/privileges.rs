//! What roles may do, and what was done about it.

use crate::{
    cli::{
        page::{Page, Render},
        words,
    },
    proto::{PrivilegeCounts, PrivilegeReport, PrivilegeSummary, RolesProvisioned},
};

/// The counts in words, e.g. `1 error, 2 warnings`.
fn counted(counts: Option<&PrivilegeCounts>) -> String {
    let counts = counts.copied().unwrap_or_default();
    if counts.errors == 0 && counts.warnings == 0 {
        return "as they should be".to_owned();
    }
    format!(
        "{}, {}",
        words::count(counts.errors, "error"),
        words::count(counts.warnings, "warning")
    )
}

/// The last check in a few words; empty where there was none.
pub(super) fn in_short(summary: Option<&PrivilegeSummary>) -> String {
    summary.map_or_else(String::new, |summary| {
        format!(
            "{} at {}",
            counted(summary.counts.as_ref()),
            words::time(summary.check_time.as_ref())
        )
    })
}

impl Render for PrivilegeReport {
    fn render(&self, page: &mut Page) {
        for finding in &self.findings {
            let severity = words::value(finding.severity().as_str_name(), "PRIVILEGE_SEVERITY_");
            page.line(&format!(
                "{severity}: {}: {}",
                finding.reason, finding.message
            ));
            if !finding.statement.is_empty() {
                page.paragraph(&format!("{};", finding.statement));
            }
        }
        let counts = self.counts.unwrap_or_default();
        let all =
            i64::from(counts.errors) + i64::from(counts.warnings) + i64::from(counts.informations);
        let listed = i64::try_from(self.findings.len()).unwrap_or(i64::MAX);
        if all > listed {
            page.line(&format!("and {} more", all - listed));
        }
        page.line(&format!(
            "{}: privileges: {}",
            self.database,
            counted(self.counts.as_ref())
        ));
    }
}

impl Render for RolesProvisioned {
    fn render(&self, page: &mut Page) {
        for statement in &self.statements {
            page.line(&format!("{statement};"));
        }
        for remaining in &self.remaining {
            page.line(&format!("left to do: {remaining}"));
        }
        let done = match (self.statements.is_empty(), self.validate_only) {
            (true, _) => "the roles are as they should be".to_owned(),
            (false, true) => "nothing was done; this would be".to_owned(),
            (false, false) => "done, in one transaction".to_owned(),
        };
        page.line(&format!("{}: {done}", self.database));
        page.fields(&[
            ("made", self.created_roles.join(", ")),
            ("changed", self.changed_roles.join(", ")),
        ]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::page::rendered,
        proto::{PrivilegeFinding, PrivilegeSeverity},
    };

    #[test]
    fn each_finding_is_shown_with_the_statement_that_mends_it() {
        let report = PrivilegeReport {
            database: "app".to_owned(),
            counts: Some(PrivilegeCounts {
                errors: 1,
                warnings: 1,
                informations: 0,
            }),
            findings: vec![PrivilegeFinding {
                severity: PrivilegeSeverity::Error.into(),
                reason: "ATTRIBUTE_EXCESSIVE".to_owned(),
                message: "the application role \"web\" has CREATEDB, which it must not".to_owned(),
                statement: "ALTER ROLE \"web\" NOCREATEDB".to_owned(),
                ..PrivilegeFinding::default()
            }],
            ..PrivilegeReport::default()
        };
        assert_eq!(
            rendered(&report),
            "\
error: ATTRIBUTE_EXCESSIVE: the application role \"web\" has CREATEDB, which it must not
  ALTER ROLE \"web\" NOCREATEDB;
and 1 more
app: privileges: 1 error, 1 warning
"
        );
    }

    #[test]
    fn a_dry_run_says_that_nothing_was_done() {
        let result = RolesProvisioned {
            database: "app".to_owned(),
            statements: vec!["CREATE ROLE \"web\" LOGIN".to_owned()],
            created_roles: vec!["web".to_owned()],
            validate_only: true,
            ..RolesProvisioned::default()
        };
        assert_eq!(
            rendered(&result),
            "CREATE ROLE \"web\" LOGIN;\napp: nothing was done; this would be\nmade:  web\n"
        );
    }
}

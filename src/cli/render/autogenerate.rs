//! What autogenerate wrote.

use super::{review::findings, revision::sections};
use crate::{
    cli::{
        page::{Page, Render},
        words,
    },
    proto::{AutogenerateResult, Finding},
};

impl Render for AutogenerateResult {
    fn render(&self, page: &mut Page) {
        if self.revisions.is_empty() {
            page.line("the models and the head agree; nothing was written");
            return;
        }
        for revision in &self.revisions {
            page.gap();
            page.line(&format!(
                "{}: {}",
                revision.filename,
                if revision.transactional {
                    "one transaction"
                } else {
                    "statement by statement"
                }
            ));
            let of_it = self.findings.iter();
            let of_it = of_it.filter(|finding| finding.revision == revision.revision);
            let of_it: Vec<Finding> = of_it.cloned().collect();
            if !of_it.is_empty() {
                page.gap();
                findings(&of_it, page);
            }
            page.gap();
            sections(revision, page);
        }
        page.gap();
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        page.line(&format!(
            "{}: {} written for {}; upgrade and downgrade were proven on a scratch database",
            self.database,
            words::count(number(self.revisions.len()), "revision"),
            words::count(number(self.differences.len()), "difference"),
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::page::rendered,
        proto::{FindingSeverity, Revision},
    };

    #[test]
    fn each_revision_is_shown_with_its_findings_and_its_sql() {
        let revision = |id: &str, sql: &str| Revision {
            revision: id.to_owned(),
            filename: format!("1_{id}_x.sql"),
            transactional: true,
            upgrade_sql: sql.to_owned(),
            downgrade_sql: "-- nothing to undo".to_owned(),
            ..Revision::default()
        };
        let result = AutogenerateResult {
            database: "app".to_owned(),
            revisions: vec![revision("a1", "DROP TABLE t;"), revision("b2", "SELECT 1;")],
            findings: vec![Finding {
                name: "drop-table:t".to_owned(),
                revision: "a1".to_owned(),
                severity: FindingSeverity::Error.into(),
                message: "gone".to_owned(),
                ..Finding::default()
            }],
            ..AutogenerateResult::default()
        };
        let text = rendered(&result);
        let place = |part: &str| text.find(part);
        assert!(
            place("1_a1_x.sql: one transaction") < place("error: drop-table:t"),
            "{text}"
        );
        assert!(
            place("error: drop-table:t") < place("DROP TABLE t;"),
            "{text}"
        );
        assert!(place("DROP TABLE t;") < place("1_b2_x.sql"), "{text}");
        assert!(
            text.contains("app: 2 revisions written for 0 differences"),
            "{text}"
        );
        assert_eq!(text.matches("drop-table:t").count(), 1, "{text}");
    }

    #[test]
    fn nothing_written_is_said() {
        assert_eq!(
            rendered(&AutogenerateResult::default()),
            "the models and the head agree; nothing was written\n"
        );
    }
}

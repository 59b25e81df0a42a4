//! What a restore needs, did and replaced.

use super::drill::stages;
use crate::{
    cli::{
        page::{Page, Render},
        words,
    },
    proto::{ListReplacedDatabasesResponse, RestorePlan, RestoreResult, RestoreVerification},
};

impl Render for RestorePlan {
    fn render(&self, page: &mut Page) {
        let rows = self.checks.iter().map(|check| {
            let verdict = if check.passed { "passed" } else { "failed" };
            [
                check.name.clone(),
                verdict.to_owned(),
                check.message.clone(),
            ]
        });
        page.table(["check", "verdict", "message"], rows, "no checks");
        let file = self
            .backup
            .as_ref()
            .map_or("the backup", |backup| backup.filename.as_str());
        page.line(&if self.ready {
            format!("{}: ready to be restored from {file}", self.database)
        } else {
            format!("{}: a restore from {file} would be refused", self.database)
        });
    }
}

impl Render for RestoreResult {
    fn render(&self, page: &mut Page) {
        page.line(&if self.filename.is_empty() {
            format!("{}: rolled back", self.database)
        } else if !self.into_database.is_empty() {
            format!("{}: restored from {}", self.into_database, self.filename)
        } else {
            format!("{}: restored from {}", self.database, self.filename)
        });
        let verified = match self.verification() {
            RestoreVerification::Unspecified => String::new(),
            RestoreVerification::None => "not compared with the manifest".to_owned(),
            RestoreVerification::Counts | RestoreVerification::Full => format!(
                "{}, {}, by {}",
                words::count(self.verified_tables, "table"),
                words::count(self.verified_rows, "row"),
                if self.verification() == RestoreVerification::Full {
                    "their content"
                } else {
                    "their number"
                }
            ),
        };
        let replaced = self.replaced.clone().unwrap_or_default();
        page.fields(&[
            ("verified", verified),
            (
                "backup of the state before",
                self.pre_restore_backup.clone(),
            ),
            ("database from before", replaced.name),
            ("kept until", words::time(replaced.expire_time.as_ref())),
            ("created roles", words::list(&self.created_roles)),
        ]);
        for warning in &self.warnings {
            page.line(&format!("warning: {warning}"));
        }
        stages(page, &self.stages);
    }
}

impl Render for ListReplacedDatabasesResponse {
    fn render(&self, page: &mut Page) {
        let rows = self.replaced_databases.iter().map(|replaced| {
            [
                replaced.name.clone(),
                replaced.database.clone(),
                words::time(replaced.replace_time.as_ref()),
                words::time(replaced.expire_time.as_ref()),
                words::size(replaced.size_bytes),
            ]
        });
        page.table(
            ["name", "database", "replaced", "kept until", "size"],
            rows,
            "no replaced databases",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cli::page::rendered, proto::RestoreCheck};

    #[test]
    fn a_plan_lists_its_checks_and_ends_with_the_verdict() {
        let plan = RestorePlan {
            database: "app".to_owned(),
            checks: vec![RestoreCheck {
                name: "MAINTENANCE_MODE".to_owned(),
                passed: false,
                message: "is off".to_owned(),
            }],
            ..RestorePlan::default()
        };
        assert_eq!(
            rendered(&plan),
            "CHECK             VERDICT  MESSAGE\n\
             MAINTENANCE_MODE  failed   is off\n\
             app: a restore from the backup would be refused\n"
        );
    }

    #[test]
    fn a_restore_into_another_database_names_it_and_what_did_not_go_well() {
        let result = RestoreResult {
            database: "app".to_owned(),
            into_database: "app_old".to_owned(),
            filename: "a.sql.gz".to_owned(),
            verification: RestoreVerification::None.into(),
            warnings: vec!["a view is empty".to_owned()],
            ..RestoreResult::default()
        };
        assert_eq!(
            rendered(&result),
            "app_old: restored from a.sql.gz\n\
             verified:  not compared with the manifest\n\
             warning: a view is empty\n"
        );
    }

    #[test]
    fn a_rollback_does_not_speak_of_a_file() {
        let result = RestoreResult {
            database: "app".to_owned(),
            ..RestoreResult::default()
        };
        assert_eq!(rendered(&result), "app: rolled back\n");
    }
}

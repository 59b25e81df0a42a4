//! How a live schema stands against what the revisions made, and what was stamped.

use super::migration::heads;
use crate::{
    cli::{
        page::{Page, Render},
        words,
    },
    proto::{DdlGuardState, DriftReport, SchemaDifference, SchemaReference, StampResult},
};

pub(super) fn differences(differences: &[SchemaDifference], page: &mut Page) {
    let rows = differences.iter().map(|difference| {
        [
            words::value(difference.kind().as_str_name(), "DIFFERENCE_KIND_"),
            difference.description.clone(),
        ]
    });
    page.table(["change", "object"], rows, "");
}

fn number(differences: &[SchemaDifference]) -> i64 {
    i64::try_from(differences.len()).unwrap_or(i64::MAX)
}

/// The guard's state, with the reason where it is not in force.
fn guard(report: &DriftReport) -> String {
    let state = match report.ddl_guard() {
        DdlGuardState::Missing => "wanted, but not in force".to_owned(),
        state => words::value(state.as_str_name(), "DDL_GUARD_STATE_"),
    };
    match report.ddl_guard_message.as_str() {
        "" => state,
        message => format!("{state}: {message}"),
    }
}

impl Render for DriftReport {
    fn render(&self, page: &mut Page) {
        let of_models = self.reference() == SchemaReference::Models;
        let (compared, fingerprint, agree) = if of_models {
            ("the models", "models fingerprint", "make")
        } else {
            ("the live schema", "live fingerprint", "made")
        };
        if self.drifted {
            differences(&self.differences, page);
            page.line(&format!(
                "{}: {compared} {} from what the revisions {agree} in {}",
                self.database,
                if of_models { "differ" } else { "differs" },
                words::count(number(&self.differences), "object")
            ));
        } else {
            page.line(&format!(
                "{}: {compared} {} what the revisions {agree}",
                self.database,
                if of_models { "are" } else { "is" },
            ));
        }
        let reference = match self.reference() {
            SchemaReference::Recorded => "what stood there when the last migration ended",
            SchemaReference::Built => "a scratch database in which all applied revisions were run",
            SchemaReference::Models => "a scratch database in which all revisions were run",
            SchemaReference::Unspecified => "",
        };
        page.fields(&[
            ("at", heads(&self.heads)),
            ("compared with", reference.to_owned()),
            ("expected fingerprint", self.expected_fingerprint.clone()),
            (fingerprint, self.live_fingerprint.clone()),
            ("ddl guard", guard(self)),
        ]);
    }
}

impl Render for StampResult {
    fn render(&self, page: &mut Page) {
        if !self.differences.is_empty() {
            differences(&self.differences, page);
            page.line(&format!(
                "warning: the live schema differs from what these revisions make in {}",
                words::count(number(&self.differences), "object")
            ));
        }
        page.line(&format!(
            "{}: stamped from {} to {}",
            self.database,
            heads(&self.from_heads),
            heads(&self.to_heads)
        ));
        page.fields(&[("file", self.filename.clone())]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cli::page::rendered, proto::DifferenceKind};

    fn dropped() -> SchemaDifference {
        SchemaDifference {
            kind: DifferenceKind::Dropped.into(),
            description: "index public.orders_total was dropped".to_owned(),
            ..SchemaDifference::default()
        }
    }

    #[test]
    fn drift_names_each_object_and_what_was_compared() {
        let report = DriftReport {
            database: "app".to_owned(),
            heads: vec!["a1".to_owned()],
            drifted: true,
            differences: vec![dropped()],
            reference: SchemaReference::Recorded.into(),
            ddl_guard: DdlGuardState::Missing.into(),
            ddl_guard_message: "the admin role is no superuser".to_owned(),
            ..DriftReport::default()
        };
        assert_eq!(
            rendered(&report),
            "\
CHANGE   OBJECT
dropped  index public.orders_total was dropped
app: the live schema differs from what the revisions made in 1 object
at:             a1
compared with:  what stood there when the last migration ended
ddl guard:      wanted, but not in force: the admin role is no superuser
"
        );
    }

    #[test]
    fn a_schema_without_drift_is_said_to_be_what_the_revisions_made() {
        let report = DriftReport {
            database: "app".to_owned(),
            ddl_guard: DdlGuardState::Off.into(),
            ..DriftReport::default()
        };
        assert_eq!(
            rendered(&report),
            "app: the live schema is what the revisions made\nat:         base\nddl guard:  off\n"
        );
    }

    #[test]
    fn a_forced_stamp_shows_what_differs_and_a_baseline_its_file() {
        let mut result = StampResult {
            database: "app".to_owned(),
            to_heads: vec!["a1".to_owned()],
            filename: "a1.sql".to_owned(),
            ..StampResult::default()
        };
        let stamped = "app: stamped from base to a1\nfile:  a1.sql\n";
        assert_eq!(rendered(&result), stamped);
        result.differences.push(dropped());
        let text = rendered(&result);
        assert!(
            text.contains("\nwarning: the live schema differs"),
            "{text}"
        );
        assert!(text.ends_with(stamped), "{text}");
    }
}

//! Operations and their outcomes.

use super::logs::more;
use crate::{
    cli::{
        page::{Page, Render},
        words,
    },
    proto::{
        ListOperationsResponse, Operation, OperationProgress, OperationState, operation::Outcome,
    },
};

fn state(operation: &Operation) -> String {
    words::value(operation.state().as_str_name(), "OPERATION_STATE_")
}

/// The stage with its number, e.g. `dump (2/4)`; empty where there is none.
pub(in crate::cli) fn stage(progress: &OperationProgress) -> String {
    if progress.stage.is_empty() {
        return String::new();
    }
    format!(
        "{} ({}/{})",
        progress.stage, progress.stage_number, progress.stage_count
    )
}

/// How far an operation is, e.g. `dump (2/4), 3 of 5 tables, 2.00 MiB, public.orders`.
pub(in crate::cli) fn progress(progress: &OperationProgress) -> String {
    let &OperationProgress {
        done_units: done,
        total_units: total,
        bytes,
        ..
    } = progress;
    let in_bytes = progress.unit == "bytes";
    let amount = |units: i64| {
        if in_bytes {
            words::size(units)
        } else {
            units.to_string()
        }
    };
    let unit = if in_bytes { "" } else { progress.unit.as_str() };
    let done = match (done, total) {
        (0, 0) => String::new(),
        (_, 0) => format!("{} {unit}", amount(done)),
        _ => format!("{} of {} {unit}", amount(done), amount(total)),
    };
    let bytes = if in_bytes || bytes == 0 {
        String::new()
    } else {
        words::size(bytes)
    };
    words::list(&[stage(progress), done, bytes, progress.message.clone()])
}

/// What another admin must type so that an operation goes on; empty where it does not wait for one.
pub(in crate::cli) fn approving(operation: &Operation) -> String {
    if operation.state() != OperationState::AwaitingApproval {
        return String::new();
    }
    let expire_time = operation
        .approval
        .as_ref()
        .and_then(|approval| approval.expire_time.as_ref());
    format!(
        "another admin lets it go on, until {}: pgsteward restore approve {} --reason TEXT",
        words::time(expire_time),
        operation.id
    )
}

/// Who approved it, when and why.
fn approval(operation: &Operation) -> String {
    match &operation.approval {
        Some(approval) if approval.approve_time.is_some() => format!(
            "by {} at {}: {}",
            approval.principal,
            words::time(approval.approve_time.as_ref()),
            approval.reason
        ),
        _ => String::new(),
    }
}

impl Render for Operation {
    fn render(&self, page: &mut Page) {
        page.fields(&[
            ("operation", self.id.clone()),
            ("method", self.method.clone()),
            ("database", self.database.clone()),
            ("state", state(self)),
            (
                "stage",
                self.progress.as_ref().map(progress).unwrap_or_default(),
            ),
            ("waits", approving(self)),
            ("approved", approval(self)),
            ("principal", self.principal.clone()),
            ("request id", self.request_id.clone()),
            ("created", words::time(self.create_time.as_ref())),
            ("started", words::time(self.start_time.as_ref())),
            ("ended", words::time(self.end_time.as_ref())),
        ]);
        if self.outcome.is_some() {
            page.gap();
            outcome(self, page);
        }
    }
}

/// Puts the result of an operation on the page, or why there is none.
pub(in crate::cli) fn outcome(operation: &Operation, page: &mut Page) {
    match &operation.outcome {
        None => page.line(&format!("operation {} has no outcome", operation.id)),
        Some(Outcome::Error(error)) => page.fields(&[
            ("error", error.message.clone()),
            ("reason", error.reason.clone()),
            ("hint", error.hint.clone()),
        ]),
        Some(Outcome::Backup(backup)) => backup.render(page),
        Some(Outcome::Retention(retention)) => retention.render(page),
        Some(Outcome::Migration(migration)) => migration.render(page),
        Some(Outcome::Restore(restore)) => restore.render(page),
        Some(Outcome::Optimize(optimize)) => optimize.render(page),
        Some(Outcome::Reindex(reindex)) => reindex.render(page),
        Some(Outcome::Maintenance(maintenance)) => maintenance.render(page),
        Some(Outcome::Review(review)) => review.render(page),
        Some(Outcome::Drift(report)) => report.render(page),
        Some(Outcome::Stamp(stamp)) => stamp.render(page),
        Some(Outcome::Drill(drill)) => drill.render(page),
        Some(Outcome::Autogenerate(result)) => result.render(page),
        Some(Outcome::Privileges(report)) => report.render(page),
        Some(Outcome::Provisioned(result)) => result.render(page),
    }
}

impl Render for ListOperationsResponse {
    fn render(&self, page: &mut Page) {
        let rows = self.operations.iter().map(|operation| {
            let remark = match &operation.outcome {
                Some(Outcome::Error(error)) => error.message.clone(),
                Some(_) => String::new(),
                None => operation
                    .progress
                    .as_ref()
                    .map(progress)
                    .unwrap_or_default(),
            };
            [
                operation.id.clone(),
                operation.method.clone(),
                operation.database.clone(),
                state(operation),
                operation.principal.clone(),
                words::time(operation.create_time.as_ref()),
                words::time(operation.end_time.as_ref()),
                remark,
            ]
        });
        page.table(
            [
                "operation",
                "method",
                "database",
                "state",
                "principal",
                "created",
                "ended",
                "remark",
            ],
            rows,
            "no operations",
        );
        more(page, &self.next_page_token);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::page::rendered,
        proto::{Maintenance, OperationApproval, OperationError},
    };

    #[test]
    fn an_operation_shows_its_stage_while_it_runs_and_its_result_when_done() {
        let mut operation = Operation {
            id: "0193".to_owned(),
            method: "CreateBackup".to_owned(),
            state: OperationState::Running.into(),
            progress: Some(OperationProgress {
                stage: "dump".to_owned(),
                stage_number: 2,
                stage_count: 4,
                done_units: 1,
                total_units: 3,
                unit: "tables".to_owned(),
                bytes: 2048,
                ..OperationProgress::default()
            }),
            ..Operation::default()
        };
        let text = rendered(&operation);
        assert!(
            text.contains("dump (2/4), 1 of 3 tables, 2.00 KiB\n"),
            "{text}"
        );
        operation.outcome = Some(Outcome::Maintenance(Maintenance {
            database: "app".to_owned(),
            ..Maintenance::default()
        }));
        let text = rendered(&operation);
        assert!(
            text.ends_with("\n\napp: maintenance mode is off\n"),
            "{text}"
        );
    }

    #[test]
    fn an_operation_that_waits_says_what_another_admin_must_type_and_later_who_did() {
        let time = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        let mut operation = Operation {
            id: "0193".to_owned(),
            state: OperationState::AwaitingApproval.into(),
            approval: Some(OperationApproval {
                expire_time: time(3600),
                ..OperationApproval::default()
            }),
            ..Operation::default()
        };
        let text = rendered(&operation);
        let line = "until 1970-01-01T01:00:00Z: pgsteward restore approve 0193 --reason TEXT\n";
        assert!(text.contains(line), "{text}");
        operation.state = OperationState::Running.into();
        operation.approval = Some(OperationApproval {
            expire_time: time(3600),
            approve_time: time(60),
            principal: "bob".to_owned(),
            reason: "INC-7".to_owned(),
        });
        let text = rendered(&operation);
        let line = "by bob at 1970-01-01T00:01:00Z: INC-7\n";
        assert!(text.contains(line) && !text.contains("waits"), "{text}");
    }

    #[test]
    fn amounts_are_in_their_unit() {
        let with = |done_units, total_units, unit: &str| {
            progress(&OperationProgress {
                done_units,
                total_units,
                unit: unit.to_owned(),
                message: "public.orders".to_owned(),
                ..OperationProgress::default()
            })
        };
        assert_eq!(
            with(1024, 2048, "bytes"),
            "1.00 KiB of 2.00 KiB, public.orders"
        );
        assert_eq!(with(3, 0, "tables"), "3 tables, public.orders");
        assert_eq!(with(0, 0, ""), "public.orders");
    }

    #[test]
    fn a_failed_operation_is_listed_with_its_error() {
        let list = ListOperationsResponse {
            operations: vec![Operation {
                id: "0193".to_owned(),
                state: OperationState::Failed.into(),
                outcome: Some(Outcome::Error(OperationError {
                    message: "disk full".to_owned(),
                    ..OperationError::default()
                })),
                ..Operation::default()
            }],
            next_page_token: String::new(),
        };
        let text = rendered(&list);
        assert!(text.trim_end().ends_with("disk full"), "{text}");
    }
}

//! An error as it is shown: a few lines for a person, or one JSON object for a script; always on standard error.
//!
//! The daemon's errors carry `google.rpc` details (reason, wrong fields, missing preconditions, hint, when to retry);
//! all are shown, none twice.

use std::{
    env,
    fmt::Write,
    io::{self, IsTerminal},
};

use serde::Serialize;
use serde_json::json;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::{acknowledge, error::CliError, exit::Exit, words};
use crate::model::failure::chain;

/// What is known of an error.
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    exit_code: u8,
    /// The gRPC code's name; none where the daemon had no part in it.
    code: Option<String>,
    reason: String,
    message: String,
    hint: Option<String>,
    field_violations: Vec<FieldViolation>,
    preconditions: Vec<Precondition>,
    retry_after: Option<String>,
    operation_id: Option<String>,
}

#[derive(Debug, PartialEq, Serialize)]
struct FieldViolation {
    field: String,
    description: String,
}

#[derive(Debug, PartialEq, Serialize)]
struct Precondition {
    r#type: String,
    subject: String,
    description: String,
}

/// Shows the error on standard error and gives its exit code.
pub(super) fn report(error: &CliError, json: bool) -> Exit {
    let report = Report::of(error);
    if json {
        eprintln!("{}", json!({ "error": report }));
    } else {
        eprint!("{}", report.text());
        if io::stderr().is_terminal() {
            let typed = env::args_os().map(|word| word.to_string_lossy().into_owned());
            eprint!("{}", report.way_on(typed));
        }
    }
    error.exit()
}

impl Report {
    fn of(error: &CliError) -> Self {
        let report = Self {
            exit_code: error.exit().code(),
            reason: error.local_reason().to_owned(),
            message: chain(error),
            hint: error.local_hint(),
            ..Self::default()
        };
        match error {
            CliError::Call(status) if error.exit() != Exit::UNREACHABLE => {
                report.with_status(status)
            }
            CliError::Operation { id, error } => Self {
                code: Some(error.code.clone()),
                reason: error.reason.clone(),
                hint: Some(error.hint.clone()).filter(|hint| !hint.is_empty()),
                preconditions: error
                    .preconditions
                    .iter()
                    .map(|violation| Precondition {
                        r#type: violation.r#type.clone(),
                        subject: violation.subject.clone(),
                        description: violation.description.clone(),
                    })
                    .collect(),
                operation_id: Some(id.clone()),
                ..report
            },
            CliError::NotDone { id, .. } | CliError::InterruptedOperation(id) => Self {
                operation_id: Some(id.clone()),
                ..report
            },
            _ => report,
        }
    }

    fn with_status(mut self, status: &Status) -> Self {
        let code = code_name(status.code());
        self.code = Some(code.to_owned());
        code.clone_into(&mut self.reason);
        if status.message().is_empty() {
            code.clone_into(&mut self.message);
        }
        let details = status.get_error_details();
        if let Some(info) = details.error_info() {
            self.reason.clone_from(&info.reason);
            self.hint = info.metadata.get("hint").cloned();
        }
        if let Some(request) = details.bad_request() {
            self.field_violations = request
                .field_violations
                .iter()
                .map(|violation| FieldViolation {
                    field: violation.field.clone(),
                    description: violation.description.clone(),
                })
                .collect();
        }
        if let Some(failure) = details.precondition_failure() {
            self.preconditions = failure
                .violations
                .iter()
                .map(|violation| Precondition {
                    r#type: violation.r#type.clone(),
                    subject: violation.subject.clone(),
                    description: violation.description.clone(),
                })
                .collect();
        }
        self.retry_after = details
            .retry_info()
            .and_then(|retry| retry.retry_delay)
            .map(words::span);
        self
    }

    /// How to go ahead with what destroys something, for the person who typed these arguments; empty where that is not
    /// what is missing, or not all, or where it was not an upgrade that was typed.
    fn way_on(&self, arguments: impl IntoIterator<Item = String>) -> String {
        let typed: Vec<String> = arguments.into_iter().collect();
        let all = &self.preconditions;
        let only_names = !all.is_empty()
            && all
                .iter()
                .all(|missing| missing.r#type == acknowledge::PRECONDITION);
        if !only_names || !typed.iter().any(|word| word == "upgrade") {
            return String::new();
        }
        let names: Vec<&str> = all.iter().map(|missing| missing.subject.as_str()).collect();
        let line = acknowledge::command_line(typed, &names);
        format!("  if that is meant, repeat it so:\n    {line}\n")
    }

    /// The lines for a person. What the message says already is not said again.
    fn text(&self) -> String {
        let mut text = format!("error: {}\n", words::clean(&self.message));
        let mut line = |label: &str, value: &str| {
            let _ = writeln!(text, "  {}: {}", words::clean(label), words::clean(value));
        };
        if self.code.is_some() && !self.message.contains(&self.reason) {
            line("reason", &self.reason);
        }
        for violation in &self.field_violations {
            if !self.message.contains(&violation.description) {
                line(&violation.field, &violation.description);
            }
        }
        for missing in &self.preconditions {
            if !self.message.contains(&missing.description) {
                let label = format!("{} ({})", missing.r#type, missing.subject);
                line(&label, &missing.description);
            }
        }
        if let Some(hint) = &self.hint
            && !self.message.contains(hint.as_str())
        {
            line("hint", hint);
        }
        if let Some(delay) = &self.retry_after {
            line("try again in", delay);
        }
        if let (Some(id), Some(_)) = (&self.operation_id, &self.code) {
            line("operation", id);
        }
        text
    }
}

/// The names of the gRPC codes, as `google.rpc.Code` has them.
fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, time::Duration};

    use tonic_types::ErrorDetails;

    use super::*;
    use crate::proto::OperationError;

    fn refused(message: &str) -> CliError {
        let hint = HashMap::from([("hint".to_owned(), "enter it first".to_owned())]);
        let mut details = ErrorDetails::with_error_info("RESTORE_REFUSED", "pgsteward", hint);
        details
            .add_bad_request_violation("confirm_database", "must be `app`")
            .add_precondition_failure_violation("MAINTENANCE_MODE", "database/app", "is off")
            .set_retry_info(Some(Duration::from_secs(5)));
        Status::with_error_details(Code::FailedPrecondition, message, details).into()
    }

    #[test]
    fn every_detail_of_a_refusal_is_shown() {
        let text = Report::of(&refused("app cannot be restored")).text();
        assert_eq!(
            text,
            "error: app cannot be restored\n  \
             reason: RESTORE_REFUSED\n  \
             confirm_database: must be `app`\n  \
             MAINTENANCE_MODE (database/app): is off\n  \
             hint: enter it first\n  \
             try again in: 5s\n"
        );
    }

    #[test]
    fn what_the_message_says_is_not_said_again() {
        let error = refused("confirm_database: must be `app` (enter it first)");
        let text = Report::of(&error).text();
        assert_eq!(text.matches("must be `app`").count(), 1, "{text}");
        assert_eq!(text.matches("enter it first").count(), 1, "{text}");
    }

    #[test]
    fn a_script_gets_the_same_as_an_object_with_all_keys() {
        let value = json!(Report::of(&refused("no")));
        assert_eq!(
            value,
            json!({
                "exitCode": 1,
                "code": "FAILED_PRECONDITION",
                "reason": "RESTORE_REFUSED",
                "message": "no",
                "hint": "enter it first",
                "fieldViolations": [{"field": "confirm_database", "description": "must be `app`"}],
                "preconditions": [{"type": "MAINTENANCE_MODE", "subject": "database/app", "description": "is off"}],
                "retryAfter": "5s",
                "operationId": null,
            })
        );
    }

    #[test]
    fn a_failed_operation_is_named_with_its_reason_and_hint() {
        let error = OperationError {
            code: "INTERNAL".to_owned(),
            reason: "TOOL_FAILED".to_owned(),
            message: "pg_dump ended with 1".to_owned(),
            hint: "see the log".to_owned(),
            ..OperationError::default()
        };
        let id = "0193".to_owned();
        let text = Report::of(&CliError::Operation { id, error }).text();
        assert_eq!(
            text,
            "error: pg_dump ended with 1\n  reason: TOOL_FAILED\n  hint: see the log\n  operation: 0193\n"
        );
    }

    #[test]
    fn an_interrupted_wait_says_how_to_cancel() {
        let text = Report::of(&CliError::InterruptedOperation("0193".to_owned())).text();
        assert_eq!(
            text,
            "error: interrupted; operation 0193 goes on\n  hint: cancel it with `pgsteward ops cancel 0193`\n"
        );
    }

    #[test]
    fn an_upgrade_that_lacks_only_acknowledgements_gets_the_line_to_repeat() {
        let refused = |also: &str, typed: &str| {
            let mut details = ErrorDetails::with_error_info("REFUSED", "pgsteward", []);
            details
                .add_precondition_failure_violation(acknowledge::PRECONDITION, "drop-table:a", "")
                .add_precondition_failure_violation(also, "drop-table:b", "");
            let error = Status::with_error_details(Code::FailedPrecondition, "no", details);
            Report::of(&error.into()).way_on(typed.split(' ').map(str::to_owned))
        };
        let upgrade = "pgsteward migrate upgrade";
        assert_eq!(
            refused(acknowledge::PRECONDITION, upgrade),
            "  if that is meant, repeat it so:\n    \
             pgsteward migrate upgrade --acknowledge drop-table:a --acknowledge drop-table:b\n"
        );
        assert_eq!(refused("REVISION_NOT_APPROVED", upgrade), "");
        // Who waits for the upgrade of another cannot acknowledge it by waiting.
        let wait = "pgsteward ops wait 0193";
        assert_eq!(refused(acknowledge::PRECONDITION, wait), "");
    }

    #[test]
    fn a_bare_status_is_shown_by_its_code() {
        let text = Report::of(&Status::unimplemented("").into()).text();
        assert_eq!(text, "error: UNIMPLEMENTED\n");
    }

    #[test]
    fn an_error_cannot_drive_the_terminal() {
        let text = Report::of(&Status::not_found("\u{1b}[2Jgone").into()).text();
        assert!(text.starts_with("error:  [2Jgone\n"), "{text}");
    }
}

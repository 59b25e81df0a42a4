//! The one table from the class of an error to its gRPC code, and the google.rpc details that go with it.

use std::collections::HashMap;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::model::failure::{Failure, Kind};

/// The domain of every ErrorInfo.
pub const DOMAIN: &str = "pgsteward";

/// The gRPC code of a class of error.
pub fn code(kind: Kind) -> Code {
    match kind {
        Kind::InvalidArgument => Code::InvalidArgument,
        Kind::Unauthenticated => Code::Unauthenticated,
        Kind::PermissionDenied => Code::PermissionDenied,
        Kind::NotFound => Code::NotFound,
        Kind::AlreadyExists => Code::AlreadyExists,
        Kind::FailedPrecondition => Code::FailedPrecondition,
        Kind::Aborted => Code::Aborted,
        Kind::Unavailable => Code::Unavailable,
        Kind::ResourceExhausted => Code::ResourceExhausted,
        Kind::DeadlineExceeded => Code::DeadlineExceeded,
        Kind::Cancelled => Code::Cancelled,
        Kind::DataLoss => Code::DataLoss,
        Kind::OutOfRange => Code::OutOfRange,
        Kind::Internal => Code::Internal,
    }
}

/// The code's name as it stands in operations, e.g. `FAILED_PRECONDITION`.
pub fn code_name(code: Code) -> &'static str {
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

/// The longest message, in bytes. A status travels in HTTP/2 headers, of which clients take 16 KiB in all and close the
/// connection, with all its calls, at more; and messages repeat what callers and files say.
const MESSAGE_BYTES: usize = 1500;
/// The longest hint.
const HINT_BYTES: usize = 800;
/// The longest text of one detail.
const TEXT_BYTES: usize = 400;
/// All texts of the details together.
const DETAILS_BYTES: usize = 4000;

/// As much of a text as fits.
fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(limit)])
}

/// The failure as a gRPC status. The hint stands in the message for people and in the ErrorInfo for programs. What is too
/// long for a header is cut, and of more violations than fit the first are told.
#[allow(clippy::needless_pass_by_value)] // so that handlers can say `map_err(status)`
pub fn status(failure: Failure) -> Status {
    let mut details = ErrorDetails::new();
    let metadata: HashMap<String, String> = failure
        .hint
        .iter()
        .map(|hint| ("hint".to_owned(), cut(hint, HINT_BYTES)))
        .collect();
    details.set_error_info(failure.reason.clone(), DOMAIN, metadata);
    let mut room = DETAILS_BYTES;
    let mut fits = |texts: &[&String]| {
        let size: usize = texts.iter().map(|text| text.len().min(TEXT_BYTES)).sum();
        let rest = room.checked_sub(size);
        room = rest.unwrap_or(0);
        rest.is_some()
    };
    let text = |text: &String| cut(text, TEXT_BYTES);
    for field in &failure.fields {
        if fits(&[&field.field, &field.description]) {
            details.add_bad_request_violation(text(&field.field), text(&field.description));
        }
    }
    for precondition in &failure.preconditions {
        let (subject, description) = (&precondition.subject, &precondition.description);
        if fits(&[&precondition.kind, subject, description]) {
            details.add_precondition_failure_violation(
                precondition.kind.clone(),
                text(subject),
                text(description),
            );
        }
    }
    if let Some(retry_after) = failure.retry_after {
        details.set_retry_info(Some(retry_after));
    }
    let message = cut(&failure.to_string(), MESSAGE_BYTES);
    Status::with_error_details(code(failure.kind), message, details)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use super::*;
    use crate::model::failure::PreconditionViolation;

    #[test]
    fn a_status_carries_reason_hint_fields_and_retry() {
        let failure = Failure::invalid_field("target", "must be given")
            .with_hint("say head")
            .with_retry_after(Duration::from_secs(3));
        let status = status(failure);
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(status.message(), "target: must be given (say head)");
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!(
            (info.reason.as_str(), info.domain.as_str()),
            ("INVALID_FIELD", DOMAIN)
        );
        assert_eq!(info.metadata["hint"], "say head");
        let fields = &details.bad_request().unwrap().field_violations;
        assert_eq!(fields[0].field, "target");
        let retry = details.retry_info().unwrap().retry_delay;
        assert_eq!(retry, Some(Duration::from_secs(3)));
    }

    #[test]
    fn a_status_fits_into_the_headers_that_clients_take_whatever_it_tells_of() {
        let long = "é".repeat(50_000);
        let mut failure = Failure::invalid_field(&long, long.clone()).with_hint(long.clone());
        failure.preconditions = vec![
            PreconditionViolation {
                kind: "KIND".to_owned(),
                subject: long.clone(),
                description: long,
            };
            100
        ];
        let headers = status(failure).into_http::<()>().into_parts().0.headers;
        let size: usize = headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len() + 32)
            .sum();
        assert!(size < 16 * 1024, "{size}");
    }
}

//! Failure: the one shape in which an error leaves `ops`, whatever module it came from.
//!
//! Each module has a `thiserror` enum of its own that implements [`Classified`]; `?` turns it into a [`Failure`].
//! A failure becomes a gRPC status in `rpc/status.rs`, or is kept in an operation's row as it stands.

use std::{error::Error, fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// What class of thing went wrong. `rpc/status.rs` maps each to one gRPC code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    /// The request itself is wrong, whatever the state of the system.
    InvalidArgument,
    /// No valid credentials.
    Unauthenticated,
    /// Known caller, not allowed.
    PermissionDenied,
    /// A named thing does not exist.
    NotFound,
    /// The thing to be made exists.
    AlreadyExists,
    /// The system is not in the state that the call needs; the caller must change that first.
    FailedPrecondition,
    /// Something else is at work on the same object; try again.
    Aborted,
    /// A dependency cannot be reached; try again.
    Unavailable,
    /// Disk, connections or another limit is used up.
    ResourceExhausted,
    /// Time ran out.
    DeadlineExceeded,
    /// The caller asked for it to stop.
    Cancelled,
    /// Stored bytes are not what they were.
    DataLoss,
    /// A past-the-end offset or similar.
    OutOfRange,
    /// A defect, or a failure of a tool with no better class.
    Internal,
}

/// One field of a request that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldViolation {
    /// The field's name in the request, e.g. `confirm_database`.
    pub field: String,
    /// What is wrong with it and what is expected.
    pub description: String,
}

/// One thing that the system's state lacks for the call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreconditionViolation {
    /// Stable upper-case name, e.g. `MAINTENANCE_MODE`.
    pub kind: String,
    /// The object that it is about, e.g. `database/app`.
    pub subject: String,
    /// What is missing and what to do.
    pub description: String,
}

/// What a module's error must tell so that a caller can act on it without reading prose.
pub trait Classified: Error + Send + Sync + 'static {
    /// The class of error.
    fn kind(&self) -> Kind;
    /// A stable upper-case reason, e.g. `BACKUP_NOT_FOUND`.
    fn reason(&self) -> &'static str;
    /// What to do about it.
    fn hint(&self) -> Option<String> {
        None
    }
    /// The fields of the request that are wrong.
    fn fields(&self) -> Vec<FieldViolation> {
        Vec::new()
    }
    /// All that the system's state lacks.
    fn preconditions(&self) -> Vec<PreconditionViolation> {
        Vec::new()
    }
    /// When it is worth trying again.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

/// A classified error with its message, ready for the wire or for an operation's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The class of error.
    pub kind: Kind,
    /// A stable upper-case reason.
    pub reason: String,
    /// What failed on which object, causes included, lower case.
    pub message: String,
    /// What to do about it.
    #[serde(default)]
    pub hint: Option<String>,
    /// The fields of the request that are wrong.
    #[serde(default)]
    pub fields: Vec<FieldViolation>,
    /// All that the system's state lacks.
    #[serde(default)]
    pub preconditions: Vec<PreconditionViolation>,
    /// When it is worth trying again.
    #[serde(default)]
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure without further details.
    pub fn new(kind: Kind, reason: &str, message: impl Into<String>) -> Self {
        Self {
            kind,
            reason: reason.to_owned(),
            message: message.into(),
            hint: None,
            fields: Vec::new(),
            preconditions: Vec::new(),
            retry_after: None,
        }
    }

    /// One wrong field of a request.
    pub fn invalid_field(field: &str, description: impl Into<String>) -> Self {
        let description = description.into();
        let mut failure = Self::new(
            Kind::InvalidArgument,
            "INVALID_FIELD",
            format!("{field}: {description}"),
        );
        failure.fields.push(FieldViolation {
            field: field.to_owned(),
            description,
        });
        failure
    }

    /// The caller, or a shutdown, stopped the work.
    pub fn cancelled() -> Self {
        Self::new(Kind::Cancelled, "CANCELLED", "the operation was cancelled")
    }

    /// The same failure with advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same failure with a time after which a retry is worth it.
    #[must_use]
    pub fn with_retry_after(mut self, retry_after: Duration) -> Self {
        self.retry_after = Some(retry_after);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(formatter, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl<E: Classified> From<E> for Failure {
    fn from(error: E) -> Self {
        Self {
            kind: error.kind(),
            reason: error.reason().to_owned(),
            message: chain(&error),
            hint: error.hint(),
            fields: error.fields(),
            preconditions: error.preconditions(),
            retry_after: error.retry_after(),
        }
    }
}

/// An error and all its sources in one line, each said once.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        source = cause.source();
    }
    text
}

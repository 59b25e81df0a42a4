//! What can end a command badly, with the exit code of each. `report` puts it before the person or the script.

use std::{io, path::PathBuf, time::Duration};

use thiserror::Error;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::{
    download::{DownloadError, RESUME},
    exit::Exit,
    import_alembic::ImportError,
    transport, words,
};
use crate::{
    json::JsonError,
    model::audit::export::ExportError,
    proto::{Operation, OperationError},
};

/// Why a command did not do what it was asked for.
#[derive(Debug, Error)]
pub(super) enum CliError {
    /// The command line is wrong in a way that clap cannot see.
    #[error("{0}")]
    Usage(String),
    /// No connection to the daemon.
    #[error("cannot reach the daemon at {address}")]
    Connect {
        /// Where it was looked for.
        address: String,
        /// What the transport says.
        source: tonic::transport::Error,
    },
    /// The daemon's answer to a call is an error, or there is no answer.
    #[error("{}", status_message(.0))]
    Call(Box<Status>),
    /// An answer lacks what it must have: daemon and client are of different minds.
    #[error("the daemon's answer has no {0}")]
    Incomplete(&'static str),
    /// An operation ended without success.
    #[error("{}", .error.message)]
    Operation {
        /// The operation's id.
        id: String,
        /// Why.
        error: OperationError,
    },
    /// An operation was not done in the time that was given.
    #[error("operation {id} is not done after {}; it goes on", words::span(*.waited))]
    NotDone {
        /// The operation's id.
        id: String,
        /// The time that was given.
        waited: Duration,
    },
    /// Ctrl-C while an operation was followed.
    #[error("interrupted; operation {0} goes on")]
    InterruptedOperation(String),
    /// Ctrl-C during a download.
    #[error("interrupted")]
    InterruptedDownload,
    /// Ctrl-C during an upload.
    #[error("interrupted; nothing of the file is kept")]
    InterruptedUpload,
    /// The file that was uploaded has changed on the way.
    #[error("{} was changed while it was sent; nothing of it is kept", .0.display())]
    Changed(PathBuf),
    /// A local file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A local file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Standard input or output cannot be used.
    #[error("cannot use standard {stream}")]
    Standard {
        /// `input` or `output`.
        stream: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// A download went wrong on this side.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// An Alembic project cannot be imported.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// A file is no export of an audit log.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// An answer cannot be written as JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
}

impl CliError {
    /// An operation that ended without success.
    pub(super) fn operation(operation: Operation) -> Self {
        use crate::proto::operation::Outcome;
        match operation.outcome {
            Some(Outcome::Error(error)) => Self::Operation {
                id: operation.id,
                error,
            },
            _ => Self::Incomplete("outcome of the operation"),
        }
    }

    /// The exit code.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::USAGE,
            Self::Connect { .. } => Exit::UNREACHABLE,
            Self::Call(status) if unanswered(status) => Exit::UNREACHABLE,
            Self::NotDone { .. } => Exit::CONDITION_FALSE,
            Self::InterruptedOperation(_) | Self::InterruptedDownload | Self::InterruptedUpload => {
                Exit::INTERRUPTED
            }
            Self::Call(_)
            | Self::Incomplete(_)
            | Self::Operation { .. }
            | Self::Changed(_)
            | Self::Read { .. }
            | Self::Write { .. }
            | Self::Standard { .. }
            | Self::Download(_)
            | Self::Import(_)
            | Self::Export(_)
            | Self::Json(_) => Exit::FAILED,
        }
    }

    /// A stable reason for the errors that are not the daemon's own.
    pub(super) fn local_reason(&self) -> &'static str {
        match self {
            Self::Usage(_) => "USAGE",
            Self::Connect { .. } | Self::Call(_) => "DAEMON_UNREACHABLE",
            Self::Operation { .. } => "OPERATION_FAILED",
            Self::Incomplete(_) | Self::Json(_) => "ANSWER_UNUSABLE",
            Self::NotDone { .. } => "NOT_DONE",
            Self::InterruptedOperation(_) | Self::InterruptedDownload | Self::InterruptedUpload => {
                "INTERRUPTED"
            }
            Self::Changed(_) => "FILE_CHANGED",
            Self::Read { .. }
            | Self::Write { .. }
            | Self::Standard { .. }
            | Self::Export(ExportError::Read { .. }) => "LOCAL_FILE",
            Self::Download(error) => error.reason(),
            Self::Import(error) => error.reason(),
            Self::Export(ExportError::Line { .. }) => "NO_AUDIT_EXPORT",
        }
    }

    /// What to do about the errors that are not the daemon's own.
    pub(super) fn local_hint(&self) -> Option<String> {
        match self {
            Self::Connect { source, .. } => Some(
                transport::hint(source).unwrap_or("start it with `pgsteward serve`, or say where it is with --addr or PGSTEWARD_ADDR")
                    .to_owned(),
            ),
            Self::Call(status) if unanswered(status) => {
                transport::hint(status.as_ref()).map(str::to_owned)
            }
            Self::NotDone { id, .. } => Some(format!("follow it with `pgsteward ops watch {id}`")),
            Self::InterruptedOperation(id) => {
                Some(format!("cancel it with `pgsteward ops cancel {id}`"))
            }
            Self::InterruptedDownload => Some(RESUME.to_owned()),
            Self::Download(error) => error.hint().map(str::to_owned),
            Self::Import(error) => error.hint().map(str::to_owned),
            Self::Export(ExportError::Line { .. }) => Some(
                "give the file as `pgsteward audit export` wrote it: not a byte of it may be changed".to_owned(),
            ),
            _ => None,
        }
    }

    /// True when the same question may get its answer a moment later.
    pub(super) fn passes(&self) -> bool {
        match self {
            Self::Call(status) => status.code() == Code::Unavailable || unanswered(status),
            _ => false,
        }
    }
}

impl From<Status> for CliError {
    fn from(status: Status) -> Self {
        Self::Call(Box::new(status))
    }
}

/// True when a status does not come from the daemon's code: the transport made it, which leaves a source, or a deadline
/// or a proxy did, which leaves no `ErrorInfo`.
fn unanswered(status: &Status) -> bool {
    std::error::Error::source(status).is_some()
        || (matches!(
            status.code(),
            Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled
        ) && status.get_details_error_info().is_none())
}

fn status_message(status: &Status) -> String {
    if unanswered(status) {
        format!("no answer from the daemon: {}", status.message())
    } else {
        status.message().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn a_refusal_of_the_daemon_and_its_silence_have_different_exit_codes() {
        let refused = |code| {
            let details = ErrorDetails::with_error_info("REASON", "pgsteward", []);
            CliError::from(Status::with_error_details(code, "no", details)).exit()
        };
        let bare = |code| CliError::from(Status::new(code, "no")).exit();
        assert_eq!(refused(Code::FailedPrecondition), Exit::FAILED);
        assert_eq!(refused(Code::Unavailable), Exit::FAILED);
        assert_eq!(bare(Code::Unauthenticated), Exit::FAILED);
        assert_eq!(bare(Code::Unavailable), Exit::UNREACHABLE);
        assert_eq!(bare(Code::DeadlineExceeded), Exit::UNREACHABLE);
    }

    #[test]
    fn a_status_that_the_transport_made_is_silence_whatever_its_code() {
        let status = Status::from_error(Box::new(io::Error::other("connection reset")));
        assert_eq!(status.code(), Code::Unknown);
        assert_eq!(CliError::from(status).exit(), Exit::UNREACHABLE);
    }

    #[test]
    fn the_other_ends_have_the_codes_of_the_help() {
        let id = || "7".to_owned();
        let waited = Duration::from_mins(1);
        assert_eq!(CliError::Usage(id()).exit(), Exit::USAGE);
        assert_eq!(
            CliError::NotDone { id: id(), waited }.exit(),
            Exit::CONDITION_FALSE
        );
        assert_eq!(
            CliError::InterruptedOperation(id()).exit(),
            Exit::INTERRUPTED
        );
        let error = OperationError::default();
        assert_eq!(CliError::Operation { id: id(), error }.exit(), Exit::FAILED);
    }
}

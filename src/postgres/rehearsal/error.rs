//! Why a rehearsal ends before its script does.

use crate::{
    model::failure::{Classified, Kind},
    postgres::revisions::ScriptRunError,
};

/// Why a script could not be rehearsed.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    /// It could not be run.
    #[error(transparent)]
    Run(#[from] ScriptRunError),
    /// It would change what all databases of the server share.
    #[error("{file}:{line}: the statement changes {what}, which is not the scratch copy's own")]
    Shared {
        /// The script's file.
        file: String,
        /// The line of the file.
        line: usize,
        /// What it changes, e.g. `pg_authid`.
        what: String,
    },
}

impl Classified for RehearsalError {
    fn kind(&self) -> Kind {
        match self {
            Self::Run(source) => source.kind(),
            Self::Shared { .. } => Kind::FailedPrecondition,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Run(source) => source.reason(),
            Self::Shared { .. } => "REHEARSAL_UNAVAILABLE",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Run(source) => source.hint(),
            Self::Shared { .. } => Some(
                "roles, databases and settings of the server belong to all databases, and are best made outside of \
                 revisions; to run this one, set migrations.rehearse = false"
                    .to_owned(),
            ),
        }
    }
}

//! What can end an import; nothing is written then.

use std::{io, path::PathBuf, process::ExitStatus};

use thiserror::Error;

use crate::model::{
    failure::Classified as _,
    revision::{GraphError, ScriptProblem},
};

/// Why a project was not imported.
#[derive(Debug, Error)]
pub(in crate::cli) enum ImportError {
    /// No configuration where one should be.
    #[error("there is no Alembic project at {}", .0.display())]
    NoProject(PathBuf),
    /// The directory to write is in use.
    #[error("{} holds a script already: {file}", path.display())]
    NotEmpty {
        /// The directory.
        path: PathBuf,
        /// The name of one of the scripts.
        file: String,
    },
    /// The interpreter does not start.
    #[error("cannot run {}", python.display())]
    Python {
        /// The interpreter.
        python: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The project cannot be read, as the child found.
    #[error("{message}")]
    Project {
        /// What is wrong.
        message: String,
        /// What to do about it; may be empty.
        hint: String,
        /// What the child wrote on standard error.
        said: String,
    },
    /// The child ended before it had told all.
    #[error("{} ended before all was rendered: {status}", python.display())]
    Ended {
        /// The interpreter.
        python: PathBuf,
        /// How it ended.
        status: ExitStatus,
        /// What it wrote on standard error.
        said: String,
    },
    /// The child said something else than its program does.
    #[error("the answer of the project's Python cannot be read")]
    Answer(#[source] serde_json::Error),
    /// A revision that pgsteward cannot have.
    #[error("revision `{revision}` in {path}: {problem}")]
    Revision {
        /// Its id.
        revision: String,
        /// The Python file.
        path: String,
        /// What is wrong.
        problem: Box<ScriptProblem>,
    },
    /// The revisions do not make a graph.
    #[error(transparent)]
    Graph(GraphError),
    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The directory to write cannot be looked at.
    #[error("cannot read {}", path.display())]
    Read {
        /// The directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl ImportError {
    /// A stable upper-case reason.
    pub(in crate::cli) fn reason(&self) -> &'static str {
        match self {
            Self::NoProject(_) => "NO_ALEMBIC_PROJECT",
            Self::NotEmpty { .. } => "OUTPUT_NOT_EMPTY",
            Self::Python { .. } => "PYTHON_UNUSABLE",
            Self::Project { .. } | Self::Ended { .. } | Self::Answer(_) => {
                "ALEMBIC_PROJECT_UNUSABLE"
            }
            Self::Revision { .. } => "INVALID_REVISION",
            Self::Graph(error) => error.reason(),
            Self::Write { .. } | Self::Read { .. } => "LOCAL_FILE",
        }
    }

    /// What to do about it.
    pub(in crate::cli) fn hint(&self) -> Option<&str> {
        match self {
            Self::NoProject(_) => {
                Some("name the directory that holds alembic.ini, or the ini file itself")
            }
            Self::NotEmpty { .. } => Some("import into an empty directory"),
            Self::Python { .. } => {
                Some("name the interpreter of the project's environment with --python")
            }
            Self::Project { hint, .. } => Some(hint.as_str()).filter(|hint| !hint.is_empty()),
            Self::Revision { .. } => Some(
                "change the name in the Alembic project, and an id also in alembic_version of every database that has it",
            ),
            Self::Ended { .. }
            | Self::Answer(_)
            | Self::Graph(_)
            | Self::Write { .. }
            | Self::Read { .. } => None,
        }
    }

    /// What the child wrote on standard error.
    pub(super) fn said(&self) -> &str {
        match self {
            Self::Project { said, .. } | Self::Ended { said, .. } => said,
            _ => "",
        }
    }
}

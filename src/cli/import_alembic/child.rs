//! The child process: the project's own Python with the program of `export.py`, and the lines that it answers.

use std::{
    env,
    path::{Path, PathBuf},
    process::Stdio,
};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use tokio::process::Command;

use super::error::ImportError;

const PROGRAM: &str = include_str!("export.py");

/// The daemon's settings and the client's token are not the project's business.
const OUR_VARIABLES: &str = "PGSTEWARD_";

/// All that the child tells.
#[derive(Debug)]
pub(super) struct Export {
    pub(super) project: Project,
    /// Each after those that it stands on.
    pub(super) revisions: Vec<Exported>,
}

/// What `env.py` says to `context.configure()`, and does beside running the migrations.
#[derive(Debug, Deserialize)]
pub(super) struct Project {
    pub(super) version_table: String,
    pub(super) version_table_schema: Option<String>,
    /// SQL outside of any revision.
    pub(super) statements: Vec<String>,
}

/// One revision.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Exported {
    pub(super) revision: String,
    pub(super) down_revisions: Vec<String>,
    pub(super) branch_labels: Vec<String>,
    pub(super) depends_on: Vec<String>,
    pub(super) message: String,
    pub(super) created: DateTime<Utc>,
    /// The Python file, relative to the project's directory where that is possible.
    pub(super) path: String,
    pub(super) upgrade: Rendered,
    pub(super) downgrade: Rendered,
}

/// One direction of a revision.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Rendered {
    /// With a problem, what came before it.
    pub(super) sql: String,
    /// Why it could not be rendered to its end.
    pub(super) problem: Option<String>,
    /// True for a downgrade that is not meant to be possible.
    pub(super) irreversible: bool,
    /// True when some of it is to run outside of a transaction.
    pub(super) autocommit: bool,
    pub(super) notes: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Project(Project),
    Revision(Box<Exported>),
    /// The last one, after which the child ends.
    Failure {
        message: String,
        hint: String,
    },
}

/// Lets the child render the project whose configuration is `ini`, an absolute path.
pub(super) async fn export(
    python: &Path,
    ini: &Path,
    section: &str,
) -> Result<Export, ImportError> {
    let python = program(python);
    let mut command = Command::new(&python);
    command
        .args(["-c", PROGRAM])
        .arg(ini)
        .arg(section)
        // Alembic reads the relative paths of an ini file from where it is run, which is where the file is.
        .current_dir(ini.parent().unwrap_or(Path::new("/")))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with(OUR_VARIABLES) {
            command.env_remove(name);
        }
    }
    let output = command
        .output()
        .await
        .map_err(|source| ImportError::Python {
            python: python.clone(),
            source,
        })?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    read(&output.stdout, &said)?.ok_or(ImportError::Ended {
        python,
        status: output.status,
        said,
    })
}

/// A path keeps its meaning in the child's working directory; a bare name is looked for in PATH.
fn program(python: &Path) -> PathBuf {
    if python.components().count() > 1 {
        std::path::absolute(python).unwrap_or_else(|_| python.to_owned())
    } else {
        python.to_owned()
    }
}

/// Reads the answers; none when the child did not come to its end.
fn read(answers: &[u8], said: &str) -> Result<Option<Export>, ImportError> {
    let mut project = None;
    let mut revisions = Vec::new();
    for line in String::from_utf8_lossy(answers).lines() {
        match serde_json::from_str(line).map_err(ImportError::Answer)? {
            Answer::Project(told) => project = Some(told),
            Answer::Revision(told) => revisions.push(*told),
            Answer::Failure { message, hint } => {
                let said = said.to_owned();
                return Err(ImportError::Project {
                    message,
                    hint,
                    said,
                });
            }
        }
    }
    Ok(project.map(|project| Export { project, revisions }))
}

//! The configured checks of a drill: a directory of `*.sql` files, each one query about the restored database that must
//! give true. They are asked as the backup role, which reads everything and changes nothing, with nothing but the catalog in
//! its search path: the queries name their tables with their schemas.

use std::{fs, io, path::Path, time::Duration};

use crate::{
    model::{
        drill::DrillCheck,
        failure::{Classified, Failure, Kind},
    },
    ops::daemon::Managed,
    postgres::{
        database::Purpose,
        drill_check::{self, Answer},
        error::PostgresError,
        scratch,
        session::Session,
    },
};

/// The longest file that is taken for a query.
const LONGEST_FILE: u64 = 1 << 20;

/// Why the checks do not speak for the backup.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The directory or one of its files cannot be read.
    #[error("cannot read the drill's checks in {directory}")]
    Unreadable {
        /// The directory.
        directory: String,
        /// The system's reason.
        source: io::Error,
    },
    /// A query could not be run, or gave something that is neither true nor false.
    #[error("checks could not be judged: {}", names.join(", "))]
    Broken {
        /// Their files, each with what was wrong.
        names: Vec<String>,
    },
    /// The restored database is not as the queries say.
    #[error("checks are not true of the restored database: {}", names.join(", "))]
    NotTrue {
        /// Their files, each with what it gave.
        names: Vec<String>,
    },
}

impl Classified for CheckError {
    fn kind(&self) -> Kind {
        match self {
            Self::Unreadable { .. } | Self::Broken { .. } => Kind::FailedPrecondition,
            Self::NotTrue { .. } => Kind::DataLoss,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "DRILL_CHECKS_UNREADABLE",
            Self::Broken { .. } => "DRILL_CHECK_BROKEN",
            Self::NotTrue { .. } => "DRILL_CHECK_NOT_TRUE",
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Unreadable { .. } => "correct databases.*.drill_checks, or its permissions",
            Self::Broken { .. } => {
                "a check is one query that gives one row of one boolean; tables are named with their schemas"
            }
            Self::NotTrue { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

/// The queries, by file name.
pub(super) async fn read(directory: &Path) -> Result<Vec<(String, String)>, Failure> {
    let place = directory.to_owned();
    let read = tokio::task::spawn_blocking(move || read_files(&place)).await;
    let read = read.unwrap_or_else(|error| Err(io::Error::other(error)));
    Ok(read.map_err(|source| CheckError::Unreadable {
        directory: directory.display().to_string(),
        source,
    })?)
}

fn read_files(directory: &Path) -> io::Result<Vec<(String, String)>> {
    let mut queries = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_none_or(|ending| ending != "sql") || !path.is_file() {
            continue;
        }
        if path.metadata()?.len() > LONGEST_FILE {
            return Err(io::Error::other(format!(
                "{} is longer than 1 MiB",
                path.display()
            )));
        }
        let name = path.file_name().unwrap_or_default();
        queries.push((
            name.to_string_lossy().into_owned(),
            fs::read_to_string(&path)?,
        ));
    }
    queries.sort();
    Ok(queries)
}

/// Asks all of them of a database, and notes what each gave as soon as it has. One that is not true does not keep the others
/// from being asked.
pub(super) async fn ask(
    managed: &Managed,
    database: &str,
    queries: &[(String, String)],
    limit: Duration,
    asked: &mut Vec<DrillCheck>,
) -> Result<(), Failure> {
    let session = backup_session(managed, database).await?;
    let (mut broken, mut not_true) = (Vec::new(), Vec::new());
    for (name, query) in queries {
        let answer = match drill_check::ask(&session, query, limit).await {
            Ok(answer) => answer,
            Err(error) => Answer::NoAnswer(refused_by_the_server(error)?),
        };
        let message = match answer {
            Answer::True => String::new(),
            Answer::NotTrue(message) => {
                not_true.push(format!("{name} ({message})"));
                message.to_owned()
            }
            Answer::NoAnswer(message) => {
                broken.push(format!("{name} ({message})"));
                message
            }
        };
        asked.push(DrillCheck {
            name: name.clone(),
            passed: message.is_empty(),
            message,
        });
    }
    session.close().await;
    if !not_true.is_empty() {
        return Err(CheckError::NotTrue { names: not_true }.into());
    }
    if !broken.is_empty() {
        return Err(CheckError::Broken { names: broken }.into());
    }
    Ok(())
}

/// What the server said of a query; an error where it is not the query's fault.
fn refused_by_the_server(error: PostgresError) -> Result<String, PostgresError> {
    match error.kind() {
        Kind::Unavailable | Kind::ResourceExhausted => Err(error),
        _ => Ok(crate::model::failure::chain(&error)),
    }
}

async fn backup_session(managed: &Managed, database: &str) -> Result<Session, Failure> {
    let mut login = managed.database.login(Purpose::Backup).clone();
    let server = managed.database.server_session("pgsteward drill").await?;
    let role = login.get_user().unwrap_or_default().to_owned();
    scratch::let_in(&server, database, &role).await?;
    server.close().await;
    login.dbname(database);
    Ok(managed
        .database
        .session_as(&login, "pgsteward drill")
        .await?)
}

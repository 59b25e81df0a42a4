//! The running of one revision script: its statements and its version row.
//!
//! Used by MigrationService on managed databases and by the control store on itself: one engine. Who may run at all is
//! settled before, by a lock; here the version table is locked too, so that a real Alembic beside us is noticed.

use std::time::Duration;

use tokio_postgres::error::{ErrorPosition, SqlState};

use super::{error::PostgresError, session::Session, versions::VersionTable};
use crate::model::{
    failure::{Classified, Kind},
    migration::Direction,
    revision::{Script, ScriptError, Statement},
};

/// Limits on each statement of a script. Zero means none.
#[derive(Clone, Copy, Debug, Default)]
pub struct ScriptLimits {
    /// `lock_timeout`.
    pub lock: Duration,
    /// `statement_timeout`.
    pub statement: Duration,
}

/// Why a script was not run, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum ScriptRunError {
    /// The section is not a list of statements that may be run.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// PostgreSQL refused a statement.
    #[error("{file}:{line}: the statement failed{}", left(*.applied_before))]
    Statement {
        /// The script's file.
        file: String,
        /// The line of the file.
        line: usize,
        /// How many statements before it stay applied; `None` when everything was rolled back.
        applied_before: Option<usize>,
        /// The cause.
        source: PostgresError,
    },
    /// The version table does not say what the plan was made from.
    #[error("the version table says {found:?}, but the plan was made for {expected:?}")]
    VersionChanged {
        /// The rows as they are.
        found: Vec<String>,
        /// The rows that the plan expects.
        expected: Vec<String>,
    },
    /// The version row or the transaction around the script failed.
    #[error("{file}: the script could not be completed")]
    Frame {
        /// The script's file.
        file: String,
        /// The cause.
        source: PostgresError,
    },
}

fn left(applied_before: Option<usize>) -> String {
    match applied_before {
        None | Some(0) => "; nothing of the script is left".to_owned(),
        Some(count) => format!("; the {count} statements before it stay applied"),
    }
}

impl Classified for ScriptRunError {
    fn kind(&self) -> Kind {
        match self {
            Self::Script(source) => source.kind(),
            Self::VersionChanged { .. } => Kind::Aborted,
            Self::Statement { source, .. } => match source.kind() {
                // The statement is at fault, not the daemon.
                Kind::Internal => Kind::FailedPrecondition,
                kind => kind,
            },
            Self::Frame { source, .. } => source.kind(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Script(source) => source.reason(),
            Self::VersionChanged { .. } => "SCHEMA_VERSION_CHANGED",
            Self::Statement { source, .. } if source.is(&SqlState::LOCK_NOT_AVAILABLE) => {
                "LOCK_TIMEOUT"
            }
            Self::Statement { .. } => "STATEMENT_FAILED",
            Self::Frame { source, .. } => source.reason(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Script(source) => source.hint(),
            Self::VersionChanged { .. } => Some(
                "something else migrates this database; see GetSchemaVersion, then try again"
                    .to_owned(),
            ),
            Self::Statement {
                applied_before: Some(1..),
                ..
            } => Some(
                "make the script's first statements tolerate what is applied (IF NOT EXISTS), or undo them by hand, then run it again"
                    .to_owned(),
            ),
            Self::Statement { source, .. } if source.is(&SqlState::LOCK_NOT_AVAILABLE) => Some(
                "another session holds a lock on the same object (see pg_blocking_pids): wait for it or end it, then try again"
                    .to_owned(),
            ),
            Self::Statement { .. } => Some("correct the script, then run it again".to_owned()),
            Self::Frame { source, .. } => source.hint(),
        }
    }
}

/// Runs one section of a script and moves the version table from `before` to `after`.
///
/// A transactional script and its version row are one transaction: on an error nothing is left. The statements of a
/// non-transactional script run one by one; its version row is written after the last.
pub async fn run(
    session: &Session,
    table: &VersionTable,
    script: &Script,
    direction: Direction,
    before: &[String],
    after: &[String],
    limits: ScriptLimits,
) -> Result<(), ScriptRunError> {
    let section = Section::of(script, direction)?;
    let frame = |source| ScriptRunError::Frame {
        file: script.file_name.clone(),
        source,
    };
    session
        .batch_execute(&format!(
            "SET lock_timeout = {}; SET statement_timeout = {}; SET idle_in_transaction_session_timeout = 0",
            limits.lock.as_millis(),
            limits.statement.as_millis()
        ))
        .await
        .map_err(PostgresError::query("set the script's limits"))
        .map_err(frame)?;
    if script.transactional {
        begin(session, table, before, script).await?;
        section.execute(session).await?;
    } else {
        // Looked at before and after: by then it is too late for statements that cannot be taken back.
        begin(session, table, before, script).await?;
        commit(session).await.map_err(frame)?;
        section.execute(session).await?;
        begin(session, table, before, script).await?;
    }
    // The version row is the migrator's, whatever role the script has put on.
    session
        .batch_execute("RESET ROLE")
        .await
        .map_err(PostgresError::query("take off the script's role"))
        .map_err(frame)?;
    table
        .replace(&**session, before, after)
        .await
        .map_err(frame)?;
    commit(session).await.map_err(frame)?;
    // What a script set for its session (search_path, role) must not reach the next script.
    session
        .batch_execute("DISCARD ALL")
        .await
        .map_err(PostgresError::query("reset the session"))
        .map_err(frame)
}

async fn commit(session: &Session) -> Result<(), PostgresError> {
    session
        .batch_execute("COMMIT")
        .await
        .map_err(PostgresError::query("commit"))
}

async fn begin(
    session: &Session,
    table: &VersionTable,
    expected: &[String],
    script: &Script,
) -> Result<(), ScriptRunError> {
    let found = async {
        session
            .batch_execute("BEGIN")
            .await
            .map_err(PostgresError::query("begin a transaction"))?;
        table.ensure(&**session).await?;
        table.lock(&**session).await?;
        table.heads(&**session).await
    };
    let found = found.await.map_err(|source| ScriptRunError::Frame {
        file: script.file_name.clone(),
        source,
    })?;
    if found == expected {
        return Ok(());
    }
    Err(ScriptRunError::VersionChanged {
        found,
        expected: expected.to_vec(),
    })
}

/// One section's statements, with what is needed to point into its file.
struct Section<'a> {
    script: &'a Script,
    first_line: usize,
    statements: Vec<Statement>,
}

impl<'a> Section<'a> {
    fn of(script: &'a Script, direction: Direction) -> Result<Self, ScriptError> {
        let first_line = match direction {
            Direction::Upgrade => script.upgrade_line,
            Direction::Downgrade => script.downgrade_line,
        };
        Ok(Self {
            script,
            first_line,
            statements: script.statements(direction)?,
        })
    }

    async fn execute(&self, session: &Session) -> Result<(), ScriptRunError> {
        for (position, statement) in self.statements.iter().enumerate() {
            session
                .batch_execute(&statement.sql)
                .await
                .map_err(|error| ScriptRunError::Statement {
                    file: self.script.file_name.clone(),
                    line: self.line(statement, &error),
                    applied_before: (!self.script.transactional).then_some(position),
                    source: PostgresError::query("run it")(error),
                })?;
        }
        Ok(())
    }

    /// The line of the file that the error is about: where PostgreSQL points into the statement, else its first line.
    fn line(&self, statement: &Statement, error: &tokio_postgres::Error) -> usize {
        let offset = match error.as_db_error().and_then(|report| report.position()) {
            Some(ErrorPosition::Original(position)) => *position as usize,
            _ => 1,
        };
        let before = statement.sql.chars().take(offset.saturating_sub(1));
        let into = before.filter(|c| *c == '\n').count();
        self.first_line + statement.line - 1 + into
    }
}

//! The running of one revision script: its statements and its version row.
//!
//! Used by MigrationService on managed databases and by the control store on itself: one engine. Who may run at all is
//! settled before, by a lock; here the version table is locked too, so that a real Alembic beside us is noticed.

use std::time::Duration;

use tokio_postgres::error::{ErrorPosition, SqlState};

use super::{error::PostgresError, session::Session, versions::VersionTable};
use crate::model::{
    failure::{Classified, Kind, chain},
    migration::Direction,
    revision::{Script, ScriptError, Statement},
};

/// Limits on each statement of a script. Zero means none.
#[derive(Clone, Copy, Debug, Default)]
pub struct ScriptLimits {
    /// `lock_timeout` of statements whose waiting makes others wait behind them.
    pub lock: Duration,
    /// `lock_timeout` of concurrent index builds and their like, which wait long and block nobody.
    pub concurrent_lock: Duration,
    /// `statement_timeout`.
    pub statement: Duration,
}

/// One section of one script that is to be run.
#[derive(Clone, Copy, Debug)]
pub struct ScriptRun<'a> {
    /// Where the version row goes.
    pub table: &'a VersionTable,
    /// The script.
    pub script: &'a Script,
    /// The section.
    pub direction: Direction,
    /// The version table's rows before.
    pub before: &'a [String],
    /// The version table's rows after.
    pub after: &'a [String],
    /// Limits on each statement.
    pub limits: ScriptLimits,
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
    /// The deed could not be written into the ledger, and so was not done.
    #[error("{file}: refused, since it cannot be recorded")]
    Unrecorded {
        /// The script's file.
        file: String,
        /// The cause.
        source: PostgresError,
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
            Self::Frame { source, .. } | Self::Unrecorded { source, .. } => source.kind(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Script(source) => source.reason(),
            Self::VersionChanged { .. } => "SCHEMA_VERSION_CHANGED",
            Self::Statement { source, .. } | Self::Frame { source, .. } if waited(source) => {
                "LOCK_TIMEOUT"
            }
            Self::Statement { .. } => "STATEMENT_FAILED",
            Self::Unrecorded { .. } => "LEDGER_UNAVAILABLE",
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
                "correct this statement, then run the migration again: it goes on here, and the statements before it are not repeated"
                    .to_owned(),
            ),
            Self::Statement { source, .. } | Self::Frame { source, .. } if waited(source) => Some(
                "another session holds a lock on the same object (see pg_blocking_pids): wait for it or end it, then try again"
                    .to_owned(),
            ),
            Self::Statement { .. } => Some("correct the script, then run it again".to_owned()),
            Self::Frame { source, .. } | Self::Unrecorded { source, .. } => source.hint(),
        }
    }
}

impl ScriptRunError {
    /// Whether it failed only because others held a lock, so that it is worth trying again.
    pub fn is_contention(&self) -> bool {
        match self {
            Self::Statement { source, .. } | Self::Frame { source, .. } => waited(source),
            _ => false,
        }
    }
}

impl ScriptRunError {
    /// Whether it failed because what it was to make is there, or what it was to drop is not: for a statement that is run
    /// again since nobody knows how its first run ended.
    pub fn says_it_is_done(&self) -> bool {
        let Self::Statement { source, .. } = self else {
            return false;
        };
        [
            SqlState::DUPLICATE_DATABASE,
            SqlState::DUPLICATE_OBJECT,
            SqlState::INVALID_CATALOG_NAME,
            SqlState::UNDEFINED_OBJECT,
        ]
        .iter()
        .any(|state| source.is(state))
    }
}

fn waited(error: &PostgresError) -> bool {
    error.is(&SqlState::LOCK_NOT_AVAILABLE) || error.is(&SqlState::T_R_DEADLOCK_DETECTED)
}

/// Runs a transactional script: its statements and its version row are one transaction, and on an error nothing is left.
///
/// `record` is called right before the commit, with the transaction's id; what it refuses is rolled back. When the
/// connection is lost in the commit itself, that id tells how it ended.
pub async fn run(
    session: &Session,
    run: ScriptRun<'_>,
    record: impl AsyncFnOnce(String) -> Result<(), PostgresError>,
) -> Result<(), ScriptRunError> {
    let statements = run.script.statements(run.direction)?;
    let sent = async {
        open(session, run).await?;
        for statement in &statements {
            execute(session, run, statement, None).await?;
        }
        Ok(())
    };
    let sent = sent.await;
    close(session, run, sent, record).await
}

/// The first third of [`run`]: opens the script's transaction, refused unless the version table has the rows that the run
/// was planned from. Whatever comes of it, [`close`] comes after it.
pub async fn open(session: &Session, run: ScriptRun<'_>) -> Result<(), ScriptRunError> {
    set_limits(session, run, run.limits.lock).await?;
    begin(session, run).await
}

/// The last third of [`run`]: writes the version row and commits where all statements were `sent`, else rolls back.
pub async fn close(
    session: &Session,
    run: ScriptRun<'_>,
    sent: Result<(), ScriptRunError>,
    record: impl AsyncFnOnce(String) -> Result<(), PostgresError>,
) -> Result<(), ScriptRunError> {
    let done = match sent {
        Ok(()) => commit_version(session, run, record).await,
        Err(error) => Err(error),
    };
    leave(session, done).await
}

/// Refuses unless the version table has the rows that the run was planned from. For a non-transactional script, before its
/// first statement: afterwards it is too late for statements that cannot be taken back.
pub async fn check_version(session: &Session, run: ScriptRun<'_>) -> Result<(), ScriptRunError> {
    let done = async {
        open(session, run).await?;
        commit(session).await.map_err(|source| run.frame(source))
    };
    let done = done.await;
    if done.is_err() {
        rollback(session).await;
    }
    done
}

/// Writes the version row of a non-transactional script after its last statement. See [`run`] for `record`.
pub async fn finish(
    session: &Session,
    run: ScriptRun<'_>,
    record: impl AsyncFnOnce(String) -> Result<(), PostgresError>,
) -> Result<(), ScriptRunError> {
    let opened = open(session, run).await;
    close(session, run, opened, record).await
}

/// Sets the session's limits for what comes next.
pub async fn set_limits(
    session: &Session,
    run: ScriptRun<'_>,
    lock: Duration,
) -> Result<(), ScriptRunError> {
    session
        .batch_execute(&format!(
            "SET lock_timeout = {}; SET statement_timeout = {}; SET idle_in_transaction_session_timeout = 0",
            lock.as_millis(),
            run.limits.statement.as_millis()
        ))
        .await
        .map_err(PostgresError::query("set the script's limits"))
        .map_err(|source| run.frame(source))
}

/// Sends one statement. `applied_before` says how many before it stay applied when it fails; `None` when none do.
pub async fn execute(
    session: &Session,
    run: ScriptRun<'_>,
    statement: &Statement,
    applied_before: Option<usize>,
) -> Result<(), ScriptRunError> {
    session
        .batch_execute(&statement.sql)
        .await
        .map_err(|error| ScriptRunError::Statement {
            file: run.script.file_name.clone(),
            line: run.line(statement, &error),
            applied_before,
            source: PostgresError::query("run it")(error),
        })
}

/// Takes back the open transaction, if the session can still do so; dropping the session does as much.
pub async fn rollback(session: &Session) {
    if let Err(error) = session.batch_execute("ROLLBACK").await {
        tracing::debug!(%error, "could not roll back");
    }
}

/// The id of the open transaction, as `pg_xact_status` takes it.
pub async fn transaction_id(session: &Session) -> Result<String, PostgresError> {
    session
        .query_one("SELECT pg_catalog.pg_current_xact_id()::text", &[])
        .await
        .map(|row| row.get(0))
        .map_err(PostgresError::query("read the transaction's id"))
}

async fn begin(session: &Session, run: ScriptRun<'_>) -> Result<(), ScriptRunError> {
    let found = async {
        session
            .batch_execute("BEGIN")
            .await
            .map_err(PostgresError::query("begin a transaction"))?;
        run.table.ensure(&**session).await?;
        run.table.lock(&**session).await?;
        run.table.heads(&**session).await
    };
    let found = found.await.map_err(|source| run.frame(source))?;
    if found == run.before {
        return Ok(());
    }
    Err(ScriptRunError::VersionChanged {
        found,
        expected: run.before.to_vec(),
    })
}

/// Moves the version row in the open transaction, has it recorded, and commits.
async fn commit_version(
    session: &Session,
    run: ScriptRun<'_>,
    record: impl AsyncFnOnce(String) -> Result<(), PostgresError>,
) -> Result<(), ScriptRunError> {
    let moved = async {
        // The version row is the migrator's, whatever role the script has put on.
        session
            .batch_execute("RESET ROLE")
            .await
            .map_err(PostgresError::query("take off the script's role"))?;
        run.table.replace(&**session, run.before, run.after).await?;
        transaction_id(session).await
    };
    let transaction_id = moved.await.map_err(|source| run.frame(source))?;
    record(transaction_id)
        .await
        .map_err(|source| ScriptRunError::Unrecorded {
            file: run.script.file_name.clone(),
            source,
        })?;
    commit(session).await.map_err(|source| run.frame(source))
}

async fn commit(session: &Session) -> Result<(), PostgresError> {
    session
        .batch_execute("COMMIT")
        .await
        .map_err(PostgresError::query("commit"))
}

/// What a script set for its session (search_path, role) must not reach the next script, or the next try.
async fn leave<T>(session: &Session, done: Result<T, ScriptRunError>) -> Result<T, ScriptRunError> {
    if done.is_err() {
        rollback(session).await;
    }
    if let Err(error) = session.reset().await {
        // What was committed is committed; whoever uses the session next finds it closed.
        tracing::debug!(error = %chain(&error), "could not reset the session");
    }
    done
}

impl ScriptRun<'_> {
    /// What failed around the script's statements.
    pub(super) fn frame(&self, source: PostgresError) -> ScriptRunError {
        ScriptRunError::Frame {
            file: self.script.file_name.clone(),
            source,
        }
    }

    /// The line of the file that the error is about: where PostgreSQL points into the statement, else its first line.
    fn line(&self, statement: &Statement, error: &tokio_postgres::Error) -> usize {
        let offset = match error.as_db_error().and_then(|report| report.position()) {
            Some(ErrorPosition::Original(position)) => *position as usize,
            _ => 1,
        };
        let before = statement.sql.chars().take(offset.saturating_sub(1));
        let into = before.filter(|c| *c == '\n').count();
        self.first_line() + statement.line - 1 + into
    }

    /// The line of the file on which the section begins.
    pub(super) fn first_line(&self) -> usize {
        match self.direction {
            Direction::Upgrade => self.script.upgrade_line,
            Direction::Downgrade => self.script.downgrade_line,
        }
    }
}

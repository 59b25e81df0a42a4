//! VACUUM or ANALYZE of one table, and what came of it.

use std::time::{Duration, Instant};

use tokio_postgres::{
    Statement,
    error::{DbError, Severity, SqlState},
    types::ToSql,
};

use crate::{
    model::{
        failure::chain,
        maintenance::optimize::{
            OptimizeAction, OptimizeOptions, OptimizeOutcome, OptimizedTable, PlannedTable,
            TableKind,
        },
    },
    ops::{maintenance::crew::Craft, turn::Work},
    postgres::{error::PostgresError, session::Session, vacuum as sql},
};

/// A foreign server that does not answer must not hold the run up for good.
const FOREIGN_TIMEOUT: &str = "10min";

const DROPPED: &str = "it was dropped meanwhile";

/// The craft of an optimize run.
#[derive(Clone)]
pub(super) struct Vacuum {
    options: OptimizeOptions,
    lock_timeout: Duration,
}

impl Vacuum {
    pub(super) fn new(options: OptimizeOptions, lock_timeout: Duration) -> Self {
        Self {
            lock_timeout: options.lock_timeout.unwrap_or(lock_timeout),
            options,
        }
    }

    pub(super) fn first_stage(&self) -> &'static str {
        if self.options.analyze_only {
            "analyze"
        } else {
            "vacuum and analyze"
        }
    }

    async fn run(
        &self,
        session: &Session,
        kit: &Statement,
        table: &PlannedTable,
    ) -> Result<OptimizedTable, PostgresError> {
        let start = Instant::now();
        let statement = sql::statement(table.action, &self.options, &table.state.name);
        session.take_notices();
        // What it has left is asked for behind it, without another way to the server and back.
        let of_this: [&(dyn ToSql + Sync); 1] = [&table.state.oid];
        let (ran, left) = tokio::join!(
            session.batch_execute(&statement),
            session.query_opt(kit, &of_this)
        );
        ran.map_err(PostgresError::query(format!(
            "{} {}",
            verb(table.action),
            table.state.name
        )))?;
        let warnings = warnings(session.take_notices());
        let outcome = outcome(table, &warnings);
        let mut ended = table.ended(outcome, start.elapsed());
        if ended.outcome == OptimizeOutcome::Optimized {
            let said: Vec<&str> = warnings.iter().map(DbError::message).collect();
            ended.warning = said.join("; ");
            if table.action.vacuums()
                && let Ok(Some(row)) = left
            {
                ended.dead_rows_after = row.get(0);
                ended.pages_after = row.get(1);
            }
        }
        Ok(ended)
    }
}

impl Craft for Vacuum {
    type Piece = PlannedTable;
    type Made = OptimizedTable;
    type Kit = Statement;

    const WORK: Work = Work::Optimize;

    fn name(table: &PlannedTable) -> String {
        table.state.name.to_string()
    }

    fn bytes(table: &PlannedTable) -> u64 {
        u64::try_from(table.state.size_bytes).unwrap_or_default()
    }

    /// Roughly, as far as a table's phases go: most of the time goes into reading it and into its indexes.
    fn part(table: &PlannedTable, phase: &str, part: f64) -> f64 {
        if !table.action.vacuums() {
            return part;
        }
        match phase {
            "initializing" => 0.0,
            "scanning heap" => 0.5 * part,
            "vacuuming indexes" => 0.5,
            "vacuuming heap" => 0.8 + 0.1 * part,
            // What is behind VACUUM's own phases belongs to ANALYZE.
            "cleaning up indexes" | "truncating heap" | "performing final cleanup" => 0.9,
            _ => 0.9 + 0.1 * part,
        }
    }

    fn lock_timeout(&self) -> Duration {
        self.lock_timeout
    }

    async fn equip(&self, session: &Session) -> Result<Statement, PostgresError> {
        session
            .prepare(sql::LEFT)
            .await
            .map_err(PostgresError::query("prepare the optimize session"))
    }

    async fn work(
        &self,
        session: &Session,
        kit: &Statement,
        table: &PlannedTable,
    ) -> Result<OptimizedTable, PostgresError> {
        if table.state.kind != TableKind::Foreign {
            return self.run(session, kit, table).await;
        }
        limit(session, FOREIGN_TIMEOUT).await?;
        let ended = self.run(session, kit, table).await;
        if session.is_held() {
            limit(session, "0").await?;
        }
        ended
    }

    fn failed(
        &self,
        table: &PlannedTable,
        error: &PostgresError,
        after: Duration,
        blocked_by: &str,
    ) -> OptimizedTable {
        let gone = [SqlState::UNDEFINED_TABLE, SqlState::INVALID_SCHEMA_NAME];
        let outcome = if error.is(&SqlState::LOCK_NOT_AVAILABLE) {
            OptimizeOutcome::Skipped(locked(self.lock_timeout, blocked_by))
        } else if gone.iter().any(|state| error.is(state)) {
            OptimizeOutcome::Skipped(DROPPED.to_owned())
        } else {
            let message = chain(error);
            tracing::warn!(table = %table.state.name, message, "a table could not be optimized");
            OptimizeOutcome::Failed(message)
        };
        table.ended(outcome, after)
    }
}

/// Why something was skipped whose lock was not free in time.
pub(in crate::ops::maintenance) fn locked(waited: Duration, blocked_by: &str) -> String {
    let waited = humantime::format_duration(waited);
    if blocked_by.is_empty() {
        format!("its lock was not free within {waited}")
    } else {
        format!("its lock was not free within {waited}: held by {blocked_by}")
    }
}

async fn limit(session: &Session, timeout: &str) -> Result<(), PostgresError> {
    session
        .execute(
            "SELECT pg_catalog.set_config('statement_timeout', $1, false)",
            &[&timeout],
        )
        .await
        .map(|_| ())
        .map_err(PostgresError::query("limit a statement's time"))
}

fn verb(action: OptimizeAction) -> &'static str {
    match action {
        OptimizeAction::VacuumAnalyze => "vacuum and analyze",
        OptimizeAction::Vacuum => "vacuum",
        OptimizeAction::Analyze => "analyze",
    }
}

fn warnings(notices: Vec<DbError>) -> Vec<DbError> {
    notices
        .into_iter()
        .filter(|notice| notice.parsed_severity() == Some(Severity::Warning))
        .collect()
}

/// VACUUM skips with a warning what it cannot have; its code says why, in every language.
fn outcome(table: &PlannedTable, warnings: &[DbError]) -> OptimizeOutcome {
    let told = |state: &SqlState| warnings.iter().any(|warning| warning.code() == state);
    if told(&SqlState::LOCK_NOT_AVAILABLE) {
        return OptimizeOutcome::Skipped("its lock was not free".to_owned());
    }
    if told(&SqlState::UNDEFINED_TABLE) {
        return OptimizeOutcome::Skipped(DROPPED.to_owned());
    }
    match warnings.first() {
        Some(warning) if table.state.kind == TableKind::Foreign => {
            OptimizeOutcome::Skipped(warning.message().to_owned())
        }
        _ => OptimizeOutcome::Optimized,
    }
}

//! Stage `prove`: what the scripts made is what the models declare, and each downgrade leads back to where its upgrade
//! began. PostgreSQL is asked, not the plan.

use super::write::Written;
use crate::{
    model::{
        failure::{Failure, Kind, chain},
        migration::Direction,
        review::abbreviated,
        revision::Script,
        schema::{Difference, Schema},
    },
    ops::{
        daemon::{Daemon, Managed},
        migration::{compare, scratch::build_one},
        runner::job::Job,
    },
    postgres::{
        catalog::{Scope, read_in_snapshot},
        error::PostgresError,
        revisions::{ScriptRun, ScriptRunError},
        session::Session,
    },
};

const REASON: &str = "NOT_PROVEN";

/// Proves the scripts, which have all run in the session's database.
pub(super) async fn prove(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    session: &Session,
    scope: &Scope,
    revisions: &[Written],
    declared: &Schema,
) -> Result<(), Failure> {
    let proven = async {
        let made = read_in_snapshot(session, scope).await?;
        require_none(
            "what would be written does not make what the models declare",
            &made.differences(declared),
        )?;
        for (done, written) in revisions.iter().rev().enumerate() {
            job.count(done as u64, revisions.len() as u64, "revisions");
            let script = &written.script;
            let run = ScriptRun {
                table: &managed.version_table,
                script,
                direction: Direction::Downgrade,
                before: &written.rows_after,
                after: &written.rows_before,
                limits: daemon.settings.migrations.limits,
            };
            let ran = build_one(session, run).await;
            ran.map_err(|error| not_proven(script, Direction::Downgrade, error))?;
            let left = read_in_snapshot(session, scope).await?;
            let message = format!(
                "the downgrade that would be written for {:?} does not lead back",
                script.message
            );
            require_none(&message, &written.before.differences(&left))?;
        }
        Ok(())
    };
    let proven = proven.await;
    if proven.is_err() {
        for written in revisions {
            tracing::debug!(script = written.script.text, "a script that was not proven");
        }
    }
    proven
}

fn require_none(message: &str, differences: &[Difference]) -> Result<(), Failure> {
    if differences.is_empty() {
        return Ok(());
    }
    Err(with_advice(compare::refusal(REASON, message, differences)))
}

fn with_advice(failure: Failure) -> Failure {
    failure.with_hint("nothing was written; write that part by hand (CreateRevision with upgrade_sql), and report the defect")
}

/// A script that PostgreSQL refused. Other troubles stay what they are.
pub(super) fn not_proven(script: &Script, direction: Direction, error: ScriptRunError) -> Failure {
    let line = match &error {
        ScriptRunError::Statement { line, .. } => Some(*line),
        _ => None,
    };
    let failure = Failure::from(error);
    if failure.kind != Kind::FailedPrecondition {
        return failure;
    }
    tracing::debug!(script = script.text, "a script that was not proven");
    let statement = line.and_then(|line| statement_at(script, direction, line));
    let statement = statement.map_or_else(String::new, |sql| format!(": {}", abbreviated(&sql)));
    let message = format!(
        "the {} that would be written for {:?} fails{statement}: {}",
        direction.name(),
        script.message,
        failure.message
    );
    with_advice(Failure::new(Kind::FailedPrecondition, REASON, message))
}

/// A single statement that PostgreSQL refused.
pub(super) fn refused(what: &str, statement: &str, error: tokio_postgres::Error) -> Failure {
    let of_server = error.as_db_error().is_some();
    let error = PostgresError::query("run it")(error);
    if !of_server {
        return error.into();
    }
    let message = format!(
        "{what} fails: {}: {}",
        abbreviated(statement),
        chain(&error)
    );
    with_advice(Failure::new(Kind::FailedPrecondition, REASON, message))
}

/// The statement of which a line of the file is part.
fn statement_at(script: &Script, direction: Direction, line: usize) -> Option<String> {
    let first = match direction {
        Direction::Upgrade => script.upgrade_line,
        Direction::Downgrade => script.downgrade_line,
    };
    let statements = script.statements(direction).ok()?;
    let begun = statements.into_iter().rev();
    begun
        .map(|statement| (first + statement.line - 1, statement.sql))
        .find(|(begin, _)| *begin <= line)
        .map(|(_, sql)| sql)
}

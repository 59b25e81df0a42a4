//! Reindex, as a list of stages:
//!
//! 1. `clean up`: what an earlier REINDEX CONCURRENTLY has left behind is dropped.
//! 2. `reindex`: index by index, the largest first.
//! 3. `clean up`: what this run has left.
//!
//! Before the first index is touched it is noted in the control store that there may be half-built ones: after a kill -9,
//! recovery drops them.

mod rebuild;

use std::{sync::Arc, time::Duration};

use self::rebuild::Rebuild;
use super::{
    crew::Crew,
    optimize::{MOST_JOBS, check_lock_timeout},
};
use crate::{
    model::{
        failure::{Failure, Kind},
        maintenance::reindex::{ReindexOptions, ReindexPlan, ReindexResult, plan},
        operation::{Operation, Outcome},
    },
    ops::{
        context::Context,
        daemon::{Daemon, Managed},
        launch::launch,
        runner::job::Job,
        turn::{Turn, Work},
    },
    postgres::{database::Purpose, error::PostgresError, lock, reindex as sql, session::Session},
    state::artifacts::{Artifact, ArtifactKind},
};

const MOST_NAMES: usize = 1000;
const STAGES: u32 = 3;

/// How long the cleaning up may take where others wait. What is left then is dropped later.
const QUICK: Duration = Duration::from_secs(2);

/// Starts a reindex run. `options` is what was read of the request: one that cannot be read is refused once it is recorded.
pub async fn reindex(
    daemon: &Arc<Daemon>,
    context: &Context,
    database: &str,
    options: Result<ReindexOptions, Failure>,
    request_id: &str,
) -> Result<Operation, Failure> {
    launch(daemon, context, database, request_id, async |managed| {
        let options = options?;
        check(&options)?;
        require_known(&managed, &options).await?;
        let daemon = Arc::clone(daemon);
        Ok(move |job| async move { run(&daemon, &managed, &job, options).await })
    })
    .await
}

fn check(options: &ReindexOptions) -> Result<(), Failure> {
    if options.jobs > MOST_JOBS {
        let problem = format!("must be 0 to {MOST_JOBS}");
        return Err(Failure::invalid_field("jobs", problem));
    }
    if options.waste_percent > 99 {
        return Err(Failure::invalid_field("waste_percent", "must be 0 to 99"));
    }
    for (field, count) in [
        ("indexes", options.indexes.len()),
        ("tables", options.tables.len()),
        ("schemas", options.schemas.len()),
    ] {
        if count > MOST_NAMES {
            let problem = format!("must be at most {MOST_NAMES}");
            return Err(Failure::invalid_field(field, problem));
        }
    }
    check_lock_timeout(options.lock_timeout)
}

/// Refuses names that the database does not have, all of a field at once.
async fn require_known(managed: &Managed, options: &ReindexOptions) -> Result<(), Failure> {
    let client = managed.database.pooled(Purpose::Maintenance).await?;
    let unknown = |named: Vec<sql::Named>| -> Vec<String> {
        let unknown = named.into_iter().filter(|named| named.oid.is_none());
        unknown.map(|named| named.name.to_string()).collect()
    };
    let indexes = sql::look_up(&client, &options.indexes, sql::INDEX_KINDS).await?;
    let tables = sql::look_up(&client, &options.tables, sql::TABLE_KINDS).await?;
    let schemas = sql::unknown_schemas(&client, &options.schemas).await?;
    for (field, what, unknown) in [
        ("indexes", "index", unknown(indexes)),
        ("tables", "table", unknown(tables)),
        ("schemas", "schema", schemas),
    ] {
        if !unknown.is_empty() {
            let problem = format!(
                "names what is no {what} of database {:?}: {}",
                managed.name(),
                unknown.join(", ")
            );
            return Err(Failure::invalid_field(field, problem));
        }
    }
    Ok(())
}

async fn run(
    daemon: &Daemon,
    managed: &Arc<Managed>,
    job: &Job,
    options: ReindexOptions,
) -> Result<Outcome, Failure> {
    let patience = daemon.settings.lock_wait;
    let turn = Turn::take(&managed.database, Work::Reindex, job, patience).await?;
    let noted = Artifact {
        operation: job.id(),
        kind: ArtifactKind::Indexes,
        database: managed.name().to_owned(),
        name: job.id().to_string(),
    };
    daemon.store.note_artifact(&noted).await?;

    job.enter(1, STAGES, "clean up");
    let timeout = options
        .lock_timeout
        .unwrap_or(daemon.settings.maintenance.reindex_lock_timeout);
    let before = turn.during(job, clean_up(managed, timeout)).await?;

    job.enter(2, STAGES, "reindex");
    let plan = turn.during(job, look(managed, &options)).await?;
    let craft = Rebuild::new(managed, timeout);
    let crew = Crew::new(craft, managed, options.jobs.max(1), plan.indexes);
    let worked = crew.work_off(daemon, job, turn, 0).await;
    let (turn, mut indexes, yields) = match worked {
        Ok(worked) => worked,
        Err(failure) => {
            // Recovery drops what cannot be dropped this quickly.
            clean_up_quickly(managed).await;
            return Err(failure);
        }
    };

    job.enter(3, STAGES, "clean up");
    let after = turn.during(job, clean_up(managed, timeout)).await?;
    if after.left == 0 {
        daemon.store.strike_artifact(&noted).await?;
    }
    turn.end().await;
    indexes.extend(plan.skipped);
    Ok(Outcome::Reindex(ReindexResult {
        database: managed.name().to_owned(),
        indexes,
        dropped_leftovers: [before.dropped, after.dropped].concat(),
        yields,
    }))
}

async fn look(managed: &Managed, options: &ReindexOptions) -> Result<ReindexPlan, Failure> {
    let session = session(managed, Purpose::Maintenance).await?;
    let indexes = sql::indexes(&session, options).await?;
    session.close().await;
    Ok(plan(indexes, options))
}

async fn session(managed: &Managed, purpose: Purpose) -> Result<Session, Failure> {
    let database = &managed.database;
    Ok(database.session(purpose, "pgsteward reindex").await?)
}

/// What became of leftovers.
#[derive(Debug, Default)]
struct Cleaned {
    dropped: Vec<String>,
    /// How many could not be dropped.
    left: usize,
}

/// Drops what REINDEX CONCURRENTLY has left behind and nobody builds any more. An index is dropped by its owner, which the
/// maintenance role need not be.
async fn clean_up(managed: &Managed, lock_timeout: Duration) -> Result<Cleaned, Failure> {
    let session = session(managed, Purpose::Admin).await?;
    let timeout = lock_timeout.as_millis();
    session
        .batch_execute(&format!("SET lock_timeout = {timeout}"))
        .await
        .map_err(PostgresError::query("limit the waits for locks"))?;
    let mut cleaned = Cleaned::default();
    for leftover in sql::leftovers(&session).await? {
        if leftover.in_build {
            cleaned.left += 1;
            continue;
        }
        match sql::drop_leftover(&session, &leftover).await {
            Ok(()) => {
                tracing::warn!(
                    index = leftover.name,
                    "dropped what a REINDEX CONCURRENTLY had left behind"
                );
                cleaned.dropped.push(leftover.name);
            }
            Err(error) if session.is_held() => {
                let failure = Failure::from(error);
                tracing::warn!(index = leftover.name, %failure, "a half-built index could not be dropped");
                cleaned.left += 1;
            }
            Err(error) => return Err(error.into()),
        }
    }
    session.close().await;
    Ok(cleaned)
}

/// The same where nobody may be kept waiting.
async fn clean_up_quickly(managed: &Managed) {
    match tokio::time::timeout(QUICK, clean_up(managed, QUICK)).await {
        Ok(Ok(_)) => {}
        Ok(Err(failure)) => tracing::warn!(%failure, "half-built indexes could not be dropped"),
        Err(_) => tracing::warn!("half-built indexes could not be dropped within {QUICK:?}"),
    }
}

/// Drops what a dead run has left behind. An error says that it is to be tried again later.
pub async fn sweep(managed: &Managed) -> Result<(), Failure> {
    let busy = |what: &str| {
        let message = format!(
            "half-built indexes of database {:?} are not dropped yet: {what}",
            managed.name()
        );
        Failure::new(Kind::Aborted, "DATABASE_BUSY", message)
    };
    let turn = managed.database.server_session("pgsteward sweep").await?;
    if !lock::try_lock(&turn, &Turn::work_lock(&managed.database)).await? {
        return Err(busy("other work holds the database"));
    }
    let cleaned = clean_up(managed, QUICK).await?;
    turn.close().await;
    match cleaned.left {
        0 => Ok(()),
        _ => Err(busy(
            "someone builds them, or older transactions may use them",
        )),
    }
}

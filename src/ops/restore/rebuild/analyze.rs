//! ANALYZE of a restored database, by many sessions: the planner has its statistics before anyone uses the database.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use tokio::task::JoinSet;

use crate::{
    model::failure::{Failure, chain},
    ops::{
        daemon::{Daemon, Managed},
        runner::job::Job,
        workers::{Queue, all},
    },
    postgres::{error::PostgresError, quote::qualified, session::Session, tables},
};

struct Shared {
    queue: Queue<String>,
    warnings: Mutex<Vec<String>>,
    done: AtomicU64,
    total: u64,
    job: Job,
}

/// Analyzes every table and materialized view, the largest first, then partitioned tables as a whole. Gives what could not
/// be analyzed: statistics can be made later, and some need a foreign server.
pub async fn analyze(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    new: &str,
) -> Result<Vec<String>, Failure> {
    let session = session(managed, new).await?;
    let tables = tables::analyze_targets(&session).await?;
    session.close().await;
    let names = tables
        .iter()
        .map(|(schema, table)| qualified(schema, table));
    let shared = Arc::new(Shared {
        queue: Queue::new(names),
        warnings: Mutex::default(),
        done: AtomicU64::new(0),
        total: tables.len() as u64,
        job: job.clone(),
    });
    let mut workers = JoinSet::new();
    for _ in 0..daemon.settings.restore.jobs.min(tables.len()) {
        let session = self::session(managed, new).await?;
        workers.spawn(work(session, Arc::clone(&shared)));
    }
    all(workers, "ANALYZE").await?;
    let warnings = shared.warnings.lock();
    Ok(std::mem::take(
        &mut warnings.unwrap_or_else(PoisonError::into_inner),
    ))
}

async fn session(managed: &Managed, new: &str) -> Result<Session, PostgresError> {
    managed.database.session_to(new, "pgsteward restore").await
}

async fn work(session: Session, shared: Arc<Shared>) -> Result<(), Failure> {
    loop {
        let Some(name) = shared.queue.take() else {
            session.close().await;
            return Ok(());
        };
        let analyzed = session
            .batch_execute(&format!("ANALYZE {name}"))
            .await
            .map_err(PostgresError::query(format!("analyze {name}")));
        match analyzed {
            Ok(()) => {}
            Err(error) if error.server_report().is_some() && session.is_held() => shared
                .warnings
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(chain(&error)),
            Err(error) => return Err(error.into()),
        }
        let done = shared.done.fetch_add(1, Ordering::Relaxed) + 1;
        shared.job.count(done, shared.total, "tables");
    }
}

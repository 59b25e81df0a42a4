//! REINDEX CONCURRENTLY of one index, and what came of it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio_postgres::error::SqlState;

use super::clean_up_quickly;
use crate::{
    model::{
        failure::chain,
        maintenance::reindex::{IndexState, ReindexOutcome, ReindexedIndex},
    },
    ops::{daemon::Managed, maintenance::crew::Craft, turn::Work},
    postgres::{
        database::Purpose, error::PostgresError, reindex as sql, room::free_bytes, session::Session,
    },
};

/// The new index may be larger than the old one, and WAL is written beside it.
const SPARE: u64 = 64 * 1024 * 1024;

/// The craft of a reindex run.
pub(super) struct Rebuild {
    managed: Arc<Managed>,
    lock_timeout: Duration,
}

impl Rebuild {
    pub(super) fn new(managed: &Arc<Managed>, lock_timeout: Duration) -> Self {
        Self {
            managed: Arc::clone(managed),
            lock_timeout,
        }
    }

    /// Why the disk has no room for a second copy of the index; none where it has, or where that cannot be known.
    async fn no_room(
        &self,
        session: &Session,
        index: &IndexState,
    ) -> Result<Option<String>, PostgresError> {
        let login = self.managed.database.login(Purpose::Maintenance);
        let known = self.managed.data_directory.as_deref();
        let needed = Self::bytes(index) + SPARE;
        let free = free_bytes(session, login, known).await?;
        Ok(free
            .filter(|free| *free < needed)
            .map(|free| format!("it needs {needed} bytes beside it, and {free} are free")))
    }
}

impl Craft for Rebuild {
    type Piece = IndexState;
    type Made = ReindexedIndex;
    type Kit = ();

    const WORK: Work = Work::Reindex;

    fn name(index: &IndexState) -> String {
        index.name.to_string()
    }

    fn bytes(index: &IndexState) -> u64 {
        u64::try_from(index.size_bytes).unwrap_or_default()
    }

    fn part(_index: &IndexState, phase: &str, part: f64) -> f64 {
        match phase {
            "initializing" | "waiting for writers before build" => 0.0,
            phase if phase.starts_with("building index") => 0.7 * part,
            phase if phase.starts_with("index validation") => 0.7 + 0.2 * part,
            _ => 0.9,
        }
    }

    /// A build locks its table against other builds.
    fn excludes(index: &IndexState, running: &IndexState) -> bool {
        index.table_oid == running.table_oid
    }

    async fn after_pass(&self) {
        clean_up_quickly(&self.managed).await;
    }

    fn lock_timeout(&self) -> Duration {
        self.lock_timeout
    }

    async fn equip(&self, _session: &Session) -> Result<(), PostgresError> {
        Ok(())
    }

    async fn work(
        &self,
        session: &Session,
        _kit: &(),
        index: &IndexState,
    ) -> Result<ReindexedIndex, PostgresError> {
        let start = Instant::now();
        if let Some(why) = self.no_room(session, index).await? {
            return Ok(index.ended(ReindexOutcome::Skipped(why), start.elapsed(), None));
        }
        let size = sql::rebuild(session, &index.name).await?;
        Ok(index.ended(ReindexOutcome::Rebuilt, start.elapsed(), Some(size)))
    }

    fn failed(
        &self,
        index: &IndexState,
        error: &PostgresError,
        after: Duration,
        blocked_by: &str,
    ) -> ReindexedIndex {
        let gone = [SqlState::UNDEFINED_TABLE, SqlState::UNDEFINED_OBJECT];
        let outcome = if error.is(&SqlState::LOCK_NOT_AVAILABLE) {
            let waited = humantime::format_duration(self.lock_timeout);
            let who = if blocked_by.is_empty() {
                String::new()
            } else {
                format!(": waited for {blocked_by}")
            };
            ReindexOutcome::Skipped(format!(
                "its table was not free, or older transactions did not end, within {waited}{who}"
            ))
        } else if gone.iter().any(|state| error.is(state)) {
            ReindexOutcome::Skipped("it was dropped meanwhile".to_owned())
        } else if error.is(&SqlState::UNIQUE_VIOLATION) {
            // What the server says names the values, which are other people's data.
            ReindexOutcome::Failed(
                "its table has rows that it does not allow: two are equal".to_owned(),
            )
        } else {
            let message = chain(error);
            tracing::warn!(index = %index.name, message, "an index could not be rebuilt");
            ReindexOutcome::Failed(message)
        };
        index.ended(outcome, after, None)
    }
}

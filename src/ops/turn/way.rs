//! Making way: work that may take hours and can stop anywhere lets other work of the database go first.
//!
//! Whoever waits for the turn of a database holds `pgsteward:<database>:waiting` meanwhile, together with all others who
//! wait; optimize and reindex look whether anyone does. So it holds across daemons, ends with the connection of a waiter that
//! dies, and outside tools can use it too.

use std::{
    convert::Infallible,
    future::pending,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use super::{Turn, lock_name};
use crate::{
    model::failure::Failure,
    postgres::{database::Database, error::PostgresError, lock, session::Session},
};

/// How often the holder of a turn looks whether someone waits.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// How far work is asked to make way.
#[derive(Clone, Debug, Default)]
pub struct MakeWay {
    /// Someone waits: begin nothing more.
    pub soon: CancellationToken,
    /// They have waited long enough: stop what runs.
    pub now: CancellationToken,
}

impl Turn {
    /// Does work under this turn, and tells it by `way` when others wait: to begin nothing more at once, and to stop what runs
    /// `grace` later. The work ends by itself then.
    pub async fn making_way<T>(
        &self,
        database: &Database,
        grace: Duration,
        way: &MakeWay,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            result = work => result,
            watched = self.watch(database, grace, way) => match watched {
                Ok(never) => match never {},
                Err(error) => Err(error.into()),
            },
        }
    }

    async fn watch(
        &self,
        database: &Database,
        grace: Duration,
        way: &MakeWay,
    ) -> Result<Infallible, PostgresError> {
        let mut since = None;
        loop {
            tokio::time::sleep(LOOK_INTERVAL).await;
            let Some(waiter) = who_waits(&self.session, database).await? else {
                // Whoever waited has gone away; the next one is given the same time.
                since = None;
                continue;
            };
            if !way.soon.is_cancelled() {
                tracing::info!(waiter, "others wait for the database: making way");
                way.soon.cancel();
            }
            if since.get_or_insert_with(Instant::now).elapsed() >= grace {
                way.now.cancel();
                return pending().await;
            }
        }
    }
}

fn waiting(database: &Database) -> String {
    lock_name(database, "waiting")
}

/// Says that this session waits for the database. False where that could not be said just now, since somebody looks.
pub(super) async fn announce(
    session: &Session,
    database: &Database,
) -> Result<bool, PostgresError> {
    lock::try_lock_shared(session, &waiting(database)).await
}

/// Takes that back.
pub(super) async fn waits_no_more(
    session: &Session,
    database: &Database,
) -> Result<(), PostgresError> {
    lock::unlock_shared(session, &waiting(database)).await
}

/// Who waits for the database, by its session's name.
pub(super) async fn who_waits(
    session: &Session,
    database: &Database,
) -> Result<Option<String>, PostgresError> {
    let name = waiting(database);
    if lock::is_free(session, &name).await? {
        return Ok(None);
    }
    // Another who looked at this very moment stands in the way as well, and holds nothing a moment later.
    lock::holder(session, &name).await
}

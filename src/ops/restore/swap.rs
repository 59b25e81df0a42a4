//! The swap: the live database steps aside and another takes its name, by two renames in one transaction.
//!
//! It is noted before it is made under which name the live database will be kept; a note without a database on the server
//! is a swap that did not happen. Whoever is connected is ended. A superuser's session cannot be, and is waited for.

use std::{convert::Infallible, time::Duration};

use tokio_postgres::error::SqlState;

use crate::{
    model::{failure::Failure, restore::ReplacedDatabase},
    ops::{
        daemon::{Daemon, Managed},
        restore::replaced,
        runner::job::Job,
        turn::Turn,
    },
    postgres::{
        access, error::PostgresError, properties, quote::identifier, scratch, session::Session,
    },
};

const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);
const ENDING_PAUSE: Duration = Duration::from_millis(50);

/// Puts the database `new` in the place of the live one, with everything that hangs on the live one, and keeps the live
/// one under a name of its own. The turn is looked at before each try: without it another daemon may be at work.
pub async fn swap(
    daemon: &Daemon,
    managed: &Managed,
    turn: &Turn,
    job: &Job,
    new: &str,
) -> Result<ReplacedDatabase, Failure> {
    let live = managed.database.server_name();
    let kept = scratch::replaced_name(job.id());
    let mut session = managed.database.server_session("pgsteward swap").await?;
    let ender = managed.database.server_session("pgsteward swap").await?;
    let size_bytes = replaced::size(&session, live).await?.unwrap_or_default();
    let keep = daemon.settings.restore.keep_replaced;
    let noted = daemon
        .store
        .note_replaced(&kept, managed.name(), job.id(), keep)
        .await?;
    let mut tries = 1;
    loop {
        turn.check()?;
        let Err(error) = rename(&mut session, &ender, live, &kept, new).await else {
            break;
        };
        let in_the_way =
            error.is(&SqlState::OBJECT_IN_USE) || error.is(&SqlState::LOCK_NOT_AVAILABLE);
        if in_the_way && tries < TRIES {
            tracing::info!(tries, "something stands in the way; trying the swap again");
            tries += 1;
            tokio::time::sleep(PAUSE).await;
        } else if stands(managed, &kept).await {
            // The connection was lost, but not the transaction.
            break;
        } else {
            return Err(error.into());
        }
    }
    session.close().await;
    ender.close().await;
    Ok(ReplacedDatabase {
        size_bytes,
        ..noted
    })
}

async fn stands(managed: &Managed, name: &str) -> bool {
    let asked = async {
        let session = managed.database.server_session("pgsteward swap").await?;
        replaced::size(&session, name).await
    };
    matches!(asked.await, Ok(Some(_)))
}

/// From its beginning on, the rename lets nobody in, and it waits up to 5 s for those who are in to leave. `ender` ends
/// them meanwhile; had they been ended before, the daemon's own pools would be in again.
async fn rename(
    session: &mut Session,
    ender: &Session,
    live: &str,
    kept: &str,
    new: &str,
) -> Result<(), PostgresError> {
    let what = || PostgresError::query(format!("swap database {live:?}"));
    let transaction = session.transaction().await.map_err(what())?;
    properties::carry_over(&transaction, live, new).await?;
    let renames = format!(
        "ALTER DATABASE {live} RENAME TO {kept}; ALTER DATABASE {new} RENAME TO {live}",
        live = identifier(live),
        kept = identifier(kept),
        new = identifier(new)
    );
    let both = [live, new];
    tokio::select! {
        done = transaction.batch_execute(&renames) => done.map_err(what())?,
        Err(error) = end_sessions_again_and_again(ender, &both) => return Err(error),
    }
    transaction.commit().await.map_err(what())
}

/// Ends only with an error.
async fn end_sessions_again_and_again(
    ender: &Session,
    databases: &[&str],
) -> Result<Infallible, PostgresError> {
    loop {
        access::end_all_sessions(ender, databases).await?;
        tokio::time::sleep(ENDING_PAUSE).await;
    }
}

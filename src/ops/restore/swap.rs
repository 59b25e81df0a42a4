//! The swap: the live database steps aside and another takes its name, by two renames in one transaction.
//!
//! It is noted before it is made under which name the live database will be kept; a note without a database on the server
//! is a swap that did not happen. Sessions that come in between are ended, and the renames tried again.

use std::time::Duration;

use tokio_postgres::error::SqlState;
use uuid::Uuid;

use crate::{
    model::{failure::Failure, restore::ReplacedDatabase},
    ops::{
        daemon::{Daemon, Managed},
        restore::replaced,
    },
    postgres::{
        access, error::PostgresError, properties, quote::identifier, scratch, session::Session,
    },
};

const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(200);

/// Puts the database `new` in the place of the live one, with everything that hangs on the live one, and keeps the live
/// one under a name of its own.
pub async fn swap(
    daemon: &Daemon,
    managed: &Managed,
    operation: Uuid,
    new: &str,
) -> Result<ReplacedDatabase, Failure> {
    let live = managed.database.server_name();
    let kept = scratch::replaced_name(operation);
    let mut session = managed.database.server_session("pgsteward swap").await?;
    let statements = properties::carry_over(&session, live, new).await?;

    daemon
        .store
        .note_replaced(
            &kept,
            managed.name(),
            operation,
            daemon.settings.keep_replaced,
        )
        .await?;
    let mut tries = 1;
    loop {
        match rename(&mut session, live, &kept, new, &statements).await {
            Ok(()) => break,
            Err(error) if error.is(&SqlState::OBJECT_IN_USE) && tries < TRIES => {
                tracing::info!(tries, "someone came in between; trying the swap again");
                tries += 1;
                tokio::time::sleep(PAUSE).await;
            }
            // After a lost connection only the server knows whether the transaction was committed.
            Err(_) if replaced::find(daemon, managed, &kept).await.is_ok() => break,
            Err(error) => return Err(error.into()),
        }
    }
    session.close().await;
    replaced::find(daemon, managed, &kept).await
}

async fn rename(
    session: &mut Session,
    live: &str,
    kept: &str,
    new: &str,
    statements: &[String],
) -> Result<(), PostgresError> {
    let what = || PostgresError::query(format!("swap database {live:?}"));
    let transaction = session.transaction().await.map_err(what())?;
    for statement in statements {
        transaction.batch_execute(statement).await.map_err(what())?;
    }
    // Only now: the daemon's own pools, the prober's above all, connect again within milliseconds, and whoever is in when
    // the rename begins stays. From the rename on the server lets nobody in.
    access::end_all_sessions(&transaction, &[live, new]).await?;
    let renames = format!(
        "ALTER DATABASE {live} RENAME TO {kept}; ALTER DATABASE {new} RENAME TO {live}",
        live = identifier(live),
        kept = identifier(kept),
        new = identifier(new)
    );
    transaction.batch_execute(&renames).await.map_err(what())?;
    transaction.commit().await.map_err(what())
}

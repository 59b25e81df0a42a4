//! What a migration that was cut off may have left open, brought to its end before anything else runs: sessions that the
//! server has not noticed to be orphans, events of the ledger without an outcome, journals of scripts that are done.

use std::time::Duration;

use super::{scripts::load, version::database_heads};
use crate::{
    model::{
        failure::Failure,
        migration::{Direction, EventOutcome},
    },
    ops::daemon::{Daemon, Managed},
    postgres::{
        database::Purpose,
        locks::{self, TransactionEnd},
        server,
    },
    state::journal::Section,
};

/// What the sessions of migrations are named by, with the operation's id behind it.
pub(super) const APPLICATION_NAME: &str = "pgsteward migration ";

/// Brings it to its end. The caller holds the database's turn.
pub(super) async fn settle(daemon: &Daemon, managed: &Managed) -> Result<(), Failure> {
    let session = managed
        .database
        .session(Purpose::Migrator, "pgsteward settle")
        .await?;
    locks::end_leftovers(&session, APPLICATION_NAME).await?;
    let heads = database_heads(managed).await?;
    for event in daemon.store.open_events(managed.name()).await? {
        let end = match &event.transaction_id {
            Some(id) => locks::transaction_end(&session, id).await?,
            None => TransactionEnd::Unknown,
        };
        let applied = match end {
            TransactionEnd::Committed => true,
            TransactionEnd::Aborted => false,
            // Another cluster stands in this one's place, or the server has forgotten: the rows are what is left to see.
            TransactionEnd::Unknown => event.to_heads == heads,
        };
        tracing::warn!(
            event = event.id,
            applied,
            database = managed.name(),
            "a migration was cut off at its end"
        );
        let outcome = EventOutcome {
            applied,
            duration: Duration::ZERO,
            retries: 0,
            fingerprint_after: String::new(),
        };
        daemon
            .store
            .insert_event_outcome(event.id, &outcome)
            .await?;
    }
    let oid = server::database_oid(&*session).await?;
    session.close().await;
    clear_done_journals(daemon, managed, oid, &heads).await
}

/// A journal outlives its script when the daemon dies between the version row and its removal.
async fn clear_done_journals(
    daemon: &Daemon,
    managed: &Managed,
    oid: u32,
    heads: &[String],
) -> Result<(), Failure> {
    let half_run = daemon.store.half_run(managed.name(), oid).await?;
    if half_run.is_empty() {
        return Ok(());
    }
    let graph = load(&managed.revisions).await?;
    let mut known = heads.to_vec();
    known.retain(|head| graph.get(head).is_some());
    let applied = graph.applied(&known)?;
    for (revision, direction) in &half_run {
        if applied.contains(revision) == (*direction == Direction::Upgrade) {
            let section = Section {
                database: managed.name(),
                oid,
                revision,
                direction: *direction,
            };
            daemon.store.journal_clear(section).await?;
        }
    }
    Ok(())
}

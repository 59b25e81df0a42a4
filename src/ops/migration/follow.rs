//! What the schema is to be follows a deliberate change outside of revisions: who owns and may do what is part of a schema,
//! and ProvisionRoles changes it. Otherwise the next drift check would name as drift what an admin asked for.

use uuid::Uuid;

use super::{step, version::database_heads};
use crate::{
    model::{failure::Failure, schema::Schema},
    ops::daemon::{Daemon, Managed},
    postgres::database::Purpose,
};

/// What stood, and what was to stand, before a change.
pub struct Before {
    heads: Vec<String>,
    live: Schema,
    reference: Schema,
}

/// Looks before a change; none where nothing was recorded of what the schema is to be.
pub async fn before(daemon: &Daemon, managed: &Managed) -> Result<Option<Before>, Failure> {
    let heads = database_heads(managed).await?;
    let recorded = daemon.store.reference(managed.name(), &heads).await?;
    let Some(reference) = recorded else {
        return Ok(None);
    };
    Ok(Some(Before {
        live: live(daemon, managed).await?,
        heads,
        reference,
    }))
}

/// Looks after the change, and records what it touched as it is to be from now on. What had drifted before stays drift.
pub async fn after(
    daemon: &Daemon,
    managed: &Managed,
    operation: Uuid,
    before: &Before,
) -> Result<(), Failure> {
    let live = live(daemon, managed).await?;
    let reference = Schema::carry(&before.reference, &before.live, &live);
    daemon
        .store
        .put_reference(managed.name(), &before.heads, operation, &reference)
        .await?;
    Ok(())
}

async fn live(daemon: &Daemon, managed: &Managed) -> Result<Schema, Failure> {
    let session = managed
        .database
        .session(Purpose::Migrator, "pgsteward schema")
        .await?;
    let live = step::read_schema(daemon, managed, &session).await?;
    session.close().await;
    Ok(live)
}

//! GetSchemaVersion: where the database stands against the scripts.

use super::scripts::load;
use crate::{
    model::{failure::Failure, migration::SchemaVersion},
    ops::{
        context::Context,
        daemon::{Daemon, Managed},
    },
    postgres::database::Purpose,
};

/// The schema version of a managed database.
pub async fn get(
    daemon: &Daemon,
    context: &Context,
    database: &str,
) -> Result<SchemaVersion, Failure> {
    read(daemon.authorized(context, database)?).await
}

/// The same, for health.
pub async fn read(managed: &Managed) -> Result<SchemaVersion, Failure> {
    let graph = load(&managed.revisions).await?;
    let heads = database_heads(managed).await?;
    let (known, unknown): (Vec<String>, Vec<String>) = heads
        .iter()
        .cloned()
        .partition(|head| graph.get(head).is_some());
    let pending = graph.upgrade_plan(&known, "heads")?;
    Ok(SchemaVersion {
        database: managed.name().to_owned(),
        in_sync: pending.is_empty() && unknown.is_empty() && heads == graph.version_rows(),
        database_heads: heads,
        script_heads: graph.heads(),
        unknown_revisions: unknown,
        pending_count: pending.len(),
    })
}

/// The version table's rows, sorted.
pub async fn database_heads(managed: &Managed) -> Result<Vec<String>, Failure> {
    let client = managed.database.pooled(Purpose::Migrator).await?;
    Ok(managed.version_table.heads(&*client).await?)
}

//! `[maintenance]`: how tables are vacuumed and indexes rebuilt, and from when on the statistics warn.

use std::time::Duration;

use serde::Serialize;

use super::{
    ConfigError,
    build::{ANY, JOBS, POSITIVE},
    settings::Settings,
    shown,
};

/// How maintenance work is done.
#[derive(Clone, Debug, Serialize)]
pub struct Maintenance {
    /// Tables or indexes at once; zero for as many as there are processors.
    pub jobs: u32,
    /// Longest wait of VACUUM and ANALYZE for the lock of a table.
    #[serde(serialize_with = "shown::duration")]
    pub lock_timeout: Duration,
    /// Longest wait of REINDEX CONCURRENTLY for older transactions; it blocks no reader or writer meanwhile.
    #[serde(serialize_with = "shown::duration")]
    pub reindex_lock_timeout: Duration,
    /// How long a table or index that is at work may go on while others wait for the database.
    #[serde(serialize_with = "shown::duration")]
    pub yield_after: Duration,
    /// From which age on a transaction is warned of.
    #[serde(serialize_with = "shown::duration")]
    pub long_transaction: Duration,
}

/// Reads the section.
pub(super) fn maintenance(settings: &Settings) -> Result<Maintenance, ConfigError> {
    Ok(Maintenance {
        jobs: settings.integer("maintenance.jobs", JOBS)?,
        lock_timeout: settings.duration("maintenance.lock_timeout", POSITIVE)?,
        reindex_lock_timeout: settings.duration("maintenance.reindex_lock_timeout", POSITIVE)?,
        yield_after: settings.duration("maintenance.yield_after", ANY)?,
        long_transaction: settings.duration("maintenance.long_transaction", POSITIVE)?,
    })
}

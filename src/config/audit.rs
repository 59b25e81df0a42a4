//! What is recorded of calls that only read.

use serde::Serialize;

use super::{ConfigError, settings::Settings};

/// What is recorded of calls that only read.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Audit {
    /// Whether they are recorded at all.
    pub reads: bool,
    /// Bytes that may wait on this machine for the control store.
    pub spool_size: u32,
}

/// Less could not take one call.
const LEAST_SPOOL: u32 = 4096;

pub(super) fn audit(settings: &Settings) -> Result<Audit, ConfigError> {
    Ok(Audit {
        reads: settings.flag("audit.reads") == Some(true),
        spool_size: settings.integer("audit.spool_size", LEAST_SPOOL..=u32::MAX)?,
    })
}

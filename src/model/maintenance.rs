//! Maintenance mode and the results of maintenance work.

pub mod optimize;
pub mod reindex;
pub mod stats;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Whether a managed database is in maintenance mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maintenance {
    /// The managed database.
    pub database: String,
    /// Set while the mode is on.
    pub entered: Option<Entered>,
    /// Sessions of others that are connected at this moment.
    pub other_sessions: u32,
}

/// Who entered maintenance mode, when and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entered {
    /// Why, as given on entering.
    pub reason: String,
    /// Who entered it.
    pub principal: String,
    /// When.
    pub time: DateTime<Utc>,
    /// Sessions of others that were ended on entering.
    pub ended_sessions: u32,
}

/// One CONNECT grant that was taken from a role on entering, to be given back on leaving.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenGrant {
    /// Who had granted it.
    pub grantor: String,
    /// Who had it; `None` means PUBLIC.
    pub grantee: Option<String>,
    /// Whether it was held WITH GRANT OPTION.
    pub grantable: bool,
}

/// What entering maintenance mode changed on the server, to be undone exactly.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessChange {
    /// CONNECT grants that were taken.
    pub taken: Vec<TakenGrant>,
    /// The daemon's roles that were given CONNECT because they had it only through a grant that was taken.
    pub given: Vec<String>,
}

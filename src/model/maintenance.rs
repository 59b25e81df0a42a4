//! Maintenance mode and the results of maintenance work.

pub mod optimize;
pub mod reindex;
pub mod stats;

use std::time::Duration;

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
    /// Up to a hundred of them, those with the oldest transactions first.
    #[serde(default)]
    pub sessions: Vec<OtherSession>,
}

/// Somebody else's session in the database. What it runs is not told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherSession {
    /// The process id of its backend.
    pub pid: i32,
    /// Its role.
    pub role: String,
    /// Its program, as it calls itself.
    pub application: String,
    /// Its state in PostgreSQL's words; empty where it may not be seen.
    pub state: String,
    /// Since when it is in that state.
    pub since: Option<DateTime<Utc>>,
}

impl std::fmt::Display for OtherSession {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "process {} of {}", self.pid, self.role)?;
        if !self.application.is_empty() {
            write!(formatter, " ({})", self.application)?;
        }
        if !self.state.is_empty() {
            write!(formatter, " {}", self.state)?;
        }
        match self.since {
            Some(since) => write!(formatter, " since {}", since.format("%H:%M:%SZ")),
            None => Ok(()),
        }
    }
}

/// How maintenance mode is to be entered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Why.
    pub reason: String,
    /// How long sessions may finish their transactions; none for not at all.
    pub drain: Option<Duration>,
    /// After which time the mode ends by itself; none for never.
    pub expire_after: Option<Duration>,
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
    /// Until when sessions that are in a transaction are left alone.
    #[serde(default)]
    pub drains_until: Option<DateTime<Utc>>,
    /// When a daemon ends the mode by itself.
    #[serde(default)]
    pub expires_at: Option<DateTime<Utc>>,
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

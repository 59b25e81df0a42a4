//! Least privilege: what the daemon's roles and the application's need of PostgreSQL and may not have, as values.
//!
//! `purpose` says what each needs. `audit` compares that with what stands (`facts`), and gives each difference with the
//! statement that mends it. The roles of a new server are the mending of an empty one (`plan`): so what is made and what is
//! checked cannot differ.

pub mod facts;
pub mod purpose;

mod audit;
mod plan;
mod script;

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use self::{
    audit::audit,
    facts::Facts,
    plan::{Step, existing, setup},
    purpose::Purpose,
    script::{ControlStore, script},
};

/// The roles of one managed database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurposeRoles {
    /// The database's name on its server.
    pub database: String,
    /// The database from which the admin works on it.
    pub server_database: String,
    /// The role of each purpose; some may be the same.
    pub admin: String,
    /// See `admin`.
    pub migrator: String,
    /// See `admin`.
    pub backup: String,
    /// See `admin`.
    pub maintenance: String,
    /// The roles that the application logs in with: they read and write rows.
    pub applications: Vec<String>,
    /// Roles that read rows.
    pub read_only: Vec<String>,
    /// The purposes whose role must be a superuser, since something is configured that only those can do.
    pub superusers: Vec<Purpose>,
}

impl PurposeRoles {
    /// The role of a purpose.
    pub fn of(&self, purpose: Purpose) -> &str {
        match purpose {
            Purpose::Admin => &self.admin,
            Purpose::Migrator => &self.migrator,
            Purpose::Backup => &self.backup,
            Purpose::Maintenance => &self.maintenance,
        }
    }

    /// What a role is for; nothing for one that is not the daemon's.
    pub fn purposes(&self, role: &str) -> Vec<Purpose> {
        let of_role = |purpose: &Purpose| self.of(*purpose) == role;
        Purpose::ALL.into_iter().filter(of_role).collect()
    }

    /// The daemon's roles, each once.
    pub fn daemon(&self) -> Vec<&str> {
        let mut roles = Vec::new();
        for purpose in Purpose::ALL {
            if !roles.contains(&self.of(purpose)) {
                roles.push(self.of(purpose));
            }
        }
        roles
    }

    /// The application's and the read-only roles, each with whether it may write; without those that are the daemon's.
    pub fn clients(&self) -> impl Iterator<Item = (&str, bool)> {
        let writing = self.applications.iter().map(|role| (role.as_str(), true));
        let reading = self.read_only.iter().map(|role| (role.as_str(), false));
        let others = reading.filter(|(role, _)| !self.applications.iter().any(|app| app == role));
        writing
            .chain(others)
            .filter(|(role, _)| self.purposes(role).is_empty())
    }
}

/// Whether a role may have this name: PostgreSQL would cut longer ones off, and keeps some to itself.
pub fn is_role_name(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && !["public", "none"].contains(&name)
        && !name.starts_with("pg_")
        && !name.contains('\0')
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Severity {
    /// The separation of the roles is broken, or the daemon's own work fails.
    Error,
    /// More than is needed, or something that will be missed later.
    Warning,
    /// Good to know.
    Info,
}

/// Where a finding's statement belongs in the making of the roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The server's roles.
    Server,
    /// The database as seen from outside.
    Database,
    /// Inside the database.
    Inside,
    /// Nowhere: a person decides about it.
    #[default]
    Apart,
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Stable upper-case name.
    pub reason: String,
    /// The role that it is about; `PUBLIC` for everyone.
    pub role: String,
    /// The object that it is about, e.g. `table public.orders`; empty where it is the role itself.
    pub object: String,
    /// What is wrong.
    pub message: String,
    /// The SQL that mends it, run in the database by its owner or a superuser; empty where none can.
    pub statement: String,
    /// Where the statement belongs; not kept.
    #[serde(skip)]
    pub place: Place,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

/// How many findings of each kind there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Errors.
    pub errors: u32,
    /// Warnings.
    pub warnings: u32,
    /// Informations.
    pub informations: u32,
}

impl Counts {
    /// Counts findings.
    pub fn of(findings: &[Finding]) -> Self {
        let count = |severity| {
            let same = findings.iter().filter(|found| found.severity == severity);
            u32::try_from(same.count()).unwrap_or(u32::MAX)
        };
        Self {
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            informations: count(Severity::Info),
        }
    }
}

/// The result of `CheckPrivileges`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivilegeReport {
    /// The managed database.
    pub database: String,
    /// `server_version_num`.
    pub server_version: u32,
    /// All of them, also those that are not listed.
    pub counts: Counts,
    /// What was found, the worst first; at most [`MOST_FINDINGS`].
    pub findings: Vec<Finding>,
}

/// How many findings a report lists: a database has thousands of tables, and a message some megabytes at most.
pub const MOST_FINDINGS: usize = 1000;

impl PrivilegeReport {
    /// A report of findings.
    pub fn new(database: &str, server_version: u32, mut findings: Vec<Finding>) -> Self {
        let counts = Counts::of(&findings);
        findings.sort_by_key(|found| found.severity);
        findings.truncate(MOST_FINDINGS);
        Self {
            database: database.to_owned(),
            server_version,
            counts,
            findings,
        }
    }
}

/// The last report on a database, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastReport {
    /// The operation that has it.
    pub operation_id: uuid::Uuid,
    /// When it was made.
    pub time: DateTime<Utc>,
    /// What it counted.
    pub counts: Counts,
}

/// The result of `ProvisionRoles`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolesProvisioned {
    /// The managed database.
    pub database: String,
    /// The statements, in order; in place of a password's verifier stands `***`.
    pub statements: Vec<String>,
    /// Roles that were made, or would be.
    pub created: Vec<String>,
    /// Roles that stood and got or lost something, or would.
    pub changed: Vec<String>,
    /// What is left for a person to do, each a sentence.
    pub left: Vec<String>,
    /// Whether nothing was done.
    pub validate_only: bool,
}

#[cfg(test)]
mod tests;

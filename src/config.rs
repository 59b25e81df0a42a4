//! Configuration: what `--config FILE` and the environment say, checked once at start and plain values afterwards.
//!
//! The way of a value: `source` reads the file and lays the environment over it, `settings` holds what was given by
//! dotted path and refuses what `keys` does not list, `build` turns that into the typed [`Config`] here and applies the
//! rules between keys, and `shown` prints the outcome with its secrets hidden.

mod audit;
mod auth;
mod build;
mod clients;
mod connection_url;
mod databases;
mod error;
mod example;
mod keys;
mod limits;
mod listen;
mod maintenance;
mod settings;
mod shown;
mod source;
mod stores;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use chrono_tz::Tz;
use croner::Cron;
use secrecy::SecretString;
use serde::Serialize;

pub use self::{
    audit::Audit,
    auth::{
        Account, Auth, Certificate, CertificateNames, Jwks, Jwt, RoleOfClaim, Token, TokenDigest,
    },
    clients::ClientRoles,
    connection_url::{ConnectionUrl, UrlError},
    error::{ConfigError, Origin},
    example::example,
    limits::Limits,
    listen::{Listen, TlsListen, UnixListen},
    maintenance::Maintenance,
};
use self::{build::Surroundings, settings::Settings};
pub use crate::model::{
    backup::ArchiveFormat, method::Role, migration::BackupBefore, permission::Rights,
    schema::ObjectPattern,
};

/// The effective configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the embedded server, the default store and default revisions live.
    pub data_dir: PathBuf,
    /// Where the daemon listens.
    pub listen: Listen,
    /// Who may call.
    pub auth: Auth,
    /// What callers may take.
    pub limits: Limits,
    /// The control store and the managed databases.
    pub source: Source,
    /// Tools and connections.
    pub postgres: Postgres,
    /// Where backups are kept, by name; at least one.
    pub stores: BTreeMap<String, Store>,
    /// How backups are written.
    pub backup: Backup,
    /// Which backups are kept.
    pub retention: Retention,
    /// How revisions are applied.
    pub migrations: Migrations,
    /// How restores begin and end.
    pub restore: Restore,
    /// How drills are limited.
    pub drill: Drill,
    /// How maintenance work is done.
    pub maintenance: Maintenance,
    /// How operations wait and stop.
    pub operations: Operations,
    /// When jobs run.
    pub schedule: Schedule,
    /// How databases are probed.
    pub health: Health,
    /// What is recorded of calls that only read.
    pub audit: Audit,
    /// What is logged and how.
    pub log: Log,
}

/// The control store and the managed databases: the daemon's own server, or ones that are configured.
#[derive(Clone, Debug)]
pub enum Source {
    /// A private server in `data_dir`, with a control store and one managed database, `app`.
    Embedded {
        /// The account that the server runs as when the daemon runs as root, if one is named.
        user: Option<String>,
        /// Where `app` has its revisions.
        app: Revisions,
    },
    /// Servers that exist.
    Configured {
        /// The control store, as the daemon works with it.
        control: ConnectionUrl,
        /// The login that owns the control store's tables; none where `control` does.
        owner: Option<ConnectionUrl>,
        /// The managed databases by name; at least one.
        databases: BTreeMap<String, Database>,
    },
}

/// A managed database: one connection per purpose, all to the same database of the same server.
#[derive(Clone, Debug, Serialize)]
pub struct Database {
    /// For creating, renaming, opening and closing the database.
    pub admin: ConnectionUrl,
    /// For revisions.
    pub migrator: ConnectionUrl,
    /// For backups.
    pub backup: ConnectionUrl,
    /// For vacuum, analyze and statistics.
    pub maintenance: ConnectionUrl,
    /// For ProvisionRoles, and for nothing else; the admin's if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provision: Option<ConnectionUrl>,
    /// Its revisions.
    #[serde(flatten)]
    pub revisions: Revisions,
}

/// What files a database has, where its record of revisions is, and who uses it.
#[derive(Clone, Debug, Serialize)]
pub struct Revisions {
    /// The directory of the scripts; it need not exist yet.
    #[serde(rename = "revisions", serialize_with = "shown::path")]
    pub directory: PathBuf,
    /// The table with the applied heads, as Alembic keeps it.
    pub version_table: String,
    /// That table's schema.
    pub version_table_schema: String,
    /// The directory of the files that declare the schema; none if absent.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "shown::path_if_any"
    )]
    pub models: Option<PathBuf>,
    /// The directory of the queries that a drill asks; none if absent.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "shown::path_if_any"
    )]
    pub drill_checks: Option<PathBuf>,
    /// Whose roles use it.
    #[serde(flatten)]
    pub clients: ClientRoles,
}

/// Tools and connections.
#[derive(Clone, Debug, Serialize)]
pub struct Postgres {
    /// Where the tools are; searched for if absent.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "shown::path_if_any"
    )]
    pub bin_dir: Option<PathBuf>,
    /// Database of each server from which the managed one is locked, renamed and dropped.
    pub server_database: String,
    /// Longest wait for a connection.
    #[serde(serialize_with = "shown::duration")]
    pub connect_timeout: Duration,
    /// Connections for each database and purpose, 1 to 100.
    pub pool_size: u32,
    /// Limit of the daemon's own catalog queries; zero for none.
    #[serde(serialize_with = "shown::duration")]
    pub statement_timeout: Duration,
}

/// A place where backups are kept.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Store {
    /// A directory of this machine.
    Directory {
        /// The directory.
        #[serde(serialize_with = "shown::path")]
        path: PathBuf,
    },
    /// A bucket of an S3 service.
    Bucket(Bucket),
}

/// A bucket of an S3 service, or what lies below a prefix of one.
#[derive(Clone, Debug, Serialize)]
pub struct Bucket {
    /// The bucket.
    pub bucket: String,
    /// What the backups' keys begin with, without a slash at either end; may be empty.
    pub prefix: String,
    /// The region.
    pub region: String,
    /// The service's URL; none for AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The key's id.
    pub access_key_id: String,
    /// The key.
    #[serde(serialize_with = "shown::secret")]
    pub secret_access_key: SecretString,
    /// The token that goes with a temporary key; from the environment only.
    #[serde(skip)]
    pub session_token: Option<SecretString>,
    /// Whether the endpoint may be a plain http one.
    pub allow_http: bool,
    /// Whether the bucket stands in the path, and not in the host's name.
    pub path_style: bool,
    /// How long the service may let a request stand still.
    #[serde(serialize_with = "shown::duration")]
    pub timeout: Duration,
}

/// How backups are written.
#[derive(Clone, Debug, Serialize)]
pub struct Backup {
    /// Gzip or zstd.
    #[serde(serialize_with = "shown::compression")]
    pub compression: ArchiveFormat,
    /// How much is compressed, within the range of `compression`.
    pub level: u32,
    /// Tables that are dumped at once; zero for as many as there are processors.
    pub jobs: u32,
    /// Longest wait of a dump for the lock of a table; never zero.
    #[serde(serialize_with = "shown::duration")]
    pub lock_timeout: Duration,
    /// How long the bytes of a dump, a load or an upload may stand still; zero for no limit.
    #[serde(serialize_with = "shown::duration")]
    pub stall_timeout: Duration,
    /// Whom archives are encrypted for, as they were given; none for no encryption. `app` finds out what they are.
    #[serde(serialize_with = "shown::list")]
    pub recipients: Vec<String>,
    /// The file with the identities that can decrypt archives.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "shown::path_if_any"
    )]
    pub identity_file: Option<PathBuf>,
    /// Whether backups keep the password verifiers of roles; only with recipients.
    pub role_passwords: bool,
    /// The store where backups are made.
    pub store: String,
    /// The stores that get a copy of each.
    #[serde(serialize_with = "shown::list")]
    pub copies: Vec<String>,
}

/// Which backups are kept; not both zero.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Retention {
    /// Days of which the last backup is kept.
    pub daily: u32,
    /// Completed months of which the last backup is kept.
    pub monthly: u32,
}

/// How revisions are applied.
#[derive(Clone, Debug, Serialize)]
pub struct Migrations {
    /// Longest wait of one statement for a lock; never zero.
    #[serde(serialize_with = "shown::duration")]
    pub lock_timeout: Duration,
    /// How long a revision is tried again while others hold a lock that it needs.
    #[serde(serialize_with = "shown::duration")]
    pub lock_budget: Duration,
    /// Longest wait of a concurrent index build for older transactions; never zero.
    #[serde(serialize_with = "shown::duration")]
    pub concurrent_lock_timeout: Duration,
    /// Limit of one statement; zero for none.
    #[serde(serialize_with = "shown::duration")]
    pub statement_timeout: Duration,
    /// Whether destructive and non-transactional revisions are rehearsed first.
    pub rehearse: bool,
    /// Before which migrations a backup is made.
    pub backup_before: BackupBefore,
    /// Whether an upgrade wants approvals.
    pub require_approval: bool,
    /// Patterns of the objects that drift checks leave out.
    #[serde(serialize_with = "shown::list")]
    pub ignore: Vec<ObjectPattern>,
    /// Whether the databases refuse DDL that does not come from the daemon.
    pub ddl_guard: bool,
    /// Roles that the guard lets through besides the daemon's own.
    #[serde(serialize_with = "shown::list")]
    pub ddl_guard_roles: Vec<String>,
}

/// How restores begin and end.
#[derive(Clone, Debug, Serialize)]
pub struct Restore {
    /// Whether a restore waits until another admin approves it.
    pub require_second_person: bool,
    /// How long it waits for that.
    #[serde(serialize_with = "shown::duration")]
    pub approval_time: Duration,
    /// How long the replaced database is kept.
    #[serde(serialize_with = "shown::duration")]
    pub keep_replaced: Duration,
    /// Tables that are loaded at once; zero for as many as there are processors.
    pub jobs: u32,
}

/// How drills are limited.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Drill {
    /// The largest database that a drill makes, in bytes; any if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_size: Option<u64>,
    /// Limit of one check; never zero.
    #[serde(serialize_with = "shown::duration")]
    pub check_timeout: Duration,
}

/// How operations wait and stop.
#[derive(Clone, Debug, Serialize)]
pub struct Operations {
    /// How long an operation waits for its turn on a database; zero for not at all.
    #[serde(serialize_with = "shown::duration")]
    pub lock_wait: Duration,
    /// How long running operations may go on after a stop signal.
    #[serde(serialize_with = "shown::duration")]
    pub shutdown_grace: Duration,
}

/// When jobs run.
#[derive(Clone, Debug, Serialize)]
pub struct Schedule {
    /// Whether any of them runs.
    pub enabled: bool,
    /// The time zone of the lines, and of retention's days and months.
    #[serde(serialize_with = "shown::time_zone")]
    pub time_zone: Tz,
    /// When to back up and apply retention; never if absent.
    #[serde(serialize_with = "shown::cron_or_off")]
    pub backup: Option<Cron>,
    /// When to vacuum and analyze; never if absent.
    #[serde(serialize_with = "shown::cron_or_off")]
    pub optimize: Option<Cron>,
    /// When to check for drift; never if absent.
    #[serde(serialize_with = "shown::cron_or_off")]
    pub drift: Option<Cron>,
    /// When to rehearse a restore; never if absent.
    #[serde(serialize_with = "shown::cron_or_off")]
    pub drill: Option<Cron>,
    /// When to check who may do what; never if absent.
    #[serde(serialize_with = "shown::cron_or_off")]
    pub privileges: Option<Cron>,
}

/// How databases are probed.
#[derive(Clone, Debug, Serialize)]
pub struct Health {
    /// From one look to the next.
    #[serde(serialize_with = "shown::duration")]
    pub interval: Duration,
    /// Longest wait for an answer.
    #[serde(serialize_with = "shown::duration")]
    pub timeout: Duration,
    /// Failures in a row that make a connection unreachable.
    pub failures: u32,
    /// Answers in a row that make it reachable again.
    pub successes: u32,
}

/// What is logged and how.
#[derive(Clone, Debug, Serialize)]
pub struct Log {
    /// The shape of a line.
    pub format: LogFormat,
    /// A valid directive of `tracing_subscriber::EnvFilter`.
    pub filter: String,
}

/// The shape of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Human on a terminal, JSON elsewhere.
    Auto,
    /// One readable line.
    Human,
    /// One JSON object.
    Json,
}

impl Config {
    /// Reads the file, if any, lays `environment` over it, fills in defaults and checks everything.
    ///
    /// `environment` is the whole environment: the variables `PGSTEWARD__…` set keys, `XDG_DATA_HOME` and `HOME` give
    /// the default data directory. Relative paths start at the working directory.
    pub fn load(
        file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let text = match file {
            Some(path) => Some((path, read_file(path)?)),
            None => None,
        };
        let text = text.as_ref().map(|(path, text)| (*path, text.as_str()));
        Self::read(text, environment, nix::unistd::geteuid().is_root())
    }

    /// As [`Config::load`], of a text that was read, and for a process that runs as root or not.
    fn read(
        file: Option<(&Path, &str)>,
        environment: impl Iterator<Item = (String, String)>,
        root: bool,
    ) -> Result<Self, ConfigError> {
        let variables: Vec<(String, String)> = environment.collect();
        let mut settings = Settings::default();
        if let Some((path, text)) = file {
            source::add_file(&mut settings, path, text)?;
        }
        source::add_environment(&mut settings, variables.iter())?;
        build::config(&settings, &Surroundings::new(root, &variables))
    }
}

fn read_file(path: &Path) -> Result<String, ConfigError> {
    fs::read_to_string(path).map_err(|source| ConfigError::Read {
        path: path.to_owned(),
        source,
    })
}

/// The process's environment for [`Config::load`]. Unlike `std::env::vars` it does not panic at text that is not UTF-8.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().map(|(name, text)| {
        (
            name.to_string_lossy().into_owned(),
            text.to_string_lossy().into_owned(),
        )
    })
}

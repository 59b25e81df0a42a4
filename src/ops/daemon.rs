//! Daemon: what every operation works with: the control store, the managed databases, the backup store, the tools and the
//! settings. Made once by `app`, shared by all calls.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use tokio::sync::watch;

use super::{context::Context, health::Prober, runner::Runner, schedule::Scheduling};
use crate::{
    archive::Codec,
    model::{
        backup::{ArchiveFormat, BackupName, Manifest},
        failure::{Failure, Kind},
        health::Thresholds,
        migration::BackupBefore,
        permission::Scope,
        retention::RetentionPolicy,
        schedule::Job,
        schema::ObjectPattern,
    },
    postgres::{database::Database, revisions::ScriptLimits, versions::VersionTable},
    state::{ControlStore, anchor::Anchor, spool::Spool},
    storage::{Identities, Listing, Recipients, StorageError, Stores},
    tools::binaries::Binaries,
};

/// One managed database with what the configuration says of it.
#[derive(Debug)]
pub struct Managed {
    /// Its connections.
    pub database: Database,
    /// The directory of its revision scripts.
    pub revisions: PathBuf,
    /// Where its schema version is kept.
    pub version_table: VersionTable,
    /// The directory of the files that declare its schema; none where it is not declared.
    pub models: Option<PathBuf>,
    /// The directory of the queries that a drill asks of it; none for no checks.
    pub drill_checks: Option<PathBuf>,
    /// The roles that the application logs in with.
    pub application_roles: Vec<String>,
    /// The roles that read rows only.
    pub read_only_roles: Vec<String>,
    /// Where its server keeps its files on this machine, where that is known: the embedded server's.
    pub data_directory: Option<PathBuf>,
}

impl Managed {
    /// The name under which it is managed.
    pub fn name(&self) -> &str {
        self.database.name()
    }
}

/// The limits and policies that operations go by.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long an operation waits for its turn on a database.
    pub lock_wait: Duration,
    /// How backups are written.
    pub backup: BackupSettings,
    /// What retention keeps.
    pub retention: RetentionPolicy,
    /// The zone whose calendar retention and schedule go by.
    pub time_zone: Tz,
    /// How restores and drills are made.
    pub restore: RestoreSettings,
    /// How maintenance work is done.
    pub maintenance: MaintenanceSettings,
    /// How revisions are applied.
    pub migrations: MigrationSettings,
    /// How databases are probed.
    pub health: HealthSettings,
    /// Whether calls that only read are recorded.
    pub audit_reads: bool,
}

/// How databases are probed.
#[derive(Clone, Copy, Debug)]
pub struct HealthSettings {
    /// From the end of one look to the next.
    pub interval: Duration,
    /// How long a look waits for an answer.
    pub timeout: Duration,
    /// How many looks in a row are believed.
    pub thresholds: Thresholds,
}

/// How backups are written, and read.
#[derive(Clone, Debug)]
pub struct BackupSettings {
    /// What archives are: gzip or zstd.
    pub format: ArchiveFormat,
    /// How much is compressed: gzip 1 to 12, zstd 1 to 19.
    pub level: u32,
    /// Tables that are dumped at once; at least one.
    pub jobs: usize,
    /// Longest wait of a dump for the lock of a table.
    pub lock_timeout: Duration,
    /// How long the bytes of a dump, a load or an upload may stand still; zero for no limit.
    pub stall_timeout: Duration,
    /// Whom archives are encrypted for. Where there are any, nothing is written to a store in the clear.
    pub recipients: Option<Recipients>,
    /// What decrypts archives; without it those that are encrypted can be listed, downloaded and removed.
    pub identities: Option<Identities>,
    /// Whether backups keep the password verifiers of roles; only with recipients.
    pub role_passwords: bool,
}

impl BackupSettings {
    /// How archives are packed.
    pub fn codec(&self) -> Codec {
        let level = self.level;
        match self.format {
            ArchiveFormat::Zstd => Codec::Zstd { level },
            _ => Codec::Gzip { level },
        }
    }
}

/// How restores and drills are made.
#[derive(Clone, Debug)]
pub struct RestoreSettings {
    /// Blocks of rows that are loaded at once; at least one.
    pub jobs: usize,
    /// For how long a restore waits for another admin's approval; none where it needs none.
    pub approval_time: Option<Duration>,
    /// How long a replaced database is kept.
    pub keep_replaced: Duration,
    /// The largest database that a drill makes, in bytes.
    pub largest_drill: Option<u64>,
    /// Limit of one check of a drill.
    pub check_timeout: Duration,
}

/// How maintenance work is done.
#[derive(Clone, Debug)]
pub struct MaintenanceSettings {
    /// Tables or indexes at once; at least one.
    pub jobs: usize,
    /// Longest wait of VACUUM and ANALYZE for the lock of a table.
    pub lock_timeout: Duration,
    /// Longest wait of REINDEX CONCURRENTLY for older transactions.
    pub reindex_lock_timeout: Duration,
    /// How long a piece of work may go on while others wait for the database.
    pub yield_after: Duration,
    /// From which age on a transaction is warned of.
    pub long_transaction: Duration,
}

/// How revisions are applied.
#[derive(Clone, Debug)]
pub struct MigrationSettings {
    /// Limits on each statement.
    pub limits: ScriptLimits,
    /// How long a revision is tried again while others hold a lock that it needs.
    pub lock_budget: Duration,
    /// Whether destructive and non-transactional revisions are rehearsed first.
    pub rehearse: bool,
    /// Before which migrations a backup is made.
    pub backup_before: BackupBefore,
    /// Whether an upgrade wants approvals.
    pub require_approval: bool,
    /// Patterns of the objects that drift checks leave out.
    pub ignore: Vec<ObjectPattern>,
    /// Whether the databases refuse DDL that does not come from the daemon.
    pub ddl_guard: bool,
    /// Roles that the guard lets through besides the daemon's own.
    pub ddl_guard_roles: Vec<String>,
}

/// What every operation works with.
#[derive(Debug)]
pub struct Daemon {
    /// The control store.
    pub store: Arc<ControlStore>,
    /// The managed databases by name.
    pub databases: BTreeMap<String, Arc<Managed>>,
    /// Where backups lie.
    pub backups: Stores,
    /// PostgreSQL's client programs.
    pub tools: Binaries,
    /// Where calls that only read wait for their place in the audit log.
    pub spool: Spool,
    /// The last record of the audit log that was seen.
    pub anchor: Anchor,
    /// Runs operations.
    pub runner: Runner,
    /// Limits and policies.
    pub settings: Settings,
    /// The jobs of the schedule.
    pub jobs: Vec<Job>,
    /// The schedule's clock and webhook.
    pub scheduling: Scheduling,
    /// What the prober last saw.
    pub prober: Prober,
    /// When the daemon started.
    pub start_time: DateTime<Utc>,
    /// True once the daemon can serve, false again while it shuts down.
    pub ready: watch::Sender<bool>,
}

impl Daemon {
    /// The name that an empty one stands for: the only managed database's. Unknown names are given back as they are.
    pub fn full_name<'a>(&'a self, name: &'a str) -> &'a str {
        self.managed(name).map_or(name, |managed| managed.name())
    }

    /// The managed database of that name; an empty name means the only one.
    pub fn managed(&self, name: &str) -> Result<&Arc<Managed>, Failure> {
        let known = || {
            self.databases
                .keys()
                .cloned()
                .collect::<Vec<_>>()
                .join(", ")
        };
        if name.is_empty() {
            let mut all = self.databases.values();
            return match (all.next(), all.next()) {
                (Some(only), None) => Ok(only),
                _ => Err(Failure::invalid_field(
                    "database",
                    format!("must be given, since several are managed: {}", known()),
                )),
            };
        }
        self.databases.get(name).ok_or_else(|| {
            Failure::new(
                Kind::NotFound,
                "DATABASE_NOT_FOUND",
                format!("no database {name:?} is managed"),
            )
            .with_hint(format!("managed are: {}", known()))
        })
    }

    /// What a call is about that names a database.
    pub fn scope(&self, name: &str) -> Scope {
        Scope::Database(self.full_name(name).to_owned())
    }

    /// What a call is about that names a backup. A name that no backup can have is wrong for everyone.
    pub async fn scope_of_backup(&self, filename: &str) -> Scope {
        let Ok(name) = BackupName::parse(filename) else {
            return Scope::Any;
        };
        let stored = self.stored_backup(&name).await.ok();
        Scope::Thing(stored.map(|(manifest, _)| manifest.database))
    }

    /// What a call is about that names an operation. An id that no operation can have is wrong for everyone.
    pub async fn scope_of_operation(&self, id: &str) -> Scope {
        let Ok(id) = id.parse() else {
            return Scope::Any;
        };
        let known = self.runner.get(id).await.ok();
        Scope::Thing(known.map(|operation| operation.database))
    }

    /// The managed database that a call names, for a principal that may make the call about it. Others are refused before
    /// it is looked for.
    pub fn authorized(&self, context: &Context, name: &str) -> Result<&Arc<Managed>, Failure> {
        context.authorize(&self.scope(name))?;
        self.managed(name)
    }

    /// The newest good backup of a managed database.
    pub async fn newest_backup(&self, database: &str) -> Result<Option<Manifest>, Failure> {
        let listing = self.list_backups().await?;
        Ok(newest_good(&listing, database).cloned())
    }

    /// All backups in all stores.
    pub async fn list_backups(&self) -> Result<Listing, StorageError> {
        let mut listing = self.backups.list().await?;
        for backup in &mut listing.backups {
            self.attribute(&mut backup.manifest);
        }
        Ok(listing)
    }

    /// One backup, and the stores that hold it.
    pub async fn stored_backup(
        &self,
        name: &BackupName,
    ) -> Result<(Manifest, Vec<String>), StorageError> {
        let (mut manifest, stores) = self.backups.manifest(name).await?;
        self.attribute(&mut manifest);
        Ok((manifest, stores))
    }

    /// Says whose backup another tool's archive is: that of the managed database whose name its own begins with, as the
    /// names of our own backups do.
    fn attribute(&self, manifest: &mut Manifest) {
        if !manifest.is_foreign() || !manifest.database.is_empty() {
            return;
        }
        let filename = manifest.filename.as_str();
        let ours = self
            .databases
            .keys()
            .filter(|database| is_named_after(filename, database));
        if let Some(database) = ours.max_by_key(|database| database.len()) {
            manifest.database.clone_from(database);
        }
    }
}

/// Whether an archive's name is a database's alone, or goes on with a number, as the times in our own names do: an archive of
/// `app_old` is none of `app`.
fn is_named_after(filename: &str, database: &str) -> bool {
    let Some(rest) = filename.strip_prefix(database) else {
        return false;
    };
    let mut characters = rest.chars();
    match characters.next() {
        Some('_' | '-') => characters.next().is_some_and(|next| next.is_ascii_digit()),
        Some('.') => ArchiveFormat::ALL
            .iter()
            .any(|format| rest.strip_suffix(".age").unwrap_or(rest) == format.suffix()),
        _ => false,
    }
}

/// The newest good backup of a managed database in a listing. Another tool's archive is none: nobody has seen that it
/// holds what it should.
pub fn newest_good<'a>(listing: &'a Listing, database: &str) -> Option<&'a Manifest> {
    listing
        .manifests()
        .filter(|manifest| !manifest.is_foreign())
        .find(|manifest| manifest.database == database && manifest.is_good())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_a_databases_by_its_whole_name_and_a_number_behind_it_alone() {
        for (filename, is_ours) in [
            ("app.sql", true),
            ("app.sql.gz.age", true),
            ("app.dump", true),
            ("app_20261122T020000Z.sql.gz", true),
            ("app-2026-11-22.sql", true),
            ("app_old_20261122.sql", false),
            ("app_monday.sql", false),
            ("app-.sql", false),
            ("app.old.sql", false),
            ("application.sql", false),
            ("other.sql", false),
        ] {
            assert_eq!(is_named_after(filename, "app"), is_ours, "{filename}");
        }
    }
}

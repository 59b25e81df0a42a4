//! From a configuration to the daemon: the embedded server if there is one, the connections, the store, the tools.

mod schedule;

use std::{collections::BTreeMap, sync::Arc};

use chrono::Utc;
use secrecy::ExposeSecret as _;
use tokio::sync::watch;
use uuid::Uuid;

use super::access::size;
use crate::{
    config::{
        Backup, Config, ConnectionUrl, Database as DatabaseConfig, Migrations, Revisions, Source,
        Store as StoreConfig, UrlError,
    },
    model::{
        failure::{Failure, Kind},
        health::Thresholds,
        retention::RetentionPolicy,
    },
    ops::{
        Daemon,
        daemon::{
            BackupSettings, HealthSettings, MaintenanceSettings, Managed, MigrationSettings,
            RestoreSettings, Settings,
        },
        health::Prober,
        runner::Runner,
        schedule::{Scheduling, clock::Clock},
    },
    postgres::{
        database::{ConnectionSettings, Database, DatabaseLogins},
        embedded::{Embedded, EmbeddedConfig},
        revisions::ScriptLimits,
        sessions,
        versions::VersionTable,
    },
    state::{ControlStore, anchor::Anchor, spool::Spool},
    storage::{BucketSettings, Identities, Recipients, SealError, Store, Stores},
    tools::binaries::Binaries,
};

/// The client programs that the daemon runs.
const TOOLS: &[&str] = &["pg_dump", "pg_restore", "psql"];

/// More jobs at once are never taken for granted, only configured up to as many.
const MOST_JOBS: usize = 64;

/// Why the daemon could not be built; in the end always a [`Failure`] with a reason and a hint.
pub type BuildError = Failure;

/// The logins of the control store and the managed databases, and the embedded server if they are on it.
pub(super) struct Servers {
    pub(super) embedded: Option<Embedded>,
    control: ConnectionUrl,
    /// The login that owns the control store's tables, where it is another.
    owner: Option<ConnectionUrl>,
    databases: BTreeMap<String, DatabaseConfig>,
}

/// Starts the embedded server where the configuration names no other.
pub(super) async fn servers(config: &Config) -> Result<Servers, BuildError> {
    match &config.source {
        Source::Configured {
            control,
            owner,
            databases,
        } => Ok(Servers {
            embedded: None,
            control: control.clone(),
            owner: owner.clone(),
            databases: databases.clone(),
        }),
        Source::Embedded { user, app } => {
            let embedded = Embedded::start(&EmbeddedConfig {
                data_directory: config.data_dir.clone(),
                binaries: config.postgres.bin_dir.clone(),
                user: user.clone(),
            })
            .await?;
            let app = embedded_app(&embedded, app);
            let control = url(embedded.control_url());
            let owner = url(embedded.control_owner_url());
            match (control.and_then(|control| Ok((control, owner?))), app) {
                (Ok((control, owner)), Ok(app)) => Ok(Servers {
                    control,
                    owner: Some(owner),
                    databases: BTreeMap::from([("app".to_owned(), app)]),
                    embedded: Some(embedded),
                }),
                (Err(failure), _) | (_, Err(failure)) => {
                    embedded.stop().await?;
                    Err(failure)
                }
            }
        }
    }
}

fn embedded_app(embedded: &Embedded, revisions: &Revisions) -> Result<DatabaseConfig, BuildError> {
    let urls = embedded.managed();
    let mut revisions = revisions.clone();
    let application = url(embedded.application_url())?.user().to_owned();
    let known = &mut revisions.clients.application_roles;
    if !known.contains(&application) {
        known.push(application);
    }
    Ok(DatabaseConfig {
        admin: url(&urls.admin)?,
        migrator: url(&urls.migrator)?,
        backup: url(&urls.backup)?,
        maintenance: url(&urls.maintenance)?,
        // Its superuser is the embedded server's alone, which sets the roles right at each start.
        provision: None,
        revisions,
    })
}

fn url(secret: &secrecy::SecretString) -> Result<ConnectionUrl, BuildError> {
    secret.expose_secret().parse().map_err(|error: UrlError| {
        Failure::new(
            Kind::Internal,
            "EMBEDDED_URL",
            format!("the embedded server's URL cannot be used: {error}"),
        )
    })
}

/// Everything that operations work with. The control store's tables are brought up to date on the way.
pub(super) async fn daemon(
    config: &Config,
    servers: &Servers,
    clock: Clock,
) -> Result<Daemon, BuildError> {
    let id = Uuid::now_v7();
    let connections = ConnectionSettings {
        application_name: sessions::pool_name(id),
        connect_timeout: config.postgres.connect_timeout,
        statement_timeout: config.postgres.statement_timeout,
        pool_size: usize::try_from(config.postgres.pool_size).unwrap_or(1),
    };
    let control = servers.control.settings().clone();
    let mut store = ControlStore::new(control, connections.clone(), id)?
        .with_control_grace(config.operations.control_grace);
    if let Some(owner) = &servers.owner {
        store = store.owned_by(owner.settings().clone());
    }
    store.upgrade_schema().await?;
    store.check_protection().await?;
    let store = Arc::new(store);
    let spool = Spool::open(
        &config.data_dir.join("audit-spool"),
        store.daemon(),
        config.audit.spool_size.into(),
    )?;
    Ok(Daemon {
        runner: Runner::new(
            Arc::clone(&store),
            size(config.limits.operations_per_principal),
        ),
        store,
        spool,
        anchor: Anchor::in_directory(&config.data_dir)?,
        databases: managed(config, servers, &connections)?,
        backups: stores(config)?,
        tools: Binaries::find(config.postgres.bin_dir.as_deref(), TOOLS)?,
        settings: settings(config)?,
        jobs: schedule::jobs(&config.schedule, servers.databases.keys()),
        scheduling: Scheduling::new(clock, schedule::webhook(&config.alerts)?),
        prober: Prober::default(),
        start_time: Utc::now(),
        ready: watch::Sender::new(false),
    })
}

/// The stores: the primary, those that get copies, and the others.
fn stores(config: &Config) -> Result<Stores, BuildError> {
    let (mut primary, mut copies, mut others) = (None, Vec::new(), Vec::new());
    for (name, settings) in &config.stores {
        let store = match settings {
            StoreConfig::Directory { path } => Store::open_directory(name, path)?,
            StoreConfig::Bucket(bucket) => Store::open_bucket(
                name,
                &BucketSettings {
                    bucket: bucket.bucket.clone(),
                    prefix: bucket.prefix.clone(),
                    region: bucket.region.clone(),
                    endpoint: bucket.endpoint.clone(),
                    access_key_id: bucket.access_key_id.clone(),
                    secret_access_key: bucket.secret_access_key.clone(),
                    session_token: bucket.session_token.clone(),
                    allow_http: bucket.allow_http,
                    path_style: bucket.path_style,
                    timeout: bucket.timeout,
                },
            )?,
        };
        let place = config.backup.copies.iter().position(|copy| copy == name);
        if *name == config.backup.store {
            primary = Some(store);
        } else if let Some(place) = place {
            copies.push((place, store));
        } else {
            others.push(store);
        }
    }
    let primary = primary.ok_or_else(|| {
        Failure::invalid_field("backup.store", "names a store that is not configured")
    })?;
    copies.sort_by_key(|(place, _)| *place);
    let copies = copies.into_iter().map(|(_, store)| store).collect();
    Ok(Stores::new(primary, copies, others))
}

fn managed(
    config: &Config,
    servers: &Servers,
    connections: &ConnectionSettings,
) -> Result<BTreeMap<String, Arc<Managed>>, BuildError> {
    let mut all = BTreeMap::new();
    for (name, database) in &servers.databases {
        if database.admin.database() == config.postgres.server_database {
            return Err(Failure::invalid_field(
                "postgres.server_database",
                format!("is the managed database {name:?}, which cannot be renamed from within"),
            )
            .with_hint("name another database of that server that the admin role may connect to"));
        }
        let logins = DatabaseLogins {
            admin: database.admin.settings().clone(),
            migrator: database.migrator.settings().clone(),
            backup: database.backup.settings().clone(),
            maintenance: database.maintenance.settings().clone(),
            provision: database
                .provision
                .as_ref()
                .map(|url| url.settings().clone()),
            server_database: config.postgres.server_database.clone(),
        };
        let managed = Managed {
            database: Database::new(name, logins, connections.clone())?,
            revisions: database.revisions.directory.clone(),
            version_table: VersionTable {
                schema: database.revisions.version_table_schema.clone(),
                name: database.revisions.version_table.clone(),
            },
            models: database.revisions.models.clone(),
            drill_checks: database.revisions.drill_checks.clone(),
            application_roles: database.revisions.clients.application_roles.clone(),
            read_only_roles: database.revisions.clients.read_only_roles.clone(),
            data_directory: servers
                .embedded
                .is_some()
                .then(|| config.data_dir.join("postgres")),
        };
        all.insert(name.clone(), Arc::new(managed));
    }
    Ok(all)
}

fn settings(config: &Config) -> Result<Settings, BuildError> {
    Ok(Settings {
        lock_wait: config.operations.lock_wait,
        backup: backup(&config.backup)?,
        retention: RetentionPolicy {
            daily: config.retention.daily,
            monthly: config.retention.monthly,
        },
        time_zone: config.schedule.time_zone,
        restore: RestoreSettings {
            jobs: jobs_at_once(config.restore.jobs),
            approval_time: config
                .restore
                .require_second_person
                .then_some(config.restore.approval_time),
            keep_replaced: config.restore.keep_replaced,
            largest_drill: config.drill.max_size,
            check_timeout: config.drill.check_timeout,
        },
        maintenance: MaintenanceSettings {
            jobs: jobs_at_once(config.maintenance.jobs),
            lock_timeout: config.maintenance.lock_timeout,
            reindex_lock_timeout: config.maintenance.reindex_lock_timeout,
            yield_after: config.maintenance.yield_after,
            long_transaction: config.maintenance.long_transaction,
        },
        migrations: migrations(&config.migrations),
        health: HealthSettings {
            interval: config.health.interval,
            timeout: config.health.timeout,
            thresholds: Thresholds {
                failures: config.health.failures,
                successes: config.health.successes,
            },
        },
        audit_reads: config.audit.reads,
    })
}

fn backup(config: &Backup) -> Result<BackupSettings, BuildError> {
    let recipients = if config.recipients.is_empty() {
        None
    } else {
        let parsed = Recipients::parse(&config.recipients);
        Some(parsed.map_err(|error| of_key("backup.recipients", error))?)
    };
    let identities = match &config.identity_file {
        None => None,
        Some(path) => {
            let loaded = Identities::load(path);
            Some(loaded.map_err(|error| of_key("backup.identity_file", error))?)
        }
    };
    Ok(BackupSettings {
        format: config.compression,
        level: config.level,
        jobs: jobs_at_once(config.jobs),
        lock_timeout: config.lock_timeout,
        stall_timeout: config.stall_timeout,
        recipients,
        identities,
        role_passwords: config.role_passwords,
    })
}

/// A refusal of keys that names where they were configured.
fn of_key(key: &str, error: SealError) -> BuildError {
    let failure = Failure::from(error);
    Failure {
        message: format!("`{key}`: {}", failure.message),
        ..failure
    }
}

/// The configured number, or as many as there are processors.
fn jobs_at_once(configured: u32) -> usize {
    match usize::try_from(configured) {
        Ok(jobs) if jobs > 0 => jobs,
        _ => std::thread::available_parallelism().map_or(1, |count| count.get().min(MOST_JOBS)),
    }
}

fn migrations(config: &Migrations) -> MigrationSettings {
    MigrationSettings {
        limits: ScriptLimits {
            lock: config.lock_timeout,
            concurrent_lock: config.concurrent_lock_timeout,
            statement: config.statement_timeout,
        },
        lock_budget: config.lock_budget,
        rehearse: config.rehearse,
        backup_before: config.backup_before,
        require_approval: config.require_approval,
        ignore: config.ignore.clone(),
        ddl_guard: config.ddl_guard,
        ddl_guard_roles: config.ddl_guard_roles.clone(),
    }
}

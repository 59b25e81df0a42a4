//! From settings to the typed configuration: each key read by its rule, then the rules between keys.

use std::{ops::RangeInclusive, path::PathBuf, time::Duration};

use chrono::DateTime;
use chrono_tz::Tz;
use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use tracing_subscriber::EnvFilter;

use crate::model::schema::PatternError;

use super::{
    ArchiveFormat, Auth, Backup, BackupBefore, Config, ConfigError, Drill, Health, Log, LogFormat,
    Migrations, ObjectPattern, Operations, Postgres, Restore, Retention, Schedule, Source,
    audit::audit,
    auth, databases, limits, listen, maintenance,
    settings::Settings,
    stores::{self, AwsVariables},
};

/// PostgreSQL keeps its timeouts as 32-bit milliseconds, a little over 24 days. Bounds also keep clock arithmetic from
/// overflowing.
const LONGEST: Duration = Duration::from_hours(24 * 24);
pub(super) const POSITIVE: RangeInclusive<Duration> = Duration::from_millis(1)..=LONGEST;
pub(super) const ANY: RangeInclusive<Duration> = Duration::ZERO..=LONGEST;
/// Ten years, for what is kept rather than waited for.
const KEPT: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_hours(24 * 3650);

/// Zero stands for as many as there are processors.
pub(super) const JOBS: RangeInclusive<u32> = 0..=64;

/// What the process's own circumstances say about defaults.
pub(super) struct Surroundings {
    default_data_dir: Option<PathBuf>,
    aws: AwsVariables,
}

impl Surroundings {
    /// `/var/lib/pgsteward` for root; for others the XDG base directory specification's data home, which ignores a
    /// relative `XDG_DATA_HOME`.
    pub(super) fn new(root: bool, variables: &[(String, String)]) -> Self {
        let directory = |wanted: &str| {
            let (_, text) = variables.iter().find(|(name, _)| name == wanted)?;
            Some(PathBuf::from(text)).filter(|path| path.is_absolute())
        };
        let home = || directory("HOME").map(|home| home.join(".local/share"));
        let default_data_dir = if root {
            Some(PathBuf::from("/var/lib/pgsteward"))
        } else {
            directory("XDG_DATA_HOME")
                .or_else(home)
                .map(|data_home| data_home.join("pgsteward"))
        };
        Self {
            default_data_dir,
            aws: AwsVariables::new(variables),
        }
    }
}

/// Builds and checks the configuration.
pub(super) fn config(
    settings: &Settings,
    surroundings: &Surroundings,
) -> Result<Config, ConfigError> {
    let data_dir = settings
        .path("data_dir")?
        .or_else(|| surroundings.default_data_dir.clone())
        .ok_or_else(|| {
            settings.refuse(
                "data_dir",
                "is missing, and there is no HOME to choose a default from",
            )
        })?;
    let stores = stores::stores(settings, &data_dir, &surroundings.aws)?;
    let primary = stores::primary(settings, &stores)?;
    let copies = list(settings, "backup.copies");
    let source = databases::source(settings, &data_dir)?;
    let listen = listen::listen(settings)?;
    let auth = auth::auth(settings, &source, &listen)?;
    listen::refuse_exposure(settings, &listen, &auth)?;
    Ok(Config {
        listen,
        limits: limits::limits(settings)?,
        restore: restore(settings, &auth, &source)?,
        auth,
        source,
        postgres: Postgres {
            bin_dir: settings.path("postgres.bin_dir")?,
            server_database: settings.parse(
                "postgres.server_database",
                "the name of a database",
                |text| (!text.is_empty()).then(|| text.to_owned()),
            )?,
            connect_timeout: settings.duration("postgres.connect_timeout", POSITIVE)?,
            pool_size: settings.integer("postgres.pool_size", 1..=100)?,
            statement_timeout: settings.duration("postgres.statement_timeout", ANY)?,
        },
        backup: backup(
            settings,
            stores::copies(settings, &primary, copies, &stores)?,
            primary,
        )?,
        retention: retention(settings)?,
        migrations: Migrations {
            lock_timeout: settings.duration("migrations.lock_timeout", POSITIVE)?,
            lock_budget: settings.duration("migrations.lock_budget", ANY)?,
            concurrent_lock_timeout: settings
                .duration("migrations.concurrent_lock_timeout", POSITIVE)?,
            statement_timeout: settings.duration("migrations.statement_timeout", ANY)?,
            rehearse: settings.flag("migrations.rehearse") == Some(true),
            backup_before: settings.parse(
                "migrations.backup_before",
                "always, destructive or never",
                BackupBefore::from_name,
            )?,
            require_approval: settings.flag("migrations.require_approval") == Some(true),
            ignore: patterns(settings)?,
            ddl_guard: settings.flag("migrations.ddl_guard") == Some(true),
            ddl_guard_roles: list(settings, "migrations.ddl_guard_roles"),
        },
        maintenance: maintenance::maintenance(settings)?,
        drill: Drill {
            max_size: settings.bytes("drill.max_size")?,
            check_timeout: settings.duration("drill.check_timeout", POSITIVE)?,
        },
        operations: Operations {
            lock_wait: settings.duration("operations.lock_wait", ANY)?,
            shutdown_grace: settings.duration("operations.shutdown_grace", ANY)?,
        },
        schedule: Schedule {
            enabled: settings.flag("schedule.enabled") == Some(true),
            time_zone: settings.parse(
                "schedule.time_zone",
                "an IANA time zone such as Europe/Oslo",
                |text| text.parse::<Tz>().ok(),
            )?,
            backup: job(settings, "schedule.backup")?,
            optimize: job(settings, "schedule.optimize")?,
            drift: job(settings, "schedule.drift")?,
            drill: job(settings, "schedule.drill")?,
            privileges: job(settings, "schedule.privileges")?,
        },
        health: Health {
            interval: settings.duration("health.interval", POSITIVE)?,
            timeout: settings.duration("health.timeout", POSITIVE)?,
            failures: settings.integer("health.failures", 1..=10)?,
            successes: settings.integer("health.successes", 1..=10)?,
        },
        audit: audit(settings)?,
        log: log(settings)?,
        stores,
        data_dir,
    })
}

/// A second person is asked for only where there can be one: otherwise no restore could ever be made.
fn restore(settings: &Settings, auth: &Auth, source: &Source) -> Result<Restore, ConfigError> {
    let require_second_person = settings.flag("restore.require_second_person") == Some(true);
    let lonely = source
        .names()
        .into_iter()
        .find(|name| !auth.has_two_admins(name));
    if let Some(database) = lonely.filter(|_| require_second_person) {
        let problem = format!(
            "is true, but there are not two admins of {database:?}: nobody could approve a restore"
        );
        return Err(settings
            .refuse("restore.require_second_person", problem)
            .with_hint("give two people a token of the role admin each in auth.tokens"));
    }
    Ok(Restore {
        require_second_person,
        approval_time: settings.duration("restore.approval_time", POSITIVE)?,
        keep_replaced: settings.duration("restore.keep_replaced", KEPT)?,
        jobs: settings.integer("restore.jobs", JOBS)?,
    })
}

fn backup(settings: &Settings, copies: Vec<String>, store: String) -> Result<Backup, ConfigError> {
    let compression = settings.parse("backup.compression", "gzip or zstd", |text| match text {
        "gzip" => Some(ArchiveFormat::Gzip),
        "zstd" => Some(ArchiveFormat::Zstd),
        _ => None,
    })?;
    let (levels, default_level) = match compression {
        ArchiveFormat::Zstd => (1..=19, 1),
        _ => (1..=12, 3),
    };
    let level = if settings.has("backup.level") {
        settings.integer("backup.level", levels)?
    } else {
        default_level
    };
    let recipients = list(settings, "backup.recipients");
    let role_passwords = settings.flag("backup.role_passwords") == Some(true);
    if role_passwords && recipients.is_empty() {
        let problem = "needs `backup.recipients`: passwords are kept in encrypted backups only";
        return Err(settings.refuse("backup.role_passwords", problem));
    }
    Ok(Backup {
        store,
        copies,
        compression,
        level,
        jobs: settings.integer("backup.jobs", JOBS)?,
        lock_timeout: settings.duration("backup.lock_timeout", POSITIVE)?,
        stall_timeout: settings.duration("backup.stall_timeout", ANY)?,
        recipients,
        identity_file: settings.path("backup.identity_file")?,
        role_passwords,
    })
}

fn retention(settings: &Settings) -> Result<Retention, ConfigError> {
    let daily = settings.integer("retention.daily", 0..=3650)?;
    let monthly = settings.integer("retention.monthly", 0..=3650)?;
    if daily == 0 && monthly == 0 {
        let problem = "and `retention.monthly` are both 0: a policy that keeps nothing is refused";
        return Err(settings.refuse("retention.daily", problem));
    }
    Ok(Retention { daily, monthly })
}

/// A cron line, or none where the job is switched off.
fn job(settings: &Settings, path: &str) -> Result<Option<Cron>, ConfigError> {
    if matches!(settings.text(path), Some("" | "off")) {
        return Ok(None);
    }
    let expected =
        "off, or a cron line of five fields (minute hour day month weekday) that comes due";
    settings.parse(path, expected, cron).map(Some)
}

fn patterns(settings: &Settings) -> Result<Vec<ObjectPattern>, ConfigError> {
    let path = "migrations.ignore";
    let read = |item: String| {
        item.parse()
            .map_err(|error: PatternError| settings.refuse(path, format!("holds {error}")))
    };
    list(settings, path).into_iter().map(read).collect()
}

/// The items of a comma-separated text.
pub(super) fn list(settings: &Settings, path: &str) -> Vec<String> {
    let items = settings.text(path).unwrap_or_default().split(',');
    items
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Reads a line of five fields, and refuses one for a day that never comes, such as 31 February.
fn cron(line: &str) -> Option<Cron> {
    let parser = CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build();
    let cron = parser.parse(line).ok()?;
    cron.find_next_occurrence(&DateTime::UNIX_EPOCH, false)
        .ok()?;
    Some(cron)
}

fn log(settings: &Settings) -> Result<Log, ConfigError> {
    Ok(Log {
        format: settings.parse("log.format", "auto, human or json", |text| match text {
            "auto" => Some(LogFormat::Auto),
            "human" => Some(LogFormat::Human),
            "json" => Some(LogFormat::Json),
            _ => None,
        })?,
        filter: settings.parse(
            "log.filter",
            "a level or directives such as info,pgsteward=debug",
            |text| {
                EnvFilter::builder()
                    .parse(text)
                    .ok()
                    .map(|_| text.to_owned())
            },
        )?,
    })
}

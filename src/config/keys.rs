//! The one list of configuration keys: name, type, default and what it is for.
//!
//! The loader refuses what is not in it, the environment overlay takes each key's type from it, typed reading takes the
//! defaults from it, and `pgsteward config example` prints it. In a path, `*` stands for a name and `#` for a place in
//! a list.

mod access;
mod lookup;

pub(super) use self::lookup::{Place, key, likely_meant, place};

/// A key's type, with the value that the example shows.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    Text(&'static str),
    Integer(i64),
    Flag(bool),
}

impl Shape {
    /// The type's name, with its article.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Flag(_) => "true or false",
        }
    }
}

/// One key of the configuration.
#[derive(Debug)]
pub(super) struct Key {
    /// The dotted path.
    pub(super) path: &'static str,
    pub(super) shape: Shape,
    /// Whether the shape's value holds when the key is not given. Where not, the default is computed or there is none.
    pub(super) is_default: bool,
    /// One line for the example.
    pub(super) comment: &'static str,
}

/// A key whose default is the value in its shape.
const fn fixed(path: &'static str, shape: Shape, comment: &'static str) -> Key {
    Key {
        path,
        shape,
        is_default: true,
        comment,
    }
}

/// A key without a fixed default; the value in its shape is an example.
const fn sample(path: &'static str, shape: Shape, comment: &'static str) -> Key {
    Key {
        path,
        shape,
        is_default: false,
        comment,
    }
}

use Shape::{Flag, Integer, Text};

/// Every key, in the order of the example: those at the top level first, then section by section.
pub(super) fn all() -> impl Iterator<Item = &'static Key> {
    KEYS.iter().chain(access::KEYS)
}

const KEYS: &[Key] = &[
    sample(
        "data_dir",
        Text("/var/lib/pgsteward"),
        "Where the embedded server, the default store and default revisions live; for others than root ~/.local/share/pgsteward.",
    ),
    sample(
        "control.url",
        Text("postgresql://pgsteward:secret@localhost:5432/pgsteward"),
        "pgsteward's own database, never one of those that it manages. Without it the embedded server is used.",
    ),
    sample(
        "control.owner_url",
        Text("postgresql://pgsteward_owner:secret@localhost:5432/pgsteward"),
        "Role that owns that database and its tables, so that the one of control.url cannot change the audit log.",
    ),
    sample(
        "databases.*.url",
        Text("postgresql://owner:secret@localhost:5432/app"),
        "Connection for every purpose that has none of its own below.",
    ),
    sample(
        "databases.*.admin",
        Text("postgresql://steward_admin:secret@localhost:5432/app"),
        "Role that creates, renames and opens or closes the database, for restores and maintenance mode.",
    ),
    sample(
        "databases.*.migrator",
        Text("postgresql://steward_migrator:secret@localhost:5432/app"),
        "Role that owns the schema and applies revisions.",
    ),
    sample(
        "databases.*.backup",
        Text("postgresql://steward_backup:secret@localhost:5432/app"),
        "Role that reads everything, for backups.",
    ),
    sample(
        "databases.*.maintenance",
        Text("postgresql://steward_maintenance:secret@localhost:5432/app"),
        "Role that vacuums and analyzes.",
    ),
    sample(
        "databases.*.provision",
        Text("postgresql://postgres:secret@localhost:5432/app"),
        "Login that may create the other roles, for ProvisionRoles and nothing else; by default the admin's.",
    ),
    fixed(
        "databases.*.application_roles",
        Text(""),
        "Roles that the application logs in with, comma-separated: they are to read and write rows and nothing more.",
    ),
    fixed(
        "databases.*.read_only_roles",
        Text(""),
        "Roles that are to read rows and nothing more, comma-separated.",
    ),
    sample(
        "databases.*.revisions",
        Text("/var/lib/pgsteward/revisions/app"),
        "Directory of the revision scripts; this is the default.",
    ),
    sample(
        "databases.*.models",
        Text("/srv/app/models"),
        "Directory of the *.sql files that declare this database's schema, in place of migrations.models.",
    ),
    fixed(
        "databases.*.version_table",
        Text("alembic_version"),
        "Table that holds the applied revision, as Alembic keeps it.",
    ),
    fixed(
        "databases.*.version_table_schema",
        Text("public"),
        "Schema of that table.",
    ),
    sample(
        "databases.*.drill_checks",
        Text("/etc/pgsteward/drill_checks/app"),
        "Directory of *.sql files that a drill asks of the restored database, each one query that must give one row of one true.",
    ),
    sample(
        "embedded.enabled",
        Flag(false),
        "Whether to run a private PostgreSQL server. Default: true without a control store and database URLs.",
    ),
    sample(
        "embedded.user",
        Text("postgres"),
        "Account that the embedded server runs as when pgsteward runs as root.",
    ),
    sample(
        "postgres.bin_dir",
        Text("/usr/lib/postgresql/17/bin"),
        "Directory of pg_dump, pg_restore, psql and the server; by default they are searched for.",
    ),
    fixed(
        "postgres.server_database",
        Text("postgres"),
        "Database of each server from which the managed one is locked, renamed and dropped; the admin role may connect to it.",
    ),
    fixed(
        "postgres.connect_timeout",
        Text("10s"),
        "Longest wait for a connection.",
    ),
    fixed(
        "postgres.pool_size",
        Integer(4),
        "Connections for each database and purpose, 1 to 100.",
    ),
    fixed(
        "postgres.statement_timeout",
        Text("30s"),
        "Limit of the daemon's own catalog queries; 0s for none.",
    ),
    sample(
        "stores.*.path",
        Text("/var/lib/pgsteward/backups"),
        "A store that is a directory. Without any store there is one, local: the directory backups in data_dir.",
    ),
    sample(
        "stores.*.bucket",
        Text("company-backups"),
        "A store that is a bucket of S3 or of a service like it.",
    ),
    sample(
        "stores.*.prefix",
        Text("production/app"),
        "What the backups' keys in the bucket begin with; by default nothing.",
    ),
    sample("stores.*.region", Text("us-east-1"), "The bucket's region."),
    sample(
        "stores.*.endpoint",
        Text("https://s3.example.net:9000"),
        "URL of the service; by default that of AWS in the region.",
    ),
    sample(
        "stores.*.access_key_id",
        Text("AKIAEXAMPLE"),
        "The key's id; with the key itself by default AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_SESSION_TOKEN.",
    ),
    sample(
        "stores.*.secret_access_key",
        Text("secret"),
        "The key. It must list, read, write and delete below the prefix, and abort multipart uploads.",
    ),
    sample(
        "stores.*.allow_http",
        Flag(false),
        "Whether the endpoint may be a plain http one.",
    ),
    sample(
        "stores.*.path_style",
        Flag(true),
        "Whether the bucket stands in the path and not in the host's name. Default: true with an endpoint.",
    ),
    sample(
        "stores.*.timeout",
        Text("30s"),
        "How long the service may let a request stand still.",
    ),
    sample(
        "backup.store",
        Text("local"),
        "The store where backups are made; needed where there are several.",
    ),
    fixed(
        "backup.copies",
        Text(""),
        "Stores that get a copy of each backup, comma-separated.",
    ),
    fixed(
        "backup.compression",
        Text("gzip"),
        "How archives are compressed: gzip or zstd.",
    ),
    sample(
        "backup.level",
        Integer(3),
        "How much: for gzip 1 (fast) to 12 (small), by default 3; for zstd 1 to 19, by default 1.",
    ),
    fixed(
        "backup.jobs",
        Integer(0),
        "Tables that are dumped at once, at most 64; 0 for as many as there are processors.",
    ),
    fixed(
        "backup.lock_timeout",
        Text("30s"),
        "Longest wait of a dump for the lock of a table; nothing is to queue behind it for longer.",
    ),
    fixed(
        "backup.stall_timeout",
        Text("15m"),
        "A dump, a load or an upload whose bytes stand still for so long is ended; 0s for never.",
    ),
    fixed(
        "backup.recipients",
        Text(""),
        "Public age keys (age1...), comma-separated, that archives are encrypted for; empty for no encryption.",
    ),
    sample(
        "backup.identity_file",
        Text("/etc/pgsteward/identity.txt"),
        "File with age identities, its owner's alone, to restore and verify what is encrypted; not needed to back up.",
    ),
    fixed(
        "backup.role_passwords",
        Flag(false),
        "Whether encrypted backups keep the password verifiers of the roles; needs recipients and a superuser.",
    ),
    fixed(
        "retention.daily",
        Integer(14),
        "Days of which the last backup is kept.",
    ),
    fixed(
        "retention.monthly",
        Integer(3),
        "Completed months of which the last backup is kept.",
    ),
    sample(
        "migrations.models",
        Text("/srv/app/models"),
        "Directory of the *.sql files that declare the schema as it should be, for autogenerate; by default there is none.",
    ),
    fixed(
        "migrations.lock_timeout",
        Text("5s"),
        "Longest wait of one statement for a lock.",
    ),
    fixed(
        "migrations.lock_budget",
        Text("2m"),
        "How long a revision is tried again, with pauses in between, while others hold a lock that it needs.",
    ),
    fixed(
        "migrations.concurrent_lock_timeout",
        Text("1h"),
        "Longest wait of a concurrent index build for older transactions; it blocks nobody meanwhile.",
    ),
    fixed(
        "migrations.statement_timeout",
        Text("0s"),
        "Limit of one statement; 0s for none.",
    ),
    fixed(
        "migrations.rehearse",
        Flag(true),
        "Whether destructive and non-transactional revisions are first run on a scratch copy of the schema.",
    ),
    fixed(
        "migrations.backup_before",
        Text("destructive"),
        "Before which migrations a backup is made: always, destructive or never.",
    ),
    fixed(
        "migrations.require_approval",
        Flag(false),
        "Whether an upgrade wants each revision approved by somebody else than its author.",
    ),
    fixed(
        "migrations.ignore",
        Text(""),
        "Objects that drift checks leave out, comma-separated, * for any characters: table public.events_p*, schema partman.",
    ),
    fixed(
        "migrations.ddl_guard",
        Flag(false),
        "Whether the databases refuse DDL that does not come from the daemon; needs an admin role that is a superuser.",
    ),
    fixed(
        "migrations.ddl_guard_roles",
        Text(""),
        "Roles that the guard lets through besides the daemon's own, comma-separated.",
    ),
    fixed(
        "restore.require_second_person",
        Flag(false),
        "Whether a restore or rollback waits until another admin approves it.",
    ),
    fixed(
        "restore.approval_time",
        Text("1h"),
        "How long it waits for that before it fails.",
    ),
    fixed(
        "restore.jobs",
        Integer(0),
        "Tables that are loaded, and indexes that are built, at once, at most 64; 0 for as many as there are processors.",
    ),
    fixed(
        "restore.keep_replaced",
        Text("24h"),
        "How long a restore keeps the database that it replaced, for a rollback.",
    ),
    sample(
        "drill.max_size",
        Integer(107_374_182_400),
        "Largest database in bytes that a drill may make on the server; without it any that fits.",
    ),
    fixed("drill.check_timeout", Text("5m"), "Limit of one check."),
    fixed(
        "maintenance.jobs",
        Integer(0),
        "Tables that are vacuumed, or indexes that are rebuilt, at once, at most 64; 0 for as many as there are processors.",
    ),
    fixed(
        "maintenance.lock_timeout",
        Text("10s"),
        "Longest wait of VACUUM and ANALYZE for the lock of a table, which is then skipped.",
    ),
    fixed(
        "maintenance.reindex_lock_timeout",
        Text("10m"),
        "Longest wait of REINDEX CONCURRENTLY for older transactions; it blocks no reader or writer meanwhile.",
    ),
    fixed(
        "maintenance.yield_after",
        Text("10s"),
        "How long a table or index that is at work may go on while a migration, restore or backup waits for the database.",
    ),
    fixed(
        "maintenance.long_transaction",
        Text("30m"),
        "From which age on the database's statistics warn of a transaction.",
    ),
    fixed(
        "operations.lock_wait",
        Text("10m"),
        "How long an operation waits for its turn on a database.",
    ),
    fixed(
        "operations.shutdown_grace",
        Text("30s"),
        "How long running operations may go on after a stop signal.",
    ),
    fixed(
        "schedule.enabled",
        Flag(true),
        "Whether scheduled jobs run.",
    ),
    fixed(
        "schedule.time_zone",
        Text("UTC"),
        "IANA time zone of the lines below and of retention's days and months.",
    ),
    fixed(
        "schedule.backup",
        Text("0 2 * * *"),
        "When to back up and apply retention: minute hour day month weekday, or off.",
    ),
    fixed(
        "schedule.optimize",
        Text("30 3 * * 0"),
        "When to vacuum and analyze, or off.",
    ),
    fixed(
        "schedule.drift",
        Text("0 5 * * *"),
        "When to check that the schema still is what the revisions made, or off.",
    ),
    fixed(
        "schedule.drill",
        Text("0 5 * * 0"),
        "When to rehearse a restore of the newest backup, or off.",
    ),
    fixed(
        "schedule.privileges",
        Text("0 6 * * 0"),
        "When to check that each role holds what its purpose needs and no more, or off.",
    ),
    fixed(
        "health.interval",
        Text("1s"),
        "How often each database and the control store are looked at.",
    ),
    fixed(
        "health.timeout",
        Text("1500ms"),
        "Longest wait for the answer.",
    ),
    fixed(
        "health.failures",
        Integer(2),
        "Looks without an answer in a row, 1 to 10, that make a database NOT_SERVING.",
    ),
    fixed(
        "health.successes",
        Integer(2),
        "Answers in a row, 1 to 10, that make it SERVING again.",
    ),
    fixed(
        "audit.reads",
        Flag(true),
        "Whether calls that only read are recorded; those that change something always are.",
    ),
    fixed(
        "audit.spool_size",
        Integer(67_108_864),
        "Bytes of such calls that may wait in data_dir while the control store is away; after that they are refused.",
    ),
    fixed(
        "log.format",
        Text("auto"),
        "human, json, or auto: human on a terminal and json elsewhere.",
    ),
    fixed(
        "log.filter",
        Text("info,deadpool=error,tokio_cron_scheduler=warn"),
        "Least level, or directives such as info,pgsteward=debug.",
    ),
];

#[cfg(test)]
mod tests;

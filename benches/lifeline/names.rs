//! The names of the measurements, as the table shows them.

pub(crate) const DUMP_NULL: &str = "`pg_dump >/dev/null`";
pub(crate) const DUMP_GZIP: &str = "`pg_dump | gzip`";
pub(crate) const DUMP_CUSTOM: &str = "`pg_dump -Fc`";
pub(crate) const DUMP_DIRECTORY: &str = "`pg_dump -Fd -j`";
pub(crate) const SIZE_GZIP_TOOL: &str = "size of `pg_dump | gzip`";
pub(crate) const SIZE_CUSTOM: &str = "size of `pg_dump -Fc`";

pub(crate) const BACKUP_GZIP: &str = "CreateBackup, gzip";
pub(crate) const BACKUP_ZSTD: &str = "CreateBackup, zstd";
pub(crate) const SIZE_GZIP: &str = "archive size, gzip";
pub(crate) const SIZE_ZSTD: &str = "archive size, zstd";
pub(crate) const MEMORY_BACKUP_GZIP: &str = "daemon memory, CreateBackup gzip";
pub(crate) const MEMORY_BACKUP_ZSTD: &str = "daemon memory, CreateBackup zstd";

pub(crate) const GUNZIP_PSQL: &str = "`gunzip | psql`";
pub(crate) const PG_RESTORE: &str = "`pg_restore -j`";
pub(crate) const RESTORE_FULL: &str = "Restore, verify FULL";
pub(crate) const RESTORE_NONE: &str = "Restore, verify NONE";
pub(crate) const MEMORY_RESTORE_FULL: &str = "daemon memory, Restore FULL";
pub(crate) const MEMORY_RESTORE_NONE: &str = "daemon memory, Restore NONE";
/// Followed by the stage's name.
pub(crate) const STAGE_FULL: &str = "Restore FULL, stage ";

pub(crate) const DOWNLOAD: &str = "DownloadBackup";
pub(crate) const DOWNLOAD_CLI: &str = "`pgsteward backup download`";
pub(crate) const MEMORY_DOWNLOAD: &str = "daemon memory, DownloadBackup";

pub(crate) const VACUUMDB: &str = "`vacuumdb -z -j`";
pub(crate) const OPTIMIZE: &str = "Optimize";
pub(crate) const MEMORY_OPTIMIZE: &str = "daemon memory, Optimize";

pub(crate) const HEALTH_PER_CORE: &str = "health checks per second of the daemon's CPU time";
pub(crate) const HEALTH_PER_SECOND: &str = "health checks per second, one connection";
pub(crate) const HEALTH_P50: &str = "health check while a backup runs, p50";
pub(crate) const HEALTH_P99: &str = "health check while a backup runs, p99";
pub(crate) const MEMORY_HEALTH: &str = "daemon memory, health checks";

pub(crate) const MEMORY_IDLE: &str = "daemon memory, idle";

//! What the contents of a backup need of the server: room, extensions and roles. What is in an encrypted or a foreign backup
//! is not known here; such checks pass and say so.

use tokio_postgres::Client;

use super::check_that;
use crate::{
    model::{
        backup::{Contents, Manifest, StoredContents},
        failure::Failure,
        restore::RestoreCheck,
    },
    ops::daemon::Managed,
    postgres::{database::Purpose, error::PostgresError, room},
};

/// A restored database has its rows, its indexes and some dead space: by experience a third more than the SQL text.
const TENTHS_OF_THE_SQL: u64 = 13;
/// What gzip makes of SQL at most, as a rule; for archives whose SQL was never measured.
const COMPRESSION: u64 = 10;

/// About how large the restored database will be, in bytes.
pub fn estimate(backup: &Manifest) -> u64 {
    let sql = match (backup.uncompressed_bytes, backup.compression.as_str()) {
        (0, "none") => backup.size_bytes,
        (0, _) => backup.size_bytes.saturating_mul(COMPRESSION),
        (known, _) => known,
    };
    sql.saturating_mul(TENTHS_OF_THE_SQL) / 10
}

/// The bytes that the server of a managed database has room for, where that can be known from here.
pub async fn room(client: &Client, managed: &Managed) -> Result<Option<u64>, Failure> {
    let login = managed.database.login(Purpose::Admin);
    let known = managed.data_directory.as_deref();
    Ok(room::free_bytes(client, login, known).await?)
}

pub(super) async fn disk_space(
    client: &Client,
    managed: &Managed,
    backup: &Manifest,
) -> Result<RestoreCheck, Failure> {
    let needed = estimate(backup);
    let about = |bytes: u64| format!("{} MB", bytes.div_ceil(1_000_000));
    Ok(match room(client, managed).await? {
        None => RestoreCheck {
            name: "DISK_SPACE",
            passed: true,
            message: format!(
                "about {} are needed; how much the server has cannot be known from here",
                about(needed)
            ),
        },
        Some(free) => check_that(
            "DISK_SPACE",
            needed <= free,
            format!(
                "about {} are needed, {} are free",
                about(needed),
                about(free)
            ),
            format!(
                "about {} are needed on the server's disk, and {} are free: make room",
                about(needed),
                about(free)
            ),
        ),
    })
}

/// The contents, or the check that passes since they are not known.
fn known<'a>(name: &'static str, backup: &'a Manifest) -> Result<&'a Contents, RestoreCheck> {
    let message = match &backup.contents {
        Some(StoredContents::Open(contents)) => return Ok(contents),
        Some(StoredContents::Sealed(_)) => "not known: the backup is encrypted",
        None => "not known: the backup does not say what is in it",
    };
    Err(RestoreCheck {
        name,
        passed: true,
        message: message.to_owned(),
    })
}

/// Extensions that the server's installation lacks. One that it has in another version only is made in that version.
pub(super) async fn extensions(
    client: &Client,
    backup: &Manifest,
) -> Result<RestoreCheck, Failure> {
    let contents = match known("EXTENSIONS", backup) {
        Ok(contents) => contents,
        Err(check) => return Ok(check),
    };
    let (names, versions): (Vec<&str>, Vec<&str>) = contents
        .extensions
        .iter()
        .map(|extension| (extension.name.as_str(), extension.version.as_str()))
        .unzip();
    let row = client
        .query_one(
            "SELECT coalesce(string_agg(format('%s %s', wanted.name, wanted.version), ', ' ORDER BY wanted.name)
                             FILTER (WHERE available.name IS NULL), ''),
                    coalesce(string_agg(format('%s %s as %s', wanted.name, wanted.version, available.default_version), ', '
                                        ORDER BY wanted.name)
                             FILTER (WHERE available.default_version <> wanted.version), '')
             FROM unnest($1::text[], $2::text[]) AS wanted (name, version)
             LEFT JOIN pg_available_extensions AS available ON available.name = wanted.name",
            &[&names, &versions],
        )
        .await
        .map_err(PostgresError::query("list the extensions that can be had"))?;
    let (missing, others): (String, String) = (row.get(0), row.get(1));
    let good = if others.is_empty() {
        "the server has every extension".to_owned()
    } else {
        format!("the server has every extension, and makes {others}")
    };
    Ok(check_that(
        "EXTENSIONS",
        missing.is_empty(),
        good,
        format!("the server lacks extensions: {missing}: install their packages"),
    ))
}

/// Roles that the backup refers to and the server lacks.
pub(super) async fn missing_roles(
    client: &Client,
    backup: &Manifest,
    create_roles: bool,
) -> Result<RestoreCheck, Failure> {
    let contents = match known("MISSING_ROLES", backup) {
        Ok(contents) => contents,
        Err(check) => return Ok(check),
    };
    let names: Vec<&str> = contents
        .roles
        .iter()
        .map(|role| role.name.as_str())
        .collect();
    let row = client
        .query_one(
            "SELECT coalesce(string_agg(quote_ident(wanted), ', ' ORDER BY wanted), ''),
                    (SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user), current_user::text
             FROM unnest($1::text[]) AS wanted
             WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted)",
            &[&names],
        )
        .await
        .map_err(PostgresError::query("look for the roles of the backup"))?;
    let (missing, may_create, admin): (String, bool, String) = (row.get(0), row.get(1), row.get(2));
    let (passed, message) = match (missing.is_empty(), create_roles, may_create) {
        (true, ..) => (true, "the server has every role".to_owned()),
        (false, true, true) => (true, format!("roles will be created: {missing}")),
        (false, true, false) => (
            false,
            format!(
                "roles are to be created ({missing}), and role {admin:?} may not: ALTER ROLE {admin:?} CREATEROLE"
            ),
        ),
        (false, false, _) => (
            false,
            format!("the server lacks roles: {missing}: create them, or say create_roles"),
        ),
    };
    Ok(RestoreCheck {
        name: "MISSING_ROLES",
        passed,
        message,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn backup(size: u64, uncompressed: u64, compression: &str) -> Manifest {
        let manifest = json!({
            "format_version": 2, "filename": "app_20261122T020000Z.sql.gz", "database": "app",
            "kind": "manual", "snapshot_time": "2026-11-22T02:00:00Z",
            "complete_time": "2026-11-22T02:03:10Z", "size_bytes": size, "sha256": "",
            "uncompressed_bytes": uncompressed, "compression": compression,
            "server_version": "", "server_version_num": 0, "tool_version": "", "schema_version": [],
            "table_count": 0, "row_count": 0, "operation_id": uuid::Uuid::nil(),
            "daemon_version": "", "verifications": [],
        });
        serde_json::from_value(manifest).unwrap()
    }

    #[test]
    fn the_estimate_goes_by_the_sql_and_without_it_by_the_archive() {
        assert_eq!(estimate(&backup(10, 1000, "gzip")), 1300);
        assert_eq!(estimate(&backup(100, 0, "gzip")), 1300);
        assert_eq!(estimate(&backup(1000, 0, "none")), 1300);
        assert!(estimate(&backup(u64::MAX, 0, "zstd")) > u64::MAX / 20);
    }
}

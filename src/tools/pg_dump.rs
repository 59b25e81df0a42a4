//! pg_dump: the schema of a database, as an archive at an exported snapshot or as plain SQL.

use std::{path::Path, process::Stdio, time::Duration};

use tokio_postgres::Config;

use super::{
    pg_restore::read_all,
    process::{Tool, ToolError, start},
};

/// The schema of the login's database at the snapshot, in pg_dump's custom format: all that pg_dump knows but rows, with
/// the large objects' owners and grants and the commands that fill materialized views. A table whose lock cannot be had in
/// time ends it, so that it never queues in front of production (lessons A3).
pub async fn schema_archive(
    program: &Path,
    login: &Config,
    snapshot: &str,
    encoding: &str,
    lock_wait: Duration,
) -> Result<Vec<u8>, ToolError> {
    let arguments = [
        // The database's own; without it the one that its settings give to every client.
        format!("--encoding={encoding}"),
        "--format=custom".to_owned(),
        "--compress=0".to_owned(),
        "--no-password".to_owned(),
        "--section=pre-data".to_owned(),
        "--section=post-data".to_owned(),
        format!("--lock-wait-timeout={}", lock_wait.as_millis()),
        format!("--snapshot={snapshot}"),
    ];
    let mut tool = start(
        "pg_dump",
        program,
        arguments,
        login,
        Stdio::null(),
        Stdio::piped(),
    )?;
    let archive = read_all(&mut tool, "pg_dump").await?;
    // The end of the output alone proves nothing: a killed pg_dump ends it, too.
    tool.finish().await?;
    Ok(archive)
}

/// What of a schema is dumped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaPart<'a> {
    /// All of it.
    Whole,
    /// All but one table, by its schema and name, quoted.
    WithoutTable(&'a str),
    /// All but tables, views and sequences, and so without a lock on any.
    WithoutTables,
}

/// Starts a dump of the schema of the login's database, in UTF-8, without subscriptions, which would connect to other
/// servers, without security labels, whose providers judge them, and without the daemon's own schema. It waits so long
/// for the lock of a table, at most.
pub fn schema(
    program: &Path,
    login: &Config,
    lock_wait: Duration,
    part: SchemaPart<'_>,
) -> Result<Tool, ToolError> {
    let mut arguments = vec![
        "--schema-only".to_owned(),
        "--encoding=UTF8".to_owned(),
        "--no-subscriptions".to_owned(),
        "--no-security-labels".to_owned(),
        "--exclude-schema=pgsteward".to_owned(),
    ];
    // PostgreSQL takes 0 for no limit at all.
    if !lock_wait.is_zero() {
        arguments.push(format!("--lock-wait-timeout={}", lock_wait.as_millis()));
    }
    match part {
        SchemaPart::Whole => {}
        SchemaPart::WithoutTable(table) => arguments.push(format!("--exclude-table={table}")),
        SchemaPart::WithoutTables => arguments.push("--exclude-table=*.*".to_owned()),
    }
    plain(program, login, &arguments)
}

fn plain(program: &Path, login: &Config, arguments: &[String]) -> Result<Tool, ToolError> {
    let always = ["--format=plain", "--no-password"];
    let arguments = always
        .into_iter()
        .chain(arguments.iter().map(String::as_str));
    start(
        "pg_dump",
        program,
        arguments,
        login,
        Stdio::null(),
        Stdio::piped(),
    )
}

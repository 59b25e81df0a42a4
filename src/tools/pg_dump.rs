//! pg_dump: the plain SQL of one database at one exported snapshot, or of its schema alone.

use std::{path::Path, process::Stdio, time::Duration};

use tokio_postgres::Config;

use super::process::{Tool, ToolError, start};

/// Starts a dump of the login's database at the snapshot; the SQL comes from the tool's stdout. A table whose lock cannot
/// be had in half a minute ends the dump, so that it never queues in front of production (lessons A3).
pub fn dump(program: &Path, login: &Config, snapshot: &str) -> Result<Tool, ToolError> {
    let arguments = [
        "--lock-wait-timeout=30s".to_owned(),
        format!("--snapshot={snapshot}"),
    ];
    plain(program, login, &arguments)
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

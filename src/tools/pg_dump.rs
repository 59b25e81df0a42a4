//! pg_dump: the plain SQL of one database at one exported snapshot.

use std::{path::Path, process::Stdio};

use tokio_postgres::Config;

use super::process::{Tool, ToolError, start};

/// Starts a dump of the login's database at the snapshot; the SQL comes from the tool's stdout. A table whose lock cannot
/// be had in half a minute ends the dump, so that it never queues in front of production (lessons A3).
pub fn dump(program: &Path, login: &Config, snapshot: &str) -> Result<Tool, ToolError> {
    let arguments = [
        "--format=plain".to_owned(),
        "--no-password".to_owned(),
        "--lock-wait-timeout=30s".to_owned(),
        format!("--snapshot={snapshot}"),
    ];
    start(
        "pg_dump",
        program,
        arguments,
        login,
        Stdio::null(),
        Stdio::piped(),
    )
}

//! psql: runs the SQL of an archive in a scratch database.

use std::{path::Path, process::Stdio};

use tokio_postgres::Config;

use super::process::{Tool, ToolError, start};

/// Starts psql on the login's database; the SQL goes into the tool's stdin. The first error ends it with a status that is
/// not 0: without ON_ERROR_STOP it would answer 0 (lessons B3).
pub fn run(program: &Path, login: &Config) -> Result<Tool, ToolError> {
    let arguments = [
        "--no-psqlrc",
        "--quiet",
        "--no-password",
        "--set=ON_ERROR_STOP=1",
        "--file=-",
    ];
    start(
        "psql",
        program,
        arguments,
        login,
        Stdio::piped(),
        Stdio::null(),
    )
}

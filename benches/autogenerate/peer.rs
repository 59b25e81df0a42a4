//! What PostgreSQL's own tools take for two databases with the declared schema: made, loaded, read and dropped, side by side.

use std::{fs, path::Path, process::Stdio, time::Instant};

use anyhow::{Result, ensure};
use tokio::{process::Command, try_join};

use crate::support::{
    cluster::{PASSWORD, SUPERUSER},
    database::Databases,
};

/// Seconds for both.
pub(crate) async fn seconds(databases: &Databases, models: &Path) -> Result<f64> {
    // References come last, so that the order of the files is right for psql.
    let mut tables = String::from("SET client_min_messages = warning;\n");
    let mut references = String::new();
    let mut files: Vec<_> = fs::read_dir(models)?.collect::<Result<_, _>>()?;
    files.sort_by_key(fs::DirEntry::file_name);
    for file in files {
        for line in fs::read_to_string(file.path())?.lines() {
            let text = if line.starts_with("ALTER TABLE") {
                &mut references
            } else {
                &mut tables
            };
            text.push_str(line);
            text.push('\n');
        }
    }
    let script = models.with_extension("psql");
    fs::write(&script, tables + &references)?;
    let begin = Instant::now();
    try_join!(
        one(databases, &script, "peer_one"),
        one(databases, &script, "peer_two")
    )?;
    Ok(begin.elapsed().as_secs_f64())
}

async fn one(databases: &Databases, script: &Path, name: &str) -> Result<()> {
    databases.cluster.recreate(name).await?;
    let mut load = client(databases, "psql", name);
    load.args(["-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-f"]);
    succeed(load.arg(script)).await?;
    succeed(client(databases, "pg_dump", name).arg("--schema-only")).await?;
    databases.cluster.drop_database(name).await
}

fn client(databases: &Databases, program: &str, database: &str) -> Command {
    let cluster = &databases.cluster;
    let mut command = Command::new(cluster.binaries.path(program));
    command
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", cluster.port.to_string())
        .env("PGUSER", SUPERUSER)
        .env("PGPASSWORD", PASSWORD)
        .env("PGDATABASE", database)
        .stdout(Stdio::null());
    command
}

async fn succeed(command: &mut Command) -> Result<()> {
    let status = command.status().await?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}

//! The loading of an archive that another tool made: SQL through psql, pg_dump's custom format through pg_restore.

use std::io;

use tokio::{io::AsyncWriteExt as _, process::ChildStdin};

use crate::{
    model::{backup::Manifest, failure::Failure},
    ops::{
        backup::open::{OpenArchive, Part},
        daemon::{Daemon, Managed},
        runner::job::Job,
    },
    postgres::database::Purpose,
    storage::Store,
    tools::{process::ToolError, psql},
};

/// Runs the archive in the new database.
pub(super) async fn load(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    new: &str,
    backup: &Manifest,
    store: &Store,
) -> Result<(), Failure> {
    let mut login = managed.database.login(Purpose::Admin).clone();
    login.dbname(new);
    let archive = OpenArchive::open(daemon, store, backup).await?;
    let mut part = archive.part((0, u64::MAX));
    let mut tool = psql::run(&daemon.tools.path("psql"), &login)?;
    let fed = feed(&mut part, tool.stdin()?, job).await?;
    // A psql that met an error has closed its end: what it said is worth more than the broken pipe.
    tool.finish().await?;
    part.finish().await?;
    Ok(fed.map_err(|source| ToolError::Pipe {
        tool: "psql",
        source,
    })?)
}

/// Moves the archive's SQL into the tool. The inner error is the tool's end of the pipe, the outer one the archive's.
async fn feed(
    part: &mut Part,
    mut input: ChildStdin,
    job: &Job,
) -> Result<io::Result<()>, Failure> {
    let mut done = 0;
    while let Some(chunk) = part.next().await {
        if let Err(broken) = input.write_all(&chunk).await {
            return Ok(Err(broken));
        }
        done += chunk.len() as u64;
        job.count(done, 0, "bytes");
    }
    Ok(Ok(()))
}

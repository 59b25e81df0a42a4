//! The loading of an archive that another tool made: SQL through a restricted psql, pg_dump's custom format through
//! pg_restore. Either is a program, and runs as a role that is no superuser.

use tokio::io::AsyncWriteExt as _;
use tokio_postgres::Config;

use crate::{
    model::{
        backup::{ArchiveFormat, Manifest},
        failure::{Failure, Kind},
    },
    ops::{
        backup::open::{OpenArchive, Part},
        daemon::{Daemon, Managed},
        runner::job::Job,
    },
    postgres::{database::Purpose, error::PostgresError},
    storage::Store,
    tools::{pg_restore, process::ToolError, psql},
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
    refuse_superuser(managed, new).await?;
    let mut login = managed.database.login(Purpose::Admin).clone();
    login.dbname(new);
    let archive = OpenArchive::open(daemon, store, backup).await?;
    let mut part = archive.whole();
    job.say("runs the archive");
    if backup.filename.format() == ArchiveFormat::Custom {
        load_custom(daemon, &login, job, &mut part).await?;
    } else {
        load_sql(daemon, &login, job, &mut part).await?;
    }
    part.finish().await?;
    job.say("");
    Ok(())
}

/// A foreign dump may say whatever its maker liked, and a superuser may do whatever it says, outside the database too.
async fn refuse_superuser(managed: &Managed, new: &str) -> Result<(), Failure> {
    let session = managed
        .database
        .session_to(new, "pgsteward restore")
        .await?;
    let is_superuser: bool = session
        .query_one(
            "SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user",
            &[],
        )
        .await
        .map_err(PostgresError::query("look at the admin role"))?
        .get(0);
    session.close().await;
    if is_superuser {
        return Err(Failure::new(
            Kind::FailedPrecondition,
            "ADMIN_IS_SUPERUSER",
            "the admin role is a superuser, and an archive of another tool can run programs on the server as one",
        )
        .with_hint("configure an admin role that is no superuser, or restore the archive by hand"));
    }
    Ok(())
}

async fn load_sql(
    daemon: &Daemon,
    login: &Config,
    job: &Job,
    part: &mut Part,
) -> Result<(), Failure> {
    let program = daemon.tools.restricted_psql().await?;
    let (tool, mut input) = psql::run_restricted(&program, login)?;
    let mut done = 0;
    let fed = async {
        while let Some(chunk) = part.next().await {
            done += chunk.len() as u64;
            job.count(done, 0, "bytes");
            input.write(chunk).await?;
        }
        input.finish().await
    };
    match fed.await {
        Ok(Ok(())) => Ok(tool.finish().await?),
        // The tool is dropped, and with it what it has not committed; the database is swept.
        Ok(Err(cut_short)) => Err(cut_short.into()),
        // A psql that met an error has closed its end: what it said is worth more than the broken pipe.
        Err(broken) => {
            tool.finish().await?;
            Err(broken.into())
        }
    }
}

async fn load_custom(
    daemon: &Daemon,
    login: &Config,
    job: &Job,
    part: &mut Part,
) -> Result<(), Failure> {
    let mut tool = pg_restore::restore_stream(&daemon.tools.path("pg_restore"), login)?;
    let mut input = tool.stdin()?;
    let mut done = 0;
    let mut fed = Ok(());
    while let Some(chunk) = part.next().await
        && fed.is_ok()
    {
        done += chunk.len() as u64;
        job.count(done, 0, "bytes");
        fed = input.write_all(&chunk).await;
    }
    drop(input);
    tool.finish().await?;
    Ok(fed.map_err(|source| ToolError::Pipe {
        tool: "pg_restore",
        source,
    })?)
}

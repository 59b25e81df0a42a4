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

/// A foreign dump may say whatever its maker liked, SET ROLE too, and a superuser or whoever may touch the server's files may do
/// what it says outside the database.
async fn refuse_superuser(managed: &Managed, new: &str) -> Result<(), Failure> {
    let session = managed
        .database
        .session_to(new, "pgsteward restore")
        .await?;
    let is_superuser: bool = session
        .query_one(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_roles
                            WHERE (rolsuper OR rolname IN ('pg_execute_server_program', 'pg_read_server_files',
                                                           'pg_write_server_files'))
                              AND pg_has_role(current_user, oid, 'MEMBER'))",
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
            "the admin role is a superuser or can become one, and an archive of another tool could run programs on the server",
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
    // Dropped before its end, it is killed, with what it has not committed; the database is swept.
    let mut tool = psql::run_restricted(&program, login)?;
    let mut done = 0;
    while let Some(chunk) = part.next().await {
        done += chunk.len() as u64;
        job.count(done, 0, "bytes");
        tool.write(&chunk).await?;
    }
    Ok(tool.finish().await?)
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

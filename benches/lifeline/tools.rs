//! The tools that we are measured against, as people run them.

use std::{
    path::Path,
    process::{ExitStatus, Stdio},
};

use anyhow::{Context as _, Result, bail};
use tokio::process::{Child, Command};

use crate::support::{
    cluster::{Cluster, PASSWORD, SUPERUSER},
    database::Databases,
};

/// The tools, and as many jobs for them as for the daemon.
pub(crate) struct Tools<'a> {
    /// The database that they dump and vacuum.
    pub(crate) databases: &'a Databases,
    /// For the tools that take `-j`.
    pub(crate) jobs: usize,
}

impl Tools<'_> {
    fn cluster(&self) -> &Cluster {
        &self.databases.cluster
    }

    /// A client program that works in a database.
    fn client(&self, program: &str, role: &str, database: &str) -> Command {
        let mut command = Command::new(self.cluster().binaries.path(program));
        // Nothing that PG* variables say holds for the daemon either.
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .args(["-h", "127.0.0.1", "-U", role, "-d", database, "-p"])
            .arg(self.cluster().port.to_string())
            .env("PGPASSWORD", PASSWORD);
        command
    }

    fn pg_dump(&self) -> Command {
        let role = self.databases.full("backup");
        self.client("pg_dump", &role, &self.databases.managed())
    }

    /// `pg_dump >/dev/null`
    pub(crate) async fn dump_to_nowhere(&self) -> Result<()> {
        run(self.pg_dump().stdout(Stdio::null())).await
    }

    /// `pg_dump | gzip >file`
    pub(crate) async fn dump_and_gzip(&self, file: &Path) -> Result<()> {
        let mut gzip = Command::new("gzip");
        gzip.arg("-6").stdout(std::fs::File::create(file)?);
        pipe(&mut self.pg_dump(), &mut gzip).await
    }

    /// `pg_dump -Fc -f file`
    pub(crate) async fn dump_custom(&self, file: &Path) -> Result<()> {
        run(self.pg_dump().args(["-Fc", "-f"]).arg(file)).await
    }

    /// `pg_dump -Fd -j N -f directory`; the directory must not be there.
    pub(crate) async fn dump_directory(&self, directory: &Path) -> Result<()> {
        let jobs = self.jobs.to_string();
        run(self
            .pg_dump()
            .args(["-Fd", "-j", &jobs, "-f"])
            .arg(directory))
        .await
    }

    /// `gunzip -c file | psql` into an empty database.
    pub(crate) async fn gunzip_and_psql(&self, file: &Path, database: &str) -> Result<()> {
        let mut gunzip = Command::new("gunzip");
        gunzip.arg("-c").arg(file);
        let mut psql = self.client("psql", SUPERUSER, database);
        psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1"])
            .stdout(Stdio::null());
        pipe(&mut gunzip, &mut psql).await
    }

    /// `pg_restore -j N` of a `-Fc` file into an empty database.
    pub(crate) async fn restore_custom(&self, file: &Path, database: &str) -> Result<()> {
        let jobs = self.jobs.to_string();
        let mut pg_restore = self.client("pg_restore", SUPERUSER, database);
        run(pg_restore.args(["-e", "-j", &jobs]).arg(file)).await
    }

    /// `vacuumdb -z -j N` as the role that Optimize has.
    pub(crate) async fn vacuum(&self) -> Result<()> {
        let role = self.databases.full("maintenance");
        let mut vacuumdb = self.client("vacuumdb", &role, &self.databases.managed());
        // It warns of each catalog that the role may not vacuum.
        vacuumdb
            .args(["-q", "-z", "-j", &self.jobs.to_string()])
            .stderr(Stdio::null());
        run(&mut vacuumdb).await
    }
}

/// Makes everything that was written lasting, so that no measurement pays for what another one left.
pub(crate) async fn settle(databases: &Databases, directory: &Path) -> Result<()> {
    databases.run_as_superuser("CHECKPOINT").await?;
    run(Command::new("sync").arg("-f").arg(directory)).await
}

/// Runs a program to its good end. It is killed when the future is dropped.
pub(crate) async fn run(command: &mut Command) -> Result<()> {
    let mut child = start(command.stdin(Stdio::null()))?;
    check(command, child.wait().await?)
}

/// Runs two programs, the first one's output being the second one's input.
async fn pipe(first: &mut Command, second: &mut Command) -> Result<()> {
    let mut writer = start(first.stdin(Stdio::null()).stdout(Stdio::piped()))?;
    let output = writer.stdout.take().context("no output")?;
    let input: Stdio = output.try_into()?;
    let mut reader = start(second.stdin(input))?;
    // Or the pipe would never be broken for the writer.
    second.stdin(Stdio::null());
    let (wrote, read) = tokio::join!(writer.wait(), reader.wait());
    check(second, read?)?;
    check(first, wrote?)
}

fn start(command: &mut Command) -> Result<Child> {
    let program = command.as_std().get_program().to_owned();
    let started = command.kill_on_drop(true).spawn();
    started.with_context(|| format!("cannot run {}", program.display()))
}

fn check(command: &Command, status: ExitStatus) -> Result<()> {
    if !status.success() {
        bail!("{:?} ended with {status}", command.as_std());
    }
    Ok(())
}

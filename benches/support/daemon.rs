//! The daemon as its users run it: the real binary with a configuration file, and its clients.

use std::{
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::Signal;
use pgsteward::proto::{
    Backup, CreateBackupRequest, DeleteBackupRequest, ListBackupsRequest, Operation,
    OperationState, OptimizeRequest, OptimizeResult, RestoreRequest, RestoreResult,
    RestoreVerification, WaitOperationRequest, backup_service_client::BackupServiceClient,
    maintenance_service_client::MaintenanceServiceClient, operation::Outcome,
    operation_service_client::OperationServiceClient, restore_service_client::RestoreServiceClient,
};
use tonic::transport::{Channel, Endpoint};

use super::{
    database::Databases,
    memory::Kernel,
    process::{Janitor, Running},
};

/// The daemon's binary, in the profile of this benchmark.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_pgsteward");

/// HTTP/2 windows of the clients: so large that a download never waits for them on loopback.
const WINDOW: u32 = 64 << 20;

/// A daemon that serves; it ends when this is dropped.
pub(crate) struct Daemon {
    /// `127.0.0.1:<port>`.
    pub(crate) address: String,
    channel: Channel,
    directory: PathBuf,
    process: Running,
}

impl Daemon {
    /// Starts a daemon that compresses its backups in one way. It has a control store of its own.
    pub(crate) async fn start(
        databases: &Databases,
        control: &str,
        compression: &str,
        janitor: &Arc<Janitor>,
    ) -> Result<Self> {
        let directory = janitor.directory().join(databases.full(compression));
        DirBuilder::new().mode(0o700).create(&directory)?;
        fs::create_dir(directory.join("revisions"))?;
        let configuration = directory.join("pgsteward.toml");
        let text = configuration_text(databases, control, compression, &directory);
        fs::write(&configuration, text)?;
        let mut command = Command::new(BINARY);
        command
            .args(["serve", "--config"])
            .arg(&configuration)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let log = directory.join("log");
        let mut process = Running::start(command, log, Signal::SIGTERM, janitor)?;
        let address = process.until(|process| Ok(ready_address(&process.log())))?;
        Ok(Self {
            channel: connect(&address).await?,
            address,
            directory,
            process,
        })
    }

    /// What the kernel knows of it.
    pub(crate) fn kernel(&self) -> Kernel {
        Kernel(self.process.id())
    }

    /// One more connection.
    pub(crate) async fn connect(&self) -> Result<Channel> {
        connect(&self.address).await
    }

    /// The file of a backup.
    pub(crate) fn archive(&self, backup: &Backup) -> PathBuf {
        self.directory.join("backups").join(&backup.filename)
    }

    /// The staged files and markers in its store: what no finished operation leaves.
    pub(crate) fn staged(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.directory.join("backups"))? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.contains(".partial") {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// All that it has logged.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    /// Tells it to stop, waits until it has, and gives the number of tasks that it left.
    pub(crate) fn stop(&mut self) -> Result<u64> {
        self.process.stop()?;
        let log = self.process.log();
        let said = log
            .lines()
            .rev()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let mut stopped = said.filter(|line| line["message"] == "stopped");
        let line = stopped.next().context("the daemon did not stop in order")?;
        line["tasks_left"].as_u64().context("a number of tasks")
    }

    /// Ends it and removes all that it has on the disk.
    pub(crate) fn remove(self) -> Result<()> {
        let Self {
            directory, process, ..
        } = self;
        drop(process);
        Ok(fs::remove_dir_all(directory)?)
    }

    /// CreateBackup, to its end.
    pub(crate) async fn back_up(&self) -> Result<Backup> {
        let request = CreateBackupRequest::default();
        let answer = self.backups().create_backup(request).await?;
        match self.outcome(answer.into_inner().operation).await? {
            Outcome::Backup(backup) => Ok(backup),
            other => bail!("a backup gave {other:?}"),
        }
    }

    /// Restore into a database that is not there yet, to its end.
    pub(crate) async fn restore(
        &self,
        backup: &Backup,
        into: &str,
        verify: RestoreVerification,
    ) -> Result<RestoreResult> {
        let request = RestoreRequest {
            filename: backup.filename.clone(),
            into_database: into.to_owned(),
            confirm_database: into.to_owned(),
            reason: "cargo bench".to_owned(),
            verify: verify.into(),
            ..RestoreRequest::default()
        };
        let mut client = RestoreServiceClient::new(self.channel.clone());
        let answer = client.restore(request).await?;
        match self.outcome(answer.into_inner().operation).await? {
            Outcome::Restore(result) => Ok(result),
            other => bail!("a restore gave {other:?}"),
        }
    }

    /// Optimize, to its end; every table must be optimized.
    pub(crate) async fn optimize(&self) -> Result<OptimizeResult> {
        let mut client = MaintenanceServiceClient::new(self.channel.clone());
        let answer = client.optimize(OptimizeRequest::default()).await?;
        match self.outcome(answer.into_inner().operation).await? {
            Outcome::Optimize(result) if result.failed_count + result.skipped_count == 0 => {
                Ok(result)
            }
            other => bail!("an optimize gave {other:?}"),
        }
    }

    /// The newest backup; makes one where there is none.
    pub(crate) async fn newest_backup(&self) -> Result<Backup> {
        let request = ListBackupsRequest::default();
        let answer = self.backups().list_backups(request).await?;
        match answer.into_inner().backups.into_iter().next() {
            Some(backup) => Ok(backup),
            None => self.back_up().await,
        }
    }

    /// Removes all backups but the newest, to spare the disk.
    pub(crate) async fn remove_older_backups(&self) -> Result<()> {
        let request = ListBackupsRequest::default();
        let answer = self.backups().list_backups(request).await?;
        for backup in answer.into_inner().backups.into_iter().skip(1) {
            let request = DeleteBackupRequest {
                filename: backup.filename,
            };
            self.backups().delete_backup(request).await?;
        }
        Ok(())
    }

    fn backups(&self) -> BackupServiceClient<Channel> {
        BackupServiceClient::new(self.channel.clone())
    }

    /// What the operation gave, once it is done; it must succeed.
    async fn outcome(&self, operation: Option<Operation>) -> Result<Outcome> {
        let id = operation.context("an answer without an operation")?.id;
        let mut client = OperationServiceClient::new(self.channel.clone());
        loop {
            let request = WaitOperationRequest {
                id: id.clone(),
                timeout: None,
            };
            let answer = client.wait_operation(request).await?.into_inner();
            let operation = answer.operation.context("an answer without an operation")?;
            if !operation.done {
                continue;
            }
            if operation.state() != OperationState::Succeeded {
                bail!("{} failed: {:?}", operation.method, operation.outcome);
            }
            return operation.outcome.context("an operation without an outcome");
        }
    }
}

async fn connect(address: &str) -> Result<Channel> {
    let endpoint = Endpoint::new(format!("http://{address}"))?
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .tcp_nodelay(true);
    Ok(endpoint.connect().await?)
}

/// The address that a daemon says it serves on.
fn ready_address(log: &str) -> Option<String> {
    log.lines().find_map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        let ready = line["message"] == "ready to serve";
        ready.then(|| line["address"].as_str().map(str::to_owned))?
    })
}

/// Defaults wherever there are some, but for the schedule, which would run jobs beside the measurements.
fn configuration_text(
    databases: &Databases,
    control: &str,
    compression: &str,
    directory: &Path,
) -> String {
    let managed = databases.managed();
    let url = |role| databases.url(role, &managed);
    format!(
        r#"
data_dir = "{data}"
[listen]
grpc = "127.0.0.1:0"
[control]
url = "{control}"
[databases.app]
admin = "{admin}"
migrator = "{migrator}"
backup = "{backup}"
maintenance = "{maintenance}"
revisions = "{revisions}"
[stores.local]
path = "{store}"
[backup]
compression = "{compression}"
[schedule]
enabled = false
[operations]
shutdown_grace = "1s"
[log]
format = "json"
"#,
        data = directory.join("data").display(),
        control = databases.url("control", &databases.full(control)),
        admin = url("admin"),
        migrator = url("migrator"),
        backup = url("backup"),
        maintenance = url("maintenance"),
        revisions = directory.join("revisions").display(),
        store = directory.join("backups").display(),
    )
}

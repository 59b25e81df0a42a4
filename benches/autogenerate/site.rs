//! The daemon as its users run it, with a directory of models.

use std::{
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt as _,
    path::PathBuf,
    process::Command,
    sync::Arc,
};

use anyhow::{Context as _, Result, bail};
use chrono::DateTime;
use nix::sys::signal::Signal;
use pgsteward::proto::{
    AutogenerateResult, CreateRevisionRequest, Operation, OperationState, UpgradeRequest,
    WaitOperationRequest, migration_service_client::MigrationServiceClient, operation::Outcome,
    operation_service_client::OperationServiceClient,
};
use serde_json::Value;
use tonic::transport::{Channel, Endpoint};

use crate::support::{
    database::Databases,
    process::{Janitor, Running},
};

/// A daemon that serves; it ends when this is dropped.
pub(crate) struct Site {
    directory: PathBuf,
    channel: Channel,
    process: Running,
}

impl Site {
    /// Starts it.
    pub(crate) async fn start(databases: &Databases, janitor: &Arc<Janitor>) -> Result<Self> {
        let directory = janitor.directory().join("daemon");
        DirBuilder::new().mode(0o700).create(&directory)?;
        for part in ["revisions", "models"] {
            fs::create_dir(directory.join(part))?;
        }
        let url = |role| databases.url(role, &databases.managed());
        let configuration = directory.join("pgsteward.toml");
        fs::write(
            &configuration,
            format!(
                r#"
data_dir = "{directory}/data"
[listen]
grpc = "127.0.0.1:0"
[control]
url = "{control}"
[databases.app]
admin = "{admin}"
migrator = "{migrator}"
backup = "{backup}"
maintenance = "{maintenance}"
revisions = "{directory}/revisions"
models = "{directory}/models"
[stores.local]
path = "{directory}/backups"
[migrations]
rehearse = false
[schedule]
enabled = false
[log]
format = "json"
"#,
                directory = directory.display(),
                control = databases.url("control", &databases.full("control")),
                admin = url("admin"),
                migrator = url("migrator"),
                backup = url("backup"),
                maintenance = url("maintenance"),
            ),
        )?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_pgsteward"));
        command
            .args(["serve", "--config"])
            .arg(&configuration)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let log = directory.join("log");
        let mut process = Running::start(command, log, Signal::SIGTERM, janitor)?;
        let address = process.until(|process| {
            let ready = said(process, "ready to serve").pop();
            Ok(ready.and_then(|line| line["address"].as_str().map(str::to_owned)))
        })?;
        let channel = Endpoint::new(format!("http://{address}"))?
            .connect()
            .await?;
        Ok(Self {
            directory,
            channel,
            process,
        })
    }

    /// Where the declared schema is.
    pub(crate) fn models(&self) -> PathBuf {
        self.directory.join("models")
    }

    /// CreateRevision with autogenerate, to its end.
    pub(crate) async fn generate(&self) -> Result<AutogenerateResult> {
        let request = CreateRevisionRequest {
            message: "as declared".to_owned(),
            autogenerate: true,
            ..CreateRevisionRequest::default()
        };
        let mut client = MigrationServiceClient::new(self.channel.clone());
        let answer = client.create_revision(request).await?.into_inner();
        match self.outcome(answer.operation).await? {
            Outcome::Autogenerate(result) => Ok(result),
            other => bail!("autogenerate gave {other:?}"),
        }
    }

    /// Upgrade to the head, to its end.
    pub(crate) async fn upgrade(&self) -> Result<()> {
        let request = UpgradeRequest {
            target: "head".to_owned(),
            ..UpgradeRequest::default()
        };
        let mut client = MigrationServiceClient::new(self.channel.clone());
        let answer = client.upgrade(request).await?.into_inner();
        self.outcome(answer.operation).await?;
        Ok(())
    }

    /// The stages of the last operation with the seconds that each took.
    pub(crate) fn stages(&self) -> Result<String> {
        let mut entered = said(&self.process, "operation enters stage");
        let first = entered.iter().rposition(|line| line["number"] == 1);
        let entered = entered.split_off(first.context("no operation has begun")?);
        let mut stages = Vec::new();
        for pair in entered.windows(2) {
            let seconds = (at(&pair[1])? - at(&pair[0])?).as_seconds_f64();
            let stage = pair[0]["stage"].as_str().unwrap_or_default();
            stages.push(format!("{stage} {seconds:.2}"));
        }
        Ok(stages.join(", "))
    }

    /// The outcome of the operation, once it is done; it must succeed.
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

/// The lines of the log with that message.
fn said(process: &Running, message: &str) -> Vec<Value> {
    let log = process.log();
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    lines
        .filter(|line: &Value| line["message"] == message)
        .collect()
}

fn at(line: &Value) -> Result<DateTime<chrono::FixedOffset>> {
    let time = line["timestamp"]
        .as_str()
        .context("a line without a time")?;
    Ok(DateTime::parse_from_rfc3339(time)?)
}

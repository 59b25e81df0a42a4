//! What is said of the live schema without running anything: `migrate current`, `drift`, `stamp`, `restamp`, `baseline`.

use clap::Args;

use crate::{
    cli::{
        arguments::{Database, Start},
        error::CliError,
        exit::Exit,
        follow::started,
        session::{Session, present},
    },
    proto::{
        CheckDriftRequest, CreateBaselineRequest, GetSchemaVersionRequest, RestampRequest,
        StampRequest,
    },
};

/// Arguments of `migrate stamp`.
#[derive(Args, Clone, Debug)]
pub struct StampArgs {
    /// `head`, `heads`, `base`, an id or a unique prefix, `<label>@head`
    #[arg(required = true, value_name = "TARGET")]
    targets: Vec<String>,
    /// First forget all rows of the version table, also those that no script has
    #[arg(long)]
    purge: bool,
    /// Stamp although the live schema is not what the scripts make, or a script was left in the middle
    #[arg(long, requires = "reason")]
    force: bool,
    /// Why; needed with --force
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    reason: String,
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    start: Start,
}

/// Arguments of `migrate restamp`.
#[derive(Args, Clone, Debug)]
pub struct RestampArgs {
    /// An id or a unique prefix of one
    #[arg(value_name = "REVISION")]
    revision: String,
    /// Why the edit is right
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    database: Database,
}

/// Arguments of `migrate baseline`.
#[derive(Args, Clone, Debug)]
pub struct BaselineArgs {
    /// What the revision is called [default: baseline]
    #[arg(
        short,
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    message: String,
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    start: Start,
}

pub(super) async fn current(
    session: &Session,
    database: Database,
    check: bool,
) -> Result<Exit, CliError> {
    let request = session.request(GetSchemaVersionRequest {
        database: database.name,
    });
    let response = session.migrations().get_schema_version(request).await?;
    let version = present(response.into_inner().schema_version, "schema version")?;
    session.print(&version)?;
    Ok(Exit::holds(version.in_sync || !check))
}

pub(super) async fn drift(
    session: &Session,
    database: Database,
    models: bool,
    start: Start,
) -> Result<Exit, CliError> {
    let request = session.request(CheckDriftRequest {
        database: database.name,
        models,
        request_id: start.request_id.clone(),
    });
    let response = session.migrations().check_drift(request).await?;
    started(session, response.into_inner().operation, &start).await
}

impl StampArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let request = session.request(StampRequest {
            database: self.database.name,
            targets: self.targets,
            purge: self.purge,
            force: self.force,
            reason: self.reason,
            request_id: self.start.request_id.clone(),
        });
        let response = session.migrations().stamp(request).await?;
        started(session, response.into_inner().operation, &self.start).await
    }
}

impl RestampArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let request = session.request(RestampRequest {
            database: self.database.name,
            revision: self.revision,
            reason: self.reason,
        });
        let response = session.migrations().restamp(request).await?;
        session.print(&present(response.into_inner().revision, "revision")?)?;
        Ok(Exit::SUCCESS)
    }
}

impl BaselineArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let request = session.request(CreateBaselineRequest {
            database: self.database.name,
            message: self.message,
            request_id: self.start.request_id.clone(),
        });
        let response = session.migrations().create_baseline(request).await?;
        started(session, response.into_inner().operation, &self.start).await
    }
}

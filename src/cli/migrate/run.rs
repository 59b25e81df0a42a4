//! `migrate upgrade` and `migrate downgrade`.

use clap::Args;

use crate::{
    cli::{
        arguments::{Database, Start},
        error::CliError,
        exit::Exit,
        follow::started,
        session::Session,
    },
    proto::{DowngradeRequest, UpgradeRequest},
};

/// Arguments of both.
#[derive(Args, Clone, Debug)]
pub struct MigrationArgs {
    /// Show the SQL that would run with what is dangerous in it, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Run it on a scratch copy of the schema first; with --dry-run only there
    #[arg(long)]
    rehearse: bool,
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    start: Start,
}

impl MigrationArgs {
    pub(super) async fn upgrade(
        self,
        session: &Session,
        target: String,
        acknowledge: Vec<String>,
    ) -> Result<Exit, CliError> {
        let request = session.request(UpgradeRequest {
            database: self.database.name,
            target,
            validate_only: self.dry_run,
            request_id: self.start.request_id.clone(),
            rehearse: self.rehearse,
            acknowledge,
        });
        let response = session.migrations().upgrade(request).await?;
        started(session, response.into_inner().operation, &self.start).await
    }

    pub(super) async fn downgrade(
        self,
        session: &Session,
        target: String,
    ) -> Result<Exit, CliError> {
        let request = session.request(DowngradeRequest {
            database: self.database.name,
            target,
            validate_only: self.dry_run,
            request_id: self.start.request_id.clone(),
            rehearse: self.rehearse,
        });
        let response = session.migrations().downgrade(request).await?;
        started(session, response.into_inner().operation, &self.start).await
    }
}

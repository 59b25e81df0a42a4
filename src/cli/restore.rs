//! `pgsteward restore …`: `RestoreService`.

use clap::{Args, Subcommand};

use super::{
    arguments::{Database, Start},
    error::CliError,
    exit::Exit,
    follow::started,
    session::{Session, present},
};
use crate::proto::{
    ListReplacedDatabasesRequest, PlanRestoreRequest, RestoreRequest, RollbackRestoreRequest,
};

/// Commands of `restore`.
#[derive(Clone, Debug, Subcommand)]
pub enum RestoreCommand {
    /// Show what a restore would be refused for; ends with 4 if it would be
    #[command(after_long_help = "Example:\n  pgsteward restore plan app_20261122T020000Z.sql.gz")]
    Plan {
        /// The archive's name as listed
        file: String,
        #[command(flatten)]
        database: Database,
    },
    /// Restore a backup beside the live database and swap the two; needs maintenance mode
    #[command(
        after_long_help = "Example:\n  pgsteward restore run app_20261122T020000Z.sql.gz --confirm app --reason 'INC-7: bad deploy'"
    )]
    Run {
        /// The archive's name as listed
        file: String,
        #[command(flatten)]
        confirmation: Confirmation,
    },
    /// Swap the last replaced database back; needs maintenance mode
    #[command(
        after_long_help = "Example:\n  pgsteward restore rollback --confirm app --reason 'INC-7: wrong backup'"
    )]
    Rollback {
        /// Which one, by its name in `restore replaced`; without it the one that the last restore set aside
        #[arg(long, value_name = "NAME", default_value = "")]
        replaced: String,
        #[command(flatten)]
        confirmation: Confirmation,
    },
    /// List the databases that restores replaced and that still stand
    #[command(after_long_help = "Example:\n  pgsteward restore replaced")]
    Replaced {
        #[command(flatten)]
        database: Database,
    },
}

/// What a command takes that replaces a database.
#[derive(Args, Clone, Debug)]
pub struct Confirmation {
    /// The name of the managed database that is replaced
    #[arg(long, value_name = "DATABASE")]
    confirm: String,
    /// Why; stands in the audit log
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    start: Start,
}

impl RestoreCommand {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        match self {
            Self::Plan { file, database } => {
                let request = session.request(PlanRestoreRequest {
                    database: database.name,
                    filename: file,
                    ..PlanRestoreRequest::default()
                });
                let response = session.restores().plan_restore(request).await?;
                let plan = present(response.into_inner().plan, "plan")?;
                session.print(&plan)?;
                Ok(Exit::holds(plan.ready))
            }
            Self::Run { file, confirmation } => {
                let request = session.request(RestoreRequest {
                    database: confirmation.database.name,
                    filename: file,
                    confirm_database: confirmation.confirm,
                    reason: confirmation.reason,
                    request_id: confirmation.start.request_id.clone(),
                    ..RestoreRequest::default()
                });
                let response = session.restores().restore(request).await?;
                let operation = response.into_inner().operation;
                started(session, operation, &confirmation.start).await
            }
            Self::Rollback {
                replaced,
                confirmation,
            } => {
                let request = session.request(RollbackRestoreRequest {
                    database: confirmation.database.name,
                    confirm_database: confirmation.confirm,
                    reason: confirmation.reason,
                    request_id: confirmation.start.request_id.clone(),
                    replaced_database: replaced,
                });
                let response = session.restores().rollback_restore(request).await?;
                let operation = response.into_inner().operation;
                started(session, operation, &confirmation.start).await
            }
            Self::Replaced { database } => {
                let request = session.request(ListReplacedDatabasesRequest {
                    database: database.name,
                });
                let response = session.restores().list_replaced_databases(request).await?;
                session.print(&response.into_inner())?;
                Ok(Exit::SUCCESS)
            }
        }
    }
}

//! `pgsteward schedule …`: `ScheduleService`.

use clap::Subcommand;

use super::{
    arguments::{Database, Start},
    error::CliError,
    exit::Exit,
    follow::started,
    session::Session,
};
use crate::proto::{ListSchedulesRequest, RunScheduleRequest};

/// Commands of `schedule`.
#[derive(Clone, Debug, Subcommand)]
pub enum ScheduleCommand {
    /// List the jobs with their next and last runs
    #[command(after_long_help = "Example:\n  pgsteward schedule list")]
    List {
        #[command(flatten)]
        database: Database,
    },
    /// Run a job now, beside its schedule
    #[command(after_long_help = "Example:\n  pgsteward schedule run backup/app")]
    Run {
        /// The job's name as listed
        name: String,
        #[command(flatten)]
        start: Start,
    },
}

impl ScheduleCommand {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        match self {
            Self::List { database } => {
                let request = session.request(ListSchedulesRequest {
                    database: database.name,
                });
                let response = session.schedules().list_schedules(request).await?;
                session.print(&response.into_inner())?;
                Ok(Exit::SUCCESS)
            }
            Self::Run { name, start } => {
                let request = session.request(RunScheduleRequest {
                    name,
                    request_id: start.request_id.clone(),
                });
                let response = session.schedules().run_schedule(request).await?;
                started(session, response.into_inner().operation, &start).await
            }
        }
    }
}

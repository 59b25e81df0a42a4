//! `pgsteward schedule …`: `ScheduleService`.

use std::time::{Duration, SystemTime};

use clap::Subcommand;

use super::{
    arguments::{Database, Limit, Start},
    error::CliError,
    exit::Exit,
    follow::started,
    pages::collect,
    session::{Session, present},
};
use crate::proto::{
    ListScheduleRunsRequest, ListScheduleRunsResponse, ListSchedulesRequest, PauseScheduleRequest,
    ResumeScheduleRequest, RunScheduleRequest,
};

/// Commands of `schedule`.
#[derive(Clone, Debug, Subcommand)]
pub enum ScheduleCommand {
    /// List the jobs with their next and last runs
    #[command(after_long_help = "Example:\n  pgsteward schedule list")]
    List {
        #[command(flatten)]
        database: Database,
    },
    /// List the runs of a job, the latest first, and the ticks that were passed over
    #[command(after_long_help = "Example:\n  pgsteward schedule runs backup/app --limit 20")]
    Runs {
        /// The job's name as listed
        name: String,
        #[command(flatten)]
        limit: Limit,
    },
    /// Pause a job on all daemons, until it is resumed or a time is up
    #[command(
        after_long_help = "Example:\n  pgsteward schedule pause backup/app --reason 'the disk is being replaced' --for 2h"
    )]
    Pause {
        /// The job's name as listed
        name: String,
        /// Why; it is recorded and shown
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Resume by itself after this time, e.g. 90m or 2days
        #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
        time: Option<Duration>,
    },
    /// End the pause of a job
    #[command(after_long_help = "Example:\n  pgsteward schedule resume backup/app")]
    Resume {
        /// The job's name as listed
        name: String,
    },
    /// Run a job now, beside its schedule; also one that is paused
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
            Self::Runs { name, limit } => {
                let (runs, next_page_token) =
                    collect(limit.items(), async |page_size, page_token| {
                        let request = session.request(ListScheduleRunsRequest {
                            name: name.clone(),
                            page_size,
                            page_token,
                        });
                        let response = session.schedules().list_schedule_runs(request).await?;
                        let page = response.into_inner();
                        Ok((page.runs, page.next_page_token))
                    })
                    .await?;
                session.print(&ListScheduleRunsResponse {
                    runs,
                    next_page_token,
                })?;
                Ok(Exit::SUCCESS)
            }
            Self::Pause { name, reason, time } => {
                let until_time = time.map(|time| (SystemTime::now() + time).into());
                let request = session.request(PauseScheduleRequest {
                    name,
                    reason,
                    until_time,
                });
                let response = session.schedules().pause_schedule(request).await?;
                session.print(&present(response.into_inner().schedule, "schedule")?)?;
                Ok(Exit::SUCCESS)
            }
            Self::Resume { name } => {
                let request = session.request(ResumeScheduleRequest { name });
                let response = session.schedules().resume_schedule(request).await?;
                session.print(&present(response.into_inner().schedule, "schedule")?)?;
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

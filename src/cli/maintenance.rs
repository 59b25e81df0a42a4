//! `pgsteward maintenance …`: `MaintenanceService`.

mod optimize;
mod reindex;

use std::time::Duration;

use clap::Subcommand;

use self::{optimize::OptimizeArguments, reindex::ReindexArguments};
use super::{
    arguments::{Database, Start},
    error::CliError,
    exit::Exit,
    follow::started,
    session::{Session, present},
};
use crate::proto::{
    EnterMaintenanceRequest, ExitMaintenanceRequest, GetDatabaseStatsRequest, GetMaintenanceRequest,
};

/// Commands of `maintenance`.
#[derive(Clone, Debug, Subcommand)]
pub enum MaintenanceCommand {
    /// Keep everyone but the daemon's roles out of a database and end their sessions
    #[command(
        after_long_help = "Examples:\n  pgsteward maintenance enter --reason 'restore after INC-7'\n  pgsteward maintenance enter --reason 'new disks' --drain 30s --for 2h"
    )]
    Enter {
        /// Why; shown by every status
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// How long sessions may finish the transaction that they are in, e.g. 30s
        #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
        drain: Option<Duration>,
        /// After which time the mode ends by itself, e.g. 2h
        #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
        expire_after: Option<Duration>,
        #[command(flatten)]
        database: Database,
        #[command(flatten)]
        start: Start,
    },
    /// Give back what entering took
    #[command(after_long_help = "Example:\n  pgsteward maintenance exit")]
    Exit {
        #[command(flatten)]
        database: Database,
        #[command(flatten)]
        start: Start,
    },
    /// Show whether the mode is on, since when and why, and who else is connected
    #[command(after_long_help = "Example:\n  pgsteward maintenance show")]
    Show {
        #[command(flatten)]
        database: Database,
    },
    /// Show how a database stands and what should be done about it
    #[command(after_long_help = "Example:\n  pgsteward maintenance stats --limit 10")]
    Stats {
        /// Tables, indexes and open transactions at most; 0 for 50
        #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, value_parser = clap::value_parser!(i32).range(0..=500))]
        limit: i32,
        #[command(flatten)]
        database: Database,
    },
    /// Rebuild indexes without keeping anyone out: those that are named, or all
    #[command(
        after_long_help = "Examples:\n  pgsteward maintenance reindex --invalid\n  pgsteward maintenance reindex --table public.orders --bloated"
    )]
    Reindex {
        #[command(flatten)]
        options: ReindexArguments,
        #[command(flatten)]
        database: Database,
        #[command(flatten)]
        start: Start,
    },
    /// Run VACUUM and ANALYZE, on every table or on those that are named or need it
    #[command(
        after_long_help = "Examples:\n  pgsteward maintenance optimize --stale\n  pgsteward maintenance optimize --jobs 4 --table public.orders --freeze"
    )]
    Optimize {
        #[command(flatten)]
        options: OptimizeArguments,
        #[command(flatten)]
        database: Database,
        #[command(flatten)]
        start: Start,
    },
}

impl MaintenanceCommand {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let mut client = session.maintenance();
        let (operation, start) = match self {
            Self::Enter {
                reason,
                drain,
                expire_after,
                database,
                start,
            } => {
                let request = session.request(EnterMaintenanceRequest {
                    database: database.name,
                    reason,
                    drain: span(drain),
                    expire_after: span(expire_after),
                    request_id: start.request_id.clone(),
                });
                let response = client.enter_maintenance(request).await?;
                (response.into_inner().operation, start)
            }
            Self::Exit { database, start } => {
                let request = session.request(ExitMaintenanceRequest {
                    database: database.name,
                    request_id: start.request_id.clone(),
                });
                let response = client.exit_maintenance(request).await?;
                (response.into_inner().operation, start)
            }
            Self::Optimize {
                options,
                database,
                start,
            } => {
                let request = session.request(options.request(database, &start));
                let response = client.optimize(request).await?;
                (response.into_inner().operation, start)
            }
            Self::Reindex {
                options,
                database,
                start,
            } => {
                let request = session.request(options.request(database, &start));
                let response = client.reindex(request).await?;
                (response.into_inner().operation, start)
            }
            Self::Stats { limit, database } => {
                let request = session.request(GetDatabaseStatsRequest {
                    database: database.name,
                    limit,
                });
                let response = client.get_database_stats(request).await?;
                session.print(&present(response.into_inner().stats, "stats")?)?;
                return Ok(Exit::SUCCESS);
            }
            Self::Show { database } => {
                let request = session.request(GetMaintenanceRequest {
                    database: database.name,
                });
                let response = client.get_maintenance(request).await?;
                session.print(&present(response.into_inner().maintenance, "maintenance")?)?;
                return Ok(Exit::SUCCESS);
            }
        };
        started(session, operation, &start).await
    }
}

/// A span of time as a message.
fn span(given: Option<Duration>) -> Option<prost_types::Duration> {
    given.and_then(|span| prost_types::Duration::try_from(span).ok())
}

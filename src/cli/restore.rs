//! `pgsteward restore …`: `RestoreService`.

use clap::{Args, Subcommand, ValueEnum};

use super::{
    arguments::{Database, Limit, Start},
    error::CliError,
    exit::Exit,
    follow::started,
    pages,
    session::{Session, present},
};
use crate::proto::{
    ApproveRestoreRequest, ListDrillsRequest, ListDrillsResponse, ListReplacedDatabasesRequest,
    PlanRestoreRequest, RestoreRequest, RestoreVerification, RollbackRestoreRequest,
    RunDrillRequest,
};

/// Commands of `restore`.
#[derive(Clone, Debug, Subcommand)]
pub enum RestoreCommand {
    /// Show what a restore would be refused for; ends with 4 if it would be
    #[command(after_long_help = "Example:\n  pgsteward restore plan app_20261122T020000Z.sql.gz")]
    Plan {
        /// The archive's name as listed
        file: String,
        /// Plan to restore into a new database of this name
        #[arg(
            long,
            value_name = "NAME",
            default_value = "",
            hide_default_value = true
        )]
        into: String,
        /// Plan to create the roles that the server lacks
        #[arg(long)]
        create_roles: bool,
        #[command(flatten)]
        database: Database,
    },
    /// Restore a backup beside the live database and swap the two, which needs maintenance mode; or into a new database
    #[command(
        after_long_help = "Examples:\n  pgsteward restore run app_20261122T020000Z.sql.gz --confirm app --reason 'INC-7: bad deploy'\n  pgsteward restore run app_20261122T020000Z.sql.gz --into app_old --confirm app_old --reason 'to compare'"
    )]
    Run {
        /// The archive's name as listed
        file: String,
        #[command(flatten)]
        manner: Manner,
        #[command(flatten)]
        confirmation: Confirmation,
    },
    /// Let a restore of somebody else go on that waits for a second person
    #[command(
        after_long_help = "Example:\n  pgsteward restore approve 01936a3c-5b8e-7000-8000-000000000001 --reason 'INC-7: seen'"
    )]
    Approve {
        /// The operation's id
        operation: String,
        /// Why; stands in the audit log
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Rehearse a restore: into a scratch database, compared, checked and dropped
    #[command(after_long_help = "Example:\n  pgsteward restore drill")]
    Drill {
        /// The archive's name as listed; without it the newest good backup
        #[arg(default_value = "", hide_default_value = true)]
        file: String,
        #[command(flatten)]
        database: Database,
        #[command(flatten)]
        start: Start,
    },
    /// List the drills, newest first
    #[command(after_long_help = "Example:\n  pgsteward restore drills --limit 10")]
    Drills {
        #[command(flatten)]
        database: Database,
        #[command(flatten)]
        limit: Limit,
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

/// How far a restored database is compared with the backup's manifest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Verify {
    /// Not at all
    None,
    /// The number of each table's rows
    Counts,
    /// Each table's rows, by their content hash
    #[default]
    Full,
}

/// How a restore is made.
#[derive(Args, Clone, Debug)]
pub struct Manner {
    /// How far the restored database is compared with the backup before it is put to use
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    verify: Verify,
    /// Restore into a new database of this name, and leave the managed one alone
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true,
        conflicts_with_all = ["tables", "skip_last_backup"]
    )]
    into: String,
    /// Create the roles that the server lacks
    #[arg(long, conflicts_with = "tables")]
    create_roles: bool,
    /// Go without a backup of the present state: where the live database cannot be read any more
    #[arg(long)]
    skip_last_backup: bool,
    /// Only this table, as SCHEMA.TABLE; may be given several times
    #[arg(
        long = "table",
        value_name = "SCHEMA.TABLE",
        requires = "into_schema",
        conflicts_with = "skip_last_backup"
    )]
    tables: Vec<String>,
    /// The new schema that the tables are restored into
    #[arg(
        long,
        value_name = "SCHEMA",
        default_value = "",
        hide_default_value = true,
        requires = "tables"
    )]
    into_schema: String,
}

impl Manner {
    fn verification(&self) -> RestoreVerification {
        match self.verify {
            Verify::None => RestoreVerification::None,
            Verify::Counts => RestoreVerification::Counts,
            Verify::Full => RestoreVerification::Full,
        }
    }
}

/// What a command takes that writes a database.
#[derive(Args, Clone, Debug)]
pub struct Confirmation {
    /// The name of the database that is written: the managed one that is replaced, or the new one of --into
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
            Self::Plan {
                file,
                into,
                create_roles,
                database,
            } => {
                let request = session.request(PlanRestoreRequest {
                    database: database.name,
                    filename: file,
                    into_database: into,
                    create_roles,
                });
                let response = session.restores().plan_restore(request).await?;
                let plan = present(response.into_inner().plan, "plan")?;
                session.print(&plan)?;
                Ok(Exit::holds(plan.ready))
            }
            Self::Run {
                file,
                manner,
                confirmation,
            } => {
                let verify = manner.verification().into();
                let request = session.request(RestoreRequest {
                    database: confirmation.database.name,
                    filename: file,
                    confirm_database: confirmation.confirm,
                    reason: confirmation.reason,
                    request_id: confirmation.start.request_id.clone(),
                    verify,
                    into_database: manner.into,
                    create_roles: manner.create_roles,
                    skip_last_backup: manner.skip_last_backup,
                    tables: manner.tables,
                    into_schema: manner.into_schema,
                });
                let response = session.restores().restore(request).await?;
                let operation = response.into_inner().operation;
                started(session, operation, &confirmation.start).await
            }
            Self::Approve { operation, reason } => {
                let request = session.request(ApproveRestoreRequest {
                    operation_id: operation,
                    reason,
                });
                let response = session.restores().approve_restore(request).await?;
                session.print(&present(response.into_inner().operation, "operation")?)?;
                Ok(Exit::SUCCESS)
            }
            Self::Drill {
                file,
                database,
                start,
            } => {
                let request = session.request(RunDrillRequest {
                    database: database.name,
                    filename: file,
                    request_id: start.request_id.clone(),
                });
                let response = session.restores().run_drill(request).await?;
                started(session, response.into_inner().operation, &start).await
            }
            Self::Drills { database, limit } => drills(session, &database.name, limit).await,
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

async fn drills(session: &Session, database: &str, limit: Limit) -> Result<Exit, CliError> {
    let fetch = async |page_size, page_token| {
        let request = session.request(ListDrillsRequest {
            database: database.to_owned(),
            page_size,
            page_token,
        });
        let page = session.restores().list_drills(request).await?.into_inner();
        Ok((page.drills, page.next_page_token))
    };
    let (drills, next_page_token) = pages::collect(limit.items(), fetch).await?;
    session.print(&ListDrillsResponse {
        drills,
        next_page_token,
    })?;
    Ok(Exit::SUCCESS)
}

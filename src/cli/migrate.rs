//! `pgsteward migrate …`: `MigrationService`, and what leads to it from Alembic.
//!
//! Here stands what can be typed. What each command asks of the daemon stands below: `scripts` the revisions themselves,
//! `autogenerate` those that are written from the models, `review` what comes before one is run, `run` upgrades and downgrades, `version` what is said of the live schema without
//! running anything, and `sql` the script for those who run it by hand.

mod autogenerate;
mod review;
mod run;
mod scripts;
mod sql;
mod version;

use clap::Subcommand;

use self::{
    review::{ApproveArgs, ReviewArgs},
    run::MigrationArgs,
    scripts::{MergeArgs, RevisionArgs, ShowArgs},
    sql::SqlArgs,
    version::{BaselineArgs, RestampArgs, StampArgs},
};
use super::{
    arguments::{Database, Start},
    connection::Connection,
    error::CliError,
    exit::Exit,
    import_alembic::ImportArgs,
    session::Session,
};

/// Commands of `migrate`.
#[derive(Clone, Debug, Subcommand)]
pub enum MigrateCommand {
    /// A command for the daemon.
    #[command(flatten)]
    Service(ServiceCommand),
    /// Make revision scripts of an Alembic project; needs no daemon
    #[command(
        after_long_help = "Ends with 4 where revisions are to be finished by hand.\n\nExample:\n  pgsteward migrate import-alembic . --python .venv/bin/python --output revisions"
    )]
    ImportAlembic(ImportArgs),
}

/// Commands of `migrate` that the daemon answers.
#[derive(Clone, Debug, Subcommand)]
pub enum ServiceCommand {
    /// Write a new revision script; with --autogenerate as many as make the declared schema of what the revisions make
    #[command(
        after_long_help = "On a terminal it is asked what became of tables and columns that may have been renamed.\n\nExamples:\n  pgsteward migrate revision -m 'add orders' --sql orders.sql --down-sql drop_orders.sql\n  pgsteward migrate revision --autogenerate -m 'add orders'\n  pgsteward migrate revision --autogenerate -m 'name totals' --rename public.orders.total=amount"
    )]
    Revision(RevisionArgs),
    /// Draw the graph of the revision scripts, newest first
    #[command(
        after_long_help = "Marks:\n  *  applied\n  o  pending\n  !  applied and edited since, or left in the middle\n\nExample:\n  pgsteward migrate history"
    )]
    History {
        #[command(flatten)]
        database: Database,
    },
    /// Show a revision script with its SQL, its approvals and what was done with it
    #[command(
        after_long_help = "With --json, `appliedScript` holds the file as it was applied, where it was edited since.\n\nExamples:\n  pgsteward migrate show 5c1a7e0b9d24\n  pgsteward migrate show 5c1a --sql"
    )]
    Show(ShowArgs),
    /// Show which version the database has and which the scripts have
    #[command(after_long_help = "Example:\n  pgsteward migrate current --check")]
    Current {
        /// End with 4 unless database and scripts are in sync
        #[arg(long)]
        check: bool,
        #[command(flatten)]
        database: Database,
    },
    /// Say what is dangerous in pending revisions, and run them on a scratch copy of the schema
    #[command(
        after_long_help = "Examples:\n  pgsteward migrate review\n  pgsteward migrate review 5c1a7e0b9d24 --no-rehearsal"
    )]
    Review(ReviewArgs),
    /// Approve a revision script as it is; any edit voids the approval
    #[command(
        after_long_help = "With --sha256 the file that you have read is approved, and no other.\n\nExample:\n  pgsteward migrate approve 5c1a7e0b9d24 -m 'orders.total is read by nobody'"
    )]
    Approve(ApproveArgs),
    /// Upgrade the schema
    #[command(
        after_long_help = "Examples:\n  pgsteward migrate upgrade --dry-run\n  pgsteward migrate upgrade +1\n  pgsteward migrate upgrade --acknowledge drop-column:orders.total"
    )]
    Upgrade {
        /// `head`, `heads`, `+N`, an id or a unique prefix, `<id>+N`, `<label>@head`
        #[arg(default_value = "head", value_name = "TARGET")]
        target: String,
        /// Name a destructive finding that is meant, as `review` and --dry-run show it; may be given more than once
        #[arg(long = "acknowledge", value_name = "NAME")]
        acknowledged: Vec<String>,
        #[command(flatten)]
        migration: MigrationArgs,
    },
    /// Downgrade the schema
    #[command(
        after_long_help = "Examples:\n  pgsteward migrate downgrade -1\n  pgsteward migrate downgrade base --dry-run"
    )]
    Downgrade {
        /// `base`, `-N`, an id or a unique prefix
        #[arg(allow_negative_numbers = true, value_name = "TARGET")]
        target: String,
        #[command(flatten)]
        migration: MigrationArgs,
    },
    /// Write a revision that joins several heads
    #[command(
        after_long_help = "Examples:\n  pgsteward migrate merge -m 'join billing and orders'\n  pgsteward migrate merge 5c1a 7be4"
    )]
    Merge(MergeArgs),
    /// Print the SQL between two versions as a script for psql; reads no database
    #[command(
        after_long_help = "The script keeps the version table too.\n\nExamples:\n  pgsteward migrate sql | psql -X -v ON_ERROR_STOP=1\n  pgsteward migrate sql 5c1a7e0b9d24:head --output upgrade.sql\n  pgsteward migrate sql head:-1"
    )]
    Sql(SqlArgs),
    /// Say whether the live schema still is what the revisions made; ends with 4 if it is not
    #[command(
        after_long_help = "Examples:\n  pgsteward migrate drift\n  pgsteward migrate drift --models"
    )]
    Drift {
        /// Instead say whether the models are what the revisions make; the live schema is not read
        #[arg(long)]
        models: bool,
        #[command(flatten)]
        database: Database,
        #[command(flatten)]
        start: Start,
    },
    /// Make the version table say where the database stands, without running anything; for admins
    #[command(
        after_long_help = "Refused when the live schema is not what the scripts up to there make.\n\nExamples:\n  pgsteward migrate stamp head\n  pgsteward migrate stamp 5c1a7e0b9d24 --force --reason 'the index is built by hand'"
    )]
    Stamp(StampArgs),
    /// Accept the edited file of an applied revision as what was applied; for admins
    #[command(
        after_long_help = "Example:\n  pgsteward migrate restamp 5c1a7e0b9d24 --reason 'a typing error in a comment string'"
    )]
    Restamp(RestampArgs),
    /// Take over a database without a version: write the first revision from its live schema, and stamp it
    #[command(after_long_help = "Example:\n  pgsteward migrate baseline -m 'as of 2026'")]
    Baseline(BaselineArgs),
}

impl MigrateCommand {
    pub(super) async fn run(self, connection: &Connection) -> Result<Exit, CliError> {
        match self {
            Self::Service(command) => command.run(&connection.open().await?).await,
            Self::ImportAlembic(import) => import.run(connection.json()).await,
        }
    }
}

impl ServiceCommand {
    async fn run(self, session: &Session) -> Result<Exit, CliError> {
        match self {
            Self::Revision(revision) => revision.run(session).await,
            Self::History { database } => scripts::history(session, database).await,
            Self::Show(show) => show.run(session).await,
            Self::Current { check, database } => version::current(session, database, check).await,
            Self::Review(review) => review.run(session).await,
            Self::Approve(approve) => approve.run(session).await,
            Self::Upgrade {
                target,
                acknowledged,
                migration,
            } => migration.upgrade(session, target, acknowledged).await,
            Self::Downgrade { target, migration } => migration.downgrade(session, target).await,
            Self::Merge(merge) => merge.run(session).await,
            Self::Sql(sql) => sql.run(session).await,
            Self::Drift {
                models,
                database,
                start,
            } => version::drift(session, database, models, start).await,
            Self::Stamp(stamp) => stamp.run(session).await,
            Self::Restamp(restamp) => restamp.run(session).await,
            Self::Baseline(baseline) => baseline.run(session).await,
        }
    }
}

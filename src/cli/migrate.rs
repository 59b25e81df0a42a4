//! `pgsteward migrate …`: `MigrationService`, and what leads to it from Alembic.

use std::{fs, path::PathBuf};

use clap::{Args, Subcommand};

use super::{
    arguments::{Database, Start},
    connection::Connection,
    error::CliError,
    exit::Exit,
    follow::started,
    import_alembic::ImportArgs,
    pages,
    session::{Session, present},
};
use crate::proto::{
    CreateRevisionRequest, DowngradeRequest, GetRevisionRequest, GetSchemaVersionRequest,
    ListRevisionsRequest, ListRevisionsResponse, UpgradeRequest,
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
    /// Write a new revision script
    #[command(
        after_long_help = "Example:\n  pgsteward migrate revision -m 'add orders' --sql orders.sql --down-sql drop_orders.sql"
    )]
    Revision(RevisionArgs),
    /// List the revision scripts, newest first
    #[command(after_long_help = "Example:\n  pgsteward migrate history")]
    History {
        #[command(flatten)]
        database: Database,
    },
    /// Show a revision script with its SQL
    #[command(after_long_help = "Example:\n  pgsteward migrate show 5c1a7e0b9d24")]
    Show {
        /// An id or a unique prefix of one
        #[arg(value_name = "REVISION")]
        revision: String,
        #[command(flatten)]
        database: Database,
    },
    /// Show which version the database has and which the scripts have
    #[command(after_long_help = "Example:\n  pgsteward migrate current --check")]
    Current {
        /// End with 4 unless database and scripts are in sync
        #[arg(long)]
        check: bool,
        #[command(flatten)]
        database: Database,
    },
    /// Upgrade the schema
    #[command(
        after_long_help = "Examples:\n  pgsteward migrate upgrade --dry-run\n  pgsteward migrate upgrade +1"
    )]
    Upgrade {
        /// `head`, `heads`, `+N`, an id or a unique prefix, `<id>+N`, `<label>@head`
        #[arg(default_value = "head", value_name = "TARGET")]
        target: String,
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
}

/// Arguments of `migrate revision`.
#[derive(Args, Clone, Debug)]
pub struct RevisionArgs {
    /// What the revision is for, in one line
    #[arg(short, long, value_name = "TEXT")]
    message: String,
    /// A revision that this one follows; more than once for a merge [default: the only head]
    #[arg(long = "parent", value_name = "REVISION")]
    parents: Vec<String>,
    /// A label for the branch that starts here
    #[arg(
        long,
        value_name = "LABEL",
        default_value = "",
        hide_default_value = true
    )]
    label: String,
    /// Run the statements one by one outside a transaction
    #[arg(long)]
    non_transactional: bool,
    /// A file with the SQL of the upgrade
    #[arg(long, value_name = "FILE")]
    sql: Option<PathBuf>,
    /// A file with the SQL of the downgrade
    #[arg(long, value_name = "FILE")]
    down_sql: Option<PathBuf>,
    /// The same id twice gives the same revision; at most 64 characters
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    request_id: String,
    #[command(flatten)]
    database: Database,
}

/// Arguments of `migrate upgrade` and `migrate downgrade`.
#[derive(Args, Clone, Debug)]
pub struct MigrationArgs {
    /// Show the SQL that would run and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    start: Start,
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
            Self::History { database } => history(session, database.name).await,
            Self::Show { revision, database } => {
                let request = session.request(GetRevisionRequest {
                    database: database.name,
                    revision,
                });
                let response = session.migrations().get_revision(request).await?;
                session.print(&present(response.into_inner().revision, "revision")?)?;
                Ok(Exit::SUCCESS)
            }
            Self::Current { check, database } => {
                let request = session.request(GetSchemaVersionRequest {
                    database: database.name,
                });
                let response = session.migrations().get_schema_version(request).await?;
                let version = present(response.into_inner().schema_version, "schema version")?;
                session.print(&version)?;
                Ok(Exit::holds(version.in_sync || !check))
            }
            Self::Upgrade { target, migration } => {
                let request = session.request(UpgradeRequest {
                    database: migration.database.name,
                    target,
                    validate_only: migration.dry_run,
                    request_id: migration.start.request_id.clone(),
                });
                let response = session.migrations().upgrade(request).await?;
                started(session, response.into_inner().operation, &migration.start).await
            }
            Self::Downgrade { target, migration } => {
                let request = session.request(DowngradeRequest {
                    database: migration.database.name,
                    target,
                    validate_only: migration.dry_run,
                    request_id: migration.start.request_id.clone(),
                });
                let response = session.migrations().downgrade(request).await?;
                started(session, response.into_inner().operation, &migration.start).await
            }
        }
    }
}

impl RevisionArgs {
    async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let request = session.request(CreateRevisionRequest {
            database: self.database.name,
            message: self.message,
            parents: self.parents,
            upgrade_sql: read(self.sql)?,
            downgrade_sql: read(self.down_sql)?,
            branch_label: self.label,
            non_transactional: self.non_transactional,
            request_id: self.request_id,
        });
        let response = session.migrations().create_revision(request).await?;
        session.print(&present(response.into_inner().revision, "revision")?)?;
        Ok(Exit::SUCCESS)
    }
}

async fn history(session: &Session, database: String) -> Result<Exit, CliError> {
    let fetch = async |page_size, page_token| {
        let request = session.request(ListRevisionsRequest {
            database: database.clone(),
            page_size,
            page_token,
        });
        let response = session.migrations().list_revisions(request).await?;
        let page = response.into_inner();
        Ok((page.revisions, page.next_page_token))
    };
    let (revisions, next_page_token) = pages::collect(None, fetch).await?;
    session.print(&ListRevisionsResponse {
        revisions,
        next_page_token,
    })?;
    Ok(Exit::SUCCESS)
}

/// The text of a file; empty where none is named.
fn read(path: Option<PathBuf>) -> Result<String, CliError> {
    path.map_or_else(
        || Ok(String::new()),
        |path| fs::read_to_string(&path).map_err(|source| CliError::Read { path, source }),
    )
}

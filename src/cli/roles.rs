//! `pgsteward roles …`: the roles of a managed database. `sql` needs no daemon; `main` answers it.

use std::path::PathBuf;

use clap::Subcommand;

use super::{
    arguments::{Database, Start},
    error::CliError,
    exit::Exit,
    follow::started,
    session::Session,
};
use crate::proto::{CheckPrivilegesRequest, ProvisionRolesRequest};

/// Commands of `roles`.
#[derive(Clone, Debug, Subcommand)]
pub enum RolesCommand {
    /// Print the SQL that makes the roles of a new server, for psql; asks neither daemon nor server
    #[command(
        after_long_help = "Example:\n  pgsteward roles sql --config pgsteward.toml > roles.sql && psql -X -d postgres -f roles.sql"
    )]
    Sql {
        /// The configuration file (TOML)
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// The managed database; needed where they are on several servers
        #[arg(short, long, value_name = "NAME")]
        database: Option<String>,
    },
    /// A command for a running daemon.
    #[command(flatten)]
    Service(RolesServiceCommand),
}

/// The commands of `roles` that need a running daemon.
// A comment on a flattened field would be taken for the command's own.
#[allow(missing_docs)]
#[derive(Clone, Debug, Subcommand)]
pub enum RolesServiceCommand {
    /// Make the daemon's and the application's roles, or correct them
    #[command(after_long_help = "Example:\n  pgsteward roles provision --dry-run")]
    Provision {
        /// A role that the application logs in with, besides those of the configuration; may be repeated
        #[arg(long = "application-role", value_name = "ROLE")]
        application_roles: Vec<String>,
        /// A role that reads rows only, besides those of the configuration; may be repeated
        #[arg(long = "read-only-role", value_name = "ROLE")]
        read_only_roles: Vec<String>,
        /// Also give roles that stand the use of what stands, where they hold nothing on it
        #[arg(long)]
        existing_objects: bool,
        /// Also set the passwords of roles that stand to those of the configuration's URLs
        #[arg(long)]
        reset_passwords: bool,
        /// Show the statements and run none of them
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        database: Database,
        #[command(flatten)]
        start: Start,
    },
    /// Check that each role holds what its purpose needs and no more; ends with 4 if not
    #[command(after_long_help = "Example:\n  pgsteward roles check")]
    Check {
        #[command(flatten)]
        database: Database,
        #[command(flatten)]
        start: Start,
    },
}

impl RolesServiceCommand {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let mut client = session.maintenance();
        let (operation, start) = match self {
            Self::Provision {
                application_roles,
                read_only_roles,
                existing_objects,
                reset_passwords,
                dry_run,
                database,
                start,
            } => {
                let request = session.request(ProvisionRolesRequest {
                    database: database.name,
                    application_roles,
                    read_only_roles,
                    existing_objects,
                    reset_passwords,
                    validate_only: dry_run,
                    request_id: start.request_id.clone(),
                });
                let response = client.provision_roles(request).await?;
                (response.into_inner().operation, start)
            }
            Self::Check { database, start } => {
                let request = session.request(CheckPrivilegesRequest {
                    database: database.name,
                    request_id: start.request_id.clone(),
                });
                let response = client.check_privileges(request).await?;
                (response.into_inner().operation, start)
            }
        };
        started(session, operation, &start).await
    }
}

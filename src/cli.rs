//! The command line: what can be typed, and the client half of it, which speaks with a daemon over the same protos as
//! any other client.
//!
//! `main` parses [`Cli`], runs the daemon's own commands itself and hands the others to [`run`]. There each command
//! builds a request (one file for each service), `connection` carries it, `follow` stays with an operation to its end,
//! `render` puts the answer on a `page`, and `report` does so with an error. Nothing here knows the server's folders.

mod acknowledge;
mod address;
mod arguments;
mod audit;
mod backup;
mod connection;
mod download;
mod error;
mod exit;
mod follow;
mod graph;
mod health;
mod import_alembic;
mod maintenance;
mod migrate;
mod ops;
mod page;
mod pages;
mod progress;
mod render;
mod report;
mod restore;
mod roles;
mod schedule;
mod session;
mod status;
mod token;
mod transport;
mod upload;
mod words;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use self::error::CliError;
pub use self::roles::{RolesCommand, RolesServiceCommand};
use self::{
    audit::AuditCommand, backup::BackupCommand, health::HealthArgs,
    maintenance::MaintenanceCommand, migrate::MigrateCommand, ops::OpsCommand,
    restore::RestoreCommand, schedule::ScheduleCommand, status::StatusArgs,
};
pub use self::{
    connection::Connection,
    exit::Exit,
    token::{TokenCommand, token},
};

/// A control-plane daemon for PostgreSQL, and its client: migrate, back up, restore, maintain, check
#[derive(Clone, Debug, Parser)]
#[command(name = "pgsteward", version, after_long_help = exit::HELP)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How client commands reach the daemon.
    #[command(flatten)]
    pub connection: Connection,
}

/// All commands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Run the daemon; without a configuration, with a private PostgreSQL server of its own
    #[command(after_long_help = "Example:\n  pgsteward serve --config /etc/pgsteward.toml")]
    Serve {
        /// The configuration file (TOML); every key can also be set by an environment variable
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Where the private server and the default store live; wins over the configuration
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
    },
    /// Check a configuration, or print an example of one
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Make credentials for the daemon's callers
    #[command(subcommand)]
    Token(TokenCommand),
    /// Show the whole product in a scratch directory: migrate, back up, damage, restore, optimize
    #[command(after_long_help = "Example:\n  pgsteward demo --exit")]
    Demo {
        /// End when everything was shown, rather than stay up to be played with
        #[arg(long)]
        exit: bool,
        /// Use this directory and leave it behind
        #[arg(long, value_name = "DIR")]
        keep: Option<PathBuf>,
    },
    /// Make the daemon's and the application's roles, and check what they may do
    #[command(subcommand)]
    Roles(RolesCommand),
    /// A command for a running daemon.
    #[command(flatten)]
    Client(ClientCommand),
}

/// Commands of `config`.
#[derive(Clone, Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check a configuration and print it as it takes effect, secrets hidden
    #[command(after_long_help = "Example:\n  pgsteward config check --config /etc/pgsteward.toml")]
    Check {
        /// The configuration file (TOML)
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Print a commented configuration with every key
    #[command(after_long_help = "Example:\n  pgsteward config example >pgsteward.toml")]
    Example,
}

/// The commands that need a running daemon.
#[derive(Clone, Debug, Subcommand)]
pub enum ClientCommand {
    /// Show how the daemon and its databases are; ends with 4 if one is unreachable
    #[command(after_long_help = "Example:\n  pgsteward status --database app")]
    Status(StatusArgs),
    /// Change the schema by revision scripts
    #[command(subcommand)]
    Migrate(MigrateCommand),
    /// Make, list, download, upload, verify and remove backups
    #[command(subcommand)]
    Backup(BackupCommand),
    /// Bring a database back from a backup
    #[command(subcommand)]
    Restore(RestoreCommand),
    /// Keep a database fit, and keep people out of it while it is repaired
    #[command(subcommand)]
    Maintenance(MaintenanceCommand),
    /// Show what runs by the clock, and run it now
    #[command(subcommand)]
    Schedule(ScheduleCommand),
    /// Look at, follow and cancel operations
    #[command(subcommand)]
    Ops(OpsCommand),
    /// Read, follow, prove and export the log of every call
    #[command(subcommand)]
    Audit(AuditCommand),
    /// The commands of `roles` for a running daemon.
    #[command(skip)]
    Roles(RolesServiceCommand),
    /// Probe the daemon by grpc.health.v1; ends with the codes of `grpc_health_probe`
    #[command(
        after_long_help = "Exit codes:\n  0  serving\n  1  invalid arguments (2 where they cannot be parsed)\n  2  no connection, or no answer in time\n  3  the call failed\n  4  not serving\n\nExample:\n  pgsteward health --service readiness --timeout 1s"
    )]
    Health(HealthArgs),
}

/// Writes a text on standard output. That its reader has gone away is no error.
pub fn print(text: &str) -> Exit {
    match session::write_out(text) {
        Ok(()) => Exit::SUCCESS,
        Err(error) => report::report(&error, false),
    }
}

/// Runs a client command to its end. Its answer goes to standard output, any error to standard error.
pub async fn run(command: ClientCommand, connection: Connection) -> Exit {
    match call(command, &connection).await {
        Ok(exit) => exit,
        Err(error) => report::report(&error, connection.json()),
    }
}

async fn call(command: ClientCommand, connection: &Connection) -> Result<Exit, CliError> {
    match command {
        ClientCommand::Status(status) => status.run(&connection.open().await?).await,
        ClientCommand::Migrate(migrate) => migrate.run(connection).await,
        ClientCommand::Backup(backup) => backup.run(&connection.open().await?).await,
        ClientCommand::Restore(restore) => restore.run(&connection.open().await?).await,
        ClientCommand::Maintenance(maintenance) => maintenance.run(&connection.open().await?).await,
        ClientCommand::Schedule(schedule) => schedule.run(&connection.open().await?).await,
        ClientCommand::Ops(ops) => ops.run(&connection.open().await?).await,
        ClientCommand::Audit(audit) => audit.run(connection).await,
        ClientCommand::Roles(roles) => roles.run(&connection.open().await?).await,
        // A probe has exit codes of its own, for its errors too.
        ClientCommand::Health(health) => Ok(health.run(connection).await),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use clap::{CommandFactory, error::ErrorKind};

    use super::{migrate::ServiceCommand, *};

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    /// Every command that has no commands below it, with its path.
    fn leaves(command: &clap::Command, path: &str) -> Vec<(String, clap::Command)> {
        let path = format!("{path} {}", command.get_name());
        if command.has_subcommands() {
            command
                .get_subcommands()
                .filter(|below| below.get_name() != "help")
                .flat_map(|below| leaves(below, &path))
                .collect()
        } else {
            vec![(path, command.clone())]
        }
    }

    #[test]
    fn the_definitions_of_all_commands_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_one_line_about_it_and_an_example() {
        for (path, command) in leaves(&Cli::command(), "") {
            let about = command.get_about().map(ToString::to_string);
            let about = about.unwrap_or_default();
            assert!(
                !about.is_empty() && !about.contains('\n'),
                "{path}: {about}"
            );
            let more = command.get_after_long_help().map(ToString::to_string);
            let more = more.unwrap_or_default();
            assert!(more.contains("Example"), "{path}");
            let shown = path.trim_start();
            assert!(
                more.contains(shown),
                "{path}: the example is of another command"
            );
        }
    }

    #[test]
    fn a_relative_downgrade_is_a_target_and_no_option() {
        for line in [
            "pgsteward migrate downgrade -1 --dry-run",
            "pgsteward migrate downgrade --dry-run -1",
        ] {
            let cli = parse(line).unwrap();
            let Command::Client(ClientCommand::Migrate(MigrateCommand::Service(
                ServiceCommand::Downgrade { target, .. },
            ))) = cli.command
            else {
                panic!("{cli:?}");
            };
            assert_eq!(target, "-1");
        }
    }

    #[test]
    fn a_mistyped_option_is_never_taken_for_a_target() {
        let error = parse("pgsteward migrate downgrade --dryrun").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownArgument);
    }

    #[test]
    fn an_upgrade_goes_to_the_head_unless_told_otherwise() {
        for (line, expected) in [
            ("pgsteward migrate upgrade", "head"),
            ("pgsteward migrate upgrade +2", "+2"),
        ] {
            let cli = parse(line).unwrap();
            let Command::Client(ClientCommand::Migrate(MigrateCommand::Service(
                ServiceCommand::Upgrade { target, .. },
            ))) = cli.command
            else {
                panic!("{cli:?}");
            };
            assert_eq!(target, expected);
        }
    }

    #[test]
    fn a_restore_needs_a_confirmation_and_a_reason() {
        for line in [
            "pgsteward restore run a.sql.gz --confirm app",
            "pgsteward restore run a.sql.gz --reason x",
            "pgsteward restore rollback --confirm app",
        ] {
            let error = parse(line).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::MissingRequiredArgument, "{line}");
            assert_eq!(error.exit_code(), i32::from(Exit::USAGE.code()));
        }
    }

    #[test]
    fn a_restore_goes_to_one_place_only() {
        let run = "pgsteward restore run a.sql.gz --confirm app --reason x";
        for options in [
            "--into b --table s.t --into-schema c",
            "--into b --skip-last-backup",
            "--table s.t",
            "--into-schema c",
            "--table s.t --into-schema c --create-roles",
        ] {
            assert!(parse(&format!("{run} {options}")).is_err(), "{options}");
        }
        for options in [
            "--into b --create-roles --verify none",
            "--table s.t --table s.u --into-schema c --verify counts",
            "--skip-last-backup --create-roles",
        ] {
            let parsed = parse(&format!("{run} {options}"));
            assert!(parsed.is_ok(), "{options}: {parsed:?}");
        }
    }

    #[test]
    fn labels_are_keys_with_values_and_at_least_one_is_named() {
        for line in [
            "pgsteward backup label a.sql.gz",
            "pgsteward backup label a.sql.gz key",
            "pgsteward backup create --label key",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        for line in [
            "pgsteward backup label a.sql.gz a=1 b= --remove c",
            "pgsteward backup label a.sql.gz --remove c",
        ] {
            assert!(parse(line).is_ok(), "{line}");
        }
    }

    #[test]
    fn what_goes_against_what_was_seen_needs_a_reason() {
        for line in [
            "pgsteward migrate stamp head --force",
            "pgsteward migrate restamp 5c1a",
        ] {
            let error = parse(line).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::MissingRequiredArgument, "{line}");
            assert!(parse(&format!("{line} --reason x")).is_ok(), "{line}");
        }
        assert!(parse("pgsteward migrate stamp").is_err());
    }

    #[test]
    fn several_findings_may_be_acknowledged() {
        let line = "pgsteward migrate upgrade --acknowledge a --acknowledge b";
        let cli = parse(line).unwrap();
        let Command::Client(ClientCommand::Migrate(MigrateCommand::Service(
            migrate::ServiceCommand::Upgrade { acknowledged, .. },
        ))) = cli.command
        else {
            panic!("{cli:?}");
        };
        assert_eq!(acknowledged, ["a", "b"]);
    }

    #[test]
    fn client_options_may_stand_before_and_after_the_command() {
        for line in [
            "pgsteward --json --addr db1:7432 backup list",
            "pgsteward backup list --json --addr db1:7432",
        ] {
            assert!(parse(line).unwrap().connection.json(), "{line}");
        }
    }

    #[test]
    fn a_token_is_in_no_debug_output_of_the_command_line() {
        let cli = parse("pgsteward status --token sesame").unwrap();
        assert!(!format!("{cli:?}").contains("sesame"));
    }

    #[tokio::test]
    async fn without_a_daemon_a_command_ends_as_unreachable() {
        // Port 1 is reserved (tcpmux) and closed on any sane machine.
        let cli = parse("pgsteward status --addr 127.0.0.1:1").unwrap();
        let Command::Client(command) = cli.command else {
            panic!("{cli:?}");
        };
        assert_eq!(run(command, cli.connection).await, Exit::UNREACHABLE);
    }
}

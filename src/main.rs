//! The one binary: parses the command line, runs the daemon's own commands, and hands the others to the client.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser;
use pgsteward::{
    app,
    cli::{self, Cli, ClientCommand, Command, ConfigCommand, Exit, RolesCommand},
    config::{self, Config},
    demo,
    model::failure::Failure,
    shutdown, telemetry,
};

#[tokio::main]
async fn main() -> ExitCode {
    // The clients of S3 stores take the process's one; who comes second finds it there.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cli = Cli::parse();
    let outcome = match cli.command {
        Command::Client(command) => Ok(cli::run(command, cli.connection).await),
        Command::Config(ConfigCommand::Example) => Ok(cli::print(&config::example())),
        Command::Config(ConfigCommand::Check { config }) => {
            load(config.as_deref(), None).map(|config| cli::print(&config.shown()))
        }
        Command::Roles(RolesCommand::Sql { config, database }) => {
            roles_sql(config.as_deref(), database.as_deref())
        }
        Command::Roles(RolesCommand::Service(command)) => {
            Ok(cli::run(ClientCommand::Roles(command), cli.connection).await)
        }
        Command::Token(command) => Ok(cli::token(&command, cli.connection.json())),
        Command::Serve { config, data_dir } => serve(config.as_deref(), data_dir)
            .await
            .map(|()| Exit::SUCCESS),
        Command::Demo { exit, keep } => demo::run(exit, keep).await.map(|()| Exit::SUCCESS),
    };
    let exit = outcome.unwrap_or_else(|failure| {
        eprintln!("error: {failure}");
        Exit::FAILED
    });
    exit.into()
}

fn roles_sql(file: Option<&Path>, database: Option<&str>) -> Result<Exit, Failure> {
    let config = load(file, None)?;
    Ok(cli::print(&app::roles_sql(&config, database)?))
}

async fn serve(file: Option<&Path>, data_dir: Option<PathBuf>) -> Result<(), Failure> {
    let config = load(file, data_dir)?;
    telemetry::init(config.log.format, &config.log.filter)?;
    app::run(&config, shutdown::on_signal()?, shutdown::hangups()?).await
}

/// A data directory on the command line wins over file and environment, as a variable of the environment would.
fn load(file: Option<&Path>, data_dir: Option<PathBuf>) -> Result<Config, Failure> {
    const DATA_DIR: &str = "PGSTEWARD__DATA_DIR";
    let given = data_dir.map(|path| (DATA_DIR.to_owned(), path.to_string_lossy().into_owned()));
    let inherited = config::environment()
        .filter(|(name, _)| given.is_none() || !name.eq_ignore_ascii_case(DATA_DIR))
        .collect::<Vec<_>>();
    Ok(Config::load(file, inherited.into_iter().chain(given))?)
}

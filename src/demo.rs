//! `pgsteward demo`: the whole product in one go, on a daemon of its own in a scratch directory.
//!
//! It starts the daemon with the embedded server on a free port, then does what a team does, through gRPC as any client
//! would, and prints each call with the grpcurl line that does the same. Only the application's part (seed rows, damage,
//! the proof at the end) is plain SQL, as the application's own role.

mod application;
mod calls;
mod scratch;
mod story;

use std::path::PathBuf;

use self::scratch::Scratch;
use crate::{
    app,
    config::{Config, LogFormat},
    model::failure::Failure,
    shutdown, telemetry,
};

/// Runs the demo; afterwards ends (`exit`), or stays up until Ctrl-C. `keep` is a directory to use and leave behind.
pub async fn run(exit: bool, keep: Option<PathBuf>) -> Result<(), Failure> {
    let scratch = Scratch::new(keep)?;
    let config = Config::load(None, scratch.environment())?;
    // Warnings only: the story is what is to be read.
    telemetry::init(LogFormat::Auto, "warn,deadpool=error")?;
    let stop = shutdown::on_signal()?;

    println!(
        "Starting the daemon, with a private PostgreSQL, in {}",
        scratch.path().display()
    );
    let started = app::start(&config).await?;
    let told = tokio::select! {
        told = story::tell(&started, &scratch) => told,
        () = stop.cancelled() => Ok(()),
    };
    if told.is_ok() && !exit && !stop.is_cancelled() {
        println!(
            "\nThe daemon stays up at {} for you to play with, e.g.",
            started.address
        );
        println!("    pgsteward --addr {} status", started.address);
        println!("    grpcurl -plaintext {} list", started.address);
        println!("Ctrl-C ends it.");
        stop.cancelled().await;
    }
    let stopped = started.stop().await;
    scratch.clean();
    told.and(stopped)
}

//! `cargo bench --bench soak [-- --minutes N]`: mixed calls by eight clients for ten minutes while PostgreSQL is ended at once
//! and started again each minute, and then a look at all that must not be left: connections, tasks, files, locks,
//! scratch databases, operations without an end, and memory that grew.
//!
//! It starts a cluster and a daemon of its own and leaves nothing behind but a table on standard output. It fails when
//! anything is left, when a call hangs, or when a call ends with an error that an outage does not explain.

// Counts and sizes become floating point on their way to a ratio.
#![allow(clippy::cast_precision_loss)]

mod calls;
mod left;
mod tally;

// Each benchmark uses a part of it.
#[allow(dead_code)]
#[path = "../support/support.rs"]
mod support;

use std::{
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use tokio_util::sync::CancellationToken;

use self::{
    calls::Caller,
    left::Held,
    support::{cluster::Cluster, daemon::Daemon, database::Databases, process::Janitor},
    tally::Tally,
};

const CLIENTS: u64 = 8;
const BETWEEN_RESTARTS: Duration = Duration::from_mins(1);
/// How long the operations of the last minute may take to end.
const CALM: Duration = Duration::from_mins(2);

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("soak: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// `--minutes N`; cargo adds arguments of its own.
fn minutes() -> Result<u32> {
    let arguments: Vec<String> = std::env::args().collect();
    let given = arguments
        .iter()
        .position(|argument| argument == "--minutes");
    let Some(place) = given else {
        return Ok(10);
    };
    let text = arguments
        .get(place + 1)
        .context("--minutes wants a number")?;
    let minutes = text.parse().context("--minutes wants a number")?;
    ensure!((1..=60).contains(&minutes), "--minutes wants 1 to 60");
    Ok(minutes)
}

async fn run() -> Result<()> {
    let minutes = minutes()?;
    let janitor = Janitor::start(&std::env::temp_dir())?;
    let mut cluster = Arc::new(Cluster::start(&janitor)?);
    let databases = Databases::create(&cluster, "soak").await?;
    databases.run(calls::TABLES).await?;
    let mut daemon = Daemon::start(&databases, "control", "gzip", &janitor).await?;
    // What it holds once everything was used once is what it may hold in the end.
    Caller::new(&daemon, 0).await?.one_of_each().await?;
    let before = Held::by(&daemon, &databases).await?;
    eprintln!("  before: {before}");

    let stop = CancellationToken::new();
    let tally = Arc::new(Tally::default());
    let mut callers = Vec::new();
    for number in 1..=CLIENTS {
        let caller = Caller::new(&daemon, number).await?;
        callers.push(tokio::spawn(caller.run(Arc::clone(&tally), stop.clone())));
    }
    drop(databases);
    let mut memory = Vec::new();
    for minute in 1..=minutes {
        let end = Instant::now() + BETWEEN_RESTARTS;
        while Instant::now() < end {
            tokio::time::sleep(Duration::from_secs(1)).await;
            memory.push(daemon.kernel().resident()?);
        }
        if minute < minutes {
            Arc::get_mut(&mut cluster)
                .context("the cluster is in use")?
                .restart(&janitor)?;
        }
        eprintln!(
            "  minute {minute}: {tally}; {:.1} MB",
            daemon.kernel().resident()?
        );
    }
    stop.cancel();
    for caller in callers {
        caller.await??;
    }

    let databases = Databases::existing(&cluster, "soak");
    left::until_calm(&databases, CALM).await?;
    let after = Held::by(&daemon, &databases).await?;
    eprintln!("  after: {after}");
    print!("{}", tally.table());
    println!("| | before | after |\n| --- | ---: | ---: |");
    for (what, before, after) in before.beside(&after) {
        println!("| {what} | {before} | {after} |");
    }
    let (early, late) = left::memory(&memory);
    println!("| memory in MB, second and last fifth of the time | {early:.1} | {late:.1} |");
    left::nothing(&before, &after, (early, late), &databases, &daemon).await?;
    let tasks = daemon.stop()?;
    println!("| tasks at its end | | {tasks} |");
    ensure!(tasks <= left::TASKS, "{tasks} tasks are left");
    Ok(())
}

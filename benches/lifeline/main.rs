//! `cargo bench --bench lifeline`: backups, restores, downloads, memory and health, as ratios against PostgreSQL's own tools
//! in the same run.
//!
//! It starts a PostgreSQL cluster and daemons of its own and leaves nothing behind but its report: a table on standard output
//! and in `target/bench/lifeline.md`, and every value in `target/bench/lifeline.json`. A bar that is missed is no failure;
//! something that does not work is. What takes how long is told on standard error.

// Counts and sizes become floating point on their way to a ratio.
#![allow(clippy::cast_precision_loss)]

mod data;
mod names;
mod options;
mod parts;
mod report;
mod results;
mod site;
// Each benchmark uses a part of it.
#[allow(dead_code)]
#[path = "../support/support.rs"]
mod support;
mod tools;

use std::{fs, path::Path, process::ExitCode, sync::Arc};

use anyhow::{Context as _, Result, bail};
use tokio::signal::unix::{SignalKind, signal};

use self::{
    options::{Options, Part},
    parts::{backup, download, health, optimize, restore, scaling},
    report::Machine,
    results::Results,
    site::Site,
    support::{cluster::Cluster, process::Janitor},
};

#[tokio::main]
async fn main() -> ExitCode {
    let ended = async {
        let options = Options::read()?;
        // What is dropped by an interruption ends its processes.
        tokio::select! {
            ended = run(&options) => ended,
            interrupted = interrupted() => interrupted,
        }
    };
    match ended.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lifeline: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn interrupted() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        asked = tokio::signal::ctrl_c() => asked?,
        _ = terminate.recv() => {}
    }
    bail!("interrupted")
}

async fn run(options: &Options) -> Result<()> {
    let janitor = Janitor::start(&options.directory)?;
    let cluster = Arc::new(Cluster::start(&janitor)?);
    let machine = Machine::look(&cluster, janitor.directory()).await?;
    let mut results = Results::default();
    if Part::ALL[..5].iter().any(|&part| options.wants(part)) {
        measure(options, &cluster, &janitor, &mut results).await?;
    }
    if options.wants(Part::Scaling) {
        let scales = &options.scales;
        let measured =
            scaling::measure(&cluster, &janitor, &mut results, scales, options.runs).await;
        note(&mut results, Part::Scaling, measured);
    }

    let table = report::markdown(&machine, options, &results);
    write(&table, &report::json(&machine, options, &results))?;
    println!("{table}");
    if !results.failures.is_empty() {
        bail!("{}", results.failures.join("; "));
    }
    Ok(())
}

/// The parts that work on one database.
async fn measure(
    options: &Options,
    cluster: &Arc<Cluster>,
    janitor: &Arc<Janitor>,
    results: &mut Results,
) -> Result<()> {
    let site = Site::build(options, cluster, janitor, results).await?;
    let quick = options.quick;
    for part in Part::ALL {
        if !options.wants(part) {
            continue;
        }
        let measured = match part {
            Part::Backup => backup::measure(&site, results).await,
            Part::Restore => restore::measure(&site, results).await,
            Part::Download => download::measure(&site, results, quick).await,
            Part::Health => health::measure(&site, results, quick).await,
            Part::Optimize => optimize::measure(&site, results).await,
            Part::Scaling => continue,
        };
        note(results, part, measured);
    }
    let backup = site.gzip.newest_backup().await?;
    results.megabytes = backup.uncompressed_bytes as f64 / 1e6;
    Ok(())
}

/// What does not work is told at the end: a long run is not to be lost for it.
fn note(results: &mut Results, part: Part, measured: Result<()>) {
    if let Err(error) = measured {
        let failure = format!("{part:?}: {error:#}");
        eprintln!("  FAILED {failure}");
        results.failures.push(failure);
    }
}

/// Writes the report into the build's directory.
fn write(table: &str, json: &serde_json::Value) -> Result<()> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .context("the build's directory has no parent")?;
    let directory = target.join("bench");
    fs::create_dir_all(&directory)?;
    fs::write(directory.join("lifeline.md"), table)?;
    let json = format!("{json:#}\n");
    fs::write(directory.join("lifeline.json"), json)?;
    eprintln!("written to {}", directory.display());
    Ok(())
}

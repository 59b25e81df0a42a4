//! `cargo bench --bench autogenerate`: how long autogenerate takes with 1,000 tables, and how long the same schema takes
//! PostgreSQL's own tools, in the same run: psql loads it twice, side by side, and pg_dump reads both, which is the least
//! that a comparison of two databases can come to.
//!
//! It starts a cluster and a daemon of its own and leaves nothing behind but a table on standard output.

mod models;
mod peer;
mod site;

// Each benchmark uses a part of it.
#[allow(dead_code)]
#[path = "../support/support.rs"]
mod support;

use std::{fs, process::ExitCode, sync::Arc, time::Instant};

use anyhow::{Result, ensure};

use self::{
    site::Site,
    support::{cluster::Cluster, database::Databases, process::Janitor},
};

/// Seconds that the project allows itself for a run that writes, and for one that finds nothing to do.
const BAR_WRITTEN: f64 = 10.0;
const BAR_NOTHING: f64 = 3.0;
/// How often a run without changes is measured; the slowest counts.
const QUIET_RUNS: usize = 3;

/// One line of the table.
struct Row {
    what: &'static str,
    seconds: f64,
    bar: f64,
    stages: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("autogenerate: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let janitor = Janitor::start(&std::env::temp_dir())?;
    let cluster = Arc::new(Cluster::start(&janitor)?);
    let databases = Databases::create(&cluster, "auto").await?;
    let site = Site::start(&databases, &janitor).await?;
    models::write(&site.models(), 0)?;
    let peer = peer::seconds(&databases, &site.models()).await?;
    eprintln!("  psql and pg_dump: {peer:.2} s");

    let mut rows = vec![measured(&site, "all new", BAR_WRITTEN, true).await?];
    site.upgrade().await?;
    let mut quiet = Vec::new();
    for _ in 0..QUIET_RUNS {
        quiet.push(measured(&site, "no change", BAR_NOTHING, false).await?);
    }
    rows.extend(
        quiet
            .into_iter()
            .max_by(|a, b| a.seconds.total_cmp(&b.seconds)),
    );
    models::write(&site.models(), 50)?;
    rows.push(measured(&site, "50 tables changed", BAR_WRITTEN, true).await?);
    site.upgrade().await?;
    models::write(&site.models(), models::TABLES)?;
    rows.push(measured(&site, "all but 50 changed", BAR_WRITTEN, true).await?);
    print(&rows, peer)
}

/// One CreateRevision, to its end.
async fn measured(site: &Site, what: &'static str, bar: f64, writes: bool) -> Result<Row> {
    let begin = Instant::now();
    let result = site.generate().await?;
    let seconds = begin.elapsed().as_secs_f64();
    ensure!(
        result.revisions.is_empty() != writes,
        "{what}: {} revisions",
        result.revisions.len()
    );
    let stages = site.stages()?;
    eprintln!("  {what}: {seconds:.2} s ({stages})");
    Ok(Row {
        what,
        seconds,
        bar,
        stages,
    })
}

fn print(rows: &[Row], peer: f64) -> Result<()> {
    let load = fs::read_to_string("/proc/loadavg")?;
    println!(
        "{} tables; psql and pg_dump of two such databases: {peer:.2} s; load average {}\n",
        models::TABLES,
        load.trim()
    );
    println!("| run | seconds | ratio | bar | met | stages |");
    println!("| --- | ---: | ---: | ---: | --- | --- |");
    for row in rows {
        println!(
            "| {} | {:.2} | {:.2} | < {:.0} s | {} | {} |",
            row.what,
            row.seconds,
            row.seconds / peer,
            row.bar,
            if row.seconds < row.bar {
                "yes"
            } else {
                "**no**"
            },
            row.stages
        );
    }
    Ok(())
}

//! Backups of databases of different sizes: time for each byte and memory are to stay as they are.

use std::{sync::Arc, time::Instant};

use anyhow::Result;

use super::backup::megabytes;
use crate::{
    data,
    results::{Results, Scale, median},
    support::{cluster::Cluster, daemon::Daemon, database::Databases, process::Janitor},
    tools,
};

/// Measures one size after the other, each with a daemon and a database of its own.
pub(crate) async fn measure(
    cluster: &Arc<Cluster>,
    janitor: &Arc<Janitor>,
    results: &mut Results,
    scales: &[u64],
    runs: usize,
) -> Result<()> {
    for &size in scales {
        eprintln!("scaling: a database of {size} MB");
        let databases = Databases::create(cluster, &format!("scale{size}")).await?;
        data::fill(&databases, size).await?;
        let scale = measure_one(&databases, janitor, runs).await?;
        eprintln!("  {scale:?}");
        results.scaling.push(scale);
        cluster.drop_database(&databases.managed()).await?;
    }
    Ok(())
}

async fn measure_one(databases: &Databases, janitor: &Arc<Janitor>, runs: usize) -> Result<Scale> {
    let daemon = Daemon::start(databases, "control", "gzip", janitor).await?;
    let (mut seconds, mut peak) = (Vec::new(), 0.0_f64);
    for _ in 0..runs {
        tools::settle(databases, janitor.directory()).await?;
        daemon.kernel().forget_peak()?;
        let start = Instant::now();
        daemon.back_up().await?;
        seconds.push(start.elapsed().as_secs_f64());
        peak = peak.max(daemon.kernel().peak()?);
        daemon.remove_older_backups().await?;
    }
    let backup = daemon.newest_backup().await?;
    let archive = daemon.archive(&backup);
    let scale = Scale {
        megabytes: backup.uncompressed_bytes as f64 / 1e6,
        seconds: median(&seconds),
        archive_megabytes: megabytes(&archive)?,
        peak_megabytes: peak,
    };
    daemon.remove()?;
    Ok(scale)
}

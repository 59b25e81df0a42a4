//! Where a run works: a cluster, a filled database, and two daemons that compress their backups differently.

use std::{path::PathBuf, sync::Arc, thread::available_parallelism, time::Duration};

use anyhow::Result;

use crate::{
    data, names,
    options::Options,
    results::Results,
    support::{cluster::Cluster, daemon::Daemon, database::Databases, process::Janitor},
    tools::{self, Tools},
};

/// How long an idle daemon is left alone before its memory is read.
const IDLE: Duration = Duration::from_secs(3);

/// The place; the daemons end before the cluster, and the directory goes last.
pub(crate) struct Site {
    pub(crate) gzip: Daemon,
    pub(crate) zstd: Daemon,
    pub(crate) databases: Databases,
    /// How often each measurement is made.
    pub(crate) runs: usize,
    directory: PathBuf,
}

impl Site {
    /// Makes all of it, and reads the memory of a daemon that has done nothing yet.
    pub(crate) async fn build(
        options: &Options,
        cluster: &Arc<Cluster>,
        janitor: &Arc<Janitor>,
        results: &mut Results,
    ) -> Result<Self> {
        eprintln!("a database of {} MB", options.megabytes);
        let databases = Databases::create(cluster, "bench").await?;
        data::fill(&databases, options.megabytes).await?;
        databases.create_control("control_zstd").await?;
        let site = Self {
            gzip: Daemon::start(&databases, "control", "gzip", janitor).await?,
            zstd: Daemon::start(&databases, "control_zstd", "zstd", janitor).await?,
            databases,
            runs: options.runs,
            directory: janitor.directory().to_owned(),
        };
        tokio::time::sleep(IDLE).await;
        results.add_peak(names::MEMORY_IDLE, site.gzip.kernel().resident()?);
        Ok(site)
    }

    /// The tools with as many jobs as the daemon has of itself.
    pub(crate) fn tools(&self) -> Tools<'_> {
        Tools {
            databases: &self.databases,
            jobs: jobs(),
        }
    }

    /// A path for a file of the run.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Waits until everything that was written lies on the disk.
    pub(crate) async fn settle(&self) -> Result<()> {
        tools::settle(&self.databases, &self.directory).await
    }
}

/// As many as there are processors, as is the daemon's default.
pub(crate) fn jobs() -> usize {
    available_parallelism().map_or(1, usize::from)
}

//! What to measure, and how large: `PGSTEWARD_BENCH_*` variables, and the arguments after `cargo bench --bench lifeline --`.

use std::{env, path::PathBuf, str::FromStr};

use anyhow::{Context as _, Result};
use clap::{Parser, ValueEnum};

/// What `--quick` measures, in MB.
const QUICK_MB: u64 = 50;

/// Backups, restores, downloads, memory and health, measured against PostgreSQL's own tools in the same run.
#[derive(Debug, Parser)]
#[command(name = "lifeline")]
struct Arguments {
    /// A smoke test: 50 MB, each measurement once
    #[arg(long)]
    quick: bool,
    /// Only these parts; by default all
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Cargo says so
    #[arg(long, hide = true)]
    bench: bool,
}

/// A part of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    Backup,
    Restore,
    Download,
    Health,
    Optimize,
    Scaling,
}

impl Part {
    /// All, in their order: Optimize leaves the tables in another state.
    pub(crate) const ALL: [Self; 6] = [
        Self::Backup,
        Self::Restore,
        Self::Download,
        Self::Health,
        Self::Optimize,
        Self::Scaling,
    ];
}

/// The settings of a run.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// COPY text of the database in MB.
    pub(crate) megabytes: u64,
    /// How often each measurement is made; the median counts.
    pub(crate) runs: usize,
    /// COPY text in MB of each database of the scaling table.
    pub(crate) scales: Vec<u64>,
    /// Where everything is made.
    pub(crate) directory: PathBuf,
    /// Whether this is the smoke test.
    pub(crate) quick: bool,
    only: Vec<Part>,
}

impl Options {
    /// From the arguments and the environment.
    pub(crate) fn read() -> Result<Self> {
        let arguments = Arguments::parse();
        let (megabytes, runs, scales) = if arguments.quick {
            (QUICK_MB, 1, vec![QUICK_MB / 5, QUICK_MB])
        } else {
            let megabytes = variable("PGSTEWARD_BENCH_MB")?.unwrap_or(1000);
            let runs = variable("PGSTEWARD_BENCH_RUNS")?.unwrap_or(3);
            (megabytes, runs, list("PGSTEWARD_BENCH_SCALES")?)
        };
        anyhow::ensure!(megabytes > 0 && runs > 0, "there is nothing to measure");
        Ok(Self {
            megabytes,
            runs,
            scales,
            directory: variable("PGSTEWARD_BENCH_DIR")?.unwrap_or_else(env::temp_dir),
            quick: arguments.quick,
            only: arguments.only,
        })
    }

    /// Whether a part is to be measured.
    pub(crate) fn wants(&self, part: Part) -> bool {
        let asked = self.only.is_empty() || self.only.contains(&part);
        asked && (part != Part::Scaling || !self.scales.is_empty())
    }
}

fn variable<T>(name: &str) -> Result<Option<T>>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    match env::var(name) {
        Ok(text) => {
            let value = text.trim().parse();
            Ok(Some(value.with_context(|| format!("{name}={text}"))?))
        }
        Err(env::VarError::NotPresent) => Ok(None),
        Err(error) => Err(error).context(name.to_owned()),
    }
}

/// Numbers with commas between them; empty without the variable.
fn list(name: &str) -> Result<Vec<u64>> {
    let text: String = variable(name)?.unwrap_or_default();
    let numbers = text.split(',').map(str::trim).filter(|n| !n.is_empty());
    numbers
        .map(|number| {
            let number = number.parse();
            number.with_context(|| format!("{name}={text}"))
        })
        .collect()
}

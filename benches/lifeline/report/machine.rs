//! What a run was made on, as far as the machine says.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use anyhow::Result;
use serde::Serialize;

use crate::{site::jobs, support::cluster::Cluster};

/// The machine and its PostgreSQL.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    processor: String,
    /// Processors that the run may use; as many jobs had the tools and the daemon.
    cores: usize,
    memory_gb: f64,
    /// File system and device of the run's directory.
    disk: String,
    /// As `server_version` says it.
    postgresql: String,
}

impl Machine {
    /// Looks around.
    pub(crate) async fn look(cluster: &Cluster, directory: &Path) -> Result<Self> {
        let server = cluster.superuser("postgres").await?;
        let version = server
            .query_one("SELECT current_setting('server_version')", &[])
            .await?;
        let unknown = || "unknown".to_owned();
        let kibibytes = value("/proc/meminfo", "MemTotal")
            .and_then(|text| text.trim_end_matches(" kB").parse::<f64>().ok());
        Ok(Self {
            processor: value("/proc/cpuinfo", "model name").unwrap_or_else(unknown),
            cores: jobs(),
            memory_gb: kibibytes.unwrap_or_default() * 1024.0 / 1e9,
            disk: disk(directory).unwrap_or_else(unknown),
            postgresql: version.get(0),
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            processor,
            cores,
            memory_gb,
            disk,
            postgresql,
        } = self;
        write!(
            formatter,
            "{processor}, {cores} cores, {memory_gb:.0} GB of memory, disk {disk}; PostgreSQL {postgresql}"
        )
    }
}

/// The first value of a key in a file of `key: value` lines.
fn value(path: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = pairs.find(|(name, _)| name.trim() == key)?;
    Some(value.trim().to_owned())
}

/// The file system that holds a directory, and what it lies on.
fn disk(directory: &Path) -> Option<String> {
    let directory = directory.canonicalize().ok()?;
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let (device, _, kind) = mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ');
            Some((
                fields.next()?,
                PathBuf::from(fields.next()?),
                fields.next()?,
            ))
        })
        .filter(|(_, place, _)| directory.starts_with(place))
        // Of two mounts at one place the later one is seen.
        .max_by_key(|(_, place, _)| place.components().count())?;
    let name = Path::new(device).file_name()?.to_str()?;
    let class = Path::new("/sys/class/block").join(name);
    // A partition has no queue of its own.
    let rotates = [class.join("queue"), class.join("../queue")]
        .iter()
        .find_map(|queue| fs::read_to_string(queue.join("rotational")).ok());
    let medium = match rotates.as_deref().map(str::trim) {
        Some("0") => " (solid state)",
        // A virtual machine's disks say that they rotate, whatever is behind them.
        _ if name.starts_with("vd") || name.starts_with("xvd") => " (virtual)",
        Some("1") => " (rotating)",
        _ => "",
    };
    Some(format!("{kind} on {name}{medium}"))
}

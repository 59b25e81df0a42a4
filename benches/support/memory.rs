//! What the kernel knows of one process: its memory, and the processor time that it took.

use std::fs;

use anyhow::{Context as _, Result};

/// The unit of times in `/proc/PID/stat`: a hundredth of a second, on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// One process, children not counted.
#[derive(Clone, Copy)]
pub(crate) struct Kernel(pub(crate) u32);

impl Kernel {
    /// Memory now, in MB (10^6 bytes).
    pub(crate) fn resident(self) -> Result<f64> {
        self.status("VmRSS:")
    }

    /// The most memory since [`Self::forget_peak`], in MB.
    pub(crate) fn peak(self) -> Result<f64> {
        self.status("VmHWM:")
    }

    /// Makes the peak what the memory is now.
    pub(crate) fn forget_peak(self) -> Result<()> {
        let path = format!("/proc/{}/clear_refs", self.0);
        fs::write(&path, "5").with_context(|| format!("cannot write {path}"))
    }

    /// Seconds of processor time so far, over all threads.
    pub(crate) fn processor_time(self) -> Result<f64> {
        let path = format!("/proc/{}/stat", self.0);
        let stat = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        // The second field is a name that may hold anything; after it, user and system time are the 12th and 13th.
        let (_, fields) = stat.rsplit_once(") ").context("a stat without a name")?;
        let mut ticks = 0.0;
        for field in fields.split(' ').skip(11).take(2) {
            ticks += field.parse::<f64>()?;
        }
        Ok(ticks / TICKS_PER_SECOND)
    }

    fn status(self, key: &str) -> Result<f64> {
        let path = format!("/proc/{}/status", self.0);
        let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(key))
            .with_context(|| format!("{path} has no {key}"))?;
        let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kibibytes * 1024.0 / 1e6)
    }
}

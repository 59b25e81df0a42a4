//! What was measured: a series of values under each name, and the stopwatch that fills it.

use std::{future::Future, time::Instant};

use anyhow::Result;
use serde::Serialize;

use crate::{site::Site, support::memory::Kernel};

/// What a series' values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Unit {
    #[serde(rename = "s")]
    Seconds,
    #[serde(rename = "MB")]
    Megabytes,
    #[serde(rename = "GB/s")]
    GigabytesPerSecond,
    #[serde(rename = "/s")]
    PerSecond,
    #[serde(rename = "ms")]
    Milliseconds,
}

/// The values of one measurement, run by run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) unit: Unit,
    pub(crate) values: Vec<f64>,
    /// The median of the values; of a peak the highest.
    pub(crate) value: f64,
}

/// One row of the scaling table.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Scale {
    /// COPY text and schema, in MB.
    pub(crate) megabytes: f64,
    pub(crate) seconds: f64,
    pub(crate) archive_megabytes: f64,
    /// The daemon's memory at its highest.
    pub(crate) peak_megabytes: f64,
}

/// All of a run.
#[derive(Debug, Default)]
pub(crate) struct Results {
    /// In the order in which they were first made.
    pub(crate) series: Vec<Series>,
    pub(crate) scaling: Vec<Scale>,
    /// The size of the database as COPY text, in MB.
    pub(crate) megabytes: f64,
    /// What did not work.
    pub(crate) failures: Vec<String>,
}

impl Results {
    /// The value that stands for a series.
    pub(crate) fn value(&self, name: &str) -> Option<f64> {
        self.find(name).map(|series| series.value)
    }

    /// A series.
    pub(crate) fn find(&self, name: &str) -> Option<&Series> {
        self.series.iter().find(|series| series.name == name)
    }

    /// Adds a value of which the median counts.
    pub(crate) fn add(&mut self, name: &str, unit: Unit, value: f64) {
        let series = self.push(name, unit, value);
        series.value = median(&series.values);
    }

    /// Adds a value of which the highest counts.
    pub(crate) fn add_peak(&mut self, name: &str, value: f64) {
        let series = self.push(name, Unit::Megabytes, value);
        series.value = series.values.iter().copied().fold(0.0, f64::max);
    }

    fn push(&mut self, name: &str, unit: Unit, value: f64) -> &mut Series {
        eprintln!("  {name}: {value:.3}");
        let known = self.series.iter().position(|series| series.name == name);
        let place = known.unwrap_or_else(|| {
            self.series.push(Series {
                name: name.to_owned(),
                unit,
                values: Vec::new(),
                value,
            });
            self.series.len() - 1
        });
        let series = &mut self.series[place];
        series.values.push(value);
        series
    }

    /// Times some work, once all that was written before lies on the disk.
    pub(crate) async fn time<T>(
        &mut self,
        site: &Site,
        name: &str,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        site.settle().await?;
        let start = Instant::now();
        let outcome = work.await?;
        self.add(name, Unit::Seconds, start.elapsed().as_secs_f64());
        Ok(outcome)
    }

    /// The same for work of the daemon, with the most memory that it took.
    pub(crate) async fn time_daemon<T>(
        &mut self,
        site: &Site,
        daemon: Kernel,
        (name, peak): (&str, &str),
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        daemon.forget_peak()?;
        let outcome = self.time(site, name, work).await?;
        self.add_peak(peak, daemon.peak()?);
        Ok(outcome)
    }
}

/// The middle value; of an even number the mean of both.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

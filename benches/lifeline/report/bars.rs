//! The rows of the table, and the bars of the design's section on performance.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::{
    names,
    results::{Results, Unit},
};

/// What a value must be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bar {
    /// Of the tool's value, this much at most.
    Times(f64),
    /// Less than the tool's value.
    Less,
    /// At least so much, whatever the tools do.
    AtLeast(f64, Unit),
    /// Below so much.
    Below(f64, Unit),
}

impl Bar {
    fn is_met(self, value: f64, ratio: Option<f64>) -> Option<bool> {
        Some(match self {
            Self::Times(most) => ratio? <= most,
            Self::Less => ratio? < 1.0,
            Self::AtLeast(least, _) => value >= least,
            Self::Below(limit, _) => value < limit,
        })
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Times(most) => write!(formatter, "≤ {most:.2}"),
            Self::Less => write!(formatter, "< 1.00"),
            Self::AtLeast(least, unit) => {
                write!(formatter, "≥ {}", super::quantity(least, unit))
            }
            Self::Below(limit, unit) => write!(formatter, "< {}", super::quantity(limit, unit)),
        }
    }
}

impl Serialize for Bar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A row: our measurement, the tool's with its heading, and the bar.
type Row = (
    &'static str,
    Option<(&'static str, &'static str)>,
    Option<Bar>,
);

/// A time beside a tool's.
const fn time(ours: &'static str, tool: &'static str, bar: Option<Bar>) -> Row {
    (ours, Some((tool, tool)), bar)
}

/// An archive's size beside that of a tool.
const fn size(
    ours: &'static str,
    heading: &'static str,
    tool: &'static str,
    bar: Option<Bar>,
) -> Row {
    (ours, Some((heading, tool)), bar)
}

/// What no tool does.
const fn alone(ours: &'static str, bar: Option<Bar>) -> Row {
    (ours, None, bar)
}

/// The daemon's memory in some operation.
const fn memory(ours: &'static str) -> Row {
    alone(ours, Some(Bar::Below(150.0, Unit::Megabytes)))
}

const ROWS: [Row; 26] = [
    time(names::BACKUP_GZIP, names::DUMP_GZIP, Some(Bar::Times(0.40))),
    time(names::BACKUP_GZIP, names::DUMP_NULL, Some(Bar::Times(1.0))),
    time(names::BACKUP_GZIP, names::DUMP_CUSTOM, None),
    time(names::BACKUP_GZIP, names::DUMP_DIRECTORY, None),
    time(names::BACKUP_ZSTD, names::DUMP_NULL, Some(Bar::Less)),
    size(
        names::SIZE_GZIP,
        names::DUMP_GZIP,
        names::SIZE_GZIP_TOOL,
        Some(Bar::Times(1.05)),
    ),
    size(
        names::SIZE_GZIP,
        names::DUMP_CUSTOM,
        names::SIZE_CUSTOM,
        None,
    ),
    size(
        names::SIZE_ZSTD,
        names::DUMP_GZIP,
        names::SIZE_GZIP_TOOL,
        None,
    ),
    time(
        names::RESTORE_FULL,
        names::GUNZIP_PSQL,
        Some(Bar::Times(1.0)),
    ),
    time(names::RESTORE_FULL, names::PG_RESTORE, None),
    time(
        names::RESTORE_NONE,
        names::PG_RESTORE,
        Some(Bar::Times(1.0)),
    ),
    alone(
        names::DOWNLOAD,
        Some(Bar::AtLeast(1.0, Unit::GigabytesPerSecond)),
    ),
    alone(names::DOWNLOAD_CLI, None),
    time(names::OPTIMIZE, names::VACUUMDB, Some(Bar::Times(1.05))),
    alone(
        names::HEALTH_PER_CORE,
        Some(Bar::AtLeast(20_000.0, Unit::PerSecond)),
    ),
    alone(names::HEALTH_PER_SECOND, None),
    alone(names::HEALTH_P50, None),
    alone(names::HEALTH_P99, Some(Bar::Below(5.0, Unit::Milliseconds))),
    alone(names::MEMORY_IDLE, Some(Bar::Below(30.0, Unit::Megabytes))),
    memory(names::MEMORY_BACKUP_GZIP),
    memory(names::MEMORY_BACKUP_ZSTD),
    memory(names::MEMORY_RESTORE_FULL),
    memory(names::MEMORY_RESTORE_NONE),
    memory(names::MEMORY_DOWNLOAD),
    memory(names::MEMORY_OPTIMIZE),
    memory(names::MEMORY_HEALTH),
];

/// A row with its values.
#[derive(Debug, Serialize)]
pub(super) struct Comparison {
    pub(super) what: &'static str,
    pub(super) tool: Option<&'static str>,
    pub(super) tool_value: Option<f64>,
    pub(super) value: f64,
    pub(super) unit: Unit,
    pub(super) ratio: Option<f64>,
    pub(super) bar: Option<Bar>,
    pub(super) met: Option<bool>,
}

/// The rows of what was measured.
pub(super) fn compare_all(results: &Results) -> Vec<Comparison> {
    let rows = ROWS.iter();
    rows.filter_map(|row| compare(results, row)).collect()
}

fn compare(results: &Results, &(what, tool, bar): &Row) -> Option<Comparison> {
    let ours = results.find(what)?;
    let tool_value = match tool {
        Some((_, name)) => Some(results.value(name)?),
        None => None,
    };
    let ratio = tool_value.map(|tools| ours.value / tools);
    Some(Comparison {
        what,
        tool: tool.map(|(heading, _)| heading),
        tool_value,
        value: ours.value,
        unit: ours.unit,
        ratio,
        bar,
        met: bar.and_then(|bar| bar.is_met(ours.value, ratio)),
    })
}

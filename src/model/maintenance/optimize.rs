//! Optimize: what is asked for, what of it each table needs, and what came of it.

use std::{cmp::Reverse, collections::BTreeSet, time::Duration};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::model::table_name::TableName;

/// Whether VACUUM removes the index entries of dead rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IndexCleanup {
    /// As the server decides.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// What a run is asked for. The default is VACUUM and ANALYZE of everything.
// They are VACUUM's own options, each of which is on or off.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OptimizeOptions {
    /// Tables at once; 0 for the configured number.
    pub jobs: usize,
    /// No VACUUM.
    pub analyze_only: bool,
    /// Freeze all rows.
    pub freeze: bool,
    /// Leave out what is locked.
    pub skip_locked: bool,
    /// What becomes of index entries.
    pub index_cleanup: IndexCleanup,
    /// Only these, and the partitions of those that are partitioned; empty for all.
    pub tables: Vec<TableName>,
    /// Only what needs it.
    pub stale: bool,
    /// Longest wait for a table's lock; none for the configured one.
    pub lock_timeout: Option<Duration>,
    /// Leave free pages at the end of a table's file.
    pub no_truncate: bool,
    /// Parallel workers for a table's indexes; none for the server's own choice.
    pub parallel_workers: Option<u32>,
}

/// What kind of table it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    /// A table or materialized view with rows of its own.
    Plain,
    /// A partitioned table, which is read through its partitions.
    Partitioned,
    /// A table of a foreign server.
    Foreign,
}

/// A table as the catalog and the statistics know it.
#[derive(Clone, Debug, PartialEq)]
pub struct TableState {
    /// Its OID.
    pub oid: u32,
    /// Its name.
    pub name: TableName,
    /// What kind of table it is.
    pub kind: TableKind,
    /// The partitioned tables that it is a part of, by their OIDs.
    pub ancestors: Vec<u32>,
    /// Whether it is a temporary table of some session.
    pub temporary: bool,
    /// Whether the role may vacuum it.
    pub permitted: bool,
    /// Its size in bytes, indexes and TOAST included; 0 when not known.
    pub size_bytes: i64,
    /// Pages of its main file; 0 when not known.
    pub pages: i64,
    /// Rows, as the planner estimates them; 0 when not known.
    pub rows: f64,
    /// Dead rows, as the statistics estimate them.
    pub dead_rows: i64,
    /// Rows that were inserted since the last VACUUM.
    pub inserted_rows: i64,
    /// Rows that were changed since the last ANALYZE.
    pub changed_rows: i64,
    /// When it was last analyzed.
    pub analyzed: Option<DateTime<Utc>>,
    /// Whether its oldest id is of an age from which on VACUUM freezes all of it.
    pub freeze_due: bool,
}

impl TableState {
    /// Somewhat before autovacuum would come (50 + 20 % dead, 1000 + 20 % inserted), so that the run spares it the work.
    fn wants_vacuum(&self) -> bool {
        let beyond = |count: i64, least: f64, part: f64| as_float(count) > least + part * self.rows;
        self.kind == TableKind::Plain
            && (self.freeze_due
                || beyond(self.dead_rows, 50.0, 0.1)
                || beyond(self.inserted_rows, 1000.0, 0.2))
    }

    /// Autovacuum analyzes at 50 + 10 %.
    fn wants_analyze(&self) -> bool {
        self.analyzed.is_none() || as_float(self.changed_rows) > 50.0 + 0.05 * self.rows
    }
}

/// Counts of rows are far below what a float holds exactly.
#[allow(clippy::cast_precision_loss)]
fn as_float(count: i64) -> f64 {
    count as f64
}

/// What is done to a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimizeAction {
    /// VACUUM and ANALYZE.
    #[default]
    VacuumAnalyze,
    /// VACUUM alone.
    Vacuum,
    /// ANALYZE alone.
    Analyze,
}

impl OptimizeAction {
    fn of(vacuum: bool, analyze: bool) -> Option<Self> {
        match (vacuum, analyze) {
            (true, true) => Some(Self::VacuumAnalyze),
            (true, false) => Some(Self::Vacuum),
            (false, true) => Some(Self::Analyze),
            (false, false) => None,
        }
    }

    /// Whether VACUUM is a part of it.
    pub fn vacuums(self) -> bool {
        self != Self::Analyze
    }
}

/// A table, and what is to be done to it.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedTable {
    /// The table as it was found.
    pub state: TableState,
    /// What is to be done.
    pub action: OptimizeAction,
}

/// What a run does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OptimizePlan {
    /// Tables with rows of their own, the largest first.
    pub plain: Vec<PlannedTable>,
    /// Partitioned and foreign tables, which are analyzed when all others are done: ANALYZE of a partitioned table takes the
    /// locks of its partitions.
    pub read_through: Vec<PlannedTable>,
    /// Tables that are left alone, each with why.
    pub skipped: Vec<OptimizedTable>,
    /// How many need nothing.
    pub fresh: u32,
}

const TEMPORARY: &str = "it is a temporary table: only its own session can vacuum it";
const NOT_PERMITTED: &str =
    "the maintenance role may not vacuum it: it owns neither the table nor the database";

/// What is to be done to which table. ANALYZE of a partitioned table analyzes its partitions as well, so that they are
/// vacuumed only.
pub fn plan(tables: Vec<TableState>, options: &OptimizeOptions) -> OptimizePlan {
    let chosen = chosen(tables, &options.tables);
    let analyzed = analyzed_wholes(&chosen, options);
    let mut plan = OptimizePlan::default();
    for state in chosen {
        let covered = state.ancestors.iter().any(|oid| analyzed.contains(oid));
        let vacuum = state.kind == TableKind::Plain
            && !options.analyze_only
            && (!options.stale || state.wants_vacuum());
        let analyze = match state.kind {
            TableKind::Partitioned => {
                !covered && (analyzed.contains(&state.oid) || !state.permitted)
            }
            _ => !covered && (!options.stale || state.wants_analyze()),
        };
        let Some(action) = OptimizeAction::of(vacuum, analyze) else {
            plan.fresh += u32::from(!covered);
            continue;
        };
        let why = match &state {
            state if state.temporary => TEMPORARY,
            state if !state.permitted => NOT_PERMITTED,
            _ => {
                let list = match state.kind {
                    TableKind::Plain => &mut plan.plain,
                    _ => &mut plan.read_through,
                };
                list.push(PlannedTable { state, action });
                continue;
            }
        };
        let outcome = OptimizeOutcome::Skipped(why.to_owned());
        let table = PlannedTable { state, action };
        plan.skipped.push(table.ended(outcome, Duration::ZERO));
    }
    plan.plain
        .sort_by_key(|table| Reverse(table.state.size_bytes));
    plan
}

/// Those that were asked for, with the partitions of those that are partitioned.
fn chosen(tables: Vec<TableState>, names: &[TableName]) -> Vec<TableState> {
    if names.is_empty() {
        return tables;
    }
    let asked_for: BTreeSet<u32> = tables
        .iter()
        .filter(|table| names.contains(&table.name))
        .map(|table| table.oid)
        .collect();
    let is_chosen = |table: &TableState| {
        asked_for.contains(&table.oid) || table.ancestors.iter().any(|oid| asked_for.contains(oid))
    };
    tables.into_iter().filter(is_chosen).collect()
}

/// The partitioned tables that are analyzed, by themselves or with one that they are a part of.
fn analyzed_wholes(tables: &[TableState], options: &OptimizeOptions) -> BTreeSet<u32> {
    let is_stale = |whole: &TableState| {
        let stale_part = |part: &TableState| {
            part.kind == TableKind::Plain
                && part.ancestors.contains(&whole.oid)
                && (part.wants_analyze() || part.analyzed > whole.analyzed)
        };
        whole.analyzed.is_none() || tables.iter().any(stale_part)
    };
    tables
        .iter()
        .filter(|table| table.kind == TableKind::Partitioned && table.permitted)
        .filter(|table| !options.stale || is_stale(table))
        .map(|table| table.oid)
        .collect()
}

/// What happened to one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "message", rename_all = "snake_case")]
pub enum OptimizeOutcome {
    /// Vacuumed, analyzed or both.
    Optimized,
    /// Left alone, and why.
    Skipped(String),
    /// Tried, with this error.
    Failed(String),
}

/// One table of an optimize run. What records of earlier versions lack has its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptimizedTable {
    /// The table's schema.
    pub schema: String,
    /// The table's name.
    pub table: String,
    /// What was done, or was to be done.
    #[serde(default)]
    pub action: OptimizeAction,
    /// What happened.
    pub outcome: OptimizeOutcome,
    /// What the server warned of.
    #[serde(default)]
    pub warning: String,
    /// How long it took.
    pub duration: Duration,
    /// The table's size in bytes before, indexes and TOAST included; 0 when someone had it locked.
    pub size_bytes: i64,
    /// Dead rows before, as the statistics estimated them.
    #[serde(default)]
    pub dead_rows_before: i64,
    /// Dead rows that VACUUM left; none where there was none.
    #[serde(default)]
    pub dead_rows_after: Option<i64>,
    /// Pages of the main file before; 0 when someone had it locked.
    #[serde(default)]
    pub pages_before: i64,
    /// Pages after VACUUM; none where there was none.
    #[serde(default)]
    pub pages_after: Option<i64>,
}

impl PlannedTable {
    /// The table's part of the result.
    pub fn ended(&self, outcome: OptimizeOutcome, duration: Duration) -> OptimizedTable {
        OptimizedTable {
            schema: self.state.name.schema.clone(),
            table: self.state.name.table.clone(),
            action: self.action,
            outcome,
            warning: String::new(),
            duration,
            size_bytes: self.state.size_bytes,
            dead_rows_before: self.state.dead_rows,
            dead_rows_after: None,
            pages_before: self.state.pages,
            pages_after: None,
        }
    }
}

impl OptimizedTable {
    /// Whether pages at the end of the table's file were given back.
    pub fn truncated(&self) -> bool {
        self.pages_after
            .is_some_and(|pages| pages < self.pages_before)
    }
}

/// What an optimize run did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptimizeResult {
    /// The managed database.
    pub database: String,
    /// The tables, in the order in which they ended.
    pub tables: Vec<OptimizedTable>,
    /// How many needed nothing.
    #[serde(default)]
    pub fresh: u32,
    /// How often the run made way for others.
    #[serde(default)]
    pub yields: u32,
}

#[cfg(test)]
mod tests;

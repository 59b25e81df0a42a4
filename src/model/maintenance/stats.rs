//! How a database stands, and the estimates that are made of what was read.

pub mod warnings;

use std::time::Duration;

use chrono::{DateTime, Utc};

use self::warnings::StatsWarning;
use crate::model::table_name::TableName;

/// One table.
#[derive(Clone, Debug, PartialEq)]
pub struct TableStats {
    /// Its name.
    pub name: TableName,
    /// With indexes and TOAST; 0 where not known.
    pub size_bytes: i64,
    /// Its main file alone; 0 where not known.
    pub main_bytes: i64,
    /// As the planner estimates them; none before the first VACUUM or ANALYZE.
    pub rows: Option<i64>,
    /// As the statistics estimate them.
    pub dead_rows: i64,
    /// When it was last vacuumed.
    pub vacuumed: Option<DateTime<Utc>>,
    /// When it was last analyzed.
    pub analyzed: Option<DateTime<Utc>>,
    /// Estimated bytes of the main file that hold nothing.
    pub bloat_bytes: Option<i64>,
    /// Age of its oldest transaction id.
    pub transaction_age: i64,
    /// Whether autovacuum is switched off for it.
    pub autovacuum_off: bool,
}

/// One index.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexStats {
    /// Its name.
    pub name: TableName,
    /// Its table's name, in the same schema.
    pub table: String,
    /// 0 where not known.
    pub size_bytes: i64,
    /// Scans since the statistics were reset.
    pub scans: i64,
    /// False when its build did not come to its end.
    pub valid: bool,
    /// Whether only its scans justify it: it is neither unique nor part of a constraint.
    pub dispensable: bool,
    /// The index that is the same.
    pub duplicate_of: Option<String>,
    /// Estimated bytes that hold nothing.
    pub bloat_bytes: Option<i64>,
}

impl IndexStats {
    /// Whether nobody would miss it, as far as this server knows.
    pub fn unused(&self) -> bool {
        self.valid && self.dispensable && self.scans == 0
    }

    /// The order in which indexes are shown.
    pub fn rank(&self) -> (bool, bool, bool, std::cmp::Reverse<i64>) {
        (
            self.valid,
            self.duplicate_of.is_none(),
            !self.unused(),
            std::cmp::Reverse(self.size_bytes),
        )
    }
}

/// Ids of a kind: how old the oldest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdAge {
    /// Age of the oldest.
    pub age: i64,
    /// The age at which autovacuum freezes whether it is on or off.
    pub freeze_max_age: i64,
}

/// An id can be told from one that is older by less than this.
const IDS: i64 = i32::MAX as i64;
/// The server takes no more writes when so many ids are left.
const RESERVED_IDS: i64 = 3_000_000;

impl IdAge {
    /// Ids before the server stops.
    pub fn left(self) -> i64 {
        (IDS - RESERVED_IDS - self.age).max(0)
    }
}

/// Sessions of clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connections {
    /// Of this database, by state.
    pub states: Vec<(String, i64)>,
    /// Of all databases.
    pub server_count: i64,
    /// Most that the server takes.
    pub server_limit: i64,
}

/// An open transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenTransaction {
    /// Its session's process id.
    pub pid: i32,
    /// Its role.
    pub role: String,
    /// Its program.
    pub application: String,
    /// Its session's state.
    pub state: String,
    /// When it began.
    pub start: DateTime<Utc>,
    /// Since when the session is in its state.
    pub state_since: Option<DateTime<Utc>>,
}

/// A prepared transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// Its name.
    pub gid: String,
    /// Its role.
    pub role: String,
    /// When it was prepared.
    pub time: DateTime<Utc>,
}

/// A receiver of the write-ahead log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// Its name.
    pub application: String,
    /// Its state; empty where it may not be seen.
    pub state: String,
    /// Bytes that it has not replayed.
    pub lag_bytes: Option<i64>,
    /// The time to a change's replay.
    pub lag: Option<Duration>,
}

/// A replication slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its name.
    pub name: String,
    /// Physical or logical.
    pub kind: String,
    /// Whether someone receives from it.
    pub active: bool,
    /// Bytes that it keeps.
    pub retained_bytes: Option<i64>,
    /// `lost` when it has lost what it needs.
    pub wal_status: String,
}

/// What was read of a database. The lists of tables and indexes are whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// When.
    pub time: DateTime<Utc>,
    /// Its size.
    pub size_bytes: i64,
    /// All tables, the largest first.
    pub tables: Vec<TableStats>,
    /// All indexes, in the order of their rank.
    pub indexes: Vec<IndexStats>,
    /// Transaction ids.
    pub transaction_ids: IdAge,
    /// Multixact ids.
    pub multixact_ids: IdAge,
    /// Sessions.
    pub connections: Connections,
    /// Transactions of a minute or more, the oldest first.
    pub open_transactions: Vec<OpenTransaction>,
    /// The oldest first.
    pub prepared: Vec<Prepared>,
    /// Receivers.
    pub replicas: Vec<Replica>,
    /// Slots.
    pub slots: Vec<Slot>,
    /// Reads from shared memory, and all.
    pub reads: (i64, i64),
    /// Since when scans and reads count.
    pub stats_reset: Option<DateTime<Utc>>,
    /// Whether the server runs autovacuum.
    pub autovacuum: bool,
    /// What could not be seen.
    pub limitations: Vec<String>,
}

impl Observed {
    /// The part of the reads that shared memory answered.
    #[allow(clippy::cast_precision_loss)]
    pub fn cache_hit_ratio(&self) -> Option<f64> {
        let (hits, all) = self.reads;
        (all > 0).then(|| hits as f64 / all as f64)
    }
}

/// How a database stands, cut to what is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct DatabaseStats {
    /// The managed database.
    pub database: String,
    /// What was read; lists of tables, indexes and transactions cut to the limit.
    pub observed: Observed,
    /// How many tables there are.
    pub table_count: usize,
    /// How many indexes there are.
    pub index_count: usize,
    /// What should be done.
    pub warnings: Vec<StatsWarning>,
}

/// What an estimate of a file's waste is made of: numbers of the catalog and of the planner's statistics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Density {
    /// Rows or entries.
    pub rows: f64,
    /// Pages that they took when they were counted.
    pub pages: f64,
    /// Average bytes of a row's or entry's columns.
    pub width: f64,
    /// Columns; for the bitmap of those that are NULL.
    pub columns: i32,
    /// Whether any column has NULLs.
    pub nulls: bool,
    /// To which percentage pages are filled.
    pub fillfactor: f64,
    /// Bytes of a page.
    pub page_bytes: f64,
}

/// PostgreSQL puts the data of a row on addresses that eight divides.
fn aligned(bytes: f64) -> f64 {
    (bytes / 8.0).ceil() * 8.0
}

const PAGE_HEADER: f64 = 24.0;
const LINE_POINTER: f64 = 4.0;

impl Density {
    /// The part of a table's main file that holds nothing, 0 to 1.
    pub fn table_waste(self) -> Option<f64> {
        let bitmap = if self.nulls {
            (f64::from(self.columns) / 8.0).ceil()
        } else {
            0.0
        };
        let row = aligned(23.0 + bitmap) + aligned(self.width) + LINE_POINTER;
        self.waste(row, PAGE_HEADER, 0.0)
    }

    /// The part of a B-tree index that holds nothing, 0 to 1. Its first page is no tree's, and inner pages are one in some
    /// two hundred.
    pub fn index_waste(self) -> Option<f64> {
        let head = if self.nulls { 16.0 } else { 8.0 };
        let entry = head + aligned(self.width) + LINE_POINTER;
        self.waste(entry, PAGE_HEADER + 16.0, 1.0)
    }

    fn waste(self, item: f64, overhead: f64, more_pages: f64) -> Option<f64> {
        if self.pages < 1.0 || self.rows < 0.0 {
            return None;
        }
        let room = (self.page_bytes - overhead) * self.fillfactor / 100.0;
        // A row that is larger than a page lies in the TOAST table for the most part.
        let per_page = (room / item).floor().max(1.0);
        let needed = (self.rows / per_page).ceil() + more_pages;
        Some(((self.pages - needed) / self.pages).clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const FULL: Density = Density {
        rows: 18_500.0,
        pages: 100.0,
        width: 16.0,
        columns: 2,
        nulls: false,
        fillfactor: 100.0,
        page_bytes: 8192.0,
    };

    fn near(left: Option<f64>, right: f64) -> bool {
        (left.unwrap() - right).abs() < 0.02
    }

    #[test]
    fn a_full_table_wastes_nothing_and_one_that_lost_half_of_its_rows_half() {
        assert!(near(FULL.table_waste(), 0.0));
        let half = Density {
            rows: 9_250.0,
            ..FULL
        };
        assert!(near(half.table_waste(), 0.5));
        let empty = Density { rows: 0.0, ..FULL };
        assert!(near(empty.table_waste(), 1.0));
    }

    #[test]
    fn nothing_is_said_of_what_was_never_counted() {
        let new = Density { pages: 0.0, ..FULL };
        assert_eq!(new.table_waste(), None);
        let uncounted = Density { rows: -1.0, ..FULL };
        assert_eq!(uncounted.table_waste(), None);
    }

    #[test]
    fn an_index_of_integers_is_reckoned_to_its_usual_density() {
        // One million integers take 2745 pages at 90 %.
        let index = Density {
            rows: 1_000_000.0,
            pages: 2745.0,
            width: 4.0,
            columns: 1,
            fillfactor: 90.0,
            ..FULL
        };
        assert!(near(index.index_waste(), 0.0));
    }

    #[test]
    fn ids_end_before_they_wrap_around() {
        let age = |age| IdAge {
            age,
            freeze_max_age: 200_000_000,
        };
        assert_eq!(age(0).left(), 2_144_483_647);
        assert_eq!(age(i64::from(i32::MAX)).left(), 0);
    }
}

//! Reindex: what is asked for, which indexes are rebuilt, and what came of it.

use std::{cmp::Reverse, time::Duration};

use serde::{Deserialize, Serialize};

use crate::model::table_name::TableName;

/// Less waste than this is not worth a rebuild, whatever part of an index it is.
const LEAST_WASTE_BYTES: f64 = 1024.0 * 1024.0;
/// From which percentage of waste on an index counts as bloated, if nothing else is said.
pub const WASTE_PERCENT: u32 = 30;

/// What a run is asked for. The default is every index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReindexOptions {
    /// Indexes at once; 0 for one.
    pub jobs: usize,
    /// These indexes; of a partitioned one its parts.
    pub indexes: Vec<TableName>,
    /// The indexes of these tables; of a partitioned one those of its partitions.
    pub tables: Vec<TableName>,
    /// The indexes in these schemas.
    pub schemas: Vec<String>,
    /// Of those only the ones that are invalid, or bloated where that is asked for too.
    pub invalid: bool,
    /// Of those only the ones that are bloated, or invalid where that is asked for too.
    pub bloated: bool,
    /// From which percentage of waste on an index is bloated; 0 for the default.
    pub waste_percent: u32,
    /// Longest wait for older transactions; none for the configured one.
    pub lock_timeout: Option<Duration>,
}

/// An index as the catalog knows it.
// Facts of the catalog that do not depend on each other.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, PartialEq)]
pub struct IndexState {
    /// Its name.
    pub name: TableName,
    /// Its table's name, in the same schema.
    pub table: String,
    /// Its table's OID.
    pub table_oid: u32,
    /// Whether it is one of those that were asked for.
    pub chosen: bool,
    /// False when a build of it did not come to its end.
    pub valid: bool,
    /// Whether it belongs to an exclusion constraint.
    pub exclusion: bool,
    /// Whether it belongs to a temporary table.
    pub temporary: bool,
    /// Whether the role may rebuild it.
    pub permitted: bool,
    /// Its size; 0 when not known.
    pub size_bytes: i64,
    /// Which part of it is estimated to hold nothing.
    pub waste: Option<f64>,
}

impl IndexState {
    #[allow(clippy::cast_precision_loss)]
    fn is_bloated(&self, percent: u32) -> bool {
        self.waste.is_some_and(|waste| {
            waste * 100.0 >= f64::from(percent)
                && waste * self.size_bytes as f64 >= LEAST_WASTE_BYTES
        })
    }

    /// The index's part of the result.
    pub fn ended(
        &self,
        outcome: ReindexOutcome,
        duration: Duration,
        size_bytes_after: Option<i64>,
    ) -> ReindexedIndex {
        ReindexedIndex {
            schema: self.name.schema.clone(),
            index: self.name.table.clone(),
            table: self.table.clone(),
            outcome,
            duration,
            size_bytes_before: self.size_bytes,
            size_bytes_after,
        }
    }
}

/// What a run does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReindexPlan {
    /// The largest first.
    pub indexes: Vec<IndexState>,
    /// Those that are left alone, each with why.
    pub skipped: Vec<ReindexedIndex>,
}

/// Which indexes are rebuilt.
pub fn plan(indexes: Vec<IndexState>, options: &ReindexOptions) -> ReindexPlan {
    let percent = match options.waste_percent {
        0 => WASTE_PERCENT,
        percent => percent,
    };
    let wanted = |index: &IndexState| {
        let needy =
            (options.invalid && !index.valid) || (options.bloated && index.is_bloated(percent));
        index.chosen && (needy || !(options.invalid || options.bloated))
    };
    let mut plan = ReindexPlan::default();
    for index in indexes.into_iter().filter(wanted) {
        let why = match &index {
            index if index.temporary => "it belongs to a temporary table of a session",
            index if !index.permitted => {
                "the maintenance role may not rebuild it: it does not own the table"
            }
            index if index.exclusion => {
                "it belongs to an exclusion constraint, and cannot be rebuilt without keeping writers out: REINDEX INDEX does, in a quiet hour"
            }
            _ => {
                plan.indexes.push(index);
                continue;
            }
        };
        let outcome = ReindexOutcome::Skipped(why.to_owned());
        plan.skipped
            .push(index.ended(outcome, Duration::ZERO, None));
    }
    plan.indexes.sort_by_key(|index| Reverse(index.size_bytes));
    plan
}

/// What happened to one index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "message", rename_all = "snake_case")]
pub enum ReindexOutcome {
    /// Rebuilt.
    Rebuilt,
    /// Left alone, and why.
    Skipped(String),
    /// Tried, with this error.
    Failed(String),
}

/// One index of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReindexedIndex {
    /// The index's schema.
    pub schema: String,
    /// The index's name.
    pub index: String,
    /// Its table.
    pub table: String,
    /// What happened.
    pub outcome: ReindexOutcome,
    /// How long it took.
    pub duration: Duration,
    /// Its size before; 0 when someone had it locked.
    pub size_bytes_before: i64,
    /// Its size after; none where it was not rebuilt.
    pub size_bytes_after: Option<i64>,
}

/// What a run did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReindexResult {
    /// The managed database.
    pub database: String,
    /// The indexes, in the order in which they ended.
    pub indexes: Vec<ReindexedIndex>,
    /// Leftovers of REINDEX CONCURRENTLY that were dropped.
    pub dropped_leftovers: Vec<String>,
    /// How often the run made way for others.
    pub yields: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(name: &str, size_bytes: i64) -> IndexState {
        IndexState {
            name: TableName {
                schema: "public".to_owned(),
                table: name.to_owned(),
            },
            table: "orders".to_owned(),
            table_oid: 1,
            chosen: true,
            valid: true,
            exclusion: false,
            temporary: false,
            permitted: true,
            size_bytes,
            waste: Some(0.0),
        }
    }

    fn names(plan: &ReindexPlan) -> Vec<&str> {
        plan.indexes
            .iter()
            .map(|index| index.name.table.as_str())
            .collect()
    }

    const MIB: i64 = 1024 * 1024;

    fn all() -> Vec<IndexState> {
        vec![
            index("small", 1),
            index("large", 10 * MIB),
            IndexState {
                valid: false,
                ..index("invalid", 2)
            },
            IndexState {
                waste: Some(0.5),
                ..index("bloated", 2 * MIB)
            },
            IndexState {
                waste: Some(0.5),
                ..index("tiny", MIB)
            },
            IndexState {
                chosen: false,
                valid: false,
                ..index("another", MIB)
            },
        ]
    }

    #[test]
    fn all_that_were_chosen_are_rebuilt_the_largest_first() {
        let plan = plan(all(), &ReindexOptions::default());
        assert_eq!(
            names(&plan),
            ["large", "bloated", "tiny", "invalid", "small"]
        );
    }

    #[test]
    fn invalid_and_bloated_ones_can_be_asked_for_together() {
        let mut options = ReindexOptions {
            invalid: true,
            ..ReindexOptions::default()
        };
        assert_eq!(names(&plan(all(), &options)), ["invalid"]);
        options.bloated = true;
        assert_eq!(names(&plan(all(), &options)), ["bloated", "invalid"]);
        options.waste_percent = 51;
        assert_eq!(names(&plan(all(), &options)), ["invalid"]);
    }

    #[test]
    fn what_cannot_be_rebuilt_concurrently_is_skipped_with_why() {
        let exclusion = IndexState {
            exclusion: true,
            ..index("booked", 1)
        };
        let plan = plan(vec![exclusion], &ReindexOptions::default());
        assert_eq!(plan.indexes, []);
        assert!(matches!(
            &plan.skipped[0].outcome,
            ReindexOutcome::Skipped(why) if why.contains("exclusion constraint")
        ));
    }
}

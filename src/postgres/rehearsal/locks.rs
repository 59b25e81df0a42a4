//! The locks of a session on relations, and which of them are worth telling.

use std::collections::BTreeSet;

use super::relations::{Relation, Relations};
use crate::{
    model::rehearsal::RelationLock,
    postgres::{error::PostgresError, session::Session},
};

/// Relations by OID, with the mode as pg_locks names it.
pub(super) type Locks = BTreeSet<(u32, String)>;

const ACCESS_EXCLUSIVE: &str = "AccessExclusiveLock";

/// The modes from the weakest to the strongest, each with those that it conflicts with, by their places here. Source:
/// <https://www.postgresql.org/docs/current/explicit-locking.html>, table "Conflicting Lock Modes".
const MODES: [(&str, &[usize]); 8] = [
    ("AccessShareLock", &[7]),
    ("RowShareLock", &[6, 7]),
    ("RowExclusiveLock", &[4, 5, 6, 7]),
    ("ShareUpdateExclusiveLock", &[3, 4, 5, 6, 7]),
    ("ShareLock", &[2, 3, 5, 6, 7]),
    ("ShareRowExclusiveLock", &[2, 3, 4, 5, 6, 7]),
    ("ExclusiveLock", &[1, 2, 3, 4, 5, 6, 7]),
    (ACCESS_EXCLUSIVE, &[0, 1, 2, 3, 4, 5, 6, 7]),
];

/// The locks of a backend on relations of the session's database, those that it waits for included.
pub(super) async fn of(session: &Session, backend: i32) -> Result<Locks, PostgresError> {
    let rows = session
        .query(
            "SELECT DISTINCT relation, mode FROM pg_catalog.pg_locks
             WHERE locktype = 'relation' AND pid = $1
               AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())",
            &[&backend],
        )
        .await
        .map_err(PostgresError::query("read the locks of a session"))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// The new locks on relations that stood there before the script, by the names that they had before the statement. A mode
/// is left out where another one that is held excludes all that it excludes. Of indexes only those are told that nobody
/// can read: other locks go with those on their tables.
pub(super) fn reported(
    existing: &Relations,
    before: &Relations,
    new: &Locks,
    held: &Locks,
) -> Vec<RelationLock> {
    let is_held = |oid: u32, mode: &str| held.contains(&(oid, mode.to_owned()));
    let table_of = |index: u32| {
        let tables = before.iter();
        tables
            .filter(|(_, relation)| relation.has_index(index))
            .map(|(oid, _)| *oid)
            .next()
    };
    let mut locks: Vec<RelationLock> = new
        .iter()
        .filter(|(oid, _)| existing.contains_key(oid))
        .filter_map(|(oid, mode)| before.get(oid).map(|relation| (*oid, relation, mode)))
        .filter(|(oid, _, mode)| {
            let mut others = held.iter().filter(|(other, _)| other == oid);
            !others.any(|(_, other)| covers(other, mode))
        })
        .filter(|(oid, relation, mode)| match relation.kind {
            Relation::INDEX | Relation::PARTITIONED_INDEX => {
                let with_table =
                    table_of(*oid).is_some_and(|table| is_held(table, ACCESS_EXCLUSIVE));
                *mode == ACCESS_EXCLUSIVE && !with_table
            }
            _ => true,
        })
        .map(|(_, relation, mode)| RelationLock {
            relation: relation.name.clone(),
            mode: mode.clone(),
        })
        .collect();
    locks.sort();
    locks
}

/// Whether `strong` is another mode that excludes all that `weak` excludes.
fn covers(strong: &str, weak: &str) -> bool {
    let conflicts = |mode| MODES.iter().find(|(name, _)| *name == mode);
    match (conflicts(strong), conflicts(weak)) {
        (Some((_, strong_ones)), Some((_, weak_ones))) => {
            strong != weak && weak_ones.iter().all(|other| strong_ones.contains(other))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conflicts_are_mutual() {
        for (place, (_, conflicts)) in MODES.iter().enumerate() {
            for other in *conflicts {
                assert!(MODES[*other].1.contains(&place), "{place} and {other}");
            }
        }
    }

    #[test]
    fn a_mode_is_covered_only_by_one_that_excludes_no_less() {
        assert!(covers(ACCESS_EXCLUSIVE, "ShareLock"));
        assert!(covers("ShareRowExclusiveLock", "ShareUpdateExclusiveLock"));
        assert!(covers("ShareUpdateExclusiveLock", "RowExclusiveLock"));
        // SHARE lets itself through, the others do not.
        assert!(!covers("ShareLock", "RowExclusiveLock"));
        assert!(!covers("ShareLock", "ShareUpdateExclusiveLock"));
        assert!(!covers("ShareLock", "ShareLock"));
    }
}

//! What a script did where it was run, beyond what its text says: which tables it wrote anew, and what it dropped by the way.
//! A review says the same of it, statement by statement; here it is seen once for the whole script.

use chrono::Utc;

use crate::model::{
    failure::Failure,
    migration::Direction,
    rehearsal::{Rehearsal, RehearsedStatement, WayBack},
    review::{self, Finding, abbreviated},
    revision::Script,
    schema::{Change, Schema},
};

/// What was seen of a script.
pub(super) struct Observed {
    /// Tables that were written anew.
    pub(super) rewritten: Vec<String>,
    /// The schema before, under the new names of what the script renames.
    pub(super) before: Schema,
    /// The schema after.
    pub(super) after: Schema,
}

/// The findings of the script's upgrade.
pub(super) fn findings(
    script: &Script,
    observed: &Observed,
    pg_major: u32,
) -> Result<Vec<Finding>, Failure> {
    let read = review::lint(script, Direction::Upgrade, pg_major)?;
    let statements = script.statements(Direction::Upgrade)?;
    let mut seen: Vec<RehearsedStatement> = statements
        .iter()
        .map(|statement| RehearsedStatement {
            line: script.upgrade_line + statement.line - 1,
            statement: abbreviated(&statement.sql),
            duration: std::time::Duration::ZERO,
            locks: Vec::new(),
            rewritten: Vec::new(),
            scanned: Vec::new(),
            changes: Vec::new(),
        })
        .collect();
    for table in &observed.rewritten {
        let place = statements
            .iter()
            .position(|statement| may_rewrite(&statement.sql, table));
        if let Some(statement) = seen.get_mut(place.unwrap_or_default()) {
            statement.rewritten.push(table.clone());
        }
    }
    let mut dropped = observed.before.differences(&observed.after);
    dropped.retain(|difference| difference.change == Change::Dropped);
    for difference in dropped {
        let name = difference.key.identity.as_str();
        let place = statements
            .iter()
            .position(|statement| statement.sql.contains("DROP") && statement.sql.contains(name));
        if let Some(statement) = seen.get_mut(place.unwrap_or_default()) {
            statement.changes.push(difference);
        }
    }
    let rehearsal = Rehearsal {
        revision: script.revision.clone(),
        direction: Direction::Upgrade,
        sha256: script.sha256.clone(),
        fingerprint_before: observed.before.fingerprint(),
        fingerprint_after: observed.after.fingerprint(),
        rehearse_time: Utc::now(),
        statements: seen,
        // It is proven.
        way_back: Some(WayBack::Ran(Vec::new())),
    };
    Ok(review::observed::joined(read, &rehearsal, script))
}

/// Whether a statement of ours may write a table anew.
fn may_rewrite(sql: &str, table: &str) -> bool {
    if sql.starts_with(&format!("INSERT INTO {table} ")) {
        return true;
    }
    let altered = sql.strip_prefix("ALTER TABLE ").unwrap_or_default();
    let altered = altered.strip_prefix("ONLY ").unwrap_or(altered);
    let action = altered
        .strip_prefix(table)
        .and_then(|rest| rest.strip_prefix(' '));
    action.is_some_and(|action| {
        [
            " TYPE ",
            "SET LOGGED",
            "SET UNLOGGED",
            "SET ACCESS METHOD",
            "SET TABLESPACE",
            "ADD COLUMN",
        ]
        .iter()
        .any(|word| action.contains(word))
    })
}

#[cfg(test)]
mod tests {
    use super::may_rewrite;

    #[test]
    fn a_change_of_type_may_write_its_own_table_anew_and_no_other() {
        let sql = "ALTER TABLE public.orders ALTER COLUMN total TYPE bigint";
        assert!(may_rewrite(sql, "public.orders"));
        assert!(!may_rewrite(sql, "public.order"));
        assert!(!may_rewrite(
            "ALTER TABLE public.orders DROP COLUMN total",
            "public.orders"
        ));
    }
}

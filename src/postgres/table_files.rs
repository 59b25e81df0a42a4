//! The files in which tables keep their rows: a table that is written anew has another one afterwards, be it empty.

use std::collections::{BTreeMap, BTreeSet};

use super::{error::PostgresError, session::Session};

/// The files of all tables of a database at one moment, by the tables' OIDs.
#[derive(Debug)]
pub struct TableFiles(BTreeMap<u32, TableFile>);

#[derive(Debug, PartialEq, Eq)]
struct TableFile {
    /// E.g. `public.orders`.
    table: String,
    filenode: u32,
}

impl TableFiles {
    /// Reads them.
    pub async fn read(session: &Session) -> Result<Self, PostgresError> {
        let rows = session
            .query_typed(
                "SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname), c.relfilenode
                 FROM pg_catalog.pg_class AS c
                 JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                 WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'",
                &[],
            )
            .await
            .map_err(PostgresError::query("see in which files the tables are"))?;
        let files = rows.iter().map(|row| {
            let (table, filenode) = (row.get(1), row.get(2));
            (row.get(0), TableFile { table, filenode })
        });
        Ok(Self(files.collect()))
    }

    /// The tables that are in other files later, by the names that they had, sorted; also those that were made anew under their
    /// name.
    pub fn rewritten(&self, later: &Self) -> Vec<String> {
        let names: BTreeSet<&String> = later.0.values().map(|file| &file.table).collect();
        let rewritten = self.0.iter().filter(|(oid, file)| match later.0.get(oid) {
            Some(now) => now.filenode != file.filenode,
            None => names.contains(&file.table),
        });
        let mut tables: Vec<String> = rewritten.map(|(_, file)| file.table.clone()).collect();
        tables.sort();
        tables
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files<const N: usize>(files: [(u32, &str, u32); N]) -> TableFiles {
        let files = files.map(|(oid, table, filenode)| {
            let table = table.to_owned();
            (oid, TableFile { table, filenode })
        });
        TableFiles(files.into())
    }

    #[test]
    fn a_table_is_followed_by_its_oid_and_one_that_takes_its_place_by_its_name() {
        let before = files([(1, "a", 1), (2, "b", 2), (3, "c", 3), (4, "d", 4)]);
        let after = files([(1, "a", 1), (2, "renamed", 9), (8, "c", 8)]);
        assert_eq!(before.rewritten(&after), ["b", "c"]);
    }
}

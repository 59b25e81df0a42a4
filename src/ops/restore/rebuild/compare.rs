//! The comparison of a restored database with the manifest: every table's rows, by number or to the letter, large objects,
//! sequences, and the schema version.

use std::collections::BTreeMap;

use tokio_postgres::Config;

use super::scan::{Scan, session};
use crate::{
    archive::Statements,
    model::{
        backup::{Contents, Manifest, RowSum, TableContents},
        failure::{Classified, Failure, Kind},
        restore::RestoreVerification,
    },
    ops::{
        backup::{
            dump::sequences_sql,
            open::{self, OpenArchive},
        },
        daemon::{Daemon, Managed},
        runner::job::Job,
    },
    postgres::{
        database::Purpose,
        dumpable::{self, DumpedTable},
        server,
    },
};

/// A restored database that is not what the manifest says.
#[derive(Debug, thiserror::Error)]
#[error("the restored database is not what the manifest of {filename} says: {}", differences.join("; "))]
pub struct Different {
    filename: String,
    differences: Vec<String>,
}

impl Classified for Different {
    fn kind(&self) -> Kind {
        Kind::DataLoss
    }

    fn reason(&self) -> &'static str {
        "RESTORED_CONTENT_DIFFERS"
    }

    fn hint(&self) -> Option<String> {
        Some("the live database is as it was; restore another backup".to_owned())
    }
}

/// What was compared.
#[derive(Clone, Copy, Debug, Default)]
pub struct Verified {
    /// Tables.
    pub tables: u64,
    /// Rows of all tables.
    pub rows: u64,
}

/// Compares the database with the manifest, as far as `level` says. Another tool's archive has no manifest that says what is
/// in it: its tables and rows are counted.
pub async fn verify(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    new: &str,
    backup: &Manifest,
    level: RestoreVerification,
) -> Result<Verified, Failure> {
    if level == RestoreVerification::None {
        return Ok(Verified::default());
    }
    let contents = open::contents(daemon, backup)?;
    let login = backup_login(managed, new);
    let session = session(managed, &login).await?;
    let mut tables = dumpable::tables(&session).await?;
    if let Some(contents) = &contents {
        in_stored_order(&mut tables, &contents.tables);
    }
    let encoding = match &contents {
        Some(contents) => contents.database.encoding.clone(),
        None => server::setting(&*session, "server_encoding").await?,
    };
    let versions = managed.version_table.heads(&*session).await?;
    let sequences = dumpable::sequences(&session).await?;
    let large_objects = dumpable::large_objects(&session).await?;
    drop(session);

    let scan = Scan {
        daemon,
        managed,
        login: &login,
        encoding: &encoding,
        is_full: level == RestoreVerification::Full && contents.is_some(),
    };
    let found = scan.tables(job, &tables, backup).await?;
    let verified = Verified {
        tables: found.len() as u64,
        rows: found.iter().map(|table| table.rows).sum(),
    };
    let Some(contents) = contents else {
        return Ok(verified);
    };
    let mut differences = compare(&contents.tables, &found, scan.is_full);
    if versions != backup.schema_version {
        differences.push(format!(
            "the schema version is {versions:?} instead of {:?}",
            backup.schema_version
        ));
    }
    if scan.is_full {
        let found = scan.large_objects(&large_objects).await?;
        if found != contents.large_objects {
            differences.push("the large objects are others".to_owned());
        }
        let statements = Statements::in_encoding(&encoding);
        let found = sequences_sql(statements, &sequences);
        let expected = stored_sequences(daemon, backup, &contents).await?;
        differences.extend(compare_sequences(&expected, &found));
    }
    if !differences.is_empty() {
        return Err(Different {
            filename: backup.filename.as_str().to_owned(),
            differences,
        }
        .into());
    }
    Ok(verified)
}

/// The order of columns that the rows were hashed in: pg_dump gives another one to children of tables whose columns came
/// later than theirs. Columns that are others are left for the comparison to find.
fn in_stored_order(found: &mut [DumpedTable], stored: &[TableContents]) {
    let stored: BTreeMap<(&str, &str), &TableContents> = stored
        .iter()
        .map(|table| ((table.schema.as_str(), table.table.as_str()), table))
        .collect();
    for table in found {
        let contents = &mut table.contents;
        let Some(other) = stored.get(&(contents.schema.as_str(), contents.table.as_str())) else {
            continue;
        };
        let sorted = |columns: &[String]| {
            let mut columns = columns.to_vec();
            columns.sort_unstable();
            columns
        };
        if sorted(&contents.columns) == sorted(&other.columns) {
            contents.columns.clone_from(&other.columns);
        }
    }
}

async fn stored_sequences(
    daemon: &Daemon,
    backup: &Manifest,
    contents: &Contents,
) -> Result<String, Failure> {
    if contents.sequences.1 == 0 {
        return Ok(String::new());
    }
    let store = daemon.backups.holder(&backup.filename, "").await?;
    let archive = OpenArchive::open(daemon, store, backup).await?;
    let (_, text) = archive.text(contents.sequences).await?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The backup role reads everything, row security included.
fn backup_login(managed: &Managed, new: &str) -> Config {
    let mut login = managed.database.login(Purpose::Backup).clone();
    login.dbname(new);
    login
}

/// What differs, table by table. The rows of partitions that are loaded through their root are compared as a whole.
fn compare(expected: &[TableContents], found: &[TableContents], is_full: bool) -> Vec<String> {
    let index = |tables: &[TableContents]| {
        let mut sums: BTreeMap<String, RowSum> = BTreeMap::new();
        for table in tables {
            let (schema, name) = table
                .load_into
                .as_ref()
                .map_or((&table.schema, &table.table), |root| (&root.0, &root.1));
            *sums.entry(format!("{schema}.{name}")).or_default() += RowSum {
                rows: table.rows,
                hash: table.content_hash,
            };
        }
        sums
    };
    let (expected, found) = (index(expected), index(found));
    let mut differences = Vec::new();
    for (table, sum) in &expected {
        match found.get(table) {
            None => differences.push(format!("table {table} is missing")),
            Some(other) if other.rows != sum.rows => differences.push(format!(
                "table {table} has {} rows instead of {}",
                other.rows, sum.rows
            )),
            Some(other) if is_full && other.hash != sum.hash => {
                differences.push(format!("table {table} has other rows"));
            }
            Some(_) => {}
        }
    }
    for table in found.keys().filter(|table| !expected.contains_key(*table)) {
        differences.push(format!("table {table} is not in the manifest"));
    }
    differences
}

/// Statements that are on one side only.
fn compare_sequences(expected: &str, found: &str) -> Vec<String> {
    let lines = |text: &str| {
        text.lines()
            .map(str::to_owned)
            .collect::<std::collections::BTreeSet<_>>()
    };
    let (expected, found) = (lines(expected), lines(found));
    expected
        .difference(&found)
        .map(|line| format!("a sequence does not stand where it should: {line}"))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn table(name: &str, rows: u64) -> TableContents {
        TableContents {
            schema: "public".to_owned(),
            table: name.to_owned(),
            rows,
            ..TableContents::default()
        }
    }

    #[test]
    fn each_missing_added_and_changed_table_is_named() {
        let hash = "000000000000000000000000000000ff".parse().unwrap();
        let mut other_rows = table("e", 5);
        other_rows.content_hash = hash;
        let expected = [table("a", 1), table("b", 2), table("c", 3), table("e", 5)];
        let found = [table("b", 2), table("c", 4), table("d", 0), other_rows];
        assert_eq!(
            compare(&expected, &found, true),
            [
                "table public.a is missing",
                "table public.c has 4 rows instead of 3",
                "table public.e has other rows",
                "table public.d is not in the manifest",
            ]
        );
        assert!(compare(&expected, &expected, true).is_empty());
    }

    #[test]
    fn partitions_whose_rows_may_move_are_compared_as_a_whole() {
        let part = |name: &str, rows: u64| TableContents {
            load_into: Some(("public".to_owned(), "whole".to_owned())),
            ..table(name, rows)
        };
        assert!(compare(&[part("a", 1), part("b", 2)], &[part("a", 3)], true).is_empty());
        assert_eq!(
            compare(&[part("a", 1)], &[part("a", 3)], true),
            ["table public.whole has 3 rows instead of 1"]
        );
    }
}

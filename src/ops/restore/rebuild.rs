//! The building of a database from an archive: load, analyze, compare with the manifest.

use std::{collections::BTreeMap, io};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::ChildStdin,
};

use crate::{
    model::{
        backup::{Manifest, TableContents},
        failure::{Classified, Failure, Kind},
    },
    ops::{
        daemon::{Daemon, Managed},
        runner::job::Job,
    },
    postgres::{
        database::Purpose, error::PostgresError, quote::identifier, session::Session,
        tables::row_counts,
    },
    storage::PlainReader,
    tools::{process::ToolError, psql},
};

const BUFFER_SIZE: usize = 256 * 1024;

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
#[derive(Debug)]
pub struct Verified {
    /// Tables.
    pub tables: u64,
    /// Rows of all tables.
    pub rows: u64,
}

/// Runs the archive's SQL in the new database.
pub async fn load(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    new: &str,
    backup: &Manifest,
) -> Result<(), Failure> {
    let mut login = managed.database.login(Purpose::Admin).clone();
    login.dbname(new);
    let store = daemon.backups.holder(&backup.filename, "").await?;
    let sql = store.decompressed(&backup.filename).await?;
    let mut tool = psql::run(&daemon.tools.path("psql"), &login)?;
    let fed = feed(sql, tool.stdin()?, job, backup).await?;
    // A psql that met an error has closed its end: what it said is worth more than the broken pipe.
    tool.finish().await?;
    Ok(fed.map_err(|source| ToolError::Pipe {
        tool: "psql",
        source,
    })?)
}

/// Moves the archive's SQL into the tool. The inner error is the tool's end of the pipe, the outer one the archive's.
async fn feed(
    mut sql: PlainReader,
    mut input: ChildStdin,
    job: &Job,
    backup: &Manifest,
) -> Result<io::Result<()>, Failure> {
    let mut buffer = vec![0; BUFFER_SIZE];
    let mut done = 0;
    loop {
        let count = sql.read(&mut buffer).await.map_err(|source| {
            Failure::new(
                Kind::DataLoss,
                "BACKUP_DAMAGED",
                format!("cannot read {}: {source}", backup.filename),
            )
        })?;
        if count == 0 {
            return Ok(Ok(()));
        }
        if let Err(broken) = input.write_all(&buffer[..count]).await {
            return Ok(Err(broken));
        }
        done += count as u64;
        job.count(done, backup.uncompressed_bytes, "bytes");
    }
}

/// Gives the planner its statistics before anyone uses the database.
pub async fn analyze(managed: &Managed, new: &str) -> Result<(), Failure> {
    let session = managed
        .database
        .session_to(new, "pgsteward restore")
        .await?;
    session
        .batch_execute("SET statement_timeout = 0; ANALYZE")
        .await
        .map_err(PostgresError::query(format!("analyze database {new:?}")))?;
    session.close().await;
    Ok(())
}

/// Compares every table's number of rows, the set of tables, and the schema version with the manifest.
pub async fn verify(managed: &Managed, new: &str, backup: &Manifest) -> Result<Verified, Failure> {
    let session = backup_session(managed, new).await?;
    let counts = row_counts(&session).await?;
    let versions = managed.version_table.heads(&*session).await?;
    session.close().await;

    let mut differences = compare(
        backup
            .open_contents()
            .map_or(&[], |contents| &contents.tables),
        &counts,
    );
    if versions != backup.schema_version {
        differences.push(format!(
            "the schema version is {versions:?} instead of {:?}",
            backup.schema_version
        ));
    }
    if !differences.is_empty() {
        return Err(Different {
            filename: backup.filename.as_str().to_owned(),
            differences,
        }
        .into());
    }
    Ok(Verified {
        tables: counts.len() as u64,
        rows: counts.iter().map(|table| table.rows).sum(),
    })
}

/// The backup role reads everything, row security included; the new database lets it in only when the admin says so.
async fn backup_session(managed: &Managed, new: &str) -> Result<Session, Failure> {
    let mut login = managed.database.login(Purpose::Backup).clone();
    let admin = managed
        .database
        .session_to(new, "pgsteward restore")
        .await?;
    admin
        .batch_execute(&format!(
            "GRANT CONNECT ON DATABASE {} TO {}",
            identifier(new),
            identifier(login.get_user().unwrap_or_default())
        ))
        .await
        .map_err(PostgresError::query(format!(
            "let the backup role into database {new:?}"
        )))?;
    admin.close().await;
    login.dbname(new);
    Ok(managed
        .database
        .session_as(&login, "pgsteward restore")
        .await?)
}

fn compare(expected: &[TableContents], found: &[TableContents]) -> Vec<String> {
    let index = |tables: &[TableContents]| -> BTreeMap<String, u64> {
        tables
            .iter()
            .map(|table| (format!("{}.{}", table.schema, table.table), table.rows))
            .collect()
    };
    let (expected, found) = (index(expected), index(found));
    let mut differences = Vec::new();
    for (table, rows) in &expected {
        match found.get(table) {
            None => differences.push(format!("table {table} is missing")),
            Some(other) if other != rows => {
                differences.push(format!("table {table} has {other} rows instead of {rows}"));
            }
            Some(_) => {}
        }
    }
    for table in found.keys().filter(|table| !expected.contains_key(*table)) {
        differences.push(format!("table {table} is not in the manifest"));
    }
    differences
}

#[cfg(test)]
mod tests {
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
        let expected = [table("a", 1), table("b", 2), table("c", 3)];
        let found = [table("b", 2), table("c", 4), table("d", 0)];
        assert_eq!(
            compare(&expected, &found),
            [
                "table public.a is missing",
                "table public.c has 4 rows instead of 3",
                "table public.d is not in the manifest",
            ]
        );
        assert!(compare(&expected, &expected).is_empty());
    }
}

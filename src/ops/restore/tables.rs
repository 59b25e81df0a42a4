//! Restore of single tables into a new schema of the managed database, beside the live ones: their columns and rows, without
//! constraints, indexes, triggers and grants.
//!
//! What columns they had is read from a scratch database that has the backup's schema and no rows. The new schema is made,
//! filled and compared in one transaction: whatever fails leaves nothing.

use bytes::Bytes;
use futures_util::SinkExt as _;

use super::{build, plan, rebuild, restore_backup::Wanted};
use crate::{
    archive::Statements,
    model::{
        backup::{Block, Contents, Manifest, RowHasher, RowSum, TableContents},
        failure::{Failure, Kind},
        restore::{RestoreResult, RestoreVerification},
        table_name::TableName,
    },
    ops::{
        backup::{
            open::{self, OpenArchive},
            remove::keep,
        },
        daemon::{Daemon, Managed},
        recovery,
        runner::job::Job,
        scratch::create_for,
        turn::{Turn, Work},
    },
    postgres::{
        columns,
        database::Purpose,
        error::PostgresError,
        quote::{identifier, qualified},
        scratch,
        session::Session,
    },
};

const STAGES: u32 = 3;

/// The stages: `check`, `schema`, `load`.
pub(super) async fn run(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    wanted: &Wanted,
    tables: &[TableName],
    schema: &str,
) -> Result<RestoreResult, Failure> {
    let patience = daemon.settings.lock_wait;
    let turn = Turn::take(&managed.database, Work::Restore, job, patience).await?;
    let restored = turn
        .during(job, stages(daemon, managed, job, wanted, tables, schema))
        .await;
    recovery::sweep_operation(daemon, job.id()).await;
    turn.end().await;
    restored
}

async fn stages(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    wanted: &Wanted,
    tables: &[TableName],
    schema: &str,
) -> Result<RestoreResult, Failure> {
    let filename = &wanted.backup.filename;
    job.enter_next(STAGES, "check");
    let used = keep(daemon, filename).await?;
    let plan = plan::check(daemon, managed, filename.as_str(), &wanted.target, false).await?;
    plan::require_ready(&plan)?;
    build::require_same(&wanted.backup, &plan.backup)?;
    let backup = plan.backup;
    let contents = known_contents(daemon, &backup)?;
    let chosen = choose(&backup, &contents, tables)?;
    build::check_archive(daemon, job, &backup).await?;

    job.enter_next(STAGES, "schema");
    let scratch = scratch::restore_name(job.id());
    create_for(daemon, managed, job.id(), &scratch, &backup).await?;
    rebuild::load_schema(daemon, managed, &scratch, &contents).await?;
    let session = managed
        .database
        .session_to(&scratch, "pgsteward restore")
        .await?;
    let mut definitions = Vec::new();
    for place in &chosen {
        let table = &contents.tables[*place];
        let columns = columns::definitions(&session, &table.schema, &table.table).await?;
        definitions.push(format!(
            "CREATE TABLE {} ({})",
            qualified(schema, &table.table),
            columns.join(", ")
        ));
    }
    session.close().await;

    job.enter_next(STAGES, "load");
    let mut session = managed
        .database
        .session(Purpose::Admin, "pgsteward restore")
        .await?;
    let load = Load {
        daemon,
        job,
        backup: &backup,
        contents: &contents,
        schema,
        verify: wanted.verify,
    };
    let rows = load.run(&mut session, &chosen, &definitions).await?;
    session.close().await;
    used.release().await;
    let is_compared = wanted.verify != RestoreVerification::None;
    Ok(RestoreResult {
        database: managed.name().to_owned(),
        filename: filename.to_string(),
        verified_tables: if is_compared { chosen.len() as u64 } else { 0 },
        verified_rows: if is_compared { rows } else { 0 },
        verification: Some(wanted.verify),
        stages: job.durations(),
        ..RestoreResult::default()
    })
}

fn known_contents(daemon: &Daemon, backup: &Manifest) -> Result<Contents, Failure> {
    open::contents(daemon, backup)?.ok_or_else(|| {
        Failure::new(
            Kind::FailedPrecondition,
            "CONTENTS_UNKNOWN",
            format!(
                "what tables are in {} is not known: another tool made it",
                backup.filename
            ),
        )
        .with_hint("restore it into another database, and copy the tables from there")
    })
}

/// The places of the tables in the contents. Two of one name would be one in the new schema.
fn choose(
    backup: &Manifest,
    contents: &Contents,
    tables: &[TableName],
) -> Result<Vec<usize>, Failure> {
    let mut chosen: Vec<usize> = Vec::new();
    for wanted in tables {
        let found = contents
            .tables
            .iter()
            .position(|table| table.schema == wanted.schema && table.table == wanted.table);
        let Some(found) = found else {
            return Err(Failure::new(
                Kind::NotFound,
                "TABLE_NOT_IN_BACKUP",
                format!("{} has no rows of a table {wanted}", backup.filename),
            )
            .with_hint("GetBackup lists its tables; of a partitioned table name the partitions"));
        };
        let name = &contents.tables[found].table;
        if chosen
            .iter()
            .any(|other| contents.tables[*other].table == *name)
        {
            return Err(Failure::invalid_field(
                "tables",
                format!("has two tables named {name:?}, which cannot stand in one schema"),
            ));
        }
        chosen.push(found);
    }
    Ok(chosen)
}

struct Load<'a> {
    daemon: &'a Daemon,
    job: &'a Job,
    backup: &'a Manifest,
    contents: &'a Contents,
    schema: &'a str,
    verify: RestoreVerification,
}

impl Load<'_> {
    async fn run(
        &self,
        session: &mut Session,
        chosen: &[usize],
        definitions: &[String],
    ) -> Result<u64, Failure> {
        let what = || PostgresError::query(format!("make schema {:?}", self.schema));
        session
            .batch_execute(rebuild::ROW_SETTINGS)
            .await
            .map_err(what())?;
        let transaction = session.transaction().await.map_err(what())?;
        transaction
            .batch_execute(&format!("CREATE SCHEMA {}", identifier(self.schema)))
            .await
            .map_err(what())?;
        for definition in definitions {
            transaction
                .batch_execute(definition)
                .await
                .map_err(PostgresError::query(format!("run {definition}")))?;
        }
        let encoding = &self.contents.database.encoding;
        transaction
            .batch_execute(&format!("SET client_encoding = '{encoding}'"))
            .await
            .map_err(what())?;
        let store = self
            .daemon
            .backups
            .holder(&self.backup.filename, "")
            .await?;
        let mut archive = OpenArchive::open(self.daemon, store, self.backup).await?;
        let total: u64 = chosen
            .iter()
            .map(|place| self.contents.tables[*place].rows)
            .sum();
        let mut done = 0;
        for place in chosen {
            let sum;
            (archive, sum) = self.table(&transaction, archive, *place).await?;
            self.compare(*place, sum)?;
            done += sum.rows;
            self.job.count(done, total, "rows");
        }
        transaction.commit().await.map_err(what())?;
        Ok(done)
    }

    /// Loads one table's rows; gives how many there were, and their hash.
    async fn table(
        &self,
        transaction: &tokio_postgres::Transaction<'_>,
        mut archive: OpenArchive,
        place: usize,
    ) -> Result<(OpenArchive, RowSum), Failure> {
        let statements = Statements::in_encoding(&self.contents.database.encoding);
        let stored = &self.contents.tables[place];
        let statement = statements.copy_from(stored);
        let into = statements.copy_from(&TableContents {
            schema: self.schema.to_owned(),
            load_into: None,
            ..stored.clone()
        });
        let mut blocks: Vec<&Block> = self
            .contents
            .blocks
            .iter()
            .filter(|block| block.table == Some(place))
            .collect();
        blocks.sort_by_key(|block| block.offset);
        let what = || PostgresError::query(format!("load rows by {into}"));
        let mut hasher = RowHasher::default();
        let sink = transaction
            .copy_in::<_, Bytes>(&into)
            .await
            .map_err(what())?;
        let mut sink = std::pin::pin!(sink);
        let mut sent = Ok(());
        for block in blocks {
            let mut rows = archive.block(block, Some(&statement));
            while let Some(chunk) = rows.next().await? {
                hasher.update(&chunk);
                if sent.is_ok() {
                    sent = sink.send(chunk).await;
                }
            }
            archive = rows.finish().await?;
        }
        // What the server said against a row comes at the end, and says more than that it takes no more.
        sink.finish().await.map_err(what())?;
        sent.map_err(what())?;
        Ok((archive, hasher.sum()))
    }

    fn compare(&self, place: usize, sum: RowSum) -> Result<(), Failure> {
        let table = &self.contents.tables[place];
        let is_same = match self.verify {
            RestoreVerification::None => true,
            RestoreVerification::Counts => sum.rows == table.rows,
            RestoreVerification::Full => sum.rows == table.rows && sum.hash == table.content_hash,
        };
        if is_same {
            return Ok(());
        }
        Err(Failure::new(
            Kind::DataLoss,
            "BACKUP_DAMAGED",
            format!(
                "{} has other rows of {}.{} than its manifest says",
                self.backup.filename, table.schema, table.table
            ),
        ))
    }
}

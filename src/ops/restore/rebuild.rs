//! The building of a database from an archive: load, analyze, compare with the manifest.
//!
//! An archive of pgsteward's own is loaded in parts: pg_restore makes what rows need; many sessions copy blocks of rows
//! straight from ranges of the archive; pg_restore makes the rest, with as many connections; then views are filled. Another
//! tool's archive is a program, and is run as one, where it can do no harm (`foreign`).

mod analyze;
mod compare;
mod foreign;
mod rows;
mod scan;

pub use analyze::analyze;
pub use compare::verify;
pub use rows::SETTINGS as ROW_SETTINGS;

use crate::{
    model::{
        backup::{Contents, Manifest},
        failure::Failure,
    },
    ops::{
        backup::{dump::unpack_schema, open},
        daemon::{Daemon, Managed},
        runner::job::Job,
    },
    postgres::database::Purpose,
    storage::Store,
    tools::pg_restore::SchemaArchive,
};

/// Makes in the new, empty database `new` what the archive holds. Gives what did not go as it should, without being worth
/// losing the rest for.
pub async fn load(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    new: &str,
    backup: &Manifest,
    store: &Store,
) -> Result<Vec<String>, Failure> {
    if let Some(contents) = open::contents(daemon, backup)? {
        return load_own(daemon, managed, job, new, backup, store, &contents).await;
    }
    foreign::load(daemon, managed, job, new, backup, store).await?;
    Ok(Vec::new())
}

/// Makes what rows need, and no rows.
pub async fn load_schema(
    daemon: &Daemon,
    managed: &Managed,
    new: &str,
    contents: &Contents,
) -> Result<(), Failure> {
    let mut login = managed.database.login(Purpose::Admin).clone();
    login.dbname(new);
    let pg_restore = daemon.tools.path("pg_restore");
    let schema = unpack_schema(&contents.schema_archive)?;
    let schema = SchemaArchive::open(&pg_restore, &schema).await?;
    Ok(schema.restore_pre_data(&pg_restore, &login).await?)
}

async fn load_own(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    new: &str,
    backup: &Manifest,
    store: &Store,
    contents: &Contents,
) -> Result<Vec<String>, Failure> {
    let mut login = managed.database.login(Purpose::Admin).clone();
    login.dbname(new);
    let pg_restore = daemon.tools.path("pg_restore");
    let schema = unpack_schema(&contents.schema_archive)?;
    let schema = SchemaArchive::open(&pg_restore, &schema).await?;

    job.say("schema");
    schema.restore_pre_data(&pg_restore, &login).await?;
    job.say("rows");
    let work = rows::Work {
        daemon,
        managed,
        login: &login,
        backup,
        store,
        contents,
    };
    rows::load(&work, job).await?;
    job.say("indexes and constraints");
    let jobs = daemon.settings.restore.jobs;
    schema.restore_post_data(&pg_restore, &login, jobs).await?;
    job.say("materialized views");
    let problems = schema.fill_views(&pg_restore, &login).await?;
    job.say("");
    Ok(problems
        .into_iter()
        .map(|said| format!("a materialized view could not be filled: {said}"))
        .collect())
}

//! CreateBaseline: a database that was never versioned is taken over. Its live schema becomes the first revision, which is
//! written only once a scratch database that was built from it is that schema, and then stamped.
//!
//! 1. `dump`: pg_dump's text of the live schema, cut into statements.
//! 2. `build`: what the revision makes of an empty database, compared with the live schema.
//! 3. `stamp`: the file, with its author, and the version table.
//!
//! What ends between file and version table leaves a script that is not applied: Stamp goes on there, and compares again.

use std::{path::Path, sync::Arc};

use chrono::Utc;

use super::{
    compare, create, scratch,
    scripts::load,
    stamp::{self, Plan},
    version::database_heads,
};
use crate::{
    model::{
        failure::{Failure, Kind},
        migration::StampResult,
        operation::{Operation, Outcome},
        revision::{Draft, Graph, Script, fresh_revision},
        schema_dump,
    },
    ops::{
        context::Context,
        daemon::{Daemon, Managed},
        launch::launch,
        runner::job::Job,
        turn::{Turn, Work},
    },
    postgres::{database::Purpose, scratch as ground},
    tools::pg_dump::SchemaPart,
};

/// Starts a takeover. An empty message means `baseline`.
pub async fn create(
    daemon: &Arc<Daemon>,
    context: &Context,
    database: &str,
    message: &str,
    request_id: &str,
) -> Result<Operation, Failure> {
    launch(daemon, context, database, request_id, async |managed| {
        let message = if message.is_empty() {
            "baseline"
        } else {
            message
        }
        .to_owned();
        create::check_message(&message)?;
        require_unversioned(&managed).await?;
        let daemon = Arc::clone(daemon);
        Ok(move |job| async move { run(&daemon, &managed, &job, &message).await })
    })
    .await
}

async fn run(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    message: &str,
) -> Result<Outcome, Failure> {
    let stages = stages(daemon, managed, job, message);
    Turn::hold(daemon, managed, Work::Migration, job, stages)
        .await
        .map(Outcome::Stamp)
}

async fn stages(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    message: &str,
) -> Result<StampResult, Failure> {
    require_unversioned(managed).await?;
    job.enter(1, 3, "dump");
    let upgrade_sql = dump(daemon, managed).await?;
    let live = compare::live(daemon, managed).await?;
    let script = Script::draft(Draft {
        revision: fresh_revision(),
        down_revisions: Vec::new(),
        branch_labels: Vec::new(),
        depends_on: Vec::new(),
        message: message.to_owned(),
        created: Utc::now(),
        transactional: true,
        upgrade_sql,
        downgrade_sql: String::new(),
    })?;

    job.enter(2, 3, "build");
    let plan = Plan {
        after: vec![script.revision.clone()],
        before: Vec::new(),
        graph: Graph::new(vec![script.clone()])?,
    };
    let built = compare::built(daemon, managed, job, &plan.graph, &plan.after, &live).await?;
    let differences = built.differences(&live);
    if !differences.is_empty() {
        let message = format!(
            "what pg_dump says of database {:?} does not make its schema again; {} objects differ",
            managed.name(),
            differences.len()
        );
        return Err(compare::refusal("BASELINE_DIFFERS", &message, &differences)
            .with_hint("put what no revision is to make into migrations.ignore"));
    }

    job.enter(3, 3, "stamp");
    let (none, author) = (Graph::new(Vec::new())?, job.principal());
    create::add(daemon, managed, none, script.clone(), author).await?;
    // From here on the file stands, whatever becomes of the version table: nothing else says what was stamped.
    let committed = stamp::commit(daemon, managed, job, &plan, "", &live).await;
    committed.map_err(|failure| {
        failure.with_hint(format!(
            "{} is written; stamp `head` to go on from there",
            script.file_name
        ))
    })?;
    daemon
        .store
        .put_reference(managed.name(), &plan.after, job.id(), &live)
        .await?;
    Ok(StampResult {
        database: managed.name().to_owned(),
        from_heads: plan.before,
        to_heads: plan.after,
        differences,
        filename: script.file_name,
    })
}

/// Refuses a database with a version, and a directory with scripts.
async fn require_unversioned(managed: &Managed) -> Result<(), Failure> {
    let heads = database_heads(managed).await?;
    if !heads.is_empty() {
        let message = format!(
            "database {:?} has a version already: {}",
            managed.name(),
            heads.join(", ")
        );
        return Err(versioned(message)
            .with_hint("write revisions on it, or bring the revisions directory up to date"));
    }
    let graph = load(&managed.revisions).await?;
    let Some(newest) = graph.iter().next() else {
        return Ok(());
    };
    let message = format!(
        "the revisions directory {} has scripts already, the newest is {}",
        shown(&managed.revisions),
        newest.file_name
    );
    Err(versioned(message).with_hint(
        "if the database is what they make, Stamp says so, and compares first; a baseline goes into an empty directory",
    ))
}

fn versioned(message: String) -> Failure {
    Failure::new(Kind::FailedPrecondition, "ALREADY_VERSIONED", message)
}

fn shown(directory: &Path) -> String {
    directory.display().to_string()
}

/// The live schema as SQL that the migrator role runs. Left out are the version table, and what is a superuser's to make.
async fn dump(daemon: &Daemon, managed: &Managed) -> Result<String, Failure> {
    let session = managed
        .database
        .session(Purpose::Migrator, "pgsteward baseline")
        .await?;
    let mut left_out = ground::not_copied(&session).await?;
    left_out.extend(ground::extensions_of_superusers(&session).await?);
    session.close().await;
    let version_table = managed.version_table.qualified();
    let part = SchemaPart::WithoutTable(&version_table);
    let text = scratch::dump(daemon, managed, part).await?;
    Ok(schema_dump::as_script(&text, &left_out)?)
}

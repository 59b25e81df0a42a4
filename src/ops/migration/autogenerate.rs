//! CreateRevision with autogenerate: what the models declare is compared with what the revisions make, and the difference
//! becomes one revision or several. What to write is `model::autogenerate`'s to know; here stand the databases that it is
//! told of, and the proof: nothing is written that was not run up and down in a scratch database.
//!
//! 1. `build`: what the revisions up to the parents make, and what the models declare, each in a scratch database.
//! 2. `compare`: both schemas.
//! 3. `renames`: what only has another name now.
//! 4. `write`: the scripts, each run where the revisions were.
//! 5. `prove`: that they come to what is declared, and that their downgrades lead back.
//! 6. `add`: the files.

mod add;
mod answers;
mod observe;
mod prove;
mod renames;
mod write;

use std::sync::Arc;

use futures_util::future::try_join;

use self::{answers::Answers, write::Written};
use super::{
    create,
    models::{self, build_both},
    scratch::Chain,
    scripts::load,
    step,
};
use crate::{
    model::{
        autogenerate::Form,
        failure::Failure,
        operation::{Operation, Outcome},
        revision::Graph,
        schema::Difference,
    },
    ops::{
        context::Context,
        daemon::{Daemon, Managed},
        launch::launch,
        recovery,
        runner::job::Job,
        turn::{Turn, Work},
    },
    postgres::catalog::facts_in_snapshot,
};

const STAGES: u32 = 6;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What the revisions are for.
    pub message: String,
    /// Ids, prefixes, labels or `base`; empty for the only head.
    pub parents: Vec<String>,
    /// A label for the branch that starts with them; empty for none.
    pub branch_label: String,
    /// Tables and columns with another name, each as `old=new`.
    pub renames: Vec<String>,
    /// Tables and columns that are meant to go.
    pub drops: Vec<String>,
    /// Whether the statements may lock for long.
    pub plain: bool,
}

/// The revisions that are to be added, with what they are for.
struct Generated {
    parents: Vec<String>,
    revisions: Vec<Written>,
    differences: Vec<Difference>,
}

/// Starts it.
pub async fn start(
    daemon: &Arc<Daemon>,
    context: &Context,
    database: &str,
    wanted: Wanted,
    request_id: &str,
) -> Result<Operation, Failure> {
    launch(daemon, context, database, request_id, async |managed| {
        create::check_message(&wanted.message)?;
        create::check_label(&wanted.branch_label)?;
        Answers::read(&wanted.renames, &wanted.drops)?;
        models::directory(&managed)?;
        create::parents(&load(&managed.revisions).await?, &wanted.parents)?;
        let daemon = Arc::clone(daemon);
        Ok(move |job| async move { run(&daemon, &managed, &job, &wanted).await })
    })
    .await
}

async fn run(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    wanted: &Wanted,
) -> Result<Outcome, Failure> {
    let patience = daemon.settings.lock_wait;
    let turn = Turn::take(&managed.database, Work::Inspection, job, patience).await?;
    let generated = turn
        .during(job, generate(daemon, managed, job, wanted))
        .await;
    // All files or none: from here on it is not to be cut off.
    let added = async {
        let generated = generated?;
        turn.check()?;
        add::add(daemon, managed, job, wanted, generated).await
    };
    let added = added.await;
    recovery::sweep_operation(daemon, job.id()).await;
    turn.end().await;
    added.map(Outcome::Autogenerate)
}

async fn generate(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    wanted: &Wanted,
) -> Result<Generated, Failure> {
    job.enter(1, STAGES, "build");
    let mut answers = Answers::read(&wanted.renames, &wanted.drops)?;
    let graph = load(&managed.revisions).await?;
    let parents = create::parents(&graph, &wanted.parents)?;
    let chain = Chain::up_to(&graph, &parents)?;
    let both = build_both(daemon, managed, job, &chain).await?;

    job.enter(2, STAGES, "compare");
    let scope = step::scope(daemon, managed);
    let (made, declared) = Box::pin(try_join(
        facts_in_snapshot(&both.chain.session, &scope),
        facts_in_snapshot(&both.models.session, &scope),
    ))
    .await?;
    let differences = made.schema.differences(&declared.schema);
    let generated = |revisions| Generated {
        parents: parents.clone(),
        revisions,
        differences: differences.clone(),
    };
    if differences.is_empty() {
        answers.require_use()?;
        both.drop().await;
        return Ok(generated(Vec::new()));
    }

    job.enter(3, STAGES, "renames");
    let session = &both.chain.session;
    let renamed = renames::find(session, &scope, &made, &declared, &mut answers).await?;

    job.enter(4, STAGES, "write");
    let writer = write::Writer {
        daemon,
        managed,
        both: &both,
        scope: &scope,
        form: if wanted.plain {
            Form::Plain
        } else {
            Form::Online
        },
        message: &wanted.message,
        branch_label: &wanted.branch_label,
    };
    let start = write::Start {
        graph: graph.clone(),
        parents: &parents,
        rows: chain.rows(),
        made,
    };
    let revisions = writer.write(job, start, renamed, &declared).await?;

    job.enter(5, STAGES, "prove");
    prove::prove(
        daemon,
        managed,
        job,
        session,
        &scope,
        &revisions,
        &declared.schema,
    )
    .await?;
    both.drop().await;
    Ok(generated(revisions))
}

/// The graph with more scripts.
fn with(graph: &Graph, script: crate::model::revision::Script) -> Result<Graph, Failure> {
    let mut all: Vec<_> = graph.iter().cloned().collect();
    all.push(script);
    Ok(Graph::new(all)?)
}

//! The building of a chain: what its revisions make of an empty database that stands on the live one's ground.

use super::{LiveGround, Scratch};
use crate::{
    model::{
        failure::{Failure, Kind},
        migration::Direction,
        revision::{Graph, Script, Step},
        schema::Schema,
    },
    ops::{
        daemon::{Daemon, Managed},
        migration::step,
        runner::job::Job,
    },
    postgres::{
        catalog,
        revisions::{self, ScriptRun, ScriptRunError},
        scratch,
        session::Session,
    },
};

/// The revisions of a chain in the order in which they run.
pub(in crate::ops::migration) struct Chain<'g> {
    steps: Vec<(Step, &'g Script)>,
}

/// A scratch database in which something was built, with the migrator's session in it.
pub(in crate::ops::migration) struct Built<'a> {
    /// The database.
    pub(in crate::ops::migration) scratch: Scratch<'a>,
    /// The session; it is in no transaction.
    pub(in crate::ops::migration) session: Session,
}

impl Built<'_> {
    /// Ends the session and drops the database.
    pub(in crate::ops::migration) async fn drop(self) {
        self.session.close().await;
        self.scratch.drop().await;
    }
}

impl<'g> Chain<'g> {
    /// The chain from base up to these revisions.
    pub(in crate::ops::migration) fn up_to(
        graph: &'g Graph,
        heads: &[String],
    ) -> Result<Self, Failure> {
        let mut chain = Self { steps: Vec::new() };
        for head in heads {
            for step in graph.upgrade_plan(chain.rows(), head)? {
                // A plan names only revisions that the graph has.
                let script = graph.get(&step.revision);
                chain.steps.extend(script.map(|script| (step, script)));
            }
        }
        Ok(chain)
    }

    /// The version table's rows once it is built.
    pub(in crate::ops::migration) fn rows(&self) -> &[String] {
        let last = self.steps.last();
        last.map_or(&[], |(step, _)| &step.heads_after)
    }

    pub(super) fn scripts(&self) -> impl Iterator<Item = &'g Script> {
        self.steps.iter().map(|(_, script)| *script)
    }

    /// Builds it in an empty scratch database.
    pub(in crate::ops::migration) async fn build<'a>(
        &self,
        daemon: &Daemon,
        managed: &Managed,
        job: &Job,
        live: &LiveGround,
        scratch: Scratch<'a>,
    ) -> Result<Built<'a>, Failure> {
        let scratch = live
            .prepare(managed, self, std::iter::empty(), scratch)
            .await?;
        let built = async {
            let session = scratch.session("pgsteward build").await?;
            let mut before: &[String] = &[];
            for (done, (step, script)) in self.steps.iter().enumerate() {
                job.count(done as u64, self.steps.len() as u64, "revisions");
                let run = ScriptRun {
                    table: &managed.version_table,
                    script,
                    direction: Direction::Upgrade,
                    before,
                    after: &step.heads_after,
                    limits: daemon.settings.migrations.limits,
                };
                build_one(&session, run)
                    .await
                    .map_err(|error| cannot_build(managed, script, error))?;
                before = &step.heads_after;
            }
            job.count(
                self.steps.len() as u64,
                self.steps.len() as u64,
                "revisions",
            );
            Ok(session)
        };
        match built.await {
            Ok(session) => Ok(Built { scratch, session }),
            Err(failure) => {
                scratch.drop().await;
                Err(failure)
            }
        }
    }
}

/// What the chain `heads` makes of an empty database, less what drift checks leave out.
pub(in crate::ops::migration) async fn build(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    graph: &Graph,
    heads: &[String],
) -> Result<Schema, Failure> {
    let chain = Chain::up_to(graph, heads)?;
    let live = LiveGround::read(daemon, managed).await?;
    let name = scratch::rehearsal_name(job.id());
    let scratch = Scratch::create(daemon, managed, job, &name).await?;
    let built = chain.build(daemon, managed, job, &live, scratch).await?;
    let read = catalog::read_in_snapshot(&built.session, &step::scope(daemon, managed)).await;
    built.drop().await;
    Ok(read?)
}

/// Runs one section of a script, its version row included, where nobody else is at work and nothing is recorded.
pub(in crate::ops::migration) async fn build_one(
    session: &Session,
    run: ScriptRun<'_>,
) -> Result<(), ScriptRunError> {
    let unrecorded = async |_| Ok(());
    if run.script.transactional {
        return revisions::run(session, run, unrecorded).await;
    }
    revisions::check_version(session, run).await?;
    for (position, statement) in run.script.statements(run.direction)?.iter().enumerate() {
        revisions::execute(session, run, statement, Some(position)).await?;
    }
    revisions::finish(session, run, unrecorded).await
}

fn cannot_build(managed: &Managed, script: &Script, error: ScriptRunError) -> Failure {
    let failure = Failure::from(error);
    if failure.kind != Kind::FailedPrecondition {
        return failure;
    }
    Failure::new(
        Kind::FailedPrecondition,
        "CHAIN_NOT_BUILDABLE",
        format!(
            "the revisions of database {:?} cannot be built from base: revision {} failed in an empty database: {}",
            managed.name(),
            script.revision,
            failure.message
        ),
    )
    .with_hint("a script may rest on what no revision makes, or on rows; the live database was not touched")
}

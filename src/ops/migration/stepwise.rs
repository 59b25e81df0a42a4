//! A script that cannot be one transaction, statement by statement. Each is written into the journal before it is sent
//! and marked after it ended, so that a run that was cut off goes on at the right statement:
//!
//! - An ordinary statement has a transaction of its own, and the server knows how that ended.
//! - What runs outside of transactions is looked for in the catalog. What a concurrent build has left is dropped.
//! - A statement that is known to have ended is not sent again, and may not have been edited. Only `SET` and its like
//!   are sent again: what they did went with their session.

use super::step::{Stepper, label};
use crate::{
    model::{
        failure::{Classified, Failure, Kind},
        revision::{Outside, Statement},
    },
    postgres::{
        error::PostgresError,
        indexes::{self, Detach, FoundIndex},
        locks::{self, TransactionEnd},
        revisions::{self, ScriptRun, ScriptRunError},
        server,
        session::Session,
    },
    state::journal::{JournaledStatement, Section},
};

/// A half-run script that cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// A statement that has run was edited, moved or taken out.
    #[error("{file}: statement {number} has run already and was edited since; it was: {was}")]
    Edited {
        /// The script's file.
        file: String,
        /// The statement's number in its section, from 1.
        number: usize,
        /// The text that ran.
        was: String,
    },
    /// Somebody else builds the index that the script builds.
    #[error("index {0} is being built by another session")]
    InBuild(String),
}

impl Classified for ResumeError {
    fn kind(&self) -> Kind {
        match self {
            Self::Edited { .. } => Kind::FailedPrecondition,
            Self::InBuild(_) => Kind::Aborted,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Edited { .. } => "HALF_RUN_REVISION_EDITED",
            Self::InBuild(_) => "INDEX_IN_BUILD",
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Edited { .. } => {
                "put the statements that have run back as they were; only those after them may be edited"
            }
            Self::InBuild(_) => "wait for it, then try again",
        };
        Some(hint.to_owned())
    }
}

/// One script on its way.
struct Stepwise<'a> {
    stepper: &'a Stepper<'a>,
    run: ScriptRun<'a>,
    section: Section<'a>,
    retries: u32,
}

/// Runs the script, or what is left of it, and writes its version row.
pub(super) async fn run(
    stepper: &Stepper<'_>,
    run: ScriptRun<'_>,
    event: &mut Option<i64>,
) -> Result<u32, Failure> {
    let section = Section {
        database: stepper.managed.name(),
        oid: server::database_oid(&*stepper.session).await?,
        revision: &run.script.revision,
        direction: run.direction,
    };
    let statements = run.script.statements(run.direction)?;
    let journal = stepper.daemon.store.journal(section).await?;
    let mut stepwise = Stepwise {
        stepper,
        run,
        section,
        retries: 0,
    };
    revisions::check_version(&stepper.session, run).await?;
    for position in 0..statements.len().max(journal.len()) {
        stepwise
            .statement(position, statements.get(position), journal.get(position))
            .await?;
    }
    let mut tries = stepper.tries(label(run.script));
    loop {
        let record = async |transaction_id: String| {
            *event = Some(stepper.record(run, &transaction_id).await?);
            Ok(())
        };
        if tries
            .ended(revisions::finish(&stepper.session, run, record))
            .await?
        {
            break;
        }
    }
    stepper.daemon.store.journal_clear(section).await?;
    Ok(stepwise.retries + tries.retries)
}

impl Stepwise<'_> {
    /// One statement, as far as it has not run.
    async fn statement(
        &mut self,
        position: usize,
        statement: Option<&Statement>,
        journaled: Option<&JournaledStatement>,
    ) -> Result<(), Failure> {
        if let Some(journaled) = journaled
            && self.has_ended(position, journaled).await?
        {
            let same = statement.filter(|statement| statement.sql == journaled.sql);
            let statement = same.ok_or_else(|| ResumeError::Edited {
                file: self.run.script.file_name.clone(),
                number: position + 1,
                was: journaled.sql.clone(),
            })?;
            if statement.sets_the_session() {
                self.send(position, statement).await?;
            }
            return Ok(());
        }
        let Some(statement) = statement else {
            return Ok(());
        };
        let number = position + 1;
        let label = format!("{}, statement {number}", label(self.run.script));
        let outside = statement.outside().map_err(|problem| {
            Failure::new(
                Kind::FailedPrecondition,
                "INVALID_STATEMENT",
                problem.to_string(),
            )
        })?;
        let again = journaled.is_some();
        if let Err(failure) = self
            .tried(position, statement, outside.as_ref(), again, label)
            .await
        {
            self.after_failure(position, outside.as_ref()).await;
            return Err(failure);
        }
        let store = &self.stepper.daemon.store;
        Ok(store.journal_end(self.section, position).await?)
    }

    /// Sends a statement, again while others hold a lock that it needs.
    async fn tried(
        &mut self,
        position: usize,
        statement: &Statement,
        outside: Option<&Outside>,
        again: bool,
        label: String,
    ) -> Result<(), Failure> {
        let mut tries = self.stepper.tries(label);
        loop {
            let ended = match outside {
                None => tries.ended(self.ordinary(position, statement)).await?,
                Some(outside) => {
                    self.clear_the_way(outside).await?;
                    let sent = self.outside(position, statement, outside, again);
                    tries.ended(sent).await?
                }
            };
            if ended {
                self.retries += tries.retries;
                return Ok(());
            }
        }
    }

    fn session(&self) -> &Session {
        &self.stepper.session
    }

    /// Whether a statement that was begun has ended well.
    async fn has_ended(
        &self,
        position: usize,
        journaled: &JournaledStatement,
    ) -> Result<bool, Failure> {
        if journaled.ended {
            return Ok(true);
        }
        let ended = match &journaled.transaction_id {
            Some(id) => {
                locks::transaction_end(self.session(), id).await? == TransactionEnd::Committed
            }
            None => self.left_its_mark(&journaled.sql).await?,
        };
        if ended {
            self.stepper
                .daemon
                .store
                .journal_end(self.section, position)
                .await?;
        }
        Ok(ended)
    }

    /// Whether the catalog shows that a statement outside of transactions has done its work. What it has left half done
    /// is cleared away.
    async fn left_its_mark(&self, sql: &str) -> Result<bool, Failure> {
        let statements = crate::model::revision::statements(sql).unwrap_or_default();
        let outside = statements.first().and_then(|first| first.outside().ok()?);
        let Some(outside) = outside else {
            return Ok(false);
        };
        let session = self.session();
        match &outside {
            Outside::CreateIndex { index, table } => {
                match indexes::find(session, table, index).await? {
                    Some(found) if found.valid => Ok(true),
                    _ => {
                        self.clear_the_way(&outside).await?;
                        Ok(false)
                    }
                }
            }
            Outside::DropIndex { index } => Ok(!indexes::exists(session, index).await?),
            Outside::DetachPartition { table, partition } => {
                match indexes::detach_state(session, table, partition).await? {
                    Detach::Attached => Ok(false),
                    Detach::Detached => Ok(true),
                    Detach::Pending => {
                        indexes::finalize_detach(session, table, partition).await?;
                        Ok(true)
                    }
                }
            }
            Outside::Reindex => {
                self.clear_the_way(&outside).await?;
                Ok(false)
            }
            Outside::Other => Ok(false),
        }
    }

    /// Drops the invalid index that an earlier build of the same name has left. `IF NOT EXISTS` would take it for the
    /// index that is wanted.
    async fn clear_the_way(&self, outside: &Outside) -> Result<(), Failure> {
        if *outside == Outside::Reindex {
            for left in indexes::reindex_leftovers(self.session()).await? {
                self.drop_invalid(&left).await?;
            }
        }
        let Some(left) = self.carcass(outside).await? else {
            return Ok(());
        };
        if left.in_build {
            return Err(ResumeError::InBuild(left.name).into());
        }
        self.drop_invalid(&left).await
    }

    /// Like the build itself, the drop waits for older snapshots, and says so.
    async fn drop_invalid(&self, left: &FoundIndex) -> Result<(), Failure> {
        let (stepper, run) = (self.stepper, self.run);
        revisions::set_limits(&stepper.session, run, run.limits.concurrent_lock).await?;
        let label = format!(
            "{}: drops the invalid index {}",
            label(run.script),
            left.name
        );
        let drop = indexes::drop_invalid(&stepper.session, left);
        let (dropped, _) = stepper.blockers.during(stepper.job, &label, drop).await;
        Ok(dropped?)
    }

    async fn carcass(&self, outside: &Outside) -> Result<Option<FoundIndex>, PostgresError> {
        let Outside::CreateIndex { index, table } = outside else {
            return Ok(None);
        };
        let found = indexes::find(self.session(), table, index).await?;
        Ok(found.filter(|found| !found.valid))
    }

    /// A statement in a transaction of its own, whose id is in the journal before it commits.
    async fn ordinary(&self, position: usize, statement: &Statement) -> Result<(), ScriptRunError> {
        let (session, run) = (self.session(), self.run);
        let frame = |source| ScriptRunError::Frame {
            file: run.script.file_name.clone(),
            source,
        };
        revisions::set_limits(session, run, run.limits.lock).await?;
        let done = async {
            session
                .batch_execute("BEGIN")
                .await
                .map_err(PostgresError::query("begin a transaction"))
                .map_err(frame)?;
            let id = revisions::transaction_id(session).await.map_err(frame)?;
            self.note(position, statement, Some(&id)).await?;
            revisions::execute(session, run, statement, Some(position)).await?;
            session
                .batch_execute("COMMIT")
                .await
                .map_err(PostgresError::query("commit"))
                .map_err(frame)
        };
        let done = done.await;
        if done.is_err() {
            revisions::rollback(session).await;
        }
        done
    }

    /// A statement that PostgreSQL refuses in a transaction.
    async fn outside(
        &self,
        position: usize,
        statement: &Statement,
        outside: &Outside,
        again: bool,
    ) -> Result<(), ScriptRunError> {
        let (session, run) = (self.session(), self.run);
        // Waiting to detach, it keeps the partition's readers waiting behind it; the others keep nobody waiting.
        let lock = match outside {
            Outside::DetachPartition { .. } => run.limits.lock,
            _ => run.limits.concurrent_lock,
        };
        revisions::set_limits(session, run, lock).await?;
        self.note(position, statement, None).await?;
        if self.finished_detach(outside).await? {
            return Ok(());
        }
        match revisions::execute(session, run, statement, Some(position)).await {
            Err(error) if again && *outside == Outside::Other && error.says_it_is_done() => Ok(()),
            done => done,
        }
    }

    /// A detach that an earlier try left pending is finished; to send it again would be an error.
    async fn finished_detach(&self, outside: &Outside) -> Result<bool, ScriptRunError> {
        let Outside::DetachPartition { table, partition } = outside else {
            return Ok(false);
        };
        let finished = async {
            let state = indexes::detach_state(self.session(), table, partition).await?;
            if state != Detach::Pending {
                return Ok(false);
            }
            indexes::finalize_detach(self.session(), table, partition).await?;
            Ok(true)
        };
        finished.await.map_err(|source| ScriptRunError::Frame {
            file: self.run.script.file_name.clone(),
            source,
        })
    }

    /// `SET` and its like, again: nothing of it needs the journal.
    async fn send(&self, position: usize, statement: &Statement) -> Result<(), Failure> {
        Ok(revisions::execute(self.session(), self.run, statement, Some(position)).await?)
    }

    async fn note(
        &self,
        position: usize,
        statement: &Statement,
        transaction_id: Option<&str>,
    ) -> Result<(), ScriptRunError> {
        self.stepper
            .daemon
            .store
            .journal_begin(self.section, position, &statement.sql, transaction_id)
            .await
            .map_err(|source| ScriptRunError::Unrecorded {
                file: self.run.script.file_name.clone(),
                source,
            })
    }

    /// A failed build costs every writer of its table until it is dropped. And where the first statement failed, nothing
    /// of the script is left to go on with. Both are tried only: the next run finds what was not done.
    async fn after_failure(&self, position: usize, outside: Option<&Outside>) {
        let tidied = async {
            if let Some(outside) = outside {
                self.clear_the_way(outside).await?;
            }
            if let Some(Outside::DetachPartition { table, partition }) = outside
                && indexes::detach_state(self.session(), table, partition).await? == Detach::Pending
            {
                return Ok(());
            }
            // It has ended, and badly: the next run must not ask the catalog whether it ended well.
            let store = &self.stepper.daemon.store;
            store.journal_retract(self.section, position).await?;
            Ok::<_, Failure>(())
        };
        if !self.session().is_held() {
            return;
        }
        if let Err(failure) = tidied.await {
            tracing::warn!(%failure, "what a failed statement has left is kept for the next run");
        }
    }
}

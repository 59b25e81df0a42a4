//! The rehearsal of one script on a scratch copy: each statement is run as it would be on the live database, and what it
//! did is read from the catalogs right after it, inside its own transaction.
//!
//! Reading takes locks and settings of its own: it happens under a savepoint that is rolled back, so that the script does
//! not notice and the locks that are seen are the script's.

mod error;
mod identity;
mod locks;
mod relations;
mod watch;

pub use error::RehearsalError;

use std::time::Instant;

use self::{
    locks::{Locks, reported},
    relations::Relations,
    watch::Watch,
};
use super::{
    catalog::{self, Scope},
    error::PostgresError,
    locks::backend,
    revisions::{self, ScriptRun, ScriptRunError},
    session::Session,
    shared,
};
use crate::model::{
    rehearsal::RehearsedStatement,
    review::abbreviated,
    revision::{Outside, Statement},
    schema::Schema,
};

/// The state of a scratch database between two statements.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its schema.
    pub schema: Schema,
    relations: Relations,
}

/// Runs scripts on a scratch database and looks at what they do.
pub struct Observer<'a> {
    session: &'a Session,
    /// Two more connections, for statements that cannot be watched from inside.
    watch: Watch<'a>,
    scope: &'a Scope,
    backend: i32,
    now: Seen,
}

/// One script on its way.
struct Script<'a> {
    run: ScriptRun<'a>,
    /// What stood there before its first statement.
    existing: Relations,
    /// The locks that the open transaction has.
    held: Locks,
    statements: Vec<RehearsedStatement>,
    /// What of the server the open transaction has changed.
    shared: Option<RehearsalError>,
}

impl<'a> Observer<'a> {
    /// `session` runs the scripts, `watcher` and `holder` are two more connections to the same scratch database.
    pub async fn new(
        session: &'a Session,
        watcher: &'a Session,
        holder: &'a Session,
        scope: &'a Scope,
    ) -> Result<Self, PostgresError> {
        let watch = Watch::new(watcher, holder).await?;
        Ok(Self {
            session,
            watch,
            scope,
            backend: backend(session).await?,
            now: look_around(session, scope).await?,
        })
    }

    /// The state after what has run so far.
    pub fn now(&self) -> &Seen {
        &self.now
    }

    /// Runs one section of a script, its version row included, and says what each statement did.
    pub async fn script(
        &mut self,
        run: ScriptRun<'_>,
    ) -> Result<Vec<RehearsedStatement>, RehearsalError> {
        let mut script = Script {
            run,
            existing: self.now.relations.clone(),
            held: Locks::new(),
            statements: Vec::new(),
            shared: None,
        };
        let ran = if run.script.transactional {
            self.in_transaction(&mut script).await
        } else {
            self.stepwise(&mut script).await
        };
        match script.shared {
            Some(shared) => Err(shared),
            None => ran.map(|()| script.statements).map_err(Into::into),
        }
    }

    async fn in_transaction(&mut self, script: &mut Script<'_>) -> Result<(), ScriptRunError> {
        let (session, run) = (self.session, script.run);
        let statements = run.script.statements(run.direction)?;
        let sent = async {
            revisions::open(session, run).await?;
            // The frame's own lock, on the version table.
            let held = locks::of(session, self.backend).await;
            script.held = held.map_err(|source| run.frame(source))?;
            for statement in &statements {
                self.ordinary(script, statement, None).await?;
            }
            Ok(())
        };
        let sent = sent.await;
        revisions::close(session, run, sent, async |_| Ok(())).await
    }

    async fn stepwise(&mut self, script: &mut Script<'_>) -> Result<(), ScriptRunError> {
        let (session, run) = (self.session, script.run);
        revisions::check_version(session, run).await?;
        for (position, statement) in run.script.statements(run.direction)?.iter().enumerate() {
            match statement.outside().ok().flatten() {
                Some(outside) => self.outside(script, statement, &outside, position).await?,
                None => self.alone(script, statement, position).await?,
            }
        }
        revisions::finish(session, run, async |_| Ok(())).await
    }

    /// An ordinary statement in a transaction of its own.
    async fn alone(
        &mut self,
        script: &mut Script<'_>,
        statement: &Statement,
        position: usize,
    ) -> Result<(), ScriptRunError> {
        let (session, run) = (self.session, script.run);
        revisions::set_limits(session, run, run.limits.lock).await?;
        script.held.clear();
        let done = async {
            send(session, "BEGIN").await.map_err(|e| run.frame(e))?;
            self.ordinary(script, statement, Some(position)).await?;
            send(session, "COMMIT").await.map_err(|e| run.frame(e))
        };
        let done = done.await;
        if done.is_err() {
            revisions::rollback(session).await;
        }
        done
    }

    /// A statement in an open transaction.
    async fn ordinary(
        &mut self,
        script: &mut Script<'_>,
        statement: &Statement,
        applied_before: Option<usize>,
    ) -> Result<(), ScriptRunError> {
        let (session, run) = (self.session, script.run);
        let start = Instant::now();
        revisions::execute(session, run, statement, applied_before).await?;
        let duration = start.elapsed();
        let frame = |source| run.frame(source);
        let held = locks::of(session, self.backend).await.map_err(frame)?;
        if let Some(what) = shared::changed(session).await.map_err(frame)? {
            return Err(script.refused(statement, what));
        }
        send(session, "SAVEPOINT pgsteward_rehearsal")
            .await
            .map_err(frame)?;
        let after = look(session, self.scope).await.map_err(frame)?;
        send(
            session,
            "ROLLBACK TO SAVEPOINT pgsteward_rehearsal; RELEASE SAVEPOINT pgsteward_rehearsal",
        )
        .await
        .map_err(frame)?;
        let new = held.difference(&script.held).cloned().collect();
        script.report(statement, duration, &self.now, &after, &new, &held);
        script.held = held;
        self.now = after;
        Ok(())
    }

    /// A statement that PostgreSQL refuses in a transaction. Its locks are looked at from outside, while it waits.
    async fn outside(
        &mut self,
        script: &mut Script<'_>,
        statement: &Statement,
        outside: &Outside,
        position: usize,
    ) -> Result<(), ScriptRunError> {
        let (session, run) = (self.session, script.run);
        if let Some(what) = shared::changed_outside(statement, outside) {
            return Err(script.refused(statement, what.to_owned()));
        }
        let lock = match outside {
            Outside::DetachPartition { .. } => run.limits.lock,
            _ => run.limits.concurrent_lock,
        };
        revisions::set_limits(session, run, lock).await?;
        let start = Instant::now();
        let work = revisions::execute(session, run, statement, Some(position));
        let watched = self.watch.during(self.backend, &statement.sql, work).await;
        let (ran, held) = watched.map_err(|source| run.frame(source))?;
        ran?;
        let duration = start.elapsed();
        let after = look_around(session, self.scope).await;
        let after = after.map_err(|source| run.frame(source))?;
        script.report(statement, duration, &self.now, &after, &held, &held);
        self.now = after;
        Ok(())
    }
}

impl Script<'_> {
    fn line(&self, statement: &Statement) -> usize {
        self.run.first_line() + statement.line - 1
    }

    /// Keeps why, and gives an error that ends the transaction.
    fn refused(&mut self, statement: &Statement, what: String) -> ScriptRunError {
        let detail = format!("it changes {what}");
        self.shared = Some(RehearsalError::Shared {
            file: self.run.script.file_name.clone(),
            line: self.line(statement),
            what,
        });
        self.run.frame(PostgresError::Unexpected {
            what: "rehearse the statement".to_owned(),
            detail,
        })
    }

    fn report(
        &mut self,
        statement: &Statement,
        duration: std::time::Duration,
        before: &Seen,
        after: &Seen,
        new_locks: &Locks,
        all_locks: &Locks,
    ) {
        let (was, is) = (&before.relations, &after.relations);
        // TRUNCATE gives a table new storage too, but there is nothing to write.
        let truncates = statement
            .sql
            .get(..8)
            .is_some_and(|word| word.eq_ignore_ascii_case("truncate"));
        let (rewritten, scanned) = if truncates {
            (Vec::new(), Vec::new())
        } else {
            (
                relations::rewritten(&self.existing, was, is),
                relations::scanned(&self.existing, was, is),
            )
        };
        self.statements.push(RehearsedStatement {
            line: self.line(statement),
            statement: abbreviated(&statement.sql),
            duration,
            locks: reported(&self.existing, was, new_locks, all_locks),
            rewritten,
            scanned,
            changes: identity::corrected(before.schema.differences(&after.schema), was, is),
        });
    }
}

/// Reads the state in the open transaction, which is to be rolled back to where it stood before.
async fn look(session: &Session, scope: &Scope) -> Result<Seen, PostgresError> {
    // A script may have put on a role or a short limit.
    send(
        session,
        "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; RESET ROLE",
    )
    .await?;
    Ok(Seen {
        relations: relations::read(session).await?,
        schema: catalog::read(&**session, scope).await?,
    })
}

/// Reads the state on a connection that is in no transaction.
async fn look_around(session: &Session, scope: &Scope) -> Result<Seen, PostgresError> {
    send(session, "BEGIN").await?;
    let seen = look(session, scope).await;
    send(session, "ROLLBACK").await?;
    seen
}

async fn send(session: &Session, sql: &str) -> Result<(), PostgresError> {
    session
        .batch_execute(sql)
        .await
        .map_err(PostgresError::query("look at what a statement did"))
}

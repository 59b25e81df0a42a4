//! The loading of the models into an empty database. Files stand in any order and may need each other: each is run until
//! something that it names is not there yet, and goes on from that place once the others have come further. Where none gets
//! on so, what stands further down is tried, until all are through or nothing more can be made.
//!
//! Statements go in batches that are a transaction each: fewer commits than one for each statement, fewer locks than one
//! for all. A batch that fails is taken apart.

use std::collections::BTreeSet;

use futures_util::future::join3;

use super::files::{CANNOT_LOAD, Misplaced, ModelFile, NOT_LOADABLE, changes_the_server};
use crate::{
    model::{
        failure::{Classified as _, Failure, Kind},
        revision::{Class, Statement},
    },
    postgres::{
        error::{PostgresError, ServerError},
        session::Session,
        shared,
    },
};

/// How many statements are a transaction.
const BATCH: usize = 200;

/// The loading of all files.
struct Loader<'a> {
    session: &'a Session,
    files: Vec<Progress<'a>>,
    /// Functions that were made while bodies went unchecked.
    unchecked: Vec<Unchecked>,
}

/// How far one file is.
struct Progress<'a> {
    file: &'a ModelFile,
    /// How many of its statements have run, from the first on.
    done: usize,
    /// Statements further down that have run already.
    ahead: BTreeSet<usize>,
    /// Why the next one could not.
    stuck: Option<Misplaced>,
    /// Whether anything in it may set the session otherwise.
    sets: bool,
}

struct Unchecked {
    file: usize,
    statement: usize,
    function: u32,
}

/// Loads all files, or says what is wrong with each that cannot be loaded.
pub(super) async fn load(session: &Session, files: &[ModelFile]) -> Result<(), Failure> {
    let mut loader = Loader {
        session,
        files: files.iter().map(Progress::new).collect(),
        unchecked: Vec::new(),
    };
    loader.run().await?;
    loader.check_bodies().await?;
    Ok(session.reset().await?)
}

impl<'a> Progress<'a> {
    fn new(file: &'a ModelFile) -> Self {
        let text = file.text.to_ascii_lowercase();
        Self {
            file,
            done: 0,
            ahead: BTreeSet::new(),
            stuck: None,
            sets: file.statements.iter().any(Statement::sets_the_session)
                || ["set_config", "execute", "discard", "temp"]
                    .iter()
                    .any(|word| text.contains(word)),
        }
    }

    /// The statements that come next, up to one that has run ahead.
    fn left(&self) -> &'a [Statement] {
        let end = self.ahead.range(self.done..).next();
        let end = end.copied().unwrap_or(self.file.statements.len());
        &self.file.statements[self.done..end]
    }

    /// So many more have run.
    fn pass(&mut self, count: usize) {
        self.done += count;
        while self.ahead.remove(&self.done) {
            self.done += 1;
        }
    }
}

impl Loader<'_> {
    async fn run(&mut self) -> Result<(), Failure> {
        let mut forward = true;
        loop {
            let mut waiting: Vec<usize> = (0..self.files.len())
                .filter(|index| !self.files[*index].left().is_empty())
                .collect();
            if waiting.is_empty() {
                return Ok(());
            }
            // Files that stand in the wrong order are through after two rounds.
            if !forward {
                waiting.reverse();
            }
            forward = !forward;
            let mut moved = false;
            for index in &waiting {
                moved |= self.advance(*index).await?;
            }
            if !moved
                && !self.advance_ahead(&waiting).await?
                && !self.advance_unchecked(&waiting).await?
            {
                return Err(self.refusal());
            }
        }
    }

    fn refusal(&mut self) -> Failure {
        let stuck = self.files.iter_mut().filter_map(|file| file.stuck.take());
        let stuck: Vec<Misplaced> = stuck.collect();
        Misplaced::refusal(NOT_LOADABLE, CANNOT_LOAD, &stuck).with_hint(
            "correct these places; neither the order of the files nor that of the statements in them matters",
        )
    }

    /// Runs a file on from where it stands; whether it got on.
    async fn advance(&mut self, index: usize) -> Result<bool, Failure> {
        let before = self.files[index].done;
        self.resume(index).await?;
        // A file that was stuck tries that statement alone first, and what is left of a failed batch goes one by one.
        let mut alone_until = match &self.files[index].stuck {
            Some(_) => before + 1,
            None => 0,
        };
        self.files[index].stuck = None;
        loop {
            let progress = &self.files[index];
            let Some(size) = batch(progress.left(), progress.done < alone_until) else {
                break;
            };
            let statements = &progress.left()[..size];
            match run(self.session, progress.file, statements).await? {
                Ok(()) => self.files[index].pass(size),
                Err(_) if size > 1 => alone_until = progress.done + size,
                Err(stuck) => {
                    self.files[index].stuck = Some(stuck);
                    break;
                }
            }
        }
        self.leave(index).await?;
        Ok(self.files[index].done > before)
    }

    /// Tries each statement that stands further down in a file than the one that cannot run yet; whether any ran.
    async fn advance_ahead(&mut self, waiting: &[usize]) -> Result<bool, Failure> {
        let mut moved = false;
        for &index in waiting {
            let progress = &self.files[index];
            let file = progress.file;
            let further = progress.done + 1..file.statements.len();
            let further: Vec<usize> = further
                .filter(|place| !progress.ahead.contains(place))
                .collect();
            for place in further {
                self.settings_before(&self.files[index], place).await?;
                let statement = &file.statements[place..=place];
                if run(self.session, file, statement).await?.is_ok() {
                    self.files[index].ahead.insert(place);
                    moved = true;
                }
                self.leave(index).await?;
            }
        }
        Ok(moved)
    }

    /// Runs the next statement of each file, while the bodies of functions go unchecked: those may call each other. Whether
    /// any file got on.
    async fn advance_unchecked(&mut self, waiting: &[usize]) -> Result<bool, Failure> {
        let mut moved = false;
        for index in waiting {
            self.resume(*index).await?;
            let progress = &self.files[*index];
            let next = &progress.left()[..1];
            execute(self.session, "SET check_function_bodies = off").await?;
            let made = made_functions(self.session, progress.file, next).await?;
            if let Ok(functions) = made {
                let statement = progress.done;
                self.unchecked
                    .extend(functions.into_iter().map(|function| Unchecked {
                        file: *index,
                        statement,
                        function,
                    }));
                self.files[*index].pass(1);
                self.files[*index].stuck = None;
                moved = true;
            }
            self.session.reset().await?;
        }
        Ok(moved)
    }

    /// Sets the session as the statements that have run set it.
    async fn resume(&self, index: usize) -> Result<(), Failure> {
        let progress = &self.files[index];
        self.settings_before(progress, progress.done).await
    }

    async fn settings_before(&self, progress: &Progress<'_>, place: usize) -> Result<(), Failure> {
        if !progress.sets {
            return Ok(());
        }
        let ran = progress.file.statements[..place].iter();
        for statement in ran.filter(|statement| statement.sets_the_session()) {
            execute(self.session, &statement.sql).await?;
        }
        Ok(())
    }

    async fn leave(&self, index: usize) -> Result<(), Failure> {
        if self.files[index].sets {
            self.session.reset().await?;
        }
        Ok(())
    }

    /// Makes PostgreSQL look at the bodies that went unchecked, now that everything stands.
    async fn check_bodies(&self) -> Result<(), Failure> {
        let mut wrong = Vec::new();
        for unchecked in &self.unchecked {
            let progress = &self.files[unchecked.file];
            self.settings_before(progress, unchecked.statement).await?;
            let statement = &progress.file.statements[unchecked.statement];
            let check = format!(
                "DO $pgsteward$ BEGIN EXECUTE pg_catalog.pg_get_functiondef({}); END $pgsteward$",
                unchecked.function
            );
            if let Err(error) = self.session.batch_execute(&check).await {
                wrong.push(misplaced(progress.file, statement, error)?);
            }
            self.leave(unchecked.file).await?;
        }
        if wrong.is_empty() {
            return Ok(());
        }
        Err(Misplaced::refusal(NOT_LOADABLE, CANNOT_LOAD, &wrong))
    }
}

/// How many of the statements are run next; none when there are none.
fn batch(left: &[Statement], alone: bool) -> Option<usize> {
    let ordinary = left
        .iter()
        .take(BATCH)
        .take_while(|statement| statement.class == Class::Ordinary)
        .count();
    match ordinary {
        0 if left.is_empty() => None,
        _ if alone => Some(1),
        ordinary => Some(ordinary.max(1)),
    }
}

/// Runs statements as one transaction, or one that must be in none. The inner error is the server's refusal.
async fn run(
    session: &Session,
    file: &ModelFile,
    statements: &[Statement],
) -> Result<Result<(), Misplaced>, Failure> {
    let [first, ..] = statements else {
        return Ok(Ok(()));
    };
    if first.class == Class::OutsideTransaction {
        let ran = session.batch_execute(&first.sql).await;
        return ran.map_or_else(
            |error| misplaced(file, first, error).map(Err),
            |()| Ok(Ok(())),
        );
    }
    if let Err(refused) = open(session, file, statements).await? {
        return Ok(Err(refused));
    }
    let ended = session.batch_execute("COMMIT").await;
    ended.map_or_else(
        |error| misplaced(file, first, error).map(Err),
        |()| Ok(Ok(())),
    )
}

/// Runs a statement and gives the functions that it made.
async fn made_functions(
    session: &Session,
    file: &ModelFile,
    statements: &[Statement],
) -> Result<Result<Vec<u32>, Misplaced>, Failure> {
    let [first, ..] = statements else {
        return Ok(Ok(Vec::new()));
    };
    if let Err(refused) = open(session, file, statements).await? {
        return Ok(Err(refused));
    }
    let rows = session
        .query_typed(
            "SELECT oid FROM pg_catalog.pg_proc WHERE prokind <> 'a' AND xmin = pg_catalog.pg_current_xact_id()::xid",
            &[],
        )
        .await
        .map_err(PostgresError::query("see which functions a model made"))?;
    match session.batch_execute("COMMIT").await {
        Ok(()) => Ok(Ok(rows.iter().map(|row| row.get(0)).collect())),
        Err(error) => misplaced(file, first, error).map(Err),
    }
}

/// Sends statements in a transaction, which is left open where all went well and they kept to their database.
async fn open(
    session: &Session,
    file: &ModelFile,
    statements: &[Statement],
) -> Result<Result<(), Misplaced>, Failure> {
    let [first, ..] = statements else {
        return Ok(Ok(()));
    };
    let text: Vec<&str> = statements
        .iter()
        .map(|statement| statement.sql.as_str())
        .collect();
    let text = text.join(";\n");
    // Sent in this order, without waiting for answers: with a file for each table, the ways there and back add up.
    let (begun, ran, changed) = join3(
        execute(session, "BEGIN"),
        session.batch_execute(&text),
        shared::changed(session),
    )
    .await;
    begun?;
    let refused = match ran {
        Err(error) => misplaced(file, first, error)?,
        Ok(()) => match changed? {
            None => return Ok(Ok(())),
            Some(catalog) => {
                let message = format!("it changes {catalog}");
                let reaching = Misplaced::new(file, first.line, message);
                if statements.len() == 1 {
                    execute(session, "ROLLBACK").await?;
                    return Err(changes_the_server(&[reaching]));
                }
                reaching
            }
        },
    };
    execute(session, "ROLLBACK").await?;
    Ok(Err(refused))
}

/// What the server says against a statement, with its place; an error where it did not come to say anything.
fn misplaced(
    file: &ModelFile,
    statement: &Statement,
    error: tokio_postgres::Error,
) -> Result<Misplaced, Failure> {
    use tokio_postgres::error::ErrorPosition;
    let offset = match error.as_db_error().map(|report| report.position()) {
        Some(Some(ErrorPosition::Original(position))) => *position as usize,
        _ => 1,
    };
    let before = statement.sql.chars().take(offset.saturating_sub(1));
    let line = statement.line + before.filter(|letter| *letter == '\n').count();
    let said_by_server = error.as_db_error().is_some();
    let error = PostgresError::query("load the models")(error);
    if !said_by_server || error.kind() == Kind::Unavailable {
        return Err(error.into());
    }
    Ok(Misplaced::new(file, line, said(error)))
}

/// The server's words, with detail and hint.
fn said(error: PostgresError) -> String {
    match error {
        PostgresError::Query { source, .. } => ServerError::to_string(&source),
        other => other.to_string(),
    }
}

async fn execute(session: &Session, sql: &str) -> Result<(), Failure> {
    let sent = session.batch_execute(sql).await;
    Ok(sent.map_err(PostgresError::query("load the models"))?)
}

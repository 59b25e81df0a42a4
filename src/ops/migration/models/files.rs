//! The files of the models: found, read and cut into statements. What would change the server as a whole, or is no SQL, is
//! refused here, before anything runs.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::model::{
    failure::{Classified, Failure, Kind, PreconditionViolation},
    revision::{Class, Statement, StatementError, check_class, statements},
    schema_dump::without_fence,
};

/// What loading fails with.
pub(super) const NOT_LOADABLE: &str = "MODELS_NOT_LOADABLE";
/// What that is.
pub(super) const CANNOT_LOAD: &str = "the models cannot be loaded";
/// What statements are refused with that reach beyond their database.
pub(super) const CHANGE_SERVER: &str = "MODELS_CHANGE_SERVER";
/// How many places a refusal lists.
const LISTED: usize = 50;

/// One file of the models.
#[derive(Debug)]
pub(super) struct ModelFile {
    /// Its path below the directory.
    pub(super) name: String,
    /// Its text.
    pub(super) text: String,
    /// Its statements, by the lines of the file, less those that only frame them as a transaction.
    pub(super) statements: Vec<Statement>,
}

/// Models that cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum FilesError {
    /// A file or directory cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// Which.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// There is no SQL file.
    #[error("the models directory {0} has no .sql file")]
    Empty(String),
}

impl Classified for FilesError {
    fn kind(&self) -> Kind {
        Kind::FailedPrecondition
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Read { .. } => "MODELS_UNREADABLE",
            Self::Empty(_) => "MODELS_EMPTY",
        }
    }

    fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::Read { .. } => {
                    "check the models directory in the configuration and the daemon's permissions on it; files must be UTF-8"
                }
                Self::Empty(_) => {
                    "check the directory; a schema that is meant to be empty is declared by one file without statements"
                }
            }
            .to_owned(),
        )
    }
}

/// Something wrong at one place of a file.
pub(super) struct Misplaced {
    /// `file:line`.
    pub(super) place: String,
    /// What is wrong.
    pub(super) message: String,
}

impl Misplaced {
    pub(super) fn new(file: &ModelFile, line: usize, message: impl Into<String>) -> Self {
        Self {
            place: format!("{}:{line}", file.name),
            message: message.into(),
        }
    }

    /// The refusal that names all places; there is at least one.
    pub(super) fn refusal(reason: &str, what: &str, places: &[Self]) -> Failure {
        let said = |misplaced: &Self| format!("{}: {}", misplaced.place, misplaced.message);
        let first = places.first().map(said).unwrap_or_default();
        let more = match places.len() {
            0 | 1 => String::new(),
            count => format!("; and {} more", count - 1),
        };
        Failure {
            preconditions: places
                .iter()
                .take(LISTED)
                .map(|misplaced| PreconditionViolation {
                    kind: reason.to_owned(),
                    subject: misplaced.place.clone(),
                    description: said(misplaced),
                })
                .collect(),
            ..Failure::new(
                Kind::FailedPrecondition,
                reason,
                format!("{what}: {first}{more}"),
            )
        }
    }
}

/// All files of a directory and those below it, by path. Hidden ones are left out.
pub(super) async fn read(directory: &Path) -> Result<Vec<ModelFile>, Failure> {
    let paths = find(directory).await?;
    if paths.is_empty() {
        return Err(FilesError::Empty(directory.display().to_string()).into());
    }
    let mut files = Vec::with_capacity(paths.len());
    let mut wrong = Vec::new();
    let mut hint = None;
    for path in paths {
        let text = tokio::fs::read_to_string(&path)
            .await
            .map_err(unreadable(&path))?;
        let name = path.strip_prefix(directory).unwrap_or(&path);
        let mut file = ModelFile {
            name: name.display().to_string(),
            text,
            statements: Vec::new(),
        };
        match cut(&file.text) {
            Ok(statements) => file.statements = statements,
            Err(error) => {
                hint = error.hint();
                wrong.push(Misplaced::new(&file, error.line, error.problem.to_string()));
            }
        }
        files.push(file);
    }
    if wrong.is_empty() {
        check_scope(&files)?;
        return Ok(files);
    }
    let failure = Misplaced::refusal(NOT_LOADABLE, CANNOT_LOAD, &wrong);
    Err(Failure { hint, ..failure })
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> FilesError {
    let path = path.display().to_string();
    move |source| FilesError::Read { path, source }
}

/// The paths of the files, sorted. A link is followed to a file and not to a directory, so that there is no way round.
async fn find(directory: &Path) -> Result<Vec<PathBuf>, FilesError> {
    let mut found = Vec::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(directory) = waiting.pop() {
        let read = unreadable(&directory);
        let mut entries = tokio::fs::read_dir(&directory).await.map_err(read)?;
        loop {
            let next = entries.next_entry().await;
            let Some(entry) = next.map_err(unreadable(&directory))? else {
                break;
            };
            let path = entry.path();
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let kind = entry.file_type().await.map_err(unreadable(&path))?;
            if kind.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "sql") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The statements of a text. Commands that only make one transaction of it are left out, since the loader has its own.
fn cut(text: &str) -> Result<Vec<Statement>, StatementError> {
    let text = text.trim_start_matches('\u{feff}');
    let inside = without_fence(text);
    // The closing fence is cut off too, so that the place is told from the front.
    let above = match text.find(inside) {
        Some(offset) => text[..offset].matches('\n').count(),
        None => 0,
    };
    let below = |line: usize| line + above;
    let mut cut = statements(inside).map_err(|error| StatementError {
        line: below(error.line),
        ..error
    })?;
    for statement in &mut cut {
        statement.line = below(statement.line);
    }
    cut.retain(|statement| statement.class != Class::TransactionControl || !frames(&statement.sql));
    // What else there is of transaction control is refused; what runs outside of transactions is not.
    check_class(&cut, false)?;
    Ok(cut)
}

fn frames(sql: &str) -> bool {
    let word = sql.split_whitespace().next().unwrap_or_default();
    ["begin", "start", "commit", "end"]
        .iter()
        .any(|frame| word.eq_ignore_ascii_case(frame))
}

fn check_scope(files: &[ModelFile]) -> Result<(), Failure> {
    let mut wrong = Vec::new();
    for file in files {
        let reaching = file.statements.iter();
        let reaching = reaching.filter(|statement| statement.changes_the_server());
        wrong.extend(reaching.map(|statement| {
            let first = statement.sql.lines().next().unwrap_or_default();
            Misplaced::new(
                file,
                statement.line,
                first.chars().take(60).collect::<String>(),
            )
        }));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(changes_the_server(&wrong))
}

/// The refusal for what reaches beyond the database.
pub(super) fn changes_the_server(places: &[Misplaced]) -> Failure {
    let what = "the models change what all databases of the server share, which no scratch database has of its own";
    Misplaced::refusal(CHANGE_SERVER, what, places).with_hint(
        "make roles, memberships, databases, tablespaces, subscriptions and settings of the server elsewhere",
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::revision::StatementProblem;

    fn lines(text: &str) -> Vec<(usize, String)> {
        let cut = cut(text).unwrap().into_iter();
        cut.map(|statement| (statement.line, statement.sql))
            .collect()
    }

    #[test]
    fn a_frame_around_the_statements_is_left_out() {
        let text = "\u{feff}BEGIN;\nCREATE TABLE t ();\nCOMMIT;\n";
        assert_eq!(lines(text), [(2, "CREATE TABLE t ()".to_owned())]);
        let dump = "-- dump\n\\restrict abc\n\nSET a = 1;\n\\unrestrict abc\n";
        assert_eq!(lines(dump), [(4, "SET a = 1".to_owned())]);
    }

    #[test]
    fn what_is_no_sql_is_refused_with_its_line() {
        let error = cut("SELECT 1;\n\\connect x\n").unwrap_err();
        assert_eq!(error.line, 2);
        let error = cut("SELECT 1;\nROLLBACK;").unwrap_err();
        assert!(matches!(
            error.problem,
            StatementProblem::TransactionControl(_)
        ));
        assert!(cut("CREATE INDEX CONCURRENTLY i ON t (a);").is_ok());
    }
}

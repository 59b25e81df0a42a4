//! One revision script: the text of a file, read and written.
//!
//! A script is a header of `-- key: value` lines, then the sections `-- upgrade` and `-- downgrade`, so that the file
//! is plain SQL for every editor and reviewer. [`Script::parse`] is how files come in; [`Script::draft`] and
//! [`Script::render`] are how new ones are made.

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::{
    header::{Check, Header, NO_PARENT},
    identifier::{IdentifierError, check_label, check_revision, slug},
    sections::{DOWNGRADE_MARKER, Sections, UPGRADE_MARKER, trim_blank_lines},
    statements::{Statement, StatementError, StatementProblem, check_class, statements},
};
use crate::model::failure::{Classified, Kind};
use crate::model::migration::Direction;

/// One revision script, as read from its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The id: 1 to 32 characters.
    pub revision: String,
    /// The ids that this one follows, as written: none for a base, several for a merge.
    pub down_revisions: Vec<String>,
    /// Names of the branch that this revision belongs to.
    pub branch_labels: Vec<String>,
    /// Ids or labels of what must be applied before, without being a parent.
    pub depends_on: Vec<String>,
    /// What the revision is for, one line; may be empty.
    pub message: String,
    /// When the script was made.
    pub created: DateTime<Utc>,
    /// True when the whole section and its version row are one transaction.
    pub transactional: bool,
    /// The text of the upgrade section, without blank lines around it.
    pub upgrade_sql: String,
    /// The text of the downgrade section, without blank lines around it.
    pub downgrade_sql: String,
    /// The line of the file on which `upgrade_sql` begins, from 1.
    pub upgrade_line: usize,
    /// The line of the file on which `downgrade_sql` begins, from 1.
    pub downgrade_line: usize,
    /// The file's name, without directory.
    pub file_name: String,
    /// SHA-256 of the file's raw text, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// The file's raw text.
    pub text: String,
}

/// What a new script is made from.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The id, e.g. from [`fresh_revision`](super::fresh_revision).
    pub revision: String,
    /// The ids that it follows.
    pub down_revisions: Vec<String>,
    /// Names of the branch that starts here.
    pub branch_labels: Vec<String>,
    /// Ids or labels of what must be applied before.
    pub depends_on: Vec<String>,
    /// What it is for. White space, line breaks included, becomes single spaces.
    pub message: String,
    /// When it is made.
    pub created: DateTime<Utc>,
    /// Whether it runs as one transaction.
    pub transactional: bool,
    /// The upgrade section.
    pub upgrade_sql: String,
    /// The downgrade section.
    pub downgrade_sql: String,
}

/// Why a file is not a revision script, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("revision script {file}, line {line}: {problem}")]
pub struct ScriptError {
    /// The file's name.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub problem: ScriptProblem,
}

/// What is wrong with a script.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ScriptProblem {
    /// The file's name has not the form that the directory's files have.
    #[error("the file's name is not `<yyyymmddHHMM>_<revision>_<slug>.sql`")]
    FileName,
    /// The name and the header speak of different revisions.
    #[error("the header's revision `{0}` is not the one in the file's name")]
    FileNameDisagrees(String),
    /// Before the first section stands something else than a header line.
    #[error("expected a header line `-- key: value` or `-- upgrade`")]
    NotAHeader,
    /// A key that the header does not know.
    #[error("unknown header key `{0}`")]
    UnknownKey(String),
    /// A key stands there twice.
    #[error("header key `{0}` is given twice")]
    DuplicateKey(&'static str),
    /// A required key is absent.
    #[error("header key `{0}` is missing")]
    MissingKey(&'static str),
    /// An id or label is not a valid one.
    #[error("header key `{key}`: {error}")]
    Identifier {
        /// The key whose value it is.
        key: &'static str,
        /// What is wrong with it.
        error: IdentifierError,
    },
    /// A value occurs twice in a list.
    #[error("header key `{key}` names `{name}` twice")]
    DuplicateName {
        /// The key whose value it is.
        key: &'static str,
        /// The name.
        name: String,
    },
    /// `created` is not a time.
    #[error("`{0}` is not a time such as 2026-11-23T02:00:00Z")]
    Time(String),
    /// `transactional` is neither true nor false.
    #[error("`{0}` is neither true nor false")]
    Bool(String),
    /// There is no upgrade section.
    #[error("the section `-- upgrade` is missing")]
    MissingUpgrade,
    /// A section begins a second time.
    #[error("the section `{0}` begins a second time")]
    DuplicateSection(&'static str),
    /// The downgrade section comes first.
    #[error("the section `-- downgrade` stands before `-- upgrade`")]
    SectionOrder,
    /// A section cannot be run, or, for want of a closing quote, not even be told from the next.
    #[error("{0}")]
    Statement(StatementProblem),
}

impl Classified for ScriptError {
    fn kind(&self) -> Kind {
        Kind::FailedPrecondition
    }

    fn reason(&self) -> &'static str {
        match &self.problem {
            ScriptProblem::Identifier { .. } => "INVALID_REVISION_ID",
            ScriptProblem::Statement(problem) => problem.reason(),
            _ => "INVALID_REVISION_SCRIPT",
        }
    }

    fn hint(&self) -> Option<String> {
        match &self.problem {
            ScriptProblem::Statement(problem) => problem.hint(),
            _ => None,
        }
    }
}

impl Script {
    /// Reads a file's text. `file_name` is its name without directory.
    pub fn parse(file_name: &str, text: &str) -> Result<Self, ScriptError> {
        let fail = |line, problem| ScriptError {
            file: file_name.to_owned(),
            line,
            problem,
        };
        let sections = Sections::find(text).map_err(|(line, problem)| fail(line, problem))?;
        let header =
            Header::parse(sections.header).map_err(|(line, problem)| fail(line, problem))?;
        let (revision_line, revision) = header.revision;
        check_file_name(file_name, &revision).map_err(|problem| fail(revision_line, problem))?;
        let (upgrade_line, upgrade_sql) = sections.upgrade;
        let (downgrade_line, downgrade_sql) = sections.downgrade;
        Ok(Self {
            revision,
            down_revisions: header.down_revisions,
            branch_labels: header.branch_labels,
            depends_on: header.depends_on,
            message: header.message,
            created: header.created,
            transactional: header.transactional,
            upgrade_sql: upgrade_sql.to_owned(),
            downgrade_sql: downgrade_sql.to_owned(),
            upgrade_line,
            downgrade_line,
            file_name: file_name.to_owned(),
            sha256: sha256(text),
            text: text.to_owned(),
        })
    }

    /// Makes a new script: the text is rendered and read back, so that nothing is accepted that could not be read from
    /// a file, and the checksum is that of the file to be written (see [`Script::render`]).
    pub fn draft(draft: Draft) -> Result<Self, ScriptError> {
        draft.check_names()?;
        let message: Vec<&str> = draft.message.split_whitespace().collect();
        let message = message.join(" ");
        let mut script = Self {
            file_name: file_name(&draft.revision, &message, draft.created),
            revision: draft.revision,
            down_revisions: draft.down_revisions,
            branch_labels: draft.branch_labels,
            depends_on: draft.depends_on,
            message,
            created: draft.created,
            transactional: draft.transactional,
            upgrade_sql: draft.upgrade_sql,
            downgrade_sql: draft.downgrade_sql,
            upgrade_line: 0,
            downgrade_line: 0,
            sha256: String::new(),
            text: String::new(),
        };
        script.upgrade_sql = trim_blank_lines(&script.upgrade_sql).0.to_owned();
        script.downgrade_sql = trim_blank_lines(&script.downgrade_sql).0.to_owned();
        Self::parse(&script.file_name, &script.render())
    }

    /// The statements of one section, checked to be ones that the runner may run: all in one transaction of its own, or
    /// one by one, as the header says. Their lines count from the beginning of the section, an error's in the file.
    pub fn statements(&self, direction: Direction) -> Result<Vec<Statement>, ScriptError> {
        let (first_line, sql) = match direction {
            Direction::Upgrade => (self.upgrade_line, &self.upgrade_sql),
            Direction::Downgrade => (self.downgrade_line, &self.downgrade_sql),
        };
        let in_file = |error: StatementError| ScriptError {
            file: self.file_name.clone(),
            line: first_line + error.line - 1,
            problem: ScriptProblem::Statement(error.problem),
        };
        let statements = statements(sql).map_err(in_file)?;
        check_class(&statements, self.transactional).map_err(in_file)?;
        Ok(statements)
    }

    /// The text of the script's file in its canonical form. Reading it gives the same values again; a file written by
    /// hand may be laid out differently.
    pub fn render(&self) -> String {
        let mut text = String::new();
        let mut header = |key: &str, value: &str| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "-- {key}: {value}");
        };
        header("revision", &self.revision);
        if self.down_revisions.is_empty() {
            header("down_revision", NO_PARENT);
        } else {
            header("down_revision", &self.down_revisions.join(", "));
        }
        if !self.branch_labels.is_empty() {
            header("branch_label", &self.branch_labels.join(", "));
        }
        if !self.depends_on.is_empty() {
            header("depends_on", &self.depends_on.join(", "));
        }
        header("message", &self.message);
        let created = self.created.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        header("created", &created);
        if !self.transactional {
            header("transactional", "false");
        }
        for (marker, sql) in [
            (UPGRADE_MARKER, &self.upgrade_sql),
            (DOWNGRADE_MARKER, &self.downgrade_sql),
        ] {
            text.push('\n');
            text.push_str(marker);
            text.push('\n');
            if !sql.is_empty() {
                text.push_str(sql);
                text.push('\n');
            }
        }
        text
    }
}

impl Draft {
    /// Without this a name with a line break in it could write header lines of its own.
    fn check_names(&self) -> Result<(), ScriptError> {
        let lists: [(&'static str, &[String], Check); 4] = [
            (
                "revision",
                std::slice::from_ref(&self.revision),
                check_revision,
            ),
            ("down_revision", &self.down_revisions, check_revision),
            ("branch_label", &self.branch_labels, check_label),
            ("depends_on", &self.depends_on, check_label),
        ];
        for (key, names, check) in lists {
            for name in names {
                check(name).map_err(|error| ScriptError {
                    file: "(new)".to_owned(),
                    line: 1,
                    problem: ScriptProblem::Identifier { key, error },
                })?;
            }
        }
        Ok(())
    }
}

/// The name of a new script's file: `<yyyymmddHHMM>_<revision>_<slug>.sql`, the time in UTC.
fn file_name(revision: &str, message: &str, created: DateTime<Utc>) -> String {
    let slug = slug(message);
    let separator = if slug.is_empty() { "" } else { "_" };
    format!(
        "{}_{revision}{separator}{slug}.sql",
        created.format("%Y%m%d%H%M")
    )
}

fn check_file_name(file_name: &str, revision: &str) -> Result<(), ScriptProblem> {
    let (time, rest) = file_name
        .strip_suffix(".sql")
        .and_then(|stem| stem.split_once('_'))
        .ok_or(ScriptProblem::FileName)?;
    if time.len() != 12 || !time.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ScriptProblem::FileName);
    }
    // An id may hold `_` itself, so the name is compared rather than split.
    match rest.strip_prefix(revision) {
        Some(slug) if slug.is_empty() || slug.starts_with('_') => Ok(()),
        _ => Err(ScriptProblem::FileNameDisagrees(revision.to_owned())),
    }
}

fn sha256(text: &str) -> String {
    let mut digits = String::with_capacity(64);
    for byte in Sha256::digest(text.as_bytes()) {
        // Writing to a String cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

#[cfg(test)]
mod tests;

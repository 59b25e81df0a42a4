//! What an import tells at its end: a table for a person, or one JSON object.

use std::path::Path;

use serde::Serialize;
use serde_json::json;

use super::{
    child::Project,
    convert::{Imported, Outcome, Unfinished},
    error::ImportError,
};
use crate::cli::{page::Page, words};

/// So many of the child's last lines are shown when it fails.
const SHOWN_LINES: usize = 10;

/// What Alembic and pgsteward both take for granted.
const VERSION_TABLE: &str = "alembic_version";
const VERSION_TABLE_SCHEMA: &str = "public";

/// All that there is to tell.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    output: String,
    /// How many revisions have a section to be written by hand.
    unfinished_count: usize,
    revisions: Vec<Line>,
    notes: Vec<String>,
}

/// One revision.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    revision: String,
    filename: String,
    upgrade: Outcome,
    downgrade: Outcome,
    transactional: bool,
    unfinished: Vec<Unfinished>,
    notes: Vec<String>,
}

impl Report {
    pub(super) fn new(output: &Path, revisions: &[Imported], project: &Project) -> Self {
        let line = |imported: &Imported| Line {
            revision: imported.script.revision.clone(),
            filename: imported.script.file_name.clone(),
            upgrade: imported.upgrade,
            downgrade: imported.downgrade,
            transactional: imported.script.transactional,
            unfinished: imported.unfinished.clone(),
            notes: imported.notes.clone(),
        };
        let unfinished = revisions
            .iter()
            .filter(|imported| !imported.unfinished.is_empty());
        Self {
            output: output.display().to_string(),
            unfinished_count: unfinished.count(),
            revisions: revisions.iter().map(line).collect(),
            notes: notes(project),
        }
    }

    /// True when nothing is left to do by hand.
    pub(super) fn is_whole(&self) -> bool {
        self.unfinished_count == 0
    }

    pub(super) fn text(&self, json: bool) -> String {
        if json {
            return format!("{:#}\n", json!(self));
        }
        let mut page = Page::for_stdout();
        let rows = self.revisions.iter().map(|line| {
            [
                line.revision.clone(),
                outcome(line.upgrade),
                outcome(line.downgrade),
                line.filename.clone(),
            ]
        });
        let header = ["revision", "upgrade", "downgrade", "file"];
        page.table(header, rows, "the project has no revisions");
        let of_revision = |line: &Line| {
            let reasons = line.unfinished.iter().map(|unfinished| {
                let direction = unfinished.direction.name();
                format!("{direction} by hand: {}", unfinished.reason)
            });
            let lines = reasons.chain(line.notes.clone());
            lines
                .map(|text| format!("{}: {text}", line.revision))
                .collect::<Vec<_>>()
        };
        let of_revisions = self.revisions.iter().flat_map(of_revision);
        let lines: Vec<String> = of_revisions.chain(self.notes.clone()).collect();
        if !lines.is_empty() {
            page.gap();
        }
        for line in lines {
            page.line(&line);
        }
        page.gap();
        let number = i64::try_from(self.revisions.len()).unwrap_or(i64::MAX);
        let written = words::count(number, "revision");
        page.line(&if self.is_whole() {
            format!("{written} in {}", self.output)
        } else {
            format!(
                "{written} in {}, {} of them to be finished by hand: see the .todo files beside them",
                self.output, self.unfinished_count
            )
        });
        page.into_text()
    }
}

fn outcome(outcome: Outcome) -> String {
    let word = match outcome {
        Outcome::Imported => "imported",
        Outcome::Nothing => "nothing to do",
        Outcome::Irreversible => "irreversible",
        Outcome::ByHand => "BY HAND",
    };
    word.to_owned()
}

/// What is to be known of the project as a whole.
fn notes(project: &Project) -> Vec<String> {
    let mut notes = Vec::new();
    if project.version_table != VERSION_TABLE {
        notes.push(format!(
            "the project's version table is {0}: set version_table = \"{0}\" in the database's section of pgsteward's configuration",
            project.version_table
        ));
    }
    if let Some(schema) = &project.version_table_schema
        && schema != VERSION_TABLE_SCHEMA
    {
        notes.push(format!(
            "the project's version table is in schema {schema}: set version_table_schema = \"{schema}\" in the database's section of pgsteward's configuration"
        ));
    }
    for statement in &project.statements {
        notes.push(format!(
            "env.py runs a statement of its own, which pgsteward will not: {}",
            words::clean(statement)
        ));
    }
    notes
}

/// Shows a person the end of what the child said, before the error itself.
pub(super) fn told(error: &ImportError, json: bool) {
    let lines: Vec<&str> = error.said().lines().collect();
    if !json {
        for line in &lines[lines.len().saturating_sub(SHOWN_LINES)..] {
            eprintln!("{}", words::clean(line));
        }
    }
}

//! From what the child tells of a revision to a script, and to what is left of it for a person.

use std::fmt::Write as _;

use serde::Serialize;

use super::{
    child::{Exported, Rendered},
    error::ImportError,
};
use crate::model::{
    migration::Direction,
    revision::{Class, Draft, Script, ScriptProblem, statements},
};

/// A section that does nothing on purpose. An empty one would be a downgrade that is not possible.
const NOTHING: &str = "-- nothing to do";

/// The longest part of a reason that a section's own message repeats.
const LONGEST_REASON: usize = 300;

/// One revision as it goes into the directory.
#[derive(Debug)]
pub(super) struct Imported {
    pub(super) script: Script,
    pub(super) upgrade: Outcome,
    pub(super) downgrade: Outcome,
    /// What a person should know and need not do anything about.
    pub(super) notes: Vec<String>,
    /// What is left to finish by hand.
    pub(super) unfinished: Vec<Unfinished>,
    path: String,
}

/// What became of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Outcome {
    /// Its SQL is in the section.
    Imported,
    /// It does nothing.
    Nothing,
    /// The section is empty: there is no way back.
    Irreversible,
    /// The section refuses to run until a person has written it.
    ByHand,
}

/// A direction that could not be had.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Unfinished {
    pub(super) direction: Direction,
    /// Why.
    pub(super) reason: String,
    /// The SQL so far.
    #[serde(skip)]
    sql: String,
}

impl Imported {
    /// Makes the script. What is wrong with a section is left to a person; what is wrong with a name is an error.
    pub(super) fn new(exported: Exported) -> Result<Self, ImportError> {
        let Exported {
            revision,
            path,
            upgrade,
            downgrade,
            ..
        } = exported.clone();
        let mut notes: Vec<String> = Vec::new();
        let mut transactional = true;
        for (direction, rendered) in [
            (Direction::Upgrade, &upgrade),
            (Direction::Downgrade, &downgrade),
        ] {
            let name = direction.name();
            notes.extend(rendered.notes.iter().map(|note| format!("{name} {note}")));
            if rendered.autocommit {
                notes.push(format!(
                    "not transactional: {name} has an autocommit_block()"
                ));
                transactional = false;
            } else if rendered.problem.is_none() && cannot_be_transactional(&rendered.sql) {
                notes.push(format!(
                    "not transactional: PostgreSQL refuses a statement of {name} in a transaction"
                ));
                transactional = false;
            }
        }
        let mut unfinished = Vec::new();
        let mut section = |direction, rendered: Rendered| {
            section(
                &revision,
                transactional,
                direction,
                rendered,
                &mut unfinished,
            )
        };
        let (upgrade, upgrade_sql) = section(Direction::Upgrade, upgrade);
        let (downgrade, downgrade_sql) = section(Direction::Downgrade, downgrade);
        let script = Script::draft(Draft {
            revision: exported.revision,
            down_revisions: exported.down_revisions,
            branch_labels: exported.branch_labels,
            depends_on: exported.depends_on,
            message: exported.message,
            created: exported.created,
            transactional,
            upgrade_sql,
            downgrade_sql,
        })
        .map_err(|error| ImportError::Revision {
            revision,
            path: exported.path,
            problem: Box::new(error.problem),
        })?;
        Ok(Self {
            script,
            upgrade,
            downgrade,
            notes,
            unfinished,
            path,
        })
    }

    /// The name and the text of the file that tells what is left to do; none where nothing is.
    pub(super) fn marker(&self) -> Option<(String, String)> {
        if self.unfinished.is_empty() {
            return None;
        }
        let file_name = &self.script.file_name;
        let mut text = format!(
            "{file_name} was made from {} and is not whole.\n\
             Write what is missing, then remove this file.\n",
            self.path
        );
        for Unfinished {
            direction,
            reason,
            sql,
        } in &self.unfinished
        {
            let name = direction.name();
            // Writing to a String cannot fail.
            let _ = write!(text, "\n{name}: {reason}\n");
            if !sql.is_empty() {
                let _ = write!(text, "What was rendered of it:\n\n{sql}\n");
            }
        }
        Some((format!("{file_name}.todo"), text))
    }
}

/// The text of one section and what it is.
fn section(
    revision: &str,
    transactional: bool,
    direction: Direction,
    rendered: Rendered,
    unfinished: &mut Vec<Unfinished>,
) -> (Outcome, String) {
    if rendered.irreversible {
        return (Outcome::Irreversible, String::new());
    }
    let refused = || refusal(&rendered.sql, transactional).map(|problem| problem.to_string());
    let Some(reason) = rendered.problem.clone().or_else(refused) else {
        return if rendered.sql.is_empty() {
            (Outcome::Nothing, NOTHING.to_owned())
        } else {
            (Outcome::Imported, rendered.sql)
        };
    };
    let sql = refusing(revision, direction, &reason);
    unfinished.push(Unfinished {
        direction,
        reason,
        sql: rendered.sql,
    });
    (Outcome::ByHand, sql)
}

/// Why the SQL cannot be a section of a script, if it cannot.
fn refusal(sql: &str, transactional: bool) -> Option<ScriptProblem> {
    let draft = Draft {
        revision: "probe".to_owned(),
        down_revisions: Vec::new(),
        branch_labels: Vec::new(),
        depends_on: Vec::new(),
        message: String::new(),
        created: chrono::DateTime::UNIX_EPOCH,
        transactional,
        upgrade_sql: sql.to_owned(),
        downgrade_sql: String::new(),
    };
    let checked = Script::draft(draft).and_then(|script| script.statements(Direction::Upgrade));
    checked.err().map(|error| error.problem)
}

fn cannot_be_transactional(sql: &str) -> bool {
    statements(sql).is_ok_and(|statements| {
        statements
            .iter()
            .any(|statement| statement.class == Class::OutsideTransaction)
    })
}

/// A section that fails, in a transaction or out of one, with a message that says why it is here.
fn refusing(revision: &str, direction: Direction, reason: &str) -> String {
    let name = direction.name();
    let reason: String = reason
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        // Nothing may end the dollar quotes, or be taken for a parameter of RAISE.
        .filter(|letter| *letter != '$')
        .take(LONGEST_REASON)
        .collect();
    let reason = reason.replace('\'', "''");
    format!(
        "DO $$ BEGIN RAISE EXCEPTION USING\n\
         \x20   MESSAGE = '{name} of revision {revision} was not imported: {reason}',\n\
         \x20   HINT = 'Write this section by hand; the .todo file beside the script tells more.';\n\
         END $$;"
    )
}

#[cfg(test)]
mod tests;

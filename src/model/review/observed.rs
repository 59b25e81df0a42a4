//! What a rehearsal saw, joined with what was read from the text. What both say is said once, in the text's words and by
//! the text's name; what the text feared and the rehearsal did not see (a rewrite) is left out; what only the rehearsal
//! saw (a table dropped inside a `DO` block) is added.

use std::collections::BTreeSet;

use super::{Category, Finding, Severity};
use crate::model::{
    migration::Direction,
    rehearsal::{Rehearsal, RehearsedStatement, WayBack},
    revision::Script,
    schema::{Change, Difference, ObjectKey, ObjectKind},
};

/// So many differences of a way back are named.
const NAMED: usize = 5;

/// The findings of a section's text with those of its rehearsal, in the order of their lines.
pub fn joined(read: Vec<Finding>, rehearsal: &Rehearsal, script: &Script) -> Vec<Finding> {
    let mut joined = Joined {
        findings: read,
        rehearsal,
    };
    let mut made = Made::default();
    let ends = rehearsal.statements.iter().skip(1).map(|next| next.line);
    let ends = ends.chain([usize::MAX]);
    for (place, (statement, end)) in rehearsal.statements.iter().zip(ends).enumerate() {
        // A lock is kept to the end of its transaction, and so for as long as the statements after it take.
        let until = if script.transactional {
            rehearsal.statements.len()
        } else {
            place + 1
        };
        joined.weigh_rewrites(statement, end);
        joined.weigh_locks(statement, end, &rehearsal.statements[place..until]);
        for change in &statement.changes {
            if change.change == Change::Dropped && !made.has(&change.key) {
                joined.weigh_drop(statement, change);
            }
        }
        made.follow(&statement.changes);
    }
    joined.weigh_way_back(script);
    joined.findings.sort_by_key(|finding| finding.line);
    joined.findings
}

/// What the script itself has made: its loss is none.
#[derive(Default)]
struct Made(BTreeSet<ObjectKey>);

impl Made {
    fn follow(&mut self, changes: &[Difference]) {
        for Difference { key, change, .. } in changes {
            match change {
                Change::Added => {
                    self.0.insert(key.clone());
                }
                Change::Dropped => {
                    self.0.remove(key);
                }
                Change::Changed(properties) if self.has(key) => {
                    let names = properties.iter().filter(|property| property.name == "name");
                    let names = names.filter_map(|name| name.after.as_ref()?.as_str());
                    self.0.extend(names.map(|identity| ObjectKey {
                        kind: key.kind,
                        identity: identity.to_owned(),
                    }));
                }
                Change::Changed(_) => {}
            }
        }
    }

    /// Whether it is new, or a column of what is new.
    fn has(&self, key: &ObjectKey) -> bool {
        let is_on = |made: &ObjectKey| {
            let column = key.identity.strip_prefix(&made.identity);
            made.kind.carries_others() && column.is_some_and(|rest| rest.starts_with('.'))
        };
        self.0.contains(key) || key.kind == ObjectKind::Column && self.0.iter().any(is_on)
    }
}

struct Joined<'a> {
    findings: Vec<Finding>,
    rehearsal: &'a Rehearsal,
}

impl Joined<'_> {
    /// The findings of this kind between two lines of the file; those are one statement's.
    fn read_of(
        &mut self,
        category: Category,
        statement: &RehearsedStatement,
        end: usize,
    ) -> impl Iterator<Item = &mut Finding> {
        let lines = statement.line..end;
        self.findings
            .iter_mut()
            .filter(move |finding| finding.category == category && lines.contains(&finding.line))
    }

    /// Only the server knows whether a change of type is one of the bytes.
    fn weigh_rewrites(&mut self, statement: &RehearsedStatement, end: usize) {
        if statement.rewritten.is_empty() {
            let lines = statement.line..end;
            self.findings.retain(|finding| {
                finding.category != Category::Rewrite || !lines.contains(&finding.line)
            });
            return;
        }
        let mut known = false;
        for finding in self.read_of(Category::Rewrite, statement, end) {
            finding.rehearsed = true;
            known = true;
        }
        if known {
            return;
        }
        for relation in &statement.rewritten {
            self.add(
                statement,
                "rewrites-table",
                (Category::Rewrite, Severity::Warning),
                Some(relation.clone()),
                format!(
                    "writes {relation} anew, with everyone else kept out until the revision ends"
                ),
                "add a new column beside the old one, fill it in batches, then change over",
            );
        }
    }

    /// A lock that is held for as long as all rows are read or written hurts; one that is gone in a moment is worth
    /// knowing of.
    fn weigh_locks(
        &mut self,
        statement: &RehearsedStatement,
        end: usize,
        held_during: &[RehearsedStatement],
    ) {
        let mut known = false;
        for finding in self.read_of(Category::Blocking, statement, end) {
            finding.rehearsed = true;
            known = true;
        }
        if known {
            return;
        }
        let slow = held_during
            .iter()
            .find(|later| !later.rewritten.is_empty() || !later.scanned.is_empty());
        let (severity, how_long) = match slow {
            Some(slow) => (
                Severity::Warning,
                format!("while line {} goes over every row", slow.line),
            ),
            None => (Severity::Note, "until the revision ends".to_owned()),
        };
        let is_gone = |relation: &String| {
            let mut changes = statement.changes.iter();
            changes
                .any(|change| change.change == Change::Dropped && change.key.identity == *relation)
        };
        for lock in statement
            .locks
            .iter()
            .filter(|lock| !is_gone(&lock.relation))
        {
            let (rule, whom) = match lock.mode.as_str() {
                "AccessExclusiveLock" => ("blocks-reads", "readers and writers"),
                "ExclusiveLock" | "ShareRowExclusiveLock" | "ShareLock" => {
                    ("blocks-writes", "writers")
                }
                _ => continue,
            };
            self.add(
                statement,
                rule,
                (Category::Blocking, severity),
                Some(lock.relation.clone()),
                format!("takes {} on {}: {whom} wait {how_long}", lock.mode, lock.relation),
                "keep the revision short, and let what goes over rows be its own: NOT VALID then VALIDATE, indexes \
                 CONCURRENTLY",
            );
        }
    }

    fn weigh_drop(&mut self, statement: &RehearsedStatement, change: &Difference) {
        let (rule, severity) = match change.key.kind {
            ObjectKind::Table => ("drop-table", Severity::Error),
            ObjectKind::Column => ("drop-column", Severity::Error),
            ObjectKind::Extension => ("drop-extension", Severity::Error),
            ObjectKind::Schema => ("drop-schema", Severity::Warning),
            ObjectKind::Sequence => ("drop-sequence", Severity::Warning),
            _ => return,
        };
        let object = &change.key.identity;
        let mut known = false;
        for finding in &mut self.findings {
            if finding.rule == rule && is_named(object, finding.object.as_deref()) {
                finding.rehearsed = true;
                known = true;
            }
        }
        if !known {
            self.add(
                statement,
                rule,
                (Category::Destructive, severity),
                Some(object.clone()),
                format!(
                    "drops {} {object} with what is in it",
                    change.key.kind.name()
                ),
                "let no program use it for a while first, and keep its content elsewhere",
            );
        }
    }

    fn weigh_way_back(&mut self, script: &Script) {
        let (rule, message) = match &self.rehearsal.way_back {
            Some(WayBack::Failed(error)) => (
                "downgrade-fails",
                format!("the downgrade does not run: {error}"),
            ),
            Some(WayBack::Ran(differences)) if !differences.is_empty() => {
                let named: Vec<String> = differences
                    .iter()
                    .take(NAMED)
                    .map(ToString::to_string)
                    .collect();
                let more = match differences.len().saturating_sub(NAMED) {
                    0 => String::new(),
                    more => format!("; and {more} more"),
                };
                (
                    "downgrade-differs",
                    format!(
                        "upgrade and downgrade do not give the schema back: {}{more}",
                        named.join("; ")
                    ),
                )
            }
            _ => return,
        };
        self.findings.push(Finding {
            rule: rule.to_owned(),
            category: Category::NonReversible,
            severity: Severity::Warning,
            revision: script.revision.clone(),
            direction: Direction::Upgrade,
            line: script.downgrade_line,
            statement: "-- downgrade".to_owned(),
            message,
            safe_way: "make the downgrade undo what the upgrade does, or leave it blank, so that nobody counts on it"
                .to_owned(),
            object: None,
            table_bytes: 0,
            rehearsed: true,
        });
    }

    fn add(
        &mut self,
        statement: &RehearsedStatement,
        rule: &str,
        (category, severity): (Category, Severity),
        object: Option<String>,
        message: String,
        safe_way: &str,
    ) {
        self.findings.push(Finding {
            rule: rule.to_owned(),
            category,
            severity,
            revision: self.rehearsal.revision.clone(),
            direction: self.rehearsal.direction,
            line: statement.line,
            statement: statement.statement.clone(),
            message,
            safe_way: safe_way.to_owned(),
            object,
            table_bytes: 0,
            rehearsed: true,
        });
    }
}

/// Whether a script's name for an object, with or without its schema, means this one.
fn is_named(identity: &str, written: Option<&str>) -> bool {
    let identity = identity.replace('"', "");
    written.is_some_and(|written| {
        let written = written.replace('"', "");
        identity
            .strip_suffix(&written)
            .is_some_and(|schema| schema.is_empty() || schema.ends_with('.'))
    })
}

#[cfg(test)]
mod tests;

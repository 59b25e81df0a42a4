//! What a revision script would do, read from its text alone: before it runs, before anyone approves it.
//!
//! [`lint`] puts each statement of a section before two readers. Our own rules go by its words, so that what destroys
//! data is found in statements that no parser of ours understands; squawk's linter knows which locks an `ALTER TABLE`
//! takes. Each finding has a name by which a caller acknowledges it, and says what to do instead. What a text hides
//! (`DO`, `CALL`) is said to be hidden: [`must_rehearse`] tells when only a trial run shows what a script does.

mod created;
mod drops;
mod finding;
mod limits;
mod locks;
pub mod observed;
mod opaque;
mod remark;
mod rows;
mod squawk;
mod tables;
mod words;

pub use finding::{Category, Finding, Severity};

use self::{created::Created, remark::Remark, words::Words};
use super::{
    migration::Direction,
    revision::{Script, ScriptError, Statement},
};

/// As much of a statement as a finding shows, in characters.
const STATEMENT_LENGTH: usize = 80;

/// Reads one section of a script and says what is dangerous in it, in the order of its lines. `pg_major` is the major
/// version of the server on which it would run, e.g. 15. Fails only where the script could not be run at all.
pub fn lint(
    script: &Script,
    direction: Direction,
    pg_major: u32,
) -> Result<Vec<Finding>, ScriptError> {
    let statements = script.statements(direction)?;
    let mut by_squawk = squawk::remarks(&statements, script.transactional, pg_major);
    let mut created = Created::default();
    let mut findings = Vec::new();
    for (statement, from_squawk) in statements.iter().zip(&mut by_squawk) {
        let words = Words::of(statement);
        let mut remarks = own_remarks(statement, &words, &created);
        let touches_new = words.subject().is_some_and(|name| created.contains(&name));
        from_squawk.retain(|remark| !(touches_new && remark.category.needs_rows_or_readers()));
        remarks.append(from_squawk);
        remarks.sort_by_key(|remark| remark.line);
        for remark in remarks {
            findings.push(finding(script, direction, Some(statement), remark));
        }
        created.follow(&words);
    }
    if direction == Direction::Upgrade && !statements.is_empty() && script.downgrade_sql.is_empty()
    {
        findings.push(finding(script, direction, None, no_downgrade()));
    }
    Ok(findings)
}

/// True when reading a section is not enough to know that it is safe: it destroys or may lose data, does something that
/// cannot be read from its text, or leaves what it has done when it fails half-way. `findings` are those of [`lint`];
/// those of other scripts and of the other direction do not count.
pub fn must_rehearse(script: &Script, direction: Direction, findings: &[Finding]) -> bool {
    let runs_apart = !script.transactional
        && script
            .statements(direction)
            .is_ok_and(|statements| !statements.is_empty());
    runs_apart
        || findings
            .iter()
            .filter(|finding| finding.revision == script.revision && finding.direction == direction)
            .any(|finding| match finding.category {
                Category::Destructive | Category::DataLoss => finding.severity > Severity::Note,
                Category::Opaque => true,
                _ => false,
            })
}

fn own_remarks(statement: &Statement, words: &Words, created: &Created) -> Vec<Remark> {
    let mut remarks = drops::remarks(words, created);
    remarks.extend(rows::remarks(words, created));
    remarks.extend(tables::remarks(words, created));
    remarks.extend(locks::remarks(words));
    remarks.extend(limits::remarks(words));
    remarks.extend(opaque::remarks(statement, words));
    remarks
}

fn no_downgrade() -> Remark {
    Remark {
        rule: "no-downgrade".to_owned(),
        category: Category::NonReversible,
        severity: Severity::Warning,
        line: 1,
        object: None,
        message: "the downgrade section is blank: nothing says how to take this revision back"
            .to_owned(),
        safe_way: "write the downgrade, or a comment there that says why there is none".to_owned(),
    }
}

/// A remark on a statement, or on the absent downgrade section, as a finding with its place in the file.
fn finding(
    script: &Script,
    direction: Direction,
    statement: Option<&Statement>,
    remark: Remark,
) -> Finding {
    let (first_line, text) = match (statement, direction) {
        (None, _) => (script.downgrade_line, "-- downgrade"),
        (Some(statement), Direction::Upgrade) => (script.upgrade_line, statement.sql.as_str()),
        (Some(statement), Direction::Downgrade) => (script.downgrade_line, statement.sql.as_str()),
    };
    Finding {
        rule: remark.rule,
        category: remark.category,
        severity: remark.severity,
        revision: script.revision.clone(),
        direction,
        line: first_line + remark.line - 1,
        statement: abbreviated(text),
        message: remark.message,
        safe_way: remark.safe_way,
        object: remark.object,
        table_bytes: 0,
        rehearsed: false,
    }
}

/// The first line of a statement, cut when it is long.
pub fn abbreviated(sql: &str) -> String {
    let line = sql.lines().next().unwrap_or_default().trim_end();
    match line.char_indices().nth(STATEMENT_LENGTH) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests;

//! GetMigrationSql: the way between two versions as one script for psql, for databases that the daemon may not reach. It
//! does to the version table what an upgrade or downgrade would do, and begins by asking whether that table is where the
//! script begins. No database is read.

use std::fmt::Write as _;

use super::{plan::is_irreversible, scripts::load};
use crate::{
    model::{
        failure::{Failure, Kind},
        migration::Direction,
        revision::{Graph, Script, Step, TargetError},
    },
    ops::{context::Context, daemon::Daemon},
    postgres::{quote::literal, versions::VersionTable},
};

/// The script from one version to another; empty texts mean `base` and `head`.
pub async fn render(
    daemon: &Daemon,
    context: &Context,
    database: &str,
    from: &str,
    to: &str,
) -> Result<String, Failure> {
    let managed = daemon.authorized(context, database)?;
    let graph = load(&managed.revisions).await?;
    let from = if from.is_empty() { "base" } else { from };
    let to = if to.is_empty() { "head" } else { to };
    let before = graph
        .resolve(from, &[])
        .map_err(|error| of_field("from", error))?;
    let steps = way(&graph, &before, to).map_err(|error| of_field("to", error))?;
    let mut writer = Writer::new(&managed.version_table);
    writer.begin(managed.name(), from, to, &before);
    let mut rows = before;
    for step in steps {
        let script = graph.get(&step.revision).ok_or_else(|| unknown(&step))?;
        writer.step(script, &step, &rows)?;
        rows = step.heads_after;
    }
    Ok(writer.sql)
}

/// Up where the target is not reached yet, else down.
fn way(graph: &Graph, before: &[String], to: &str) -> Result<Vec<Step>, TargetError> {
    let up = graph.upgrade_plan(before, to);
    match up {
        Ok(steps) if !steps.is_empty() => Ok(steps),
        Ok(_) if graph.resolve(to, before)? == before => Ok(Vec::new()),
        Ok(_) => graph.downgrade_plan(before, to),
        // The target may have a meaning downwards only, e.g. `-1`. If not, what it lacks upwards is the better answer.
        Err(error) => graph.downgrade_plan(before, to).map_err(|_| error),
    }
}

/// The error of a target, said of the field that holds it.
pub(super) fn of_field(field: &str, error: TargetError) -> Failure {
    let mut failure = Failure::from(error);
    for violation in &mut failure.fields {
        field.clone_into(&mut violation.field);
    }
    failure
}

fn unknown(step: &Step) -> Failure {
    Failure::new(
        Kind::Internal,
        "PLAN_WITHOUT_SCRIPT",
        format!("the plan names revision {} without a script", step.revision),
    )
}

fn irreversible(script: &Script) -> Failure {
    Failure::new(
        Kind::FailedPrecondition,
        "REVISION_IRREVERSIBLE",
        format!(
            "{} has no way down: its downgrade section is blank",
            script.file_name
        ),
    )
    .with_hint(
        "write its downgrade section; a comment there says that there is nothing to take back",
    )
}

/// Writes the script.
struct Writer<'a> {
    table: &'a VersionTable,
    sql: String,
}

impl<'a> Writer<'a> {
    fn new(table: &'a VersionTable) -> Self {
        Self {
            table,
            sql: String::new(),
        }
    }

    fn line(&mut self, line: &str) {
        self.sql.push_str(line);
        self.sql.push('\n');
    }

    fn begin(&mut self, database: &str, from: &str, to: &str, before: &[String]) {
        self.line(&format!(
            "-- Migration of database {} from {} to {}, written by pgsteward.",
            one_line(database),
            one_line(from),
            one_line(to)
        ));
        self.line("-- Run it as the role that owns what the revisions make:");
        self.line("--   psql -X -v ON_ERROR_STOP=1 -f <this file> <database>");
        self.line("-- It refuses a database whose version table is not where it begins.");
        if before.is_empty() {
            self.line("");
            self.line(&format!("{};", self.table.creation(true)));
        }
        self.line("");
        self.guard(before);
    }

    /// The version table must have exactly the rows that the script begins with.
    fn guard(&mut self, before: &[String]) {
        let table = self.table.qualified();
        let rows: Vec<String> = before.iter().map(|id| literal(id)).collect();
        let mut body = String::new();
        // Writing to a String cannot fail.
        let _ = write!(
            body,
            "
DECLARE
    expected text[] := ARRAY[{}]::text[];
    found text[] := ARRAY(SELECT version_num::text FROM {table} ORDER BY version_num COLLATE \"C\");
BEGIN
    IF found <> expected THEN
        RAISE EXCEPTION 'this part of the script begins at %, but the database is at %', expected, found;
    END IF;
END
",
            rows.join(", ")
        );
        let tag = dollar_tag(&body);
        self.line(&format!("DO {tag}{body}{tag};"));
    }

    /// Begins a transaction in which the version table stays what it is. A psql that goes on after an error, since nobody
    /// told it to stop, comes to nothing here.
    fn transaction(&mut self, before: &[String]) {
        let table = self.table.qualified();
        self.line("BEGIN;");
        self.line(&format!("LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE;"));
        self.guard(before);
    }

    fn step(&mut self, script: &Script, step: &Step, before: &[String]) -> Result<(), Failure> {
        if step.direction == Direction::Downgrade && is_irreversible(script) {
            return Err(irreversible(script));
        }
        let statements = script.statements(step.direction)?;
        self.line("");
        self.line(&format!(
            "-- {} {}: {}",
            step.direction.name(),
            script.revision,
            one_line(&script.message)
        ));
        if script.transactional {
            self.transaction(before);
        }
        for statement in &statements {
            self.line(&format!("{};", statement.sql));
        }
        // What a script sets for its session must reach neither the version table nor the next script.
        self.line("RESET ROLE;");
        if !script.transactional {
            self.transaction(before);
        }
        self.rows(before, &step.heads_after);
        self.line("COMMIT;");
        self.line("DISCARD ALL;");
        Ok(())
    }

    fn rows(&mut self, before: &[String], after: &[String]) {
        let table = self.table.qualified();
        for gone in before.iter().filter(|id| !after.contains(id)) {
            let gone = literal(gone);
            self.line(&format!("DELETE FROM {table} WHERE version_num = {gone};"));
        }
        for new in after.iter().filter(|id| !before.contains(id)) {
            let new = literal(new);
            self.line(&format!(
                "INSERT INTO {table} (version_num) VALUES ({new});"
            ));
        }
    }
}

/// Text that stays inside its comment.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// A dollar quote that the text does not hold.
fn dollar_tag(text: &str) -> String {
    let mut tag = "guard".to_owned();
    while text.contains(&format!("${tag}$")) {
        tag.push('_');
    }
    format!("${tag}$")
}

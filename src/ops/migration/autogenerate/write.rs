//! Stage `write`: the phases of the plan become scripts. Each is run at once, where the revisions were built, so that its
//! downgrade can be planned from what it really left.

use chrono::Utc;

use super::{observe::Observed, prove::not_proven, renames::Renamed, with};
use crate::{
    model::{
        autogenerate::{self, Cast, Casts, Facts, Form, Unwritable},
        failure::{Failure, Kind, PreconditionViolation},
        migration::Direction,
        revision::{Draft, Graph, Script, fresh_revision},
        schema::Schema,
    },
    ops::{
        daemon::{Daemon, Managed},
        migration::{models::Both, scratch::build_one},
        runner::job::Job,
    },
    postgres::{
        casts,
        catalog::{Scope, facts_in_snapshot},
        revisions::ScriptRun,
        session::Session,
        table_files::TableFiles,
    },
};

/// How many objects a refusal lists.
const LISTED: usize = 1000;

/// What a downgrade holds that has nothing to do; a blank one would say that there is no way back.
const NOTHING_TO_UNDO: &str = "-- nothing to undo";

/// A script that was run, with what there was before it.
pub(super) struct Written {
    /// The script.
    pub(super) script: Script,
    /// The schema before.
    pub(super) before: Schema,
    /// What was seen of it.
    pub(super) observed: Observed,
    /// The version table's rows before.
    pub(super) rows_before: Vec<String>,
    /// The version table's rows after.
    pub(super) rows_after: Vec<String>,
}

/// What all scripts have in common.
pub(super) struct Writer<'a> {
    pub(super) daemon: &'a Daemon,
    pub(super) managed: &'a Managed,
    pub(super) both: &'a Both<'a>,
    pub(super) scope: &'a Scope,
    pub(super) form: Form,
    pub(super) message: &'a str,
    pub(super) branch_label: &'a str,
}

/// Where they begin.
pub(super) struct Start<'a> {
    pub(super) graph: Graph,
    pub(super) parents: &'a [String],
    /// The version table's rows.
    pub(super) rows: &'a [String],
    /// What the revisions make.
    pub(super) made: Facts,
}

/// What one script does.
struct Upgrade {
    transactional: bool,
    statements: Vec<String>,
    /// What goes before the plan's own work on the way back comes to its end: the old names.
    backward: Vec<String>,
    /// What the plan's own work on the way back leads to.
    back_to: Facts,
}

impl Writer<'_> {
    /// Writes and runs all of them.
    pub(super) async fn write(
        &self,
        job: &Job,
        start: Start<'_>,
        renamed: Renamed,
        declared: &Facts,
    ) -> Result<Vec<Written>, Failure> {
        let casts = self.casts(&renamed.facts, declared).await?;
        let phases = autogenerate::plan(&renamed.facts, declared, &casts, self.form)
            .map_err(|unwritable| not_modelled(&unwritable))?;
        let mut renames_with: Option<(Vec<String>, Facts)> = (!renamed.renames.forward.is_empty())
            .then_some((renamed.renames.backward, renamed.facts));
        let mut forward = renamed.renames.forward;
        let mut upgrades: Vec<(bool, Vec<String>)> = Vec::new();
        for phase in phases {
            upgrades.push((phase.transactional, phase.statements));
        }
        match upgrades.first_mut() {
            _ if forward.is_empty() => {}
            Some((true, statements)) => {
                forward.append(statements);
                *statements = forward;
            }
            _ => upgrades.insert(0, (true, forward)),
        }

        let count = upgrades.len();
        let mut written: Vec<Written> = Vec::new();
        let Start {
            mut graph,
            parents,
            rows,
            made,
        } = start;
        let (mut rows, mut before) = (rows.to_vec(), made);
        for (done, (transactional, statements)) in upgrades.into_iter().enumerate() {
            job.count(done as u64, count as u64, "revisions");
            // The old names come back last, after what the plan itself undoes.
            let (backward, back_to) = match renames_with.take() {
                Some((backward, renamed)) => (backward, Some(renamed)),
                None => (Vec::new(), None),
            };
            let upgrade = Upgrade {
                transactional,
                statements,
                backward,
                back_to: back_to.unwrap_or_else(|| before.clone()),
            };
            let parents = match written.last() {
                Some(last) => vec![last.script.revision.clone()],
                None => parents.to_vec(),
            };
            let draft = self.draft(&upgrade, parents, (done, count));
            let run = Script::draft(draft.clone())?;
            let (next, rows_after) = rows_after(&graph, &run, &rows)?;
            let files = TableFiles::read(self.session()).await?;
            self.run(&run, &rows, &rows_after).await?;
            let after = facts_in_snapshot(self.session(), self.scope).await?;
            let files_after = TableFiles::read(self.session()).await?;
            let script = Script::draft(Draft {
                downgrade_sql: self.downgrade(&after, &upgrade).await?,
                ..draft
            })?;
            written.push(Written {
                script,
                before: before.schema,
                observed: Observed {
                    rewritten: files.rewritten(&files_after),
                    before: upgrade.back_to.schema.clone(),
                    after: after.schema.clone(),
                },
                rows_before: rows,
                rows_after: rows_after.clone(),
            });
            (graph, rows, before) = (next, rows_after, after);
        }
        job.count(count as u64, count as u64, "revisions");
        Ok(written)
    }

    fn session(&self) -> &Session {
        &self.both.chain.session
    }

    fn draft(&self, upgrade: &Upgrade, parents: Vec<String>, place: (usize, usize)) -> Draft {
        let (done, count) = place;
        let message = match count {
            1 => self.message.to_owned(),
            _ => format!("{} ({} of {count})", self.message, done + 1),
        };
        // The label of the first is that of all that follow it.
        let label =
            (done == 0 && !self.branch_label.is_empty()).then(|| self.branch_label.to_owned());
        Draft {
            revision: fresh_revision(),
            down_revisions: parents,
            branch_labels: label.into_iter().collect(),
            depends_on: Vec::new(),
            message,
            created: Utc::now(),
            transactional: upgrade.transactional,
            upgrade_sql: section(&upgrade.statements),
            downgrade_sql: String::new(),
        }
    }

    async fn run(
        &self,
        script: &Script,
        before: &[String],
        after: &[String],
    ) -> Result<(), Failure> {
        let run = ScriptRun {
            table: &self.managed.version_table,
            script,
            direction: Direction::Upgrade,
            before,
            after,
            limits: self.daemon.settings.migrations.limits,
        };
        let ran = build_one(self.session(), run).await;
        ran.map_err(|error| not_proven(script, Direction::Upgrade, error))
    }

    async fn downgrade(&self, after: &Facts, upgrade: &Upgrade) -> Result<String, Failure> {
        let form = if upgrade.transactional {
            Form::OneTransaction
        } else {
            Form::StepByStep
        };
        let casts = self.casts(after, &upgrade.back_to).await?;
        let phases = autogenerate::plan(after, &upgrade.back_to, &casts, form)
            .map_err(|unwritable| not_modelled(&unwritable))?;
        let mut statements: Vec<String> = Vec::new();
        for phase in phases {
            statements.extend(phase.statements);
        }
        statements.extend(upgrade.backward.iter().cloned());
        if statements.is_empty() {
            return Ok(NOTHING_TO_UNDO.to_owned());
        }
        Ok(section(&statements))
    }

    /// How each type becomes another; asked where both types are.
    async fn casts(&self, from: &Facts, to: &Facts) -> Result<Casts, Failure> {
        let mut known = Casts::new();
        for (old, new) in autogenerate::casts_needed(from, to) {
            let mut cast = casts::between(self.session(), &old, &new).await?;
            if cast.is_none() {
                cast = casts::between(&self.both.models.session, &old, &new).await?;
            }
            known.insert((old, new), cast.unwrap_or(Cast::Text));
        }
        Ok(known)
    }
}

/// The graph with a new script, and the version table's rows once that is applied.
fn rows_after(
    graph: &Graph,
    script: &Script,
    rows: &[String],
) -> Result<(Graph, Vec<String>), Failure> {
    let graph = with(graph, script.clone())?;
    let plan = graph.upgrade_plan(rows, &script.revision)?;
    let last = plan.into_iter().next_back();
    let rows = last.map_or_else(|| rows.to_vec(), |step| step.heads_after);
    Ok((graph, rows))
}

/// Statements as the text of a section, with a blank line around those of several lines.
fn section(statements: &[String]) -> String {
    let mut text = String::new();
    let mut long_before = false;
    for (place, statement) in statements.iter().enumerate() {
        let long = statement.contains('\n');
        if place > 0 && (long || long_before) {
            text.push('\n');
        }
        text.push_str(statement);
        text.push_str(";\n");
        long_before = long;
    }
    text
}

fn not_modelled(unwritable: &Unwritable) -> Failure {
    const REASON: &str = "NOT_MODELLED";
    let first = unwritable.objects.iter().next();
    let first = first.map_or_else(String::new, |(key, why)| format!("{key}: {why}"));
    let more = match unwritable.objects.len() {
        0 | 1 => String::new(),
        count => format!("; and {} more", count - 1),
    };
    let failure = Failure::new(
        Kind::FailedPrecondition,
        REASON,
        format!("no statements can be written for what differs: {first}{more}"),
    )
    .with_hint(
        "write that part by hand (CreateRevision with upgrade_sql), then autogenerate the rest; or leave the objects out by migrations.ignore",
    );
    let objects = unwritable.objects.iter().take(LISTED);
    Failure {
        preconditions: objects
            .map(|(key, why)| PreconditionViolation {
                kind: REASON.to_owned(),
                subject: key.to_string(),
                description: why.clone(),
            })
            .collect(),
        ..failure
    }
}

#[cfg(test)]
mod tests {
    use super::section;

    #[test]
    fn statements_of_several_lines_stand_apart() {
        let statements = ["A", "B", "C\nc", "D"].map(str::to_owned);
        assert_eq!(section(&statements), "A;\nB;\n\nC\nc;\n\nD;\n");
    }
}

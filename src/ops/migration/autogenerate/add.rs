//! Stage `add`: the files. What a reviewer is to know of a statement stands above it.

use super::{Generated, STAGES, Wanted, observe, with, write::Written};
use crate::{
    model::{
        failure::{Failure, Kind},
        migration::{AutogenerateResult, Direction, GeneratedRevision},
        review::{Finding, Severity},
        revision::{Draft, Script},
    },
    ops::{
        daemon::{Daemon, Managed},
        migration::{
            create,
            list::RevisionInfo,
            plan::major,
            scripts::{self, load},
        },
        runner::job::Job,
    },
};

/// Writes all files, or none.
pub(super) async fn add(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    wanted: &Wanted,
    generated: Generated,
) -> Result<AutogenerateResult, Failure> {
    job.enter(6, STAGES, "add");
    let mut result = AutogenerateResult {
        database: managed.name().to_owned(),
        parents: generated.parents,
        revisions: Vec::new(),
        differences: generated.differences,
        findings: Vec::new(),
    };
    if generated.revisions.is_empty() {
        return Ok(result);
    }
    let pg_major = major(managed).await?;
    let mut scripts = Vec::new();
    for written in generated.revisions {
        let Written {
            script, observed, ..
        } = written;
        let findings = observe::findings(&script, &observed, pg_major)?;
        let script = annotated(script, &findings)?;
        let findings = observe::findings(&script, &observed, pg_major)?;
        result.findings.extend(findings);
        scripts.push(script);
    }

    let mut graph = load(&managed.revisions).await?;
    if create::parents(&graph, &wanted.parents)? != result.parents {
        return Err(Failure::new(
            Kind::Aborted,
            "HEADS_CHANGED",
            "another revision was written meanwhile, so that this one would not follow the head",
        )
        .with_hint("autogenerate again"));
    }
    let author = job.principal();
    for (done, script) in scripts.iter().enumerate() {
        let next = with(&graph, script.clone());
        let added = create::add(daemon, managed, graph, script.clone(), author).await;
        match added.and_then(|info| Ok((info, next?))) {
            Ok((info, next)) => {
                graph = next;
                result
                    .revisions
                    .push(shown(info, done + 1 == scripts.len()));
            }
            Err(failure) => {
                take_back(managed, &scripts[..done]).await;
                return Err(failure);
            }
        }
    }
    Ok(result)
}

/// Removes what was written before a file that could not be, the last one first: it stands on the others.
async fn take_back(managed: &Managed, scripts: &[Script]) {
    for script in scripts.iter().rev() {
        if let Err(error) = scripts::remove(&managed.revisions, script).await {
            tracing::warn!(%error, file = script.file_name, "a revision of several could not be taken back");
        }
    }
}

fn shown(info: RevisionInfo, head: bool) -> GeneratedRevision {
    let script = info.script;
    GeneratedRevision {
        revision: script.revision,
        down_revisions: script.down_revisions,
        branch_labels: script.branch_labels,
        message: script.message,
        created: script.created,
        transactional: script.transactional,
        filename: script.file_name,
        sha256: script.sha256,
        upgrade_sql: script.upgrade_sql,
        downgrade_sql: script.downgrade_sql,
        author: info.author,
        head,
    }
}

/// The script with a comment above each statement that destroys something, or is likely to hurt.
fn annotated(script: Script, findings: &[Finding]) -> Result<Script, Failure> {
    let starts: Vec<usize> = script
        .statements(Direction::Upgrade)?
        .iter()
        .map(|statement| statement.line)
        .collect();
    // The line of the section, from 1, and the comment that goes above it.
    let mut comments: Vec<(usize, String)> = Vec::new();
    for finding in findings.iter().filter(|finding| weighs(finding)) {
        let Some(line) = (finding.line + 1).checked_sub(script.upgrade_line) else {
            continue;
        };
        let start = starts.iter().rev().find(|start| **start <= line);
        let name: String = finding
            .name()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        if let Some(start) = start {
            comments.push((*start, format!("-- finding: {name}")));
        }
    }
    comments.sort();
    comments.dedup();
    let mut text = String::new();
    for (place, line) in script.upgrade_sql.lines().enumerate() {
        for (_, comment) in comments.iter().filter(|(start, _)| *start == place + 1) {
            text.push_str(comment);
            text.push('\n');
        }
        text.push_str(line);
        text.push('\n');
    }
    Ok(Script::draft(Draft {
        revision: script.revision,
        down_revisions: script.down_revisions,
        branch_labels: script.branch_labels,
        depends_on: script.depends_on,
        message: script.message,
        created: script.created,
        transactional: script.transactional,
        upgrade_sql: text,
        downgrade_sql: script.downgrade_sql,
    })?)
}

fn weighs(finding: &Finding) -> bool {
    finding.severity > Severity::Note
}

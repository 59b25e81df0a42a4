//! ReviewRevision: what is to be known of a revision before it is approved. Its text is read for what is dangerous in it, a
//! scratch copy of the schema shows what it does, and the live database says how large the tables are.
//!
//! 1. `plan`: the revisions, and the findings that their texts give.
//! 2. `rehearse`: those that are not applied yet, on a scratch copy. Of applied ones the rehearsal on record is shown.
//! 3. `measure`: the tables that findings are about.

use std::{cmp::Reverse, collections::BTreeMap, sync::Arc};

use super::{
    list::{find, holding},
    plan, rehearse,
    scripts::load,
    version::database_heads,
};
use crate::{
    model::{
        failure::Failure,
        migration::{Direction, EventKind, Review, RevisionReview},
        operation::{Operation, Outcome},
        rehearsal::Rehearsal,
        review::{self, Finding, observed},
        revision::{Graph, Script},
    },
    ops::{
        context::Context,
        daemon::{Daemon, Managed},
        launch::launch,
        runner::job::Job,
        turn::{Turn, Work},
    },
    postgres::{database::Purpose, sizes::relation_bytes},
};

/// What is wanted.
#[derive(Clone, Debug)]
struct Wanted {
    /// An id or a unique prefix; empty for everything that an upgrade to `heads` would run.
    revision: String,
    /// Whether only the text is to be read.
    skip_rehearsal: bool,
}

/// One script under review.
struct Reviewed {
    script: Script,
    findings: Vec<Finding>,
    rehearsal: Option<Rehearsal>,
}

/// Starts a review.
pub async fn review(
    daemon: &Arc<Daemon>,
    context: &Context,
    database: &str,
    revision: &str,
    skip_rehearsal: bool,
    request_id: &str,
) -> Result<Operation, Failure> {
    launch(daemon, context, database, request_id, async |managed| {
        let wanted = Wanted {
            revision: revision.to_owned(),
            skip_rehearsal,
        };
        if !wanted.revision.is_empty() {
            find(&load(&managed.revisions).await?, &wanted.revision)?;
        }
        let daemon = Arc::clone(daemon);
        Ok(move |job| async move { run(&daemon, &managed, &job, &wanted).await })
    })
    .await
}

async fn run(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    wanted: &Wanted,
) -> Result<Outcome, Failure> {
    let stages = stages(daemon, managed, job, wanted);
    Turn::hold(daemon, managed, Work::Inspection, job, stages)
        .await
        .map(Outcome::Review)
}

async fn stages(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    wanted: &Wanted,
) -> Result<Review, Failure> {
    job.enter(1, 3, "plan");
    let graph = load(&managed.revisions).await?;
    let applied = applied(managed, &graph, &wanted.revision).await?;

    job.enter(2, 3, "rehearse");
    let mut reviewed = match applied {
        Some(script) => vec![as_applied(daemon, managed, script).await?],
        None => pending(daemon, managed, job, &graph, wanted).await?,
    };

    job.enter(3, 3, "measure");
    measure(managed, &mut reviewed).await?;
    let mut authors = daemon.store.authors(managed.name()).await?;
    let approvals = daemon.store.approvals(managed.name()).await?;
    let revisions = reviewed.into_iter().map(|mut reviewed| {
        let id = &reviewed.script.revision;
        reviewed
            .findings
            .sort_by_key(|finding| (Reverse(finding.severity), finding.line));
        RevisionReview {
            author: authors.remove(id).unwrap_or_default(),
            approvals: approvals
                .get(id)
                .map(|approvals| holding(&reviewed.script, approvals))
                .unwrap_or_default(),
            findings: reviewed.findings,
            rehearsal: reviewed.rehearsal,
            sha256: reviewed.script.sha256,
            revision: reviewed.script.revision,
        }
    });
    Ok(Review {
        database: managed.name().to_owned(),
        revisions: revisions.collect(),
    })
}

/// The script that is named, if it is applied.
async fn applied<'a>(
    managed: &Managed,
    graph: &'a Graph,
    revision: &str,
) -> Result<Option<&'a Script>, Failure> {
    if revision.is_empty() {
        return Ok(None);
    }
    let script = find(graph, revision)?;
    let mut heads = database_heads(managed).await?;
    heads.retain(|head| graph.get(head).is_some());
    let applied = graph.applied(&heads)?;
    Ok(applied.contains(&script.revision).then_some(script))
}

/// An applied script with the rehearsal that began where its upgrade did, if its text was rehearsed there.
async fn as_applied(
    daemon: &Daemon,
    managed: &Managed,
    script: &Script,
) -> Result<Reviewed, Failure> {
    let (store, database) = (&daemon.store, managed.name());
    let up = Direction::Upgrade;
    let events = store.revision_events(database, &script.revision).await?;
    let upgrade = events.iter().find(|event| {
        let applied = event.outcome.as_ref().is_some_and(|end| end.applied);
        event.kind == EventKind::Ran(up) && applied
    });
    let rehearsal = match upgrade {
        Some(event) => {
            let before = &event.fingerprint_before;
            store
                .rehearsal(database, &script.sha256, up, before)
                .await?
        }
        None => None,
    };
    let findings = review::lint(script, up, plan::major(managed).await?)?;
    Ok(Reviewed::new(script.clone(), findings, rehearsal))
}

/// The scripts that are not applied: all, or the one that is named. What it stands on is rehearsed with it.
async fn pending(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    graph: &Graph,
    wanted: &Wanted,
) -> Result<Vec<Reviewed>, Failure> {
    let target = if wanted.revision.is_empty() {
        "heads".to_owned()
    } else {
        find(graph, &wanted.revision)?.revision.clone()
    };
    let upgrade = plan::Wanted {
        direction: Direction::Upgrade,
        target: target.clone(),
        rehearse: true,
        acknowledged: Vec::new(),
        validate_only: true,
    };
    let plan = plan::make(daemon, managed, &upgrade).await?;
    // A copy of a database in which a script was left in the middle would have the half of it.
    let rehearsals = if wanted.skip_rehearsal || plan.resumes || plan.steps.is_empty() {
        let live = rehearse::live(managed).await?;
        rehearse::recorded(daemon, managed, &plan.steps, &live).await?
    } else {
        rehearse::rehearse(daemon, managed, job, &plan.steps, &plan.from_heads).await?
    };
    let mut rehearsals = rehearsals.into_iter();
    Ok(plan
        .steps
        .into_iter()
        .zip(plan.findings)
        .map(|((_, script), findings)| Reviewed::new(script, findings, rehearsals.next()))
        .filter(|reviewed| wanted.revision.is_empty() || reviewed.script.revision == target)
        .collect())
}

impl Reviewed {
    fn new(script: Script, findings: Vec<Finding>, rehearsal: Option<Rehearsal>) -> Self {
        let findings = match &rehearsal {
            Some(rehearsal) => observed::joined(findings, rehearsal, &script),
            None => findings,
        };
        Self {
            script,
            findings,
            rehearsal,
        }
    }
}

/// Gives each finding the size of the live table that it is about, where it is about one.
async fn measure(managed: &Managed, reviewed: &mut [Reviewed]) -> Result<(), Failure> {
    let findings = || reviewed.iter().flat_map(|reviewed| &reviewed.findings);
    let names: Vec<String> = findings().flat_map(tables).collect();
    let sizes: BTreeMap<String, u64> = {
        let client = managed.database.pooled(Purpose::Migrator).await?;
        relation_bytes(&client, &names).await?
    };
    for finding in reviewed
        .iter_mut()
        .flat_map(|reviewed| &mut reviewed.findings)
    {
        let size = tables(finding)
            .into_iter()
            .find_map(|name| sizes.get(&name).copied());
        finding.table_bytes = size.unwrap_or_default();
    }
    Ok(())
}

/// The relations that a finding's object may name, the likeliest first: `orders.total` is the table `total` in the schema
/// `orders` if there is one, else a column of `orders`.
fn tables(finding: &Finding) -> Vec<String> {
    let Some(parts) = finding.object.as_deref().and_then(parts) else {
        return Vec::new();
    };
    let whole = parts.join(".");
    let but_last = parts[..parts.len() - 1].join(".");
    match parts.len() {
        1 => vec![whole],
        2 => vec![whole, but_last],
        3 => vec![but_last],
        _ => Vec::new(),
    }
}

/// The parts of a dotted name, quotes kept; `None` where it is no such name, as that of a function.
fn parts(name: &str) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    let (mut start, mut quoted) = (0, false);
    for (place, letter) in name.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            '.' if !quoted => {
                parts.push(&name[start..place]);
                start = place + 1;
            }
            _ if quoted || letter.is_alphanumeric() || letter == '_' || letter == '$' => {}
            _ => return None,
        }
    }
    parts.push(&name[start..]);
    let whole = !quoted && parts.iter().all(|part| !part.is_empty());
    whole.then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn a_dotted_name_is_parted_outside_of_quotes_and_other_objects_are_no_names() {
        assert_eq!(parts("orders"), Some(vec!["orders"]));
        assert_eq!(parts("a.b.c"), Some(vec!["a", "b", "c"]));
        assert_eq!(
            parts(r#"sales."Or.der s".x"#),
            Some(vec!["sales", r#""Or.der s""#, "x"])
        );
        assert_eq!(parts("area(integer)"), None);
        assert_eq!(parts("a on b"), None);
        assert_eq!(parts("a..b"), None);
        assert_eq!(parts("\"a"), None);
    }
}

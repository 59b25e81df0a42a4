//! CreateRevision and Merge: they write a new script into the revisions directory, and its author into the control store.

use std::collections::BTreeSet;

use chrono::Utc;
use sha2::{Digest as _, Sha256};

use super::{list::RevisionInfo, scripts};
use crate::{
    model::{
        failure::{Failure, Kind},
        migration::Direction,
        revision::{Draft, Graph, Script, fresh_revision},
    },
    ops::{
        audited,
        context::Context,
        daemon::{Daemon, Managed},
    },
    storage::hexadecimal,
};

/// What the sections of a merge hold.
const NOTHING_TO_DO: &str = "-- nothing to do";

/// What a new revision is to be.
#[derive(Debug, Default)]
pub struct NewRevision {
    /// What it is for.
    pub message: String,
    /// Ids, prefixes, labels or `base`; empty for the only head.
    pub parents: Vec<String>,
    /// SQL of the upgrade section.
    pub upgrade_sql: String,
    /// SQL of the downgrade section.
    pub downgrade_sql: String,
    /// A label for the branch that starts here; empty for none.
    pub branch_label: String,
    /// Whether the statements run one by one outside a transaction.
    pub non_transactional: bool,
}

/// Writes a new script. The same request id gives the same revision: its id is made from it.
pub async fn create(
    daemon: &Daemon,
    context: &Context,
    database: &str,
    new: NewRevision,
    request_id: &str,
) -> Result<RevisionInfo, Failure> {
    audited::immediate(daemon, context, &daemon.scope(database), async {
        let managed = daemon.managed(database)?;
        check_message(&new.message)?;
        let graph = scripts::load(&managed.revisions).await?;
        let revision = revision_id(context, managed, request_id);
        if let Some(earlier) = graph.get(&revision) {
            let same = earlier.message == new.message
                && earlier.upgrade_sql.trim() == new.upgrade_sql.trim()
                && earlier.downgrade_sql.trim() == new.downgrade_sql.trim();
            return repeated(daemon, managed, &graph, earlier, same).await;
        }
        let parents = parents(&graph, &new.parents)?;
        let script = draft(revision, parents, new)?;
        add(daemon, managed, graph, script, &context.principal.name).await
    })
    .await
}

/// Writes a script that joins heads and does nothing else. Its sections hold a comment, since a blank downgrade section
/// says that there is no way back.
pub async fn merge(
    daemon: &Daemon,
    context: &Context,
    database: &str,
    new: NewRevision,
    request_id: &str,
) -> Result<RevisionInfo, Failure> {
    audited::immediate(daemon, context, &daemon.scope(database), async {
        let managed = daemon.managed(database)?;
        if !new.message.is_empty() {
            check_message(&new.message)?;
        }
        let graph = scripts::load(&managed.revisions).await?;
        let revision = revision_id(context, managed, request_id);
        if let Some(earlier) = graph.get(&revision) {
            let same = earlier.down_revisions.len() > 1
                && (new.message.is_empty() || earlier.message == new.message);
            return repeated(daemon, managed, &graph, earlier, same).await;
        }
        let joined = joined(&graph, &new.parents)?;
        let message = if new.message.is_empty() {
            merge_message(&joined)
        } else {
            new.message
        };
        let new = NewRevision {
            message,
            upgrade_sql: NOTHING_TO_DO.to_owned(),
            downgrade_sql: NOTHING_TO_DO.to_owned(),
            ..new
        };
        let script = draft(revision, joined, new)?;
        add(daemon, managed, graph, script, &context.principal.name).await
    })
    .await
}

/// Makes a script part of the directory. Its author is recorded first: a crash leaves a name without a file, which is
/// harmless, and never a file without its author.
pub(super) async fn add(
    daemon: &Daemon,
    managed: &Managed,
    graph: Graph,
    script: Script,
    author: &str,
) -> Result<RevisionInfo, Failure> {
    for direction in [Direction::Upgrade, Direction::Downgrade] {
        script.statements(direction).map_err(of_request)?;
    }
    // The graph with the new script must be sound before the script exists for anyone else.
    let heads_before = graph.heads().len();
    let mut all: Vec<Script> = graph.iter().cloned().collect();
    all.push(script.clone());
    let graph = Graph::new(all)?;
    daemon
        .store
        .insert_author(managed.name(), &script.revision, author)
        .await?;
    scripts::write(&managed.revisions, &script).await?;
    let heads = graph.heads();
    if heads.len() > heads_before.max(1) {
        tracing::warn!(
            revision = script.revision,
            heads = heads.join(", "),
            "a new revision makes another head; join them by a merge before an upgrade to `head`"
        );
    }
    Ok(RevisionInfo {
        head: heads.contains(&script.revision),
        author: author.to_owned(),
        ..RevisionInfo::fresh(script)
    })
}

/// A fresh id, or the one that the request id always gives.
fn revision_id(context: &Context, managed: &Managed, request_id: &str) -> String {
    if request_id.is_empty() {
        fresh_revision()
    } else {
        revision_of_request(&context.principal.name, managed.name(), request_id)
    }
}

pub(super) fn check_message(message: &str) -> Result<(), Failure> {
    let length = message.chars().count();
    if (1..=200).contains(&length) && !message.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Failure::invalid_field(
        "message",
        "must be one line of 1 to 200 characters",
    ))
}

/// Refuses a label that no branch can have.
pub(super) fn check_label(label: &str) -> Result<(), Failure> {
    let labelled = NewRevision {
        branch_label: label.to_owned(),
        ..NewRevision::default()
    };
    draft(fresh_revision(), Vec::new(), labelled).map(drop)
}

fn draft(
    revision: String,
    down_revisions: Vec<String>,
    new: NewRevision,
) -> Result<Script, Failure> {
    let label = (!new.branch_label.is_empty()).then_some(new.branch_label);
    Script::draft(Draft {
        revision,
        down_revisions,
        branch_labels: label.into_iter().collect(),
        depends_on: Vec::new(),
        message: new.message,
        created: Utc::now(),
        transactional: !new.non_transactional,
        upgrade_sql: new.upgrade_sql,
        downgrade_sql: new.downgrade_sql,
    })
    .map_err(of_request)
}

/// What would be a bad file on disk is a bad request here.
fn of_request(error: impl Into<Failure>) -> Failure {
    Failure {
        kind: Kind::InvalidArgument,
        ..error.into()
    }
}

/// The ids that the new script follows: the only head where none is named, none at all for `base`.
pub(super) fn parents(graph: &Graph, named: &[String]) -> Result<Vec<String>, Failure> {
    if named.is_empty() {
        if graph.is_empty() {
            return Ok(Vec::new());
        }
        return Ok(graph.resolve("head", &[])?);
    }
    resolve_all(graph, named)
}

/// The ids that the names mean, each once, in the order of the names.
fn resolve_all(graph: &Graph, named: &[String]) -> Result<Vec<String>, Failure> {
    let mut ids: Vec<String> = Vec::new();
    for name in named {
        for id in graph.resolve(name, &[])? {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
    }
    Ok(ids)
}

/// The ids that a merge joins: those that are named, or all heads.
fn joined(graph: &Graph, named: &[String]) -> Result<Vec<String>, Failure> {
    let ids = if named.is_empty() {
        graph.heads()
    } else {
        resolve_all(graph, named)?
    };
    if ids.len() < 2 {
        let there = if ids.is_empty() {
            "there is no revision".to_owned()
        } else {
            format!("there is only {}", ids.join(", "))
        };
        return Err(Failure::new(
            Kind::FailedPrecondition,
            "NOTHING_TO_MERGE",
            format!("a merge joins several revisions, and {there}"),
        )
        .with_hint("ListRevisions shows the heads"));
    }
    for id in &ids {
        let below = lineage_below(graph, id);
        if let Some(lower) = ids.iter().find(|other| below.contains(*other)) {
            return Err(Failure::invalid_field(
                "revisions",
                format!("{lower} is part of {id} already; name revisions of different branches"),
            ));
        }
    }
    Ok(ids)
}

/// The parents, their parents, and so on. Dependencies are not followed: a merge may join what depends on each other.
fn lineage_below(graph: &Graph, revision: &str) -> BTreeSet<String> {
    let mut below = BTreeSet::new();
    let mut waiting = graph.parents(revision);
    while let Some(parent) = waiting.pop() {
        waiting.extend(graph.parents(&parent));
        below.insert(parent);
    }
    below
}

fn merge_message(ids: &[String]) -> String {
    let message = match ids.split_last() {
        Some((last, others)) => format!("merge {} and {last}", others.join(", ")),
        None => String::new(),
    };
    if check_message(&message).is_ok() {
        message
    } else {
        format!("merge {} heads", ids.len())
    }
}

/// The id that a request id always gives: 12 hexadecimal digits of a digest.
fn revision_of_request(principal: &str, database: &str, request_id: &str) -> String {
    let digest = Sha256::new_with_prefix(format!("{principal}\n{database}\n{request_id}"));
    let mut revision = hexadecimal(digest);
    revision.truncate(12);
    revision
}

/// What the same request made before; `same` says whether it is what is asked for now.
async fn repeated(
    daemon: &Daemon,
    managed: &Managed,
    graph: &Graph,
    earlier: &Script,
    same: bool,
) -> Result<RevisionInfo, Failure> {
    if !same {
        return Err(Failure::new(
            Kind::AlreadyExists,
            "REQUEST_ID_REUSED",
            format!("request_id was used for revision {}", earlier.revision),
        )
        .with_hint("use a new request_id for a new revision"));
    }
    let mut authors = daemon.store.authors(managed.name()).await?;
    Ok(RevisionInfo {
        head: graph.heads().contains(&earlier.revision),
        author: authors.remove(&earlier.revision).unwrap_or_default(),
        ..RevisionInfo::fresh(earlier.clone())
    })
}

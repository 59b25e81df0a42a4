//! CreateRevision: writes a new script into the revisions directory.

use chrono::Utc;
use sha2::{Digest as _, Sha256};

use super::{list::RevisionInfo, scripts};
use crate::{
    model::{
        failure::{Failure, Kind},
        migration::Direction,
        revision::{Draft, Graph, Script, fresh_revision},
    },
    ops::{audited, context::Context, daemon::Daemon},
    storage::hexadecimal,
};

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
    audited::immediate(daemon, context, Some(database), async {
        let managed = daemon.managed(database)?;
        check_message(&new.message)?;
        let graph = scripts::load(&managed.revisions).await?;
        let revision = if request_id.is_empty() {
            fresh_revision()
        } else {
            revision_of_request(&context.principal.name, managed.name(), request_id)
        };
        if let Some(earlier) = graph.get(&revision) {
            return repeated(&graph, earlier, &new);
        }
        let script = draft(&graph, revision, new)?;
        for direction in [Direction::Upgrade, Direction::Downgrade] {
            script.statements(direction).map_err(of_request)?;
        }
        // The graph with the new script must be sound before the script exists for anyone else.
        let mut all: Vec<Script> = graph.iter().cloned().collect();
        all.push(script.clone());
        let graph = Graph::new(all)?;
        scripts::write(&managed.revisions, &script).await?;
        Ok(RevisionInfo {
            head: graph.heads().contains(&script.revision),
            applied: false,
            script,
        })
    })
    .await
}

fn check_message(message: &str) -> Result<(), Failure> {
    let length = message.chars().count();
    if (1..=200).contains(&length) && !message.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Failure::invalid_field(
        "message",
        "must be one line of 1 to 200 characters",
    ))
}

fn draft(graph: &Graph, revision: String, new: NewRevision) -> Result<Script, Failure> {
    let down_revisions = parents(graph, &new.parents)?;
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
fn parents(graph: &Graph, named: &[String]) -> Result<Vec<String>, Failure> {
    if named.is_empty() {
        if graph.is_empty() {
            return Ok(Vec::new());
        }
        return Ok(graph.resolve("head", &[])?);
    }
    let mut parents: Vec<String> = Vec::new();
    for name in named {
        for parent in graph.resolve(name, &[])? {
            if !parents.contains(&parent) {
                parents.push(parent);
            }
        }
    }
    Ok(parents)
}

/// The id that a request id always gives: 12 hexadecimal digits of a digest.
fn revision_of_request(principal: &str, database: &str, request_id: &str) -> String {
    let digest = Sha256::new_with_prefix(format!("{principal}\n{database}\n{request_id}"));
    let mut revision = hexadecimal(digest);
    revision.truncate(12);
    revision
}

fn repeated(graph: &Graph, earlier: &Script, new: &NewRevision) -> Result<RevisionInfo, Failure> {
    let same = earlier.message == new.message
        && earlier.upgrade_sql.trim() == new.upgrade_sql.trim()
        && earlier.downgrade_sql.trim() == new.downgrade_sql.trim();
    if !same {
        return Err(Failure::new(
            Kind::AlreadyExists,
            "REQUEST_ID_REUSED",
            format!("request_id was used for revision {}", earlier.revision),
        )
        .with_hint("use a new request_id for a new revision"));
    }
    Ok(RevisionInfo {
        head: graph.heads().contains(&earlier.revision),
        applied: false,
        script: earlier.clone(),
    })
}

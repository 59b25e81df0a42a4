//! ListRevisions and GetRevision.

use std::collections::BTreeSet;

use super::{scripts::load, version::database_heads};
use crate::{
    model::{
        failure::Failure,
        page::Page,
        revision::{Graph, Script},
    },
    ops::{
        context::Context,
        daemon::{Daemon, Managed},
    },
};

/// A script with what the database and the graph say of it.
#[derive(Clone, Debug)]
pub struct RevisionInfo {
    /// The script.
    pub script: Script,
    /// Whether it is part of the database's schema.
    pub applied: bool,
    /// Whether no other script follows it.
    pub head: bool,
}

/// All scripts, newest first, and the token of the next page.
pub async fn list(
    daemon: &Daemon,
    context: &Context,
    database: &str,
    page: &Page,
) -> Result<(Vec<RevisionInfo>, Option<String>), Failure> {
    context.authorize()?;
    let managed = daemon.managed(database)?;
    let graph = load(&managed.revisions).await?;
    let applied = applied(managed, &graph).await?;
    let all = graph
        .iter()
        .map(|script| info(&graph, &applied, script))
        .collect();
    page.cut(all, |info| info.script.revision.clone())
}

/// One script, by its id or a unique prefix.
pub async fn get(
    daemon: &Daemon,
    context: &Context,
    database: &str,
    revision: &str,
) -> Result<RevisionInfo, Failure> {
    context.authorize()?;
    let managed = daemon.managed(database)?;
    let graph = load(&managed.revisions).await?;
    let script = find(&graph, revision)?;
    Ok(info(&graph, &applied(managed, &graph).await?, script))
}

/// The script that an id or a unique prefix names.
pub fn find<'a>(graph: &'a Graph, revision: &str) -> Result<&'a Script, Failure> {
    let named = graph.resolve(revision, &[])?;
    match named.as_slice() {
        [id] => graph.get(id),
        _ => None,
    }
    .ok_or_else(|| Failure::invalid_field("revision", "must name one revision"))
}

/// What the database has. Ids that no script has are left out here; GetSchemaVersion names them.
async fn applied(managed: &Managed, graph: &Graph) -> Result<BTreeSet<String>, Failure> {
    let mut heads = database_heads(managed).await?;
    heads.retain(|head| graph.get(head).is_some());
    Ok(graph.applied(&heads)?)
}

fn info(graph: &Graph, applied: &BTreeSet<String>, script: &Script) -> RevisionInfo {
    RevisionInfo {
        script: script.clone(),
        applied: applied.contains(&script.revision),
        head: graph.heads().contains(&script.revision),
    }
}

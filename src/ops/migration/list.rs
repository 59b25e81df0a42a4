//! ListRevisions and GetRevision: the scripts of the directory, with what the database and the control store know of each.

use std::collections::{BTreeMap, BTreeSet};

use super::{plan::half_run_sections, scripts::load, version::database_heads};
use crate::{
    model::{
        failure::Failure,
        migration::{Approval, RevisionEvent},
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
#[allow(clippy::struct_excessive_bools)] // each is a fact of its own, as the message has it
pub struct RevisionInfo {
    /// The script.
    pub script: Script,
    /// Whether it is part of the database's schema.
    pub applied: bool,
    /// Whether no other script follows it.
    pub head: bool,
    /// Whether it is applied and its file is no longer what was applied.
    pub edited: bool,
    /// Whether it was left in the middle.
    pub half_run: bool,
    /// Who made it; empty when not known.
    pub author: String,
    /// The approvals that hold for the file as it is.
    pub approvals: Vec<Approval>,
    /// What was done with it, newest first; only where one revision is asked for.
    pub events: Vec<RevisionEvent>,
    /// The whole file as it was applied; only where one revision is asked for, and only when it was edited.
    pub applied_script: String,
}

impl RevisionInfo {
    /// What is known of a script that nothing was done with yet.
    pub fn fresh(script: Script) -> Self {
        Self {
            script,
            applied: false,
            head: false,
            edited: false,
            half_run: false,
            author: String::new(),
            approvals: Vec::new(),
            events: Vec::new(),
            applied_script: String::new(),
        }
    }
}

/// All scripts, newest first, and the token of the next page.
pub async fn list(
    daemon: &Daemon,
    context: &Context,
    database: &str,
    page: &Page,
) -> Result<(Vec<RevisionInfo>, Option<String>), Failure> {
    let managed = daemon.authorized(context, database)?;
    let graph = load(&managed.revisions).await?;
    let known = Known::read(daemon, managed, &graph).await?;
    let all = graph
        .iter()
        .map(|script| known.info(&graph, script))
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
    let managed = daemon.authorized(context, database)?;
    let graph = load(&managed.revisions).await?;
    detail(daemon, managed, &graph, find(&graph, revision)?).await
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

/// Everything that is known of one script, its events included.
pub(super) async fn detail(
    daemon: &Daemon,
    managed: &Managed,
    graph: &Graph,
    script: &Script,
) -> Result<RevisionInfo, Failure> {
    let known = Known::read(daemon, managed, graph).await?;
    let mut info = known.info(graph, script);
    let (database, revision) = (managed.name(), &script.revision);
    info.events = daemon.store.revision_events(database, revision).await?;
    if info.edited {
        let applied = daemon.store.applied_script(database, revision).await?;
        info.applied_script = applied.map(|script| script.text).unwrap_or_default();
    }
    Ok(info)
}

/// The approvals that hold for a script's file as it is.
pub(super) fn holding(script: &Script, approvals: &[Approval]) -> Vec<Approval> {
    approvals
        .iter()
        .filter(|approval| approval.sha256 == script.sha256)
        .cloned()
        .collect()
}

/// What the database and the control store know of all revisions.
struct Known {
    applied: BTreeSet<String>,
    checksums: BTreeMap<String, String>,
    half_run: BTreeSet<String>,
    authors: BTreeMap<String, String>,
    approvals: BTreeMap<String, Vec<Approval>>,
}

impl Known {
    /// Ids in the version table that no script has are left out here; GetSchemaVersion names them.
    async fn read(daemon: &Daemon, managed: &Managed, graph: &Graph) -> Result<Self, Failure> {
        let mut heads = database_heads(managed).await?;
        heads.retain(|head| graph.get(head).is_some());
        let (store, database) = (&daemon.store, managed.name());
        let half_run = half_run_sections(daemon, managed).await?;
        Ok(Self {
            applied: graph.applied(&heads)?,
            checksums: store.applied_checksums(database).await?,
            half_run: half_run.into_iter().map(|(revision, _)| revision).collect(),
            authors: store.authors(database).await?,
            approvals: store.approvals(database).await?,
        })
    }

    fn info(&self, graph: &Graph, script: &Script) -> RevisionInfo {
        let id = &script.revision;
        let applied = self.applied.contains(id);
        // What was applied before checksums were kept cannot be compared, and counts as unedited.
        let applied_as = self.checksums.get(id);
        RevisionInfo {
            applied,
            head: graph.heads().contains(id),
            edited: applied && applied_as.is_some_and(|sum| *sum != script.normalized_sha256()),
            half_run: self.half_run.contains(id),
            author: self.authors.get(id).cloned().unwrap_or_default(),
            approvals: self
                .approvals
                .get(id)
                .map(|approvals| holding(script, approvals))
                .unwrap_or_default(),
            ..RevisionInfo::fresh(script.clone())
        }
    }
}

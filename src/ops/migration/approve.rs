//! ApproveRevision, and the rule by which an upgrade asks for approvals. An approval is bound to the file's checksum: any
//! edit voids it.

use super::list::{RevisionInfo, detail, find, holding};
use super::scripts::load;
use crate::{
    model::{
        failure::{Failure, Kind},
        migration::Approval,
        revision::Script,
    },
    ops::{audited, context::Context, daemon::Daemon},
};

/// The longest comment that is recorded, in characters.
const COMMENT_LIMIT: usize = 1000;

/// Whether somebody else than its author approved the script as it is. Of a script whose author is not known (empty),
/// because its file came another way than through the daemon, anyone's approval counts.
pub(super) fn is_approved(script: &Script, author: &str, approvals: &[Approval]) -> bool {
    holding(script, approvals)
        .iter()
        .any(|approval| approval.principal != author)
}

/// Approves a script's file as it is. `sha256` is that of the file which was read; empty for whatever it is now. The same
/// principal's second approval of the same file changes nothing.
pub async fn approve(
    daemon: &Daemon,
    context: &Context,
    database: &str,
    revision: &str,
    sha256: &str,
    comment: &str,
) -> Result<RevisionInfo, Failure> {
    audited::immediate(daemon, context, &daemon.scope(database), async {
        if comment.chars().count() > COMMENT_LIMIT {
            let expected = format!("must have at most {COMMENT_LIMIT} characters");
            return Err(Failure::invalid_field("comment", expected));
        }
        let managed = daemon.managed(database)?;
        let graph = load(&managed.revisions).await?;
        let script = find(&graph, revision)?;
        if !sha256.is_empty() && sha256 != script.sha256 {
            return Err(changed(script));
        }
        let store = &daemon.store;
        let (id, principal) = (&script.revision, &context.principal.name);
        store
            .insert_approval(managed.name(), id, &script.sha256, principal, comment)
            .await?;
        detail(daemon, managed, &graph, script).await
    })
    .await
}

fn changed(script: &Script) -> Failure {
    Failure::new(
        Kind::FailedPrecondition,
        "REVISION_CHANGED",
        format!(
            "{} is not the file that was reviewed: its sha256 is {} by now",
            script.file_name, script.sha256
        ),
    )
    .with_hint("review it again, then approve what it is now")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use chrono::Utc;

    use super::*;
    use crate::model::revision::Draft;

    fn script() -> Script {
        Script::draft(Draft {
            revision: "3f2a9c1d4e5b".to_owned(),
            down_revisions: Vec::new(),
            branch_labels: Vec::new(),
            depends_on: Vec::new(),
            message: "a change".to_owned(),
            created: Utc::now(),
            transactional: true,
            upgrade_sql: "SELECT 1;".to_owned(),
            downgrade_sql: String::new(),
        })
        .unwrap()
    }

    fn by(principal: &str, sha256: &str) -> Approval {
        Approval {
            principal: principal.to_owned(),
            approve_time: Utc::now(),
            comment: String::new(),
            sha256: sha256.to_owned(),
        }
    }

    #[test]
    fn the_authors_own_approval_does_not_count_and_anybody_elses_does() {
        let script = script();
        let own = by("ann", &script.sha256);
        let other = by("bob", &script.sha256);
        assert!(!is_approved(&script, "ann", &[]));
        assert!(!is_approved(&script, "ann", std::slice::from_ref(&own)));
        assert!(is_approved(&script, "ann", &[own.clone(), other]));
        assert!(is_approved(&script, "", &[own]));
    }

    #[test]
    fn an_approval_of_another_text_does_not_count() {
        let script = script();
        assert!(!is_approved(&script, "ann", &[by("bob", &"0".repeat(64))]));
    }
}

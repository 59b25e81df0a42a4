//! Restamp: the edited file of an applied revision is accepted as what was applied. Nothing is run; the ledger gets the new
//! text with the reason, and keeps the old one.

use std::time::Duration;

use super::{
    list::{RevisionInfo, detail, find},
    scripts::load,
    version::database_heads,
};
use crate::{
    model::{
        failure::{Failure, Kind},
        migration::{EventKind, EventOutcome},
    },
    ops::{audited, context::Context, daemon::Daemon, launch::check_reason},
    state::ledger::NewEvent,
};

/// Accepts the file as it is.
pub async fn restamp(
    daemon: &Daemon,
    context: &Context,
    database: &str,
    revision: &str,
    reason: &str,
) -> Result<RevisionInfo, Failure> {
    audited::immediate(daemon, context, &daemon.scope(database), async {
        check_reason(reason)?;
        let managed = daemon.managed(database)?;
        let graph = load(&managed.revisions).await?;
        let script = find(&graph, revision)?;
        let info = detail(daemon, managed, &graph, script).await?;
        if !info.edited {
            return Err(not_edited(&info));
        }
        let heads = database_heads(managed).await?;
        let event = NewEvent {
            database: managed.name(),
            revision: &script.revision,
            kind: EventKind::Restamp,
            from_heads: &heads,
            to_heads: &heads,
            principal: &context.principal.name,
            operation: None,
            sha256: &script.sha256,
            normalized_sha256: &script.normalized_sha256(),
            script: &script.text,
            transaction_id: None,
            backup: "",
            reason,
            fingerprint_before: "",
        };
        let event = daemon.store.insert_event(&event).await?;
        let outcome = EventOutcome {
            applied: true,
            duration: Duration::ZERO,
            retries: 0,
            fingerprint_after: String::new(),
        };
        daemon.store.insert_event_outcome(event, &outcome).await?;
        detail(daemon, managed, &graph, script).await
    })
    .await
}

fn not_edited(info: &RevisionInfo) -> Failure {
    let id = &info.script.revision;
    let why = if info.applied {
        format!("revision {id} is applied as its file is")
    } else {
        format!("revision {id} is not applied; its file may be edited freely")
    };
    Failure::new(Kind::FailedPrecondition, "NOT_EDITED", why)
        .with_hint("only the edited file of an applied revision can be accepted")
}

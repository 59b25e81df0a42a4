//! AuditService's methods.

use super::{context::Context, daemon::Daemon};
use crate::model::{audit::AuditEntry, failure::Failure, page::Page};

/// Entries of one database, or of all that the caller may see, newest first, and the token of the next page.
pub async fn list(
    daemon: &Daemon,
    context: &Context,
    database: Option<&str>,
    principal: Option<&str>,
    page: &Page,
) -> Result<(Vec<AuditEntry>, Option<String>), Failure> {
    let databases = context.reach_of(database)?.limit();
    let store = &daemon.store;
    store
        .audit_entries(databases.as_deref(), principal, page)
        .await
}

//! AuditService's methods.

use super::{context::Context, daemon::Daemon};
use crate::model::{audit::AuditEntry, failure::Failure, page::Page};

/// Entries, newest first, and the token of the next page.
pub async fn list(
    daemon: &Daemon,
    context: &Context,
    database: Option<&str>,
    principal: Option<&str>,
    page: &Page,
) -> Result<(Vec<AuditEntry>, Option<String>), Failure> {
    context.authorize()?;
    daemon.store.audit_entries(database, principal, page).await
}

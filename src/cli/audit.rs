//! `pgsteward audit …`: `AuditService`.

use clap::Subcommand;

use super::{
    arguments::{Database, Limit},
    error::CliError,
    exit::Exit,
    pages,
    session::Session,
};
use crate::proto::{ListAuditEntriesRequest, ListAuditEntriesResponse};

/// Commands of `audit`.
#[derive(Clone, Debug, Subcommand)]
pub enum AuditCommand {
    /// List the recorded calls, newest first
    #[command(
        after_long_help = "Example:\n  pgsteward audit list --principal scheduler --limit 20"
    )]
    List {
        /// Only calls of this principal
        #[arg(
            long,
            value_name = "NAME",
            default_value = "",
            hide_default_value = true
        )]
        principal: String,
        #[command(flatten)]
        database: Database,
        #[command(flatten)]
        limit: Limit,
    },
}

impl AuditCommand {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let Self::List {
            principal,
            database,
            limit,
        } = self;
        let fetch = async |page_size, page_token| {
            let request = session.request(ListAuditEntriesRequest {
                database: database.name.clone(),
                principal: principal.clone(),
                page_size,
                page_token,
            });
            let response = session.audit().list_audit_entries(request).await?;
            let page = response.into_inner();
            Ok((page.entries, page.next_page_token))
        };
        let (entries, next_page_token) = pages::collect(limit.items(), fetch).await?;
        session.print(&ListAuditEntriesResponse {
            entries,
            next_page_token,
        })?;
        Ok(Exit::SUCCESS)
    }
}

//! `pgsteward audit …`: `AuditService`, and the check of an exported file, which needs no daemon.

mod export;
mod verify;

use clap::{Args, Subcommand, ValueEnum};
use prost_types::Timestamp;
use tokio::signal;

use self::{export::Export, verify::Verify};
use super::{
    arguments::{Database, Limit},
    connection::Connection,
    error::CliError,
    exit::Exit,
    page::{Page, Render as _},
    pages,
    session::{Session, present, write_out},
};
use crate::{
    json::message_to_json,
    proto::{
        AuditOutcome, ListAuditEntriesRequest, ListAuditEntriesResponse, WatchAuditRequest,
        WatchAuditResponse,
    },
};

/// Commands of `audit`.
#[derive(Clone, Debug, Subcommand)]
pub enum AuditCommand {
    /// List the recorded calls, newest first
    #[command(
        after_long_help = "Example:\n  pgsteward audit list --principal scheduler --outcome failed --limit 20"
    )]
    List(List),
    /// Follow the log: each entry as it is recorded and as it ends; with --json each is one line
    #[command(after_long_help = "Example:\n  pgsteward audit watch --after 4711 --json")]
    Watch(Watch),
    /// Prove that the log is whole, or find where it is not; ends with 4 then
    #[command(
        after_long_help = "Keep the head that is shown somewhere else, and give it as --expected the next time: what was cut off the log since\nis found by it.\n\nExample:\n  pgsteward audit verify --expected 4711:0f3c…\n  pgsteward audit verify --file audit.jsonl"
    )]
    Verify(Verify),
    /// Write the log to standard output as lines of JSON, which `audit verify --file` checks
    #[command(
        after_long_help = "Example:\n  pgsteward audit export --since 2026-11-01T00:00:00Z >audit.jsonl"
    )]
    Export(Export),
}

/// Which entries are listed.
#[derive(Args, Clone, Debug)]
pub struct List {
    /// Only calls of this principal
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    principal: String,
    /// Only calls of this method, e.g. `CreateBackup`
    #[arg(
        long,
        value_name = "METHOD",
        default_value = "",
        hide_default_value = true
    )]
    method: String,
    /// Only calls with this outcome
    #[arg(long, value_enum)]
    outcome: Option<Outcome>,
    /// Only calls from this moment on, e.g. 2026-11-25T00:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Only calls before this moment
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// Also calls that only read
    #[arg(long)]
    reads: bool,
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    limit: Limit,
}

/// What is followed.
#[derive(Args, Clone, Debug)]
pub struct Watch {
    /// Only calls of this principal
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    principal: String,
    /// Begin after the record of this number, 0 for the whole log; without it, now
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i64).range(0..))]
    after: Option<i64>,
    /// Also calls that only read
    #[arg(long)]
    reads: bool,
    #[command(flatten)]
    database: Database,
}

/// How calls end.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Outcome {
    /// Not ended
    Started,
    /// Done
    Succeeded,
    /// Ended with an error
    Failed,
    /// Refused for lack of permission or credentials
    Denied,
    /// Cancelled
    Cancelled,
}

impl From<Outcome> for AuditOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Started => Self::Started,
            Outcome::Succeeded => Self::Succeeded,
            Outcome::Failed => Self::Failed,
            Outcome::Denied => Self::Denied,
            Outcome::Cancelled => Self::Cancelled,
        }
    }
}

impl AuditCommand {
    pub(super) async fn run(self, connection: &Connection) -> Result<Exit, CliError> {
        match self {
            Self::List(list) => list.run(&connection.open().await?).await,
            Self::Watch(watch) => watch.run(&connection.open().await?).await,
            Self::Verify(verify) => verify.run(connection).await,
            Self::Export(export) => export.run(&connection.open().await?).await,
        }
    }
}

impl List {
    async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let outcome = self
            .outcome
            .map_or(AuditOutcome::Unspecified, AuditOutcome::from);
        let fetch = async |page_size, page_token| {
            let request = session.request(ListAuditEntriesRequest {
                database: self.database.name.clone(),
                principal: self.principal.clone(),
                page_size,
                page_token,
                method: self.method.clone(),
                outcome: outcome.into(),
                since: self.since,
                until: self.until,
                include_reads: self.reads,
            });
            let response = session.audit().list_audit_entries(request).await?;
            let page = response.into_inner();
            Ok((page.entries, page.next_page_token))
        };
        let (entries, next_page_token) = pages::collect(self.limit.items(), fetch).await?;
        session.print(&ListAuditEntriesResponse {
            entries,
            next_page_token,
        })?;
        Ok(Exit::SUCCESS)
    }
}

impl Watch {
    async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let request = session.stream_request(WatchAuditRequest {
            database: self.database.name,
            principal: self.principal,
            after: self.after,
            include_reads: self.reads,
        });
        let mut steps = session.audit().watch_audit(request).await?.into_inner();
        loop {
            let step = tokio::select! {
                step = steps.message() => step?,
                _ = signal::ctrl_c() => return Ok(Exit::INTERRUPTED),
            };
            match step {
                None => return Ok(Exit::SUCCESS),
                Some(step) if session.json => {
                    write_out(&format!("{}\n", message_to_json(&step)?))?;
                }
                Some(step) => show(step)?,
            }
        }
    }
}

fn show(step: WatchAuditResponse) -> Result<(), CliError> {
    let mut page = Page::for_stdout();
    present(step.entry, "entry")?.render(&mut page);
    write_out(&page.into_text())
}

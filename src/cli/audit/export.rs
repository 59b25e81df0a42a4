//! `pgsteward audit export`: the log's lines, as they come.

use clap::Args;
use prost_types::Timestamp;

use crate::{
    cli::{
        error::CliError,
        exit::Exit,
        session::{Session, write_out},
    },
    proto::ExportAuditRequest,
};

/// Which part of the log is exported.
#[derive(Args, Clone, Debug)]
pub struct Export {
    /// From the first record that was written at this moment or later, e.g. 2026-11-25T00:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// To the last record that was written before this moment
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
}

impl Export {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let request = session.stream_request(ExportAuditRequest {
            since: self.since,
            until: self.until,
        });
        let mut parts = session.audit().export_audit(request).await?.into_inner();
        let mut last = String::new();
        while let Some(part) = parts.message().await? {
            write_out(&part.lines)?;
            last = part.lines;
        }
        // The stream of a daemon that stops ends early; the file would be found to be cut, but say so now.
        if last
            .trim_end()
            .rsplit('\n')
            .next()
            .is_some_and(|line| line.starts_with("{\"head\":"))
        {
            return Ok(Exit::SUCCESS);
        }
        Err(CliError::Incomplete("last line"))
    }
}

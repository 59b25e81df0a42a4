//! What comes before a revision is run: `migrate review` and `migrate approve`.

use clap::Args;

use crate::{
    cli::{
        arguments::{Database, Start},
        error::CliError,
        exit::Exit,
        follow::started,
        session::{Session, present},
    },
    proto::{ApproveRevisionRequest, ReviewRevisionRequest},
};

/// Arguments of `migrate review`.
#[derive(Args, Clone, Debug)]
pub struct ReviewArgs {
    /// An id or a unique prefix of one [default: everything that an upgrade to `heads` would run]
    #[arg(value_name = "REVISION", default_value = "", hide_default_value = true)]
    revision: String,
    /// Only read the text; what an earlier rehearsal saw is shown all the same
    #[arg(long)]
    no_rehearsal: bool,
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    start: Start,
}

/// Arguments of `migrate approve`.
#[derive(Args, Clone, Debug)]
pub struct ApproveArgs {
    /// An id or a unique prefix of one
    #[arg(value_name = "REVISION")]
    revision: String,
    /// The checksum of the file that you have read, as `review` and `show` print it; another file is refused
    #[arg(
        long,
        value_name = "HEX",
        default_value = "",
        hide_default_value = true
    )]
    sha256: String,
    /// What to say with it
    #[arg(
        short = 'm',
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    comment: String,
    #[command(flatten)]
    database: Database,
}

impl ReviewArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let request = session.request(ReviewRevisionRequest {
            database: self.database.name,
            revision: self.revision,
            skip_rehearsal: self.no_rehearsal,
            request_id: self.start.request_id.clone(),
        });
        let response = session.migrations().review_revision(request).await?;
        started(session, response.into_inner().operation, &self.start).await
    }
}

impl ApproveArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let request = session.request(ApproveRevisionRequest {
            database: self.database.name,
            revision: self.revision,
            sha256: self.sha256,
            comment: self.comment,
        });
        let response = session.migrations().approve_revision(request).await?;
        session.print(&present(response.into_inner().revision, "revision")?)?;
        Ok(Exit::SUCCESS)
    }
}

//! The revision scripts: `migrate revision`, `merge`, `history` and `show`.

use std::{fs, path::PathBuf};

use clap::Args;

use super::autogenerate::AutogenerateArgs;
use crate::{
    cli::{
        arguments::Database,
        error::CliError,
        exit::Exit,
        page::Page,
        pages, render,
        session::{Session, present, write_out},
    },
    proto::{
        CreateRevisionRequest, GetRevisionRequest, ListRevisionsRequest, ListRevisionsResponse,
        MergeRequest,
    },
};

/// Arguments of `migrate revision`.
#[derive(Args, Clone, Debug)]
pub struct RevisionArgs {
    /// What the revision is for, in one line
    #[arg(short, long, value_name = "TEXT")]
    message: String,
    /// A revision that this one follows; more than once for a merge [default: the only head]
    #[arg(long = "parent", value_name = "REVISION")]
    parents: Vec<String>,
    /// Run the statements one by one outside a transaction
    #[arg(long, conflicts_with = "autogenerate")]
    non_transactional: bool,
    /// A file with the SQL of the upgrade
    #[arg(long, value_name = "FILE", conflicts_with = "autogenerate")]
    sql: Option<PathBuf>,
    /// A file with the SQL of the downgrade
    #[arg(long, value_name = "FILE", conflicts_with = "autogenerate")]
    down_sql: Option<PathBuf>,
    #[command(flatten)]
    generated: AutogenerateArgs,
    #[command(flatten)]
    new: NewScript,
}

/// Arguments of `migrate merge`.
#[derive(Args, Clone, Debug)]
pub struct MergeArgs {
    /// The heads to join, by id, unique prefix or label [default: all heads]
    #[arg(value_name = "REVISION")]
    revisions: Vec<String>,
    /// What the merge is for, in one line [default: `merge` and the ids]
    #[arg(
        short,
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    message: String,
    #[command(flatten)]
    new: NewScript,
}

/// What every new script may be given.
#[derive(Args, Clone, Debug)]
struct NewScript {
    /// A label for the branch that starts here
    #[arg(
        long,
        value_name = "LABEL",
        default_value = "",
        hide_default_value = true
    )]
    label: String,
    /// The same id twice gives the same revision; at most 64 characters
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    request_id: String,
    #[command(flatten)]
    database: Database,
}

/// Arguments of `migrate show`.
#[derive(Args, Clone, Debug)]
pub struct ShowArgs {
    /// An id or a unique prefix of one
    #[arg(value_name = "REVISION")]
    revision: String,
    /// Show only the SQL
    #[arg(long)]
    sql: bool,
    #[command(flatten)]
    database: Database,
}

impl RevisionArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let request = CreateRevisionRequest {
            database: self.new.database.name,
            message: self.message,
            parents: self.parents,
            upgrade_sql: read(self.sql)?,
            downgrade_sql: read(self.down_sql)?,
            branch_label: self.new.label,
            non_transactional: self.non_transactional,
            request_id: self.new.request_id,
            ..CreateRevisionRequest::default()
        };
        if self.generated.autogenerate {
            return self.generated.run(session, request).await;
        }
        let request = session.request(request);
        let response = session.migrations().create_revision(request).await?;
        session.print(&present(response.into_inner().revision, "revision")?)?;
        Ok(Exit::SUCCESS)
    }
}

impl MergeArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let request = session.request(MergeRequest {
            database: self.new.database.name,
            revisions: self.revisions,
            message: self.message,
            branch_label: self.new.label,
            request_id: self.new.request_id,
        });
        let response = session.migrations().merge(request).await?;
        session.print(&present(response.into_inner().revision, "revision")?)?;
        Ok(Exit::SUCCESS)
    }
}

impl ShowArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let request = session.request(GetRevisionRequest {
            database: self.database.name,
            revision: self.revision,
        });
        let response = session.migrations().get_revision(request).await?;
        let revision = present(response.into_inner().revision, "revision")?;
        if self.sql && !session.json {
            let mut page = Page::for_stdout();
            render::sections(&revision, &mut page);
            write_out(&page.into_text())?;
        } else {
            session.print(&revision)?;
        }
        Ok(Exit::SUCCESS)
    }
}

pub(super) async fn history(session: &Session, database: Database) -> Result<Exit, CliError> {
    let fetch = async |page_size, page_token| {
        let request = session.request(ListRevisionsRequest {
            database: database.name.clone(),
            page_size,
            page_token,
        });
        let response = session.migrations().list_revisions(request).await?;
        let page = response.into_inner();
        Ok((page.revisions, page.next_page_token))
    };
    let (revisions, next_page_token) = pages::collect(None, fetch).await?;
    session.print(&ListRevisionsResponse {
        revisions,
        next_page_token,
    })?;
    Ok(Exit::SUCCESS)
}

/// The text of a file; empty where none is named.
fn read(path: Option<PathBuf>) -> Result<String, CliError> {
    path.map_or_else(
        || Ok(String::new()),
        |path| fs::read_to_string(&path).map_err(|source| CliError::Read { path, source }),
    )
}

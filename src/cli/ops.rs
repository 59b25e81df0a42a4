//! `pgsteward ops …`: `OperationService`.

use clap::{Subcommand, ValueEnum};

use super::{
    arguments::{Database, Limit},
    error::CliError,
    exit::Exit,
    follow::{Manner, conclude, follow, verdict},
    pages,
    session::{Session, present},
};
use crate::proto::{
    CancelOperationRequest, GetOperationRequest, ListOperationsRequest, ListOperationsResponse,
    OperationState,
};

/// Commands of `ops`.
#[derive(Clone, Debug, Subcommand)]
pub enum OpsCommand {
    /// List operations, newest first
    #[command(
        after_long_help = "Example:\n  pgsteward ops list --state failed --method CreateBackup"
    )]
    List {
        /// Only those in this state
        #[arg(long, value_enum)]
        state: Option<State>,
        /// Only those of this method, e.g. `CreateBackup`
        #[arg(
            long,
            value_name = "METHOD",
            default_value = "",
            hide_default_value = true
        )]
        method: String,
        #[command(flatten)]
        database: Database,
        #[command(flatten)]
        limit: Limit,
    },
    /// Show an operation
    #[command(after_long_help = "Example:\n  pgsteward ops show 0193…")]
    Show {
        /// The operation's id
        id: String,
    },
    /// Wait in silence until an operation is done; ends as the command that started it would
    #[command(after_long_help = "Example:\n  pgsteward ops wait 0193… --timeout 10m")]
    Wait {
        /// The operation's id
        id: String,
    },
    /// Follow an operation; with --json each change is one line
    #[command(after_long_help = "Example:\n  pgsteward ops watch 0193…")]
    Watch {
        /// The operation's id
        id: String,
    },
    /// Ask an operation to stop and clean up
    #[command(after_long_help = "Example:\n  pgsteward ops cancel 0193…")]
    Cancel {
        /// The operation's id
        id: String,
    },
}

/// The states of an operation.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum State {
    /// Waits for its turn
    Queued,
    /// At work
    Running,
    /// Asked to stop
    Cancelling,
    /// Ended well
    Succeeded,
    /// Ended with an error
    Failed,
    /// Ended because it was cancelled
    Cancelled,
}

impl From<State> for OperationState {
    fn from(state: State) -> Self {
        match state {
            State::Queued => Self::Queued,
            State::Running => Self::Running,
            State::Cancelling => Self::Cancelling,
            State::Succeeded => Self::Succeeded,
            State::Failed => Self::Failed,
            State::Cancelled => Self::Cancelled,
        }
    }
}

impl OpsCommand {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        match self {
            Self::List {
                state,
                method,
                database,
                limit,
            } => {
                let state = state.map_or(OperationState::Unspecified, OperationState::from);
                let fetch = async |page_size, page_token| {
                    let request = session.request(ListOperationsRequest {
                        database: database.name.clone(),
                        method: method.clone(),
                        state: state.into(),
                        page_size,
                        page_token,
                    });
                    let response = session.operations().list_operations(request).await?;
                    let page = response.into_inner();
                    Ok((page.operations, page.next_page_token))
                };
                let (operations, next_page_token) = pages::collect(limit.items(), fetch).await?;
                session.print(&ListOperationsResponse {
                    operations,
                    next_page_token,
                })?;
                Ok(Exit::SUCCESS)
            }
            Self::Show { id } => {
                let request = session.request(GetOperationRequest { id });
                let response = session.operations().get_operation(request).await?;
                session.print(&present(response.into_inner().operation, "operation")?)?;
                Ok(Exit::SUCCESS)
            }
            Self::Wait { id } => conclude(session, follow(session, &id, Manner::Wait).await?),
            Self::Watch { id } if session.json => {
                let operation = follow(session, &id, Manner::JsonLines).await?;
                if operation.state() == OperationState::Succeeded {
                    Ok(verdict(&operation))
                } else {
                    Err(CliError::operation(operation))
                }
            }
            Self::Watch { id } => conclude(session, follow(session, &id, Manner::Watch).await?),
            Self::Cancel { id } => {
                let request = session.request(CancelOperationRequest { id });
                let response = session.operations().cancel_operation(request).await?;
                session.print(&present(response.into_inner().operation, "operation")?)?;
                Ok(Exit::SUCCESS)
            }
        }
    }
}

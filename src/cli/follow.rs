//! Following an operation from its start to its end: the one place where a command that starts one goes.
//!
//! A stream that is cut (the daemon restarts, the network hiccups) is opened again; its first message is the operation
//! as it stands, so nothing is missed. Only a daemon that stays away ends the wait.

use std::time::{Duration, Instant};

use tokio::{signal, time};

use super::{
    arguments::Start,
    error::CliError,
    exit::Exit,
    page::Page,
    progress::Progress,
    render,
    session::{Session, present, print_json, write_out},
};
use crate::{
    json::message_to_json,
    proto::{
        Operation, OperationState, WaitOperationRequest, WatchOperationRequest, operation::Outcome,
    },
};

/// How long the daemon may be away before following is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest single wait that is asked of the daemon, below what proxies cut.
const WAIT_ROUND: Duration = Duration::from_secs(20);

/// How to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// Show each change.
    Watch,
    /// Be silent until the end.
    Wait,
    /// Write each change as a line of JSON on standard output.
    JsonLines,
}

/// Takes over where a call has started an operation.
pub(super) async fn started(
    session: &Session,
    operation: Option<Operation>,
    start: &Start,
) -> Result<Exit, CliError> {
    let operation = present(operation, "operation")?;
    if operation.done {
        // A request that was only to be validated: its answer is whole, and no operation was recorded.
        return conclude(session, operation);
    }
    let approving = render::approving(&operation);
    if !approving.is_empty() && !session.json {
        eprintln!("{approving}");
    }
    if start.no_wait {
        if session.json {
            print_json(&operation)?;
        } else {
            write_out(&format!("{}\n", operation.id))?;
        }
        return Ok(Exit::SUCCESS);
    }
    let operation = follow(session, &operation.id, Manner::Watch).await?;
    conclude(session, operation)
}

/// Shows the outcome of an operation that is done, and says how the command ends.
pub(super) fn conclude(session: &Session, operation: Operation) -> Result<Exit, CliError> {
    if session.json {
        print_json(&operation)?;
    }
    if operation.state() != OperationState::Succeeded {
        return Err(CliError::operation(operation));
    }
    if !session.json {
        let mut page = Page::for_stdout();
        render::outcome(&operation, &mut page);
        write_out(&page.into_text())?;
    }
    Ok(verdict(&operation))
}

/// How a command ends whose operation succeeded: a check may find that what was asked for does not hold.
pub(super) fn verdict(operation: &Operation) -> Exit {
    match &operation.outcome {
        Some(Outcome::Drift(report)) => Exit::holds(!report.drifted),
        Some(Outcome::Privileges(report)) => Exit::holds(report.clean),
        _ => Exit::SUCCESS,
    }
}

/// Follows an operation to its end, `--timeout` or Ctrl-C.
pub(super) async fn follow(
    session: &Session,
    id: &str,
    manner: Manner,
) -> Result<Operation, CliError> {
    let limited = async {
        let ending = until_done(session, id, manner);
        match session.operation_timeout {
            None => ending.await,
            Some(waited) => time::timeout(waited, ending).await.unwrap_or_else(|_| {
                let id = id.to_owned();
                Err(CliError::NotDone { id, waited })
            }),
        }
    };
    tokio::select! {
        outcome = limited => outcome,
        Ok(()) = signal::ctrl_c() => Err(CliError::InterruptedOperation(id.to_owned())),
    }
}

async fn until_done(session: &Session, id: &str, manner: Manner) -> Result<Operation, CliError> {
    let mut observer = Observer {
        session,
        id,
        manner,
        progress: match manner {
            Manner::Watch => Progress::new(session.json),
            Manner::Wait | Manner::JsonLines => Progress::Quiet,
        },
        last_answer: Instant::now(),
    };
    loop {
        match observer.observe().await {
            Ok(Some(operation)) => return Ok(operation),
            Ok(None) => {}
            Err(error) if error.passes() && observer.last_answer.elapsed() < PATIENCE => {}
            Err(error) => return Err(error),
        }
        time::sleep(PAUSE).await;
    }
}

struct Observer<'a> {
    session: &'a Session,
    id: &'a str,
    manner: Manner,
    progress: Progress,
    last_answer: Instant,
}

impl Observer<'_> {
    /// Observes until the operation is done, which gives it, or until the answer ends before that.
    async fn observe(&mut self) -> Result<Option<Operation>, CliError> {
        if self.manner == Manner::Wait {
            self.wait().await
        } else {
            self.watch().await
        }
    }

    async fn watch(&mut self) -> Result<Option<Operation>, CliError> {
        let request = self.session.stream_request(WatchOperationRequest {
            id: self.id.to_owned(),
        });
        let mut changes = self
            .session
            .operations()
            .watch_operation(request)
            .await?
            .into_inner();
        while let Some(change) = changes.message().await? {
            let operation = self.answered(change.operation)?;
            self.progress.show(&operation);
            if self.manner == Manner::JsonLines {
                write_out(&format!("{}\n", message_to_json(&operation)?))?;
            }
            if operation.done {
                return Ok(Some(operation));
            }
        }
        Ok(None)
    }

    async fn wait(&mut self) -> Result<Option<Operation>, CliError> {
        let round = WAIT_ROUND.min(self.session.answer_timeout / 2);
        let request = self.session.request(WaitOperationRequest {
            id: self.id.to_owned(),
            timeout: prost_types::Duration::try_from(round).ok(),
        });
        let response = self.session.operations().wait_operation(request).await?;
        let operation = self.answered(response.into_inner().operation)?;
        Ok(Some(operation).filter(|operation| operation.done))
    }

    fn answered(&mut self, operation: Option<Operation>) -> Result<Operation, CliError> {
        self.last_answer = Instant::now();
        present(operation, "operation")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{DriftReport, Review};

    #[test]
    fn only_a_check_that_found_drift_ends_as_a_condition_that_does_not_hold() {
        let ended = |outcome| {
            verdict(&Operation {
                outcome: Some(outcome),
                ..Operation::default()
            })
        };
        let drift = |drifted| {
            Outcome::Drift(DriftReport {
                drifted,
                ..DriftReport::default()
            })
        };
        assert_eq!(ended(drift(true)), Exit::CONDITION_FALSE);
        assert_eq!(ended(drift(false)), Exit::SUCCESS);
        assert_eq!(ended(Outcome::Review(Review::default())), Exit::SUCCESS);
    }
}

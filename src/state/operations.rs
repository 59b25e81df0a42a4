//! The `operations` table: durable records of long-running jobs.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio_postgres::{Row, error::SqlState};
use uuid::Uuid;

use super::{ControlStore, from_json, to_json};
use crate::{
    model::{
        failure::Failure,
        operation::{Operation, OperationApproval, OperationState, Outcome, Progress},
        page::Page,
    },
    postgres::error::PostgresError,
};

const COLUMNS: &str = "id, method, database, state, principal, request_id, created_at, started_at, \
                       ended_at, progress, outcome, failure, \
                       (SELECT jsonb_build_object('expire_time', approval.expires_at, 'given', \
                           CASE WHEN approval.approved_at IS NOT NULL THEN jsonb_build_object( \
                               'time', approval.approved_at, 'principal', approval.principal, \
                               'reason', approval.reason) END) \
                        FROM operation_approvals AS approval \
                        WHERE approval.operation = operations.id) AS approval";

/// What is recorded of an operation before it starts.
#[derive(Debug)]
pub struct NewOperation<'a> {
    /// Its id.
    pub id: Uuid,
    /// The method's name.
    pub method: &'a str,
    /// The managed database.
    pub database: &'a str,
    /// Who asked for it.
    pub principal: &'a str,
    /// The caller's request id; empty for none.
    pub request_id: &'a str,
    /// The request as JSON, to tell a repetition from another request with the same id.
    pub request: &'a Value,
    /// The audit entry that stands for the call.
    pub audit_entry: i64,
    /// For how long it waits for a second person; none where it need not.
    pub approval_time: Option<Duration>,
}

/// Which operations a list is to hold.
#[derive(Debug, Default)]
pub struct OperationFilter {
    /// Only on these managed databases; none for all.
    pub databases: Option<Vec<String>>,
    /// Only of this method.
    pub method: Option<String>,
    /// Only in this state.
    pub state: Option<OperationState>,
}

/// An open operation whose daemon is dead.
#[derive(Debug)]
pub struct Orphan {
    /// The operation's id.
    pub id: Uuid,
    /// The method's name.
    pub method: String,
    /// The managed database.
    pub database: String,
    /// The audit entry that stands for the call.
    pub audit_entry: i64,
}

impl ControlStore {
    /// Records a new operation as queued, or as waiting for its approval. `None` when this principal's request id is taken
    /// already.
    pub async fn insert_operation(
        &self,
        new: &NewOperation<'_>,
    ) -> Result<Option<Operation>, PostgresError> {
        let mut client = self.client().await?;
        let what = || PostgresError::query("record the operation");
        // The operation and its wish for an approval are seen at once by other daemons.
        let transaction = client.transaction().await.map_err(what())?;
        let progress = to_json("progress", &Progress::default())?;
        let state = match new.approval_time {
            None => OperationState::Queued,
            Some(_) => OperationState::AwaitingApproval,
        };
        let inserted = transaction
            .execute(
                "INSERT INTO operations (id, method, database, state, principal, request_id, request,
                                         audit_entry, daemon, progress)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                &[
                    &new.id,
                    &new.method,
                    &new.database,
                    &state.name(),
                    &new.principal,
                    &new.request_id,
                    &new.request,
                    &new.audit_entry,
                    &self.daemon,
                    &progress,
                ],
            )
            .await
            .map_err(what());
        match inserted {
            Ok(_) => {}
            Err(error) if error.is(&SqlState::UNIQUE_VIOLATION) => return Ok(None),
            Err(error) => return Err(error),
        }
        if let Some(time) = new.approval_time {
            transaction
                .execute(
                    "INSERT INTO operation_approvals (operation, expires_at)
                     VALUES ($1, clock_timestamp() + make_interval(secs => $2))",
                    &[&new.id, &time.as_secs_f64()],
                )
                .await
                .map_err(what())?;
        }
        let row = transaction
            .query_one(
                &format!("SELECT {COLUMNS} FROM operations WHERE id = $1"),
                &[&new.id],
            )
            .await
            .map_err(what())?;
        transaction.commit().await.map_err(what())?;
        operation(&row).map(Some)
    }

    /// The operation that this principal started with this request id, and its request.
    pub async fn operation_by_request(
        &self,
        principal: &str,
        request_id: &str,
    ) -> Result<Option<(Operation, Value)>, PostgresError> {
        let client = self.client().await?;
        let row = client
            .query_opt(
                &format!(
                    "SELECT {COLUMNS}, request FROM operations WHERE principal = $1 AND request_id = $2"
                ),
                &[&principal, &request_id],
            )
            .await
            .map_err(PostgresError::query("look up the request id"))?;
        row.map(|row| Ok((operation(&row)?, row.get("request"))))
            .transpose()
    }

    /// Marks the operation as at work; gives when. `None` when it is not queued any more: someone cancelled it, or ended
    /// it because this daemon was taken for dead.
    pub async fn start_operation(&self, id: Uuid) -> Result<Option<DateTime<Utc>>, PostgresError> {
        let client = self.client().await?;
        let row = client
            .query_opt(
                "UPDATE operations SET state = 'RUNNING', started_at = clock_timestamp()
                 WHERE id = $1 AND state = 'QUEUED' RETURNING started_at",
                &[&id],
            )
            .await
            .map_err(PostgresError::query("mark the operation as running"))?;
        Ok(row.map(|row| row.get(0)))
    }

    /// Writes the progress. Answers whether a cancellation was asked for, or `None` when the operation has ended.
    pub async fn report_progress(
        &self,
        id: Uuid,
        progress: &Progress,
    ) -> Result<Option<bool>, PostgresError> {
        let client = self.client().await?;
        let row = client
            .query_opt(
                "UPDATE operations SET progress = $2 WHERE id = $1 AND ended_at IS NULL
                 RETURNING cancel_requested",
                &[&id, &to_json("progress", progress)?],
            )
            .await
            .map_err(PostgresError::query("record the operation's progress"))?;
        Ok(row.map(|row| row.get(0)))
    }

    /// Whether the operation has not ended.
    pub async fn is_open(&self, id: Uuid) -> Result<bool, PostgresError> {
        let client = self.client().await?;
        client
            .query_one(
                "SELECT EXISTS (SELECT FROM operations WHERE id = $1 AND ended_at IS NULL)",
                &[&id],
            )
            .await
            .map(|row| row.get(0))
            .map_err(PostgresError::query("see whether the operation is open"))
    }

    /// Asks the daemon that runs it to stop it. False when it has ended.
    pub async fn request_cancel(&self, id: Uuid) -> Result<bool, PostgresError> {
        let client = self.client().await?;
        client
            .execute(
                "UPDATE operations SET cancel_requested = true, state = 'CANCELLING'
                 WHERE id = $1 AND ended_at IS NULL",
                &[&id],
            )
            .await
            .map(|count| count == 1)
            .map_err(PostgresError::query("ask for the cancellation"))
    }

    /// Ends the operation for good. The first end stands: a later one changes nothing and answers false.
    pub async fn end_operation(
        &self,
        id: Uuid,
        state: OperationState,
        progress: Option<&Progress>,
        outcome: &Result<Outcome, Failure>,
    ) -> Result<bool, PostgresError> {
        let client = self.client().await?;
        let (value, failure) = match outcome {
            Ok(value) => (Some(to_json("outcome", value)?), None),
            Err(failure) => (None, Some(to_json("failure", failure)?)),
        };
        let progress = progress.map(|p| to_json("progress", p)).transpose()?;
        client
            .execute(
                "UPDATE operations SET state = $2, progress = coalesce($3, progress), outcome = $4,
                                       failure = $5, ended_at = clock_timestamp()
                 WHERE id = $1 AND ended_at IS NULL",
                &[&id, &state.name(), &progress, &value, &failure],
            )
            .await
            .map(|count| count == 1)
            .map_err(PostgresError::query("record the operation's end"))
    }

    /// One operation.
    pub async fn operation(&self, id: Uuid) -> Result<Option<Operation>, PostgresError> {
        let client = self.client().await?;
        let row = client
            .query_opt(
                &format!("SELECT {COLUMNS} FROM operations WHERE id = $1"),
                &[&id],
            )
            .await
            .map_err(PostgresError::query("read the operation"))?;
        row.as_ref().map(operation).transpose()
    }

    /// Operations, newest first, and the token of the next page.
    pub async fn operations(
        &self,
        filter: &OperationFilter,
        page: &Page,
    ) -> Result<(Vec<Operation>, Option<String>), Failure> {
        let after = match &page.after {
            None => None,
            Some(token) => Some(token.parse::<Uuid>().map_err(|_| Page::stale())?),
        };
        let state = filter.state.map(OperationState::name);
        let limit = i64::try_from(page.size + 1).unwrap_or(i64::MAX);
        let client = self.client().await?;
        let rows = client
            .query(
                &format!(
                    "SELECT {COLUMNS} FROM operations
                     WHERE ($1::text[] IS NULL OR database = ANY ($1)) AND ($2::text IS NULL OR method = $2)
                       AND ($3::text IS NULL OR state = $3) AND ($4::uuid IS NULL OR id < $4)
                     ORDER BY id DESC LIMIT $5"
                ),
                &[&filter.databases, &filter.method, &state, &after, &limit],
            )
            .await
            .map_err(PostgresError::query("list the operations"))?;
        let mut operations = rows.iter().map(operation).collect::<Result<Vec<_>, _>>()?;
        let more = operations.len() > page.size;
        operations.truncate(page.size);
        let next = operations.last().filter(|_| more).map(|o| o.id.to_string());
        Ok((operations, next))
    }

    /// How many operations on these managed databases, or on all, are not done.
    pub async fn open_operations(
        &self,
        databases: Option<&[String]>,
    ) -> Result<u32, PostgresError> {
        let client = self.client().await?;
        let row = client
            .query_one(
                "SELECT count(*) FROM operations
                 WHERE ended_at IS NULL AND ($1::text[] IS NULL OR database = ANY ($1))",
                &[&databases],
            )
            .await
            .map_err(PostgresError::query("count the open operations"))?;
        Ok(u32::try_from(row.get::<_, i64>(0)).unwrap_or(u32::MAX))
    }

    /// The open operations of a daemon.
    pub async fn open_operations_of(&self, daemon: Uuid) -> Result<Vec<Orphan>, PostgresError> {
        let client = self.client().await?;
        let rows = client
            .query(
                "SELECT id, method, database, audit_entry FROM operations
                 WHERE daemon = $1 AND ended_at IS NULL ORDER BY id",
                &[&daemon],
            )
            .await
            .map_err(PostgresError::query("list a dead daemon's operations"))?;
        Ok(rows
            .iter()
            .map(|row| Orphan {
                id: row.get(0),
                method: row.get(1),
                database: row.get(2),
                audit_entry: row.get(3),
            })
            .collect())
    }
}

fn operation(row: &Row) -> Result<Operation, PostgresError> {
    let outcome: Option<Value> = row.get("outcome");
    let failure: Option<Value> = row.get("failure");
    let outcome = match (outcome, failure) {
        (Some(outcome), _) => Some(Ok(from_json("an operation's outcome", outcome)?)),
        (None, Some(failure)) => Some(Err(from_json("an operation's failure", failure)?)),
        (None, None) => None,
    };
    let approval: Option<Value> = row.get("approval");
    let approval = approval
        .map(|approval| from_json::<OperationApproval>("an operation's approval", approval))
        .transpose()?;
    let name: String = row.get("state");
    let state = OperationState::ALL
        .into_iter()
        .find(|state| state.name() == name)
        .ok_or_else(|| PostgresError::Unexpected {
            what: "read an operation".to_owned(),
            detail: format!("unknown state {name:?}"),
        })?;
    Ok(Operation {
        id: row.get("id"),
        method: row.get("method"),
        database: row.get("database"),
        state,
        principal: row.get("principal"),
        request_id: row.get("request_id"),
        create_time: row.get("created_at"),
        start_time: row.get("started_at"),
        end_time: row.get("ended_at"),
        progress: from_json("an operation's progress", row.get("progress"))?,
        approval,
        outcome,
    })
}

//! Writing to the audit log. Whatever comes while a write is on its way goes with the next one, in one transaction: the
//! chain has one writer at a time, and a commit for each record would make all callers wait for each other's disk.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use deadpool_postgres::Pool;
use serde_json::{Value, json};
use tokio::sync::{oneshot, watch};
use tokio_postgres::Config;
use uuid::Uuid;

use crate::{
    model::{
        audit::{AuditOutcome, chain::Head, spooled::SpooledCall},
        failure::{Classified as _, Failure, Kind},
    },
    postgres::{
        database::{ConnectionSettings, get},
        error::PostgresError,
    },
    state::ControlStore,
};

const WHAT: &str = "write the audit log";

/// Records of one write at most.
const MOST_AT_ONCE: usize = 100;

/// Records that may wait before calls are refused. The ends of calls are always taken: there are no more of them than calls
/// that were.
const MOST_WAITING: usize = 1000;
/// When to ask again of a call that was refused for that.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What is recorded of a call before it acts.
#[derive(Debug)]
pub struct NewAuditEntry<'a> {
    /// Who calls.
    pub principal: &'a str,
    /// The caller's address; empty for the scheduler.
    pub peer: &'a str,
    /// The method's full name.
    pub method: &'a str,
    /// The managed database as named in the call.
    pub database: &'a str,
    /// The request as JSON.
    pub request: &'a Value,
}

/// Why is told to all whose records went together, hence a failure, which can be told more than once.
type Answer = Result<Head, Failure>;

/// A record that waits to be written, and who waits for it.
struct Waiting {
    record: Value,
    answer: oneshot::Sender<Answer>,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Waiting>,
    /// Whether somebody writes, and will come back for what waits.
    at_work: bool,
}

/// The one writer of this daemon to the audit log.
pub(in crate::state) struct Appender {
    pool: Pool,
    login: Config,
    settings: ConnectionSettings,
    queue: Mutex<Queue>,
    /// The last record that this daemon wrote or saw.
    seen: watch::Sender<Head>,
}

impl std::fmt::Debug for Appender {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Appender").finish_non_exhaustive()
    }
}

impl Appender {
    pub(in crate::state) fn new(pool: Pool, login: Config, settings: ConnectionSettings) -> Self {
        Self {
            pool,
            login,
            settings,
            queue: Mutex::default(),
            seen: watch::Sender::new(Head::START),
        }
    }

    /// Appends one record. It is written whether or not the caller still waits.
    async fn append(self: &Arc<Self>, record: Value) -> Answer {
        let (answer, answered) = oneshot::channel();
        let begin = {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.waiting.push(Waiting { record, answer });
            !std::mem::replace(&mut queue.at_work, true)
        };
        if begin {
            let appender = Arc::clone(self);
            tokio::spawn(async move { appender.work().await });
        }
        answered.await.unwrap_or_else(|_| {
            let detail = "the writer has ended".to_owned();
            Err(unexpected(detail).into())
        })
    }

    /// Writes until nothing waits.
    async fn work(&self) {
        let _at_work = AtWork(&self.queue);
        loop {
            let batch: Vec<Waiting> = {
                let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
                if queue.waiting.is_empty() {
                    queue.at_work = false;
                    return;
                }
                let count = queue.waiting.len().min(MOST_AT_ONCE);
                queue.waiting.drain(..count).collect()
            };
            let (records, answers): (Vec<Value>, Vec<_>) = batch
                .into_iter()
                .map(|waiting| (waiting.record, waiting.answer))
                .unzip();
            match self.write(&records).await {
                Ok(heads) => {
                    for (answer, head) in answers.into_iter().zip(heads) {
                        let _ = answer.send(Ok(head));
                    }
                }
                // Each by itself, so that one that cannot be written does not take the others with it. Not where the answer
                // was lost: they may be written, and would then be so twice.
                Err(error) if records.len() > 1 && error.kind() != Kind::Unavailable => {
                    for (record, answer) in records.into_iter().zip(answers) {
                        let written = self.write(&[record]).await.and_then(|heads| {
                            let head = heads.first().copied();
                            head.ok_or_else(|| unexpected("a record is not told of".to_owned()))
                        });
                        let _ = answer.send(written.map_err(Failure::from));
                    }
                }
                Err(error) => {
                    let failure = Failure::from(error);
                    for answer in answers {
                        let _ = answer.send(Err(failure.clone()));
                    }
                }
            }
        }
    }

    /// Appends records in one transaction; gives the place of each.
    async fn write(&self, records: &[Value]) -> Result<Vec<Head>, PostgresError> {
        let client = get(&self.pool, &self.login, &self.settings).await?;
        let statement = client
            .prepare_cached("SELECT number, hash FROM public.append_audit($1)")
            .await
            .map_err(PostgresError::query(WHAT))?;
        let rows = client
            .query(&statement, &[&Value::from(records)])
            .await
            .map_err(PostgresError::query(WHAT))?;
        let heads: Vec<Head> = rows
            .iter()
            .filter_map(|row| super::records::head(row.try_get(0).ok()?, row.try_get(1).ok()?))
            .collect();
        if heads.len() != records.len() {
            let detail = format!("{} of {} records are told of", heads.len(), records.len());
            return Err(unexpected(detail));
        }
        for head in &heads {
            self.saw(*head);
        }
        Ok(heads)
    }

    /// Refuses what is not begun yet while too much waits to be written.
    fn refuse_more(&self) -> Result<(), Failure> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = queue.waiting.len();
        if waiting < MOST_WAITING {
            return Ok(());
        }
        let message = format!("{waiting} records of the audit log wait to be written");
        let failure = Failure::new(Kind::Unavailable, "AUDIT_LOG_BUSY", message);
        Err(failure.with_retry_after(RETRY_AFTER))
    }

    fn saw(&self, head: Head) {
        self.seen.send_if_modified(|seen| {
            let is_newer = head.number > seen.number;
            if is_newer {
                *seen = head;
            }
            is_newer
        });
    }
}

/// Held by whoever writes. A writer that a defect ends leaves neither the queue to nobody nor those who wait to wait for
/// ever: they are told, and the next record has a new writer.
struct AtWork<'a>(&'a Mutex<Queue>);

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            queue.at_work = false;
            queue.waiting.clear();
        }
    }
}

fn unexpected(detail: String) -> PostgresError {
    PostgresError::Unexpected {
        what: WHAT.to_owned(),
        detail,
    }
}

impl ControlStore {
    /// Records a call; gives the entry's number.
    pub async fn insert_audit_entry(&self, new: &NewAuditEntry<'_>) -> Result<i64, Failure> {
        self.audit.refuse_more()?;
        let record = json!({
            "kind": "CALL",
            "principal": writable(new.principal),
            "peer": writable(new.peer),
            "method": writable(new.method),
            "database": writable(new.database),
            "request": new.request,
            "daemon": self.daemon,
        });
        self.audit.append(record).await.map(|head| head.number)
    }

    /// Records how a call ended. The first outcome stands.
    pub async fn insert_audit_outcome(
        &self,
        entry: i64,
        outcome: AuditOutcome,
        reason: &str,
        operation: &str,
    ) -> Result<(), Failure> {
        let record = json!({
            "kind": "END",
            "entry": entry,
            "outcome": outcome.name(),
            "reason": writable(reason),
            "operation": operation,
            "daemon": self.daemon,
        });
        self.audit.append(record).await.map(|_| ())
    }

    /// Records calls that waited in a spool of the daemon `daemon`, all or none. What is recorded already stays as it is.
    pub async fn insert_spooled_calls(
        &self,
        daemon: Uuid,
        calls: &[SpooledCall],
    ) -> Result<(), PostgresError> {
        let record = |call: &SpooledCall| {
            json!({
                "kind": call.kind.name(),
                "happened_at": call.happened_at,
                "principal": writable(&call.principal),
                "peer": writable(&call.peer),
                "method": writable(&call.method),
                "database": writable(&call.database),
                "request": call.request,
                "outcome": call.outcome,
                "reason": writable(&call.reason),
                "duration": i64::try_from(call.duration).unwrap_or(i64::MAX),
                "calls": i64::try_from(call.calls).unwrap_or(i64::MAX),
                "daemon": daemon,
                "source": call.source,
            })
        };
        for part in calls.chunks(MOST_AT_ONCE) {
            let records: Vec<Value> = part.iter().map(record).collect();
            match self.audit.write(&records).await {
                Ok(_) => {}
                Err(error) if is_of_values(&error) => {
                    for record in records {
                        self.insert_or_drop(record).await?;
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// A record that PostgreSQL cannot hold must not keep all others waiting for ever.
    async fn insert_or_drop(&self, record: Value) -> Result<(), PostgresError> {
        match self.audit.write(std::slice::from_ref(&record)).await {
            Err(error) if is_of_values(&error) => {
                let error = Failure::from(error);
                tracing::error!(%error, %record, "a spooled call cannot be recorded, and is dropped");
                Ok(())
            }
            other => other.map(|_| ()),
        }
    }

    /// Tells of records as this daemon writes or sees them. The value is the last one.
    pub fn audit_seen(&self) -> watch::Receiver<Head> {
        self.audit.seen.subscribe()
    }

    /// Notes that a record was seen.
    pub fn saw_audit_record(&self, head: Head) {
        self.audit.saw(head);
    }
}

/// Whether the server refused what was to be written, and would again.
fn is_of_values(error: &PostgresError) -> bool {
    error
        .server_report()
        .is_some_and(|report| matches!(&report.code().code()[..2], "22" | "23"))
}

/// PostgreSQL's texts hold no NUL character; a name that a caller made up must not stand in the way of its record.
fn writable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    #[tokio::test]
    async fn a_writer_that_a_defect_ends_leaves_the_work_to_the_next_and_tells_who_waits() {
        let queue = Arc::new(Mutex::new(Queue::default()));
        let (answer, answered) = oneshot::channel();
        {
            let mut queue = queue.lock().unwrap();
            queue.at_work = true;
            let record = Value::Null;
            queue.waiting.push(Waiting { record, answer });
        }
        let held = Arc::clone(&queue);
        let defect = tokio::spawn(async move {
            let _at_work = AtWork(&held);
            panic!("a defect on purpose");
        });
        defect.await.unwrap_err();
        answered.await.unwrap_err();
        assert!(!queue.lock().unwrap().at_work);
    }
}

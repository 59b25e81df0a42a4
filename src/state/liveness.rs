//! Liveness: a daemon proves that it lives by holding an advisory lock in the control store.
//!
//! A killed process loses its connection and so its lock at once; no clock and no heartbeat age has to be judged. But a
//! free lock alone does not say that its daemon is dead: it may only have lost its connection to the control store, and
//! still be at work on a database. So there is a rule for both sides, the fence:
//!
//! - A daemon that has not proved that it lives for its control grace (`operations.control_grace`, which it writes into
//!   `daemons` at its start) stops its operations, and says why (`runner::supervise`).
//! - Another daemon takes over an operation of a daemon whose lock stays free (`ops::recovery::deaths`) only once all
//!   its sessions on the database's own server are gone too: the operation's turn, where it has one, and the daemon's
//!   pooled connections, which the prober keeps open; or once the lock was free for longer than that daemon's control
//!   grace and `FENCE_MARGIN`, in which it has stopped its work by its own clock.
//!
//! The daemon counts from before it sent its last proof, which is before the server can have freed the lock; the other one
//! counts from when it saw it free. So the first is always done before the second begins, whatever their clocks show.
//! What an operation may not do after it was taken over, the control store and the databases refuse too: final states
//! never change, swaps are noted only for an open operation, and the work that is started again waits for the same turn.

use std::{
    sync::PoisonError,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::ControlStore;
use crate::{
    model::failure::chain,
    postgres::{error::PostgresError, lock, session::Session},
};

const RETRY: Duration = Duration::from_millis(250);

/// How often the daemon proves that it lives.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// A connection that does not answer for so long is as good as lost.
const PATIENCE: Duration = Duration::from_secs(5);

/// The control grace of a daemon that was not given one.
pub(super) const CONTROL_GRACE: Duration = Duration::from_mins(2);

/// That of a daemon of which nothing is known: no configuration allows a longer one.
const LONGEST_CONTROL_GRACE: Duration = Duration::from_hours(1);

/// For how long after a daemon's control grace its work may take to stop.
const FENCE_MARGIN: Duration = Duration::from_secs(15);

/// A daemon with open work here that does not hold its lock.
#[derive(Clone, Copy, Debug)]
pub struct Suspect {
    /// The daemon.
    pub daemon: Uuid,
    /// Once its lock was free for so long it has stopped its work, whether it lives or not.
    pub fenced_after: Duration,
}

fn lock_name(daemon: Uuid) -> String {
    format!("pgsteward:daemon:{daemon}")
}

impl ControlStore {
    /// A connection of its own to the control store.
    pub async fn session(&self, application_name: &str) -> Result<Session, PostgresError> {
        Session::connect(&self.login, application_name, self.settings.connect_timeout).await
    }

    /// Makes this daemon known, with what others must know of it. Those that are dead and have left nothing open are
    /// forgotten in the end.
    pub async fn register(&self) -> Result<(), PostgresError> {
        let client = self.client().await?;
        client
            .execute(
                "WITH forgotten AS (
                     DELETE FROM daemons WHERE started_at < clock_timestamp() - interval '30 days'
                       AND NOT EXISTS (SELECT FROM operations
                                       WHERE daemon = daemons.id AND ended_at IS NULL)
                       AND pg_try_advisory_xact_lock_shared(
                           hashtextextended('pgsteward:daemon:' || id::text, 0)))
                 INSERT INTO daemons (id, version, control_grace) VALUES ($1, $2, $3)",
                &[
                    &self.daemon,
                    &env!("CARGO_PKG_VERSION"),
                    &self.control_grace.as_secs_f64(),
                ],
            )
            .await
            .map(|_| ())
            .map_err(PostgresError::query("make this daemon known"))
    }

    /// Takes this daemon's lock.
    pub async fn prove_life(&self) -> Result<Session, PostgresError> {
        let asked = Instant::now();
        let session = self.session("pgsteward liveness").await?;
        let held = lock::try_lock(&session, &lock_name(self.daemon)).await?;
        // Who finds it held by our former connection, which the server has not yet missed, takes us for alive too.
        self.proved(asked);
        if held {
            return Ok(session);
        }
        Err(PostgresError::Unexpected {
            what: "take this daemon's lock".to_owned(),
            detail: "a former connection still holds it".to_owned(),
        })
    }

    /// Keeps this daemon's lock held, across losses of the connection, until the token is cancelled.
    pub async fn keep_alive(&self, mut session: Session, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return session.close().await,
                () = self.beat(&session) => {}
            }
            tracing::warn!("lost the control store's liveness connection; connecting again");
            session = loop {
                let proving = tokio::time::timeout(PATIENCE, self.prove_life());
                tokio::select! {
                    () = stop.cancelled() => return,
                    proved = proving => match proved {
                        Ok(Ok(session)) => break session,
                        Ok(Err(error)) => {
                            tracing::debug!(error = %chain(&error), "no liveness connection");
                        }
                        Err(_) => tracing::debug!("no liveness connection: no answer"),
                    }
                }
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(RETRY) => {}
                }
            };
        }
    }

    /// Proves again and again that the lock is still held; ends when it may not be.
    async fn beat(&self, session: &Session) {
        loop {
            let asked = Instant::now();
            let answer = tokio::time::timeout(PATIENCE, session.simple_query("SELECT 1")).await;
            if !matches!(answer, Ok(Ok(_))) {
                return;
            }
            self.proved(asked);
            tokio::select! {
                () = session.lost() => return,
                () = tokio::time::sleep(HEARTBEAT) => {}
            }
        }
    }

    fn proved(&self, at: Instant) {
        *self.proven.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }

    /// For how long this daemon could not prove that it lives, where that is longer than its control grace: others may take
    /// it for dead, and its work must stop.
    pub fn fenced(&self) -> Option<Duration> {
        let proven = *self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        Some(proven.elapsed()).filter(|unproven| *unproven > self.control_grace)
    }

    /// The other daemons that have open operations or claimed ticks of these jobs here and hold no lock.
    pub async fn suspects(&self, jobs: &[&str]) -> Result<Vec<Suspect>, PostgresError> {
        let client = self.client().await?;
        // Shared, so that two daemons that look at the same time do not take each other for the suspect.
        let rows = client
            .query(
                "SELECT others.daemon, daemons.control_grace
                 FROM (SELECT daemon FROM operations WHERE ended_at IS NULL
                       UNION SELECT daemon FROM schedule_runs
                       WHERE state = 'CLAIMED' AND job = ANY($2)) AS others
                 LEFT JOIN daemons ON daemons.id = others.daemon
                 WHERE others.daemon <> $1 AND pg_try_advisory_xact_lock_shared(
                     hashtextextended('pgsteward:daemon:' || others.daemon::text, 0))",
                &[&self.daemon, &jobs],
            )
            .await
            .map_err(PostgresError::query("look for dead daemons"))?;
        let suspects = rows.iter().map(|row| {
            let grace: Option<f64> = row.get(1);
            let grace = grace.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            Suspect {
                daemon: row.get(0),
                fenced_after: grace.unwrap_or(LONGEST_CONTROL_GRACE) + FENCE_MARGIN,
            }
        });
        Ok(suspects.collect())
    }
}

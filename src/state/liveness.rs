//! Liveness: a daemon proves that it lives by holding an advisory lock in the control store.
//!
//! A killed process loses its connection and so its lock at once; no clock and no heartbeat age has to be judged.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::ControlStore;
use crate::postgres::{error::PostgresError, lock, session::Session};

const RETRY: Duration = Duration::from_millis(250);

/// How long a lock must stay free before its daemon is taken for dead: one that only lost its connection is back by then.
const DEATH_WATCH: Duration = Duration::from_secs(2);

fn lock_name(daemon: Uuid) -> String {
    format!("pgsteward:daemon:{daemon}")
}

impl ControlStore {
    /// A connection of its own to the control store.
    pub async fn session(&self, application_name: &str) -> Result<Session, PostgresError> {
        Session::connect(&self.login, application_name, self.settings.connect_timeout).await
    }

    /// Takes this daemon's lock.
    pub async fn prove_life(&self) -> Result<Session, PostgresError> {
        let session = self.session("pgsteward liveness").await?;
        if lock::try_lock(&session, &lock_name(self.daemon)).await? {
            return Ok(session);
        }
        // The server has not yet noticed that our former connection is gone.
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
                () = session.lost() => {}
            }
            tracing::warn!("lost the control store's liveness connection; connecting again");
            session = loop {
                match self.prove_life().await {
                    Ok(session) => break session,
                    Err(error) => {
                        tracing::debug!(error = %crate::model::failure::chain(&error), "no liveness connection");
                    }
                }
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(RETRY) => {}
                }
            };
        }
    }

    /// The daemons that have open operations here and hold no lock, now and a moment later: they are dead.
    pub async fn dead_daemons(&self) -> Result<Vec<Uuid>, PostgresError> {
        let suspects = self.lockless_daemons().await?;
        if suspects.is_empty() {
            return Ok(suspects);
        }
        tokio::time::sleep(DEATH_WATCH).await;
        let mut dead = self.lockless_daemons().await?;
        dead.retain(|daemon| suspects.contains(daemon));
        Ok(dead)
    }

    async fn lockless_daemons(&self) -> Result<Vec<Uuid>, PostgresError> {
        let client = self.client().await?;
        let rows = client
            .query(
                "SELECT daemon FROM (SELECT DISTINCT daemon FROM operations
                                     WHERE ended_at IS NULL AND daemon <> $1) AS others
                 WHERE pg_try_advisory_xact_lock(
                     hashtextextended('pgsteward:daemon:' || daemon::text, 0))",
                &[&self.daemon],
            )
            .await
            .map_err(PostgresError::query("look for dead daemons"))?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }
}

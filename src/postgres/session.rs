//! Session: one connection of one job, never pooled, ended by dropping it.
//!
//! Pools serve short catalog queries. Whatever holds a lock, a snapshot, a transaction or session settings has a
//! `Session` of its own, so that its end is the end of all that it held.

use std::{
    future::poll_fn,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, CancelToken, Client, Config, NoTls, error::DbError};

use super::error::PostgresError;
use crate::model::failure::chain;

/// A peer whose machine or network is gone says nothing, and TCP's own limits are hours. These make it half a minute to a
/// minute, the same as the server is told for its side.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_RETRIES: u32 = 3;
const UNACKNOWLEDGED: Duration = Duration::from_mins(1);
/// How long a request to cancel a statement may take.
pub(super) const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);
/// So many notices of one statement are kept; a statement that raises one for each row must not fill the memory.
const KEPT_NOTICES: usize = 100;

/// A connection of its own. Dropping it in the middle of a query cancels that query and closes the connection.
pub struct Session {
    client: Client,
    driver: Driver,
    notices: Notices,
}

/// What the server said beside its answers.
type Notices = Arc<Mutex<Vec<DbError>>>;

/// The task that moves the connection's bytes. It stands apart from the client so that [`Session::close`] can drop the
/// client first, which is what makes the connection end in order.
struct Driver {
    task: Option<JoinHandle<()>>,
    cancel: CancelToken,
}

impl Session {
    /// Connects as `config` says, and shows itself in `pg_stat_activity` as `application_name` (at most 63 bytes).
    pub async fn connect(
        config: &Config,
        application_name: &str,
        timeout: Duration,
    ) -> Result<Self, PostgresError> {
        let target = target(config);
        let mut config = config.clone();
        config.application_name(application_name);
        notice_a_dead_peer(&mut config);
        let connecting = tokio::time::timeout(timeout, config.connect(NoTls)).await;
        let (client, mut connection) = match connecting {
            Err(_) => {
                return Err(PostgresError::ConnectTimeout {
                    target,
                    after: timeout,
                });
            }
            Ok(Err(source)) => {
                return Err(PostgresError::Connect {
                    target,
                    source: source.into(),
                });
            }
            Ok(Ok(connected)) => connected,
        };
        let notices = Notices::default();
        let heard = Arc::clone(&notices);
        let task = tokio::spawn(async move {
            while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
                match message {
                    Ok(AsyncMessage::Notice(notice)) => keep(&heard, notice),
                    Ok(_) => {}
                    Err(error) => {
                        tracing::debug!(error = %chain(&error), "session ended");
                        break;
                    }
                }
            }
        });
        let driver = Driver {
            task: Some(task),
            cancel: client.cancel_token(),
        };
        let session = Self {
            client,
            driver,
            notices,
        };
        lift_limits(&session.client).await?;
        Ok(session)
    }

    /// Forgets what was set in it: settings, role, temporary tables, advisory locks. The limits of role and database stay
    /// lifted.
    pub async fn reset(&self) -> Result<(), PostgresError> {
        self.client
            .batch_execute("DISCARD ALL")
            .await
            .map_err(PostgresError::query("reset the session"))?;
        lift_limits(&self.client).await
    }

    /// What the server has said beside its answers since this was last asked: warnings, above all. The first hundred.
    pub fn take_notices(&self) -> Vec<DbError> {
        std::mem::take(&mut self.notices.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks the server to cancel the statement that runs now. It ends with an error then, unless it has come to its end.
    pub async fn cancel_statement(&self) {
        let asked =
            tokio::time::timeout(CANCEL_TIMEOUT, self.driver.cancel.cancel_query(NoTls)).await;
        if !matches!(asked, Ok(Ok(()))) {
            tracing::debug!("could not ask the server to cancel a statement");
        }
    }

    /// Whether the connection still stands.
    pub fn is_held(&self) -> bool {
        !self.client.is_closed()
    }

    /// Resolves when the connection is gone, for whatever reason.
    pub async fn lost(&self) {
        let mut tick = tokio::time::interval(Duration::from_millis(250));
        while !self.client.is_closed() {
            tick.tick().await;
        }
    }

    /// Ends the connection in order and waits until it is closed.
    pub async fn close(self) {
        let Self {
            client, mut driver, ..
        } = self;
        drop(client);
        if let Some(task) = driver.task.take()
            && let Err(error) = task.await
        {
            tracing::debug!(%error, "session did not end in order");
        }
    }
}

/// Makes the connection end when nothing at the other end answers any more.
pub(super) fn notice_a_dead_peer(config: &mut Config) {
    config
        .keepalives_idle(KEEPALIVE_IDLE)
        .keepalives_interval(KEEPALIVE_INTERVAL)
        .keepalives_retries(KEEPALIVE_RETRIES)
        .tcp_user_timeout(UNACKNOWLEDGED);
}

/// A session holds locks and snapshots for as long as its job takes, most of it idle: limits that a role or database sets for
/// everyone would end it half-way. And a server that lost us must notice soon: not after TCP's two hours, and not only when
/// a statement ends that may wait for a lock or run for hours (which a server can on systems that tell it of a closed socket).
pub(super) async fn lift_limits(client: &Client) -> Result<(), PostgresError> {
    client
        .batch_execute(
            "SELECT set_config(name, CASE name
                 WHEN 'tcp_keepalives_idle' THEN '30' WHEN 'tcp_keepalives_interval' THEN '10'
                 WHEN 'tcp_keepalives_count' THEN '3' WHEN 'client_connection_check_interval' THEN '5s'
                 ELSE '0' END, false)
             FROM pg_settings
             WHERE name IN ('idle_session_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout',
                            'statement_timeout', 'lock_timeout', 'tcp_keepalives_idle',
                            'tcp_keepalives_interval', 'tcp_keepalives_count')
                OR name = 'client_connection_check_interval' AND version() LIKE '%linux%'",
        )
        .await
        .map_err(PostgresError::query("prepare the session"))
}

fn keep(notices: &Notices, notice: DbError) {
    tracing::info!("{}: {}", notice.severity(), notice.message());
    let mut notices = notices.lock().unwrap_or_else(PoisonError::into_inner);
    if notices.len() < KEPT_NOTICES {
        notices.push(notice);
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let Some(task) = self.task.take() else {
            return;
        };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            task.abort();
            return;
        };
        let cancel = self.cancel.clone();
        // Without a cancel request the server would finish a long statement before it sees the closed socket.
        runtime.spawn(async move {
            let asked = tokio::time::timeout(CANCEL_TIMEOUT, cancel.cancel_query(NoTls)).await;
            if !matches!(asked, Ok(Ok(()))) {
                tracing::debug!("could not cancel the statement of a dropped session");
            }
            task.abort();
        });
    }
}

impl Deref for Session {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}

/// `database "app" as "app_admin"`: what a connection is for, without secrets.
pub fn target(config: &Config) -> String {
    format!(
        "database {:?} as {:?}",
        config.get_dbname().unwrap_or_default(),
        config.get_user().unwrap_or_default()
    )
}

//! Alerts: the webhook is told of jobs that fail, are overdue, or are good again.
//!
//! What is told stands in the control store, written with what it tells of. A task of its own sends it: a webhook that
//! hangs or refuses harms no job, and what it refused is told again, by whichever daemon comes first.

use std::{fmt, sync::Arc, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    model::{
        alert::Alert,
        failure::{Failure, Kind, chain},
    },
    ops::daemon::Daemon,
    state::alerts::TakenAlert,
};

/// How often alerts are looked for without one being known of: those that another daemon left.
const LOOK: Duration = Duration::from_secs(5);

/// How often one is tried.
const ATTEMPTS: u32 = 10;

/// How long the first retry waits; each further one twice as long.
const BACKOFF: Duration = Duration::from_secs(2);

/// No retry waits longer.
const LONGEST_BACKOFF: Duration = Duration::from_mins(15);

/// Beyond the webhook's time, for what comes before and after.
const MARGIN: Duration = Duration::from_secs(10);

/// What a webhook is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The alert's fields, and its text.
    Json,
    /// Its text.
    Slack,
}

impl Format {
    fn body(self, alert: &Alert) -> Value {
        match self {
            Self::Slack => json!({ "text": alert.text() }),
            Self::Json => json!({
                "event": alert.event,
                "job": alert.job,
                "database": alert.database,
                "since": alert.since,
                "last_error": alert.last_error,
                "text": alert.text(),
            }),
        }
    }
}

/// Where alerts go.
pub struct Webhook {
    url: SecretString,
    format: Format,
    timeout: Duration,
    client: reqwest::Client,
}

impl fmt::Debug for Webhook {
    /// The URL is a secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Webhook")
            .field("format", &self.format)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl Webhook {
    /// Prepares it; connects to nothing yet.
    pub fn new(url: SecretString, format: Format, timeout: Duration) -> Result<Self, Failure> {
        // Who embeds the daemon may not have set the process's one; who comes second finds it there.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .timeout(timeout)
            // A redirect could lead to where the URL's rule forbids it.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| {
                let error = chain(&error.without_url());
                Failure::new(
                    Kind::Internal,
                    "WEBHOOK",
                    format!("the webhook cannot be prepared: {error}"),
                )
            })?;
        Ok(Self {
            url,
            format,
            timeout,
            client,
        })
    }

    /// Tells of an alert; the error says why it was not taken, without the URL.
    async fn tell(&self, alert: &Alert) -> Result<(), String> {
        let body = self.format.body(alert).to_string();
        let answer = self
            .client
            .post(self.url.expose_secret())
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await
            .map_err(|error| chain(&error.without_url()))?;
        if answer.status().is_success() {
            return Ok(());
        }
        Err(format!("it answered {}", answer.status()))
    }
}

/// Sends what there is to tell, until the token is cancelled.
pub async fn run(daemon: Arc<Daemon>, stop: CancellationToken) {
    let Some(webhook) = &daemon.scheduling.webhook else {
        return;
    };
    let sending = async || loop {
        match daemon.store.take_alert(webhook.timeout + MARGIN).await {
            Ok(Some(taken)) => send(&daemon, webhook, &taken).await,
            Ok(None) => return,
            Err(error) => {
                let error = Failure::from(error);
                tracing::debug!(%error, "alerts could not be looked for");
                return;
            }
        }
    };
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = sending() => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = daemon.scheduling.alerted.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

async fn send(daemon: &Daemon, webhook: &Webhook, taken: &TakenAlert) {
    let (id, job) = (taken.id, &taken.alert.job);
    let recorded = match webhook.tell(&taken.alert).await {
        Ok(()) => {
            tracing::info!(job, event = ?taken.alert.event, "the webhook was told");
            daemon.store.end_alert(id, None).await
        }
        Err(error) if taken.attempt >= ATTEMPTS => {
            tracing::error!(
                job,
                error,
                "the webhook was not told, and is not tried again"
            );
            daemon.store.end_alert(id, Some(&error)).await
        }
        Err(error) => {
            let doubled = 1_u32 << (taken.attempt.clamp(1, 16) - 1);
            let wait = BACKOFF.saturating_mul(doubled).min(LONGEST_BACKOFF);
            tracing::warn!(
                job,
                error,
                attempt = taken.attempt,
                "the webhook was not told; trying again"
            );
            daemon.store.put_off_alert(id, wait, &error).await
        }
    };
    if let Err(error) = recorded {
        let error = Failure::from(error);
        tracing::warn!(job, %error, "what became of an alert could not be recorded; it may be told twice");
    }
}

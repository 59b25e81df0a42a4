//! Failed attempts to call go into the audit log, many from one address as one entry.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use super::{audited, daemon::Daemon};
use crate::model::attempts::{Attempt, Attempts};

const LOOK: Duration = Duration::from_secs(1);

/// Records attempts until the channel is closed.
pub async fn record(daemon: Arc<Daemon>, mut incoming: mpsc::Receiver<Attempt>) {
    let mut attempts = Attempts::default();
    loop {
        let next = tokio::time::timeout(LOOK, incoming.recv()).await;
        let now = Instant::now();
        match next {
            Ok(None) => break,
            Ok(Some(attempt)) => {
                if let Some(entry) = attempts.note(attempt, now) {
                    audited::refused(&daemon, &entry.attempt, entry.count);
                }
            }
            Err(_) => {}
        }
        for entry in attempts.ended(now) {
            audited::refused(&daemon, &entry.attempt, entry.count);
        }
    }
    for entry in attempts.all() {
        audited::refused(&daemon, &entry.attempt, entry.count);
    }
}

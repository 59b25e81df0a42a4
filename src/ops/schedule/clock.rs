//! Clock: the time that jobs go by. The system's, save where a test sets its own.

use chrono::{DateTime, Utc};
use tokio::sync::watch;

/// Tells the time.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The system's.
    #[default]
    System,
    /// One that stands still until it is set.
    Set(watch::Receiver<DateTime<Utc>>),
}

impl Clock {
    /// The time.
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            Self::System => Utc::now(),
            Self::Set(time) => *time.borrow(),
        }
    }

    /// Resolves when the clock was set. The system's is not known to be: it has to be looked at.
    pub(super) async fn was_set(&mut self) {
        let set = match self {
            Self::System => false,
            Self::Set(time) => time.changed().await.is_ok(),
        };
        if !set {
            std::future::pending::<()>().await;
        }
    }
}

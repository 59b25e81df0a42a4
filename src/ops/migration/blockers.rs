//! Who stands in the way of a statement: looked for on a connection of its own while the statement waits.

use std::{pin::pin, time::Duration};

use crate::{
    model::failure::Failure,
    ops::{daemon::Managed, runner::job::Job},
    postgres::{database::Purpose, locks, session::Session},
};

/// To ask costs the server a moment in which nobody takes a lock.
const LONGEST_POLL: Duration = Duration::from_millis(250);

/// Watches one session of the managed database.
pub(super) struct Blockers {
    session: Session,
    watched: i32,
    poll: Duration,
}

impl Blockers {
    /// Connects as the admin, who may see everybody's sessions. `watched` is a backend's process id; its waits last for
    /// `lock_timeout` at most, and none of them should pass unseen.
    pub(super) async fn watch(
        managed: &Managed,
        watched: i32,
        lock_timeout: Duration,
    ) -> Result<Self, Failure> {
        let session = managed
            .database
            .session(Purpose::Admin, "pgsteward watch")
            .await?;
        Ok(Self {
            session,
            watched,
            poll: (lock_timeout / 4).min(LONGEST_POLL),
        })
    }

    /// Does the work, and says in the job's progress for whom it waits; `label` when for nobody. Gives also who was seen
    /// last, empty for nobody.
    pub(super) async fn during<T>(
        &self,
        job: &Job,
        label: &str,
        work: impl Future<Output = T>,
    ) -> (T, String) {
        let mut seen = String::new();
        let mut waiting = false;
        let mut work = pin!(work);
        job.say(label);
        loop {
            tokio::select! {
                result = &mut work => {
                    if waiting {
                        job.say(label);
                    }
                    return (result, seen);
                }
                blockers = self.look() => {
                    if let Some(blockers) = blockers {
                        job.say(format!("{label}: waits for {blockers}"));
                        seen = blockers;
                        waiting = true;
                    } else if waiting {
                        job.say(label);
                        waiting = false;
                    }
                }
            }
        }
    }

    /// A moment later: who blocks; `None` for nobody, or when it cannot be told.
    async fn look(&self) -> Option<String> {
        tokio::time::sleep(self.poll).await;
        match locks::blockers(&self.session, self.watched).await {
            Ok(blockers) if blockers.is_empty() => None,
            Ok(blockers) => Some(blockers.join(", ")),
            Err(error) => {
                tracing::debug!(%error, "cannot see who blocks");
                None
            }
        }
    }
}

//! ScheduleService's methods, the ticker that runs jobs by the clock, and the webhook that is told when they do not.

pub mod alerts;
pub mod clock;
pub mod fire;
pub mod list;
pub mod pause;
pub mod state;
pub mod ticker;

use tokio::sync::Notify;

use self::{alerts::Webhook, clock::Clock};

/// What the schedule needs beside its jobs.
#[derive(Debug, Default)]
pub struct Scheduling {
    /// The time that jobs go by.
    pub clock: Clock,
    /// Who is told of jobs that fail or are overdue; nobody where there is none.
    pub webhook: Option<Webhook>,
    /// Makes the ticker look at once: something has changed.
    changed: Notify,
    /// Makes the webhook's task look at once.
    alerted: Notify,
}

impl Scheduling {
    /// Goes by this clock, and tells this webhook.
    pub fn new(clock: Clock, webhook: Option<Webhook>) -> Self {
        Self {
            clock,
            webhook,
            ..Self::default()
        }
    }

    /// Makes the ticker look at once.
    pub(super) fn changed(&self) {
        self.changed.notify_one();
    }
}

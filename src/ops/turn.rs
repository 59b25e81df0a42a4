//! Turn: the one arbiter of what may run beside what, per database.
//!
//! | | backup | optimize, reindex | migration | restore | maintenance switch | inspection | drill |
//! | --- | --- | --- | --- | --- | --- | --- | --- |
//! | backup | waits | waits | waits | waits | beside | beside | beside |
//! | optimize, reindex | waits | waits | waits | waits | beside | beside | beside |
//! | migration | waits | waits | waits | waits | waits | waits | beside |
//! | restore | waits | waits | waits | waits | waits | waits | beside |
//! | maintenance switch | beside | beside | waits | waits | waits | waits | beside |
//! | inspection | beside | beside | waits | waits | waits | waits | beside |
//! | drill | beside | beside | beside | beside | beside | beside | waits |
//!
//! Provisioning of roles waits as an inspection does.
//!
//! Three advisory locks hold it, taken in the server database: `pgsteward:<database>:work` by the first four,
//! `pgsteward:<database>:mode` by migration, restore, maintenance switch and inspection, `pgsteward:<database>:drill` by
//! drills. They hold across all daemons, and outside tools can honour them.
//!
//! Optimize and reindex make way for the others (`turn/way.rs`).
//!
//! A drill works in a database of its own and looks at the managed one's catalog row only; all that it must exclude is the
//! removal of its backup, which a lock on the backup does (`state/backup_locks.rs`). A restore into another database, or of
//! tables into a schema of their own, takes no turn for the same reason.

mod way;

use std::time::{Duration, Instant};

pub use self::way::MakeWay;
use super::{
    daemon::{Daemon, Managed},
    recovery,
    runner::job::Job,
};
use crate::{
    model::failure::{Failure, Kind},
    postgres::{database::Database, lock, session::Session},
};

/// What kind of work wants its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// A backup.
    Backup,
    /// VACUUM and ANALYZE.
    Optimize,
    /// The rebuilding of indexes.
    Reindex,
    /// Upgrade or downgrade.
    Migration,
    /// Restore or rollback.
    Restore,
    /// Entering or leaving maintenance mode.
    MaintenanceSwitch,
    /// A look at the schema, which must stand still meanwhile: a drift check, a review.
    Inspection,
    /// The making or correcting of roles and of what they may: as an inspection, since nothing else may change it.
    Provisioning,
    /// A rehearsal of a restore, in a database of its own.
    Drill,
}

impl Work {
    /// Its name, as it stands in the names of sessions.
    pub fn name(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Optimize => "optimize",
            Self::Reindex => "reindex",
            Self::Migration => "migration",
            Self::Restore => "restore",
            Self::MaintenanceSwitch => "maintenance switch",
            Self::Inspection => "inspection",
            Self::Provisioning => "provisioning",
            Self::Drill => "drill",
        }
    }

    /// The locks that it needs, in the one order in which all work takes them.
    fn locks(self) -> &'static [&'static str] {
        match self {
            Self::Backup | Self::Optimize | Self::Reindex => &["work"],
            Self::Migration | Self::Restore => &["mode", "work"],
            Self::MaintenanceSwitch | Self::Inspection | Self::Provisioning => &["mode"],
            Self::Drill => &["drill"],
        }
    }

    /// Whether it lets others go first: it may take hours, can stop anywhere, and nobody waits for what it does.
    fn makes_way(self) -> bool {
        matches!(self, Self::Optimize | Self::Reindex)
    }
}

/// A turn that is held. It ends when this is dropped, or with the daemon.
pub struct Turn {
    session: Session,
}

const SHORTEST_POLL: Duration = Duration::from_millis(50);
const LONGEST_POLL: Duration = Duration::from_secs(1);

impl Turn {
    /// Waits for the turn, at most for `patience`, and marks the job as running once it has come. Meanwhile the job says
    /// whom it waits for.
    pub async fn take(
        database: &Database,
        work: Work,
        job: &Job,
        patience: Duration,
    ) -> Result<Self, Failure> {
        let waiting = Self::wait(database, work, job, patience);
        let turn = job.cancellable(waiting).await?;
        job.begin().await?;
        Ok(turn)
    }

    /// Waits for the turn once more, after a job has made way: for as long as it takes, since it holds nothing meanwhile.
    pub async fn take_again(database: &Database, work: Work, job: &Job) -> Result<Self, Failure> {
        job.cancellable(Self::wait(database, work, job, Duration::MAX))
            .await
    }

    /// Takes the turn, does the work under it as `during` says, sweeps what the job has left, and ends the turn.
    pub async fn hold<T>(
        daemon: &Daemon,
        managed: &Managed,
        work: Work,
        job: &Job,
        stages: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let turn = Self::take(&managed.database, work, job, daemon.settings.lock_wait).await?;
        let result = turn.during(job, stages).await;
        recovery::sweep_operation(daemon, job.id()).await;
        turn.end().await;
        result
    }

    async fn wait(
        database: &Database,
        work: Work,
        job: &Job,
        patience: Duration,
    ) -> Result<Self, Failure> {
        let application_name = format!("pgsteward {} {}", work.name(), job.id());
        // The admin role may be what is to be made.
        let session = if work == Work::Provisioning {
            database
                .provisioning_server_session(&application_name)
                .await?
        } else {
            database.server_session(&application_name).await?
        };
        let start = Instant::now();
        let mut poll = SHORTEST_POLL;
        let mut announced = false;
        loop {
            let Some(blocker) = Self::try_take(&session, database, work).await? else {
                if announced {
                    way::waits_no_more(&session, database).await?;
                }
                job.say("");
                return Ok(Self { session });
            };
            if !work.makes_way() && work.locks().contains(&"work") && !announced {
                announced = way::announce(&session, database).await?;
            }
            if start.elapsed() >= patience {
                return Err(busy(database, &blocker, patience));
            }
            job.say(format!("waits for {blocker}"));
            tokio::time::sleep(poll).await;
            poll = (poll * 2).min(LONGEST_POLL);
        }
    }

    /// Takes all locks or none; gives the name of who holds the one that could not be had.
    async fn try_take(
        session: &Session,
        database: &Database,
        work: Work,
    ) -> Result<Option<String>, Failure> {
        let name = |suffix: &str| lock_name(database, suffix);
        if work.makes_way()
            && let Some(waiting) = way::who_waits(session, database).await?
        {
            return Ok(Some(waiting));
        }
        for (position, suffix) in work.locks().iter().enumerate() {
            if lock::try_lock(session, &name(suffix)).await? {
                continue;
            }
            let holder = lock::holder(session, &name(suffix)).await?;
            for held in &work.locks()[..position] {
                lock::unlock(session, &name(held)).await?;
            }
            return Ok(Some(holder.unwrap_or_else(|| "another session".to_owned())));
        }
        Ok(None)
    }

    /// The lock that migrations, restores, switches of maintenance mode and inspections hold.
    pub fn mode_lock(database: &Database) -> String {
        lock_name(database, "mode")
    }

    /// The lock that backups, optimize, reindex, migrations and restores hold.
    pub fn work_lock(database: &Database) -> String {
        lock_name(database, "work")
    }

    /// Does work under this turn: until it ends, until the job is cancelled, or until the turn is lost with its
    /// connection. In the last two cases the work is dropped where it stands.
    pub async fn during<T>(
        &self,
        job: &Job,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let guarded = async {
            tokio::select! {
                result = work => result,
                () = self.session.lost() => Err(lost()),
            }
        };
        job.cancellable(guarded).await
    }

    /// Refuses when the turn was lost with its connection. For work that may not be dropped in the middle.
    pub fn check(&self) -> Result<(), Failure> {
        if self.session.is_held() {
            return Ok(());
        }
        Err(lost())
    }

    /// Ends the turn in order.
    pub async fn end(self) {
        self.session.close().await;
    }
}

fn lost() -> Failure {
    Failure::new(
        Kind::Unavailable,
        "LOCK_LOST",
        "the connection that held the database's lock was lost; the work was stopped",
    )
    .with_hint("see the server's log, then start the operation again")
}

fn lock_name(database: &Database, suffix: &str) -> String {
    format!("pgsteward:{}:{suffix}", database.server_name())
}

fn busy(database: &Database, blocker: &str, patience: Duration) -> Failure {
    Failure::new(
        Kind::Aborted,
        "DATABASE_BUSY",
        format!(
            "database {:?} was busy with {blocker} for {}",
            database.name(),
            humantime::format_duration(patience)
        ),
    )
    .with_hint("wait for it or cancel it, then try again")
    .with_retry_after(Duration::from_secs(30))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excludes(left: Work, right: Work) -> bool {
        left.locks().iter().any(|lock| right.locks().contains(lock))
    }

    #[test]
    fn the_locks_hold_the_table_above() {
        use Work::{
            Backup, Drill, Inspection, MaintenanceSwitch, Migration, Optimize, Reindex, Restore,
        };
        let all = [
            Backup,
            Optimize,
            Reindex,
            Migration,
            Restore,
            MaintenanceSwitch,
            Inspection,
            Drill,
        ];
        for left in all {
            for right in all {
                let beside = match (left, right) {
                    (Drill, other) | (other, Drill) => other != Drill,
                    (Backup | Optimize | Reindex, MaintenanceSwitch | Inspection)
                    | (MaintenanceSwitch | Inspection, Backup | Optimize | Reindex) => true,
                    _ => false,
                };
                assert_eq!(excludes(left, right), !beside, "{left:?} and {right:?}");
            }
        }
    }
}

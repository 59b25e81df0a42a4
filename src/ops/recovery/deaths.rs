//! Dead daemons: who they are, and what becomes of their open operations and claimed ticks. The rule by which one is taken
//! for dead is in `state::liveness`.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use uuid::Uuid;

use crate::{
    model::{
        audit::AuditOutcome,
        failure::{Failure, Kind},
        method::Method,
        operation::OperationState,
    },
    ops::{daemon::Daemon, restore},
    postgres::{scratch, sessions},
    state::{liveness::Suspect, operations::Orphan},
};

/// How long a lock must stay free before its daemon is taken for dead: one that only lost its connection is back by then.
const DEATH_WATCH: Duration = Duration::from_secs(2);

/// Between looks that are further apart a lock may have been held: what was seen before counts no more.
const LONGEST_GAP: Duration = Duration::from_secs(3);

/// How long a server may take to say whose sessions it has. Looks must not get too far apart.
const ANSWER: Duration = Duration::from_secs(1);

/// Since when the locks of other daemons were seen to be free, look after look.
#[derive(Debug, Default)]
pub struct Deaths {
    free_since: BTreeMap<Uuid, Instant>,
    looked: Option<Instant>,
}

impl Deaths {
    /// Looks until it is known of each suspect whether it is dead.
    pub(super) async fn look_for_good(&mut self, daemon: &Daemon) -> Result<(), Failure> {
        self.look(daemon).await?;
        if !self.free_since.is_empty() {
            tokio::time::sleep(DEATH_WATCH).await;
            self.look(daemon).await?;
        }
        Ok(())
    }

    /// Looks once. Ends what the dead have left open, and says whether there was something.
    pub(super) async fn look(&mut self, daemon: &Daemon) -> Result<bool, Failure> {
        let suspects = self.suspects(daemon).await?;
        let mut dead = Vec::new();
        for suspect in suspects {
            let since = self.free_since.entry(suspect.daemon);
            let free = since.or_insert_with(Instant::now).elapsed();
            if free >= DEATH_WATCH {
                dead.push((suspect, free));
            }
        }
        // At once, and none in the way of the others.
        let ending = dead.into_iter().map(|(suspect, free)| async move {
            end_work(daemon, suspect, free).await.unwrap_or_else(|failure| {
                tracing::warn!(daemon = %suspect.daemon, %failure, "could not end the work of a dead daemon");
                false
            })
        });
        let ended = join_all(ending).await.contains(&true);
        if ended {
            daemon.scheduling.changed();
        }
        Ok(ended)
    }

    /// Who is to be suspected now. Those that were not suspected the last time begin anew, and all of them do after a look
    /// that failed, or where the last one was too long ago.
    async fn suspects(&mut self, daemon: &Daemon) -> Result<Vec<Suspect>, Failure> {
        let last = self.looked.take();
        let suspects = daemon.store.suspects(&jobs(daemon)).await?;
        if last.is_none_or(|at| at.elapsed() > LONGEST_GAP) {
            self.free_since.clear();
        }
        self.looked = Some(Instant::now());
        self.free_since
            .retain(|known, _| suspects.iter().any(|suspect| suspect.daemon == *known));
        Ok(suspects)
    }
}

/// The jobs whose claims this daemon may take over: those that it would start. It starts none once it is told to stop.
fn jobs(daemon: &Daemon) -> Vec<&str> {
    if daemon.runner.is_draining() {
        return Vec::new();
    }
    daemon.jobs.iter().map(|job| job.name.as_str()).collect()
}

/// Takes the claimed ticks over, and ends the operations that nobody can be at work on any more.
async fn end_work(daemon: &Daemon, suspect: Suspect, free: Duration) -> Result<bool, Failure> {
    // A tick may be taken over at once: who starts it second is given the operation of the first.
    let jobs = jobs(daemon);
    let mut ended = daemon.store.adopt_claims(suspect.daemon, &jobs).await? > 0;
    let orphans = daemon.store.open_operations_of(suspect.daemon).await?;
    let asking = orphans.into_iter().map(|orphan| async move {
        let fenced = free >= suspect.fenced_after;
        let at_work = !fenced && is_at_work(daemon, suspect.daemon, &orphan).await;
        (orphan, at_work)
    });
    for (orphan, at_work) in join_all(asking).await {
        if at_work {
            tracing::debug!(operation = %orphan.id, "its daemon cannot be seen, but still works on it");
            continue;
        }
        tracing::warn!(operation = %orphan.id, method = orphan.method, database = orphan.database,
            "marking the operation of a dead daemon as failed");
        end_orphan(daemon, &orphan).await?;
        ended = true;
    }
    Ok(ended)
}

/// Whether the server of the operation's database shows a session of its daemon: the operation's turn, or one of the pooled
/// connections, since not all operations take a turn. Then the daemon lives. What cannot be asked may be so.
async fn is_at_work(daemon: &Daemon, of: Uuid, orphan: &Orphan) -> bool {
    let asking = async {
        let managed = daemon.managed(&orphan.database)?;
        let database = &managed.database;
        let session = match database.server_session("pgsteward").await {
            // The admin role may be what was to be made.
            Err(_) if orphan.method == Method::ProvisionRoles.name() => {
                database.provisioning_server_session("pgsteward").await?
            }
            session => session?,
        };
        let found = sessions::of_work(&session, of, orphan.id).await?;
        session.close().await;
        Ok::<bool, Failure>(found)
    };
    let asked = tokio::time::timeout(ANSWER, asking).await;
    !matches!(asked, Ok(Ok(false)))
}

async fn end_orphan(daemon: &Daemon, orphan: &Orphan) -> Result<(), Failure> {
    let failure = if swapped(daemon, orphan).await {
        Failure::new(
            Kind::Aborted,
            "DAEMON_DIED",
            "the daemon that ran this operation ended after the swap: the database is the restored one",
        )
        .with_hint("ListReplacedDatabases shows the one before; RollbackRestore goes back to it")
    } else {
        Failure::new(
            Kind::Aborted,
            "DAEMON_DIED",
            "the daemon that ran this operation ended without finishing it",
        )
        .with_hint("start it again: what it had made beside the database is swept, and a migration goes on where it stopped")
    };
    if orphan.method == Method::RunDrill.name() {
        restore::drill::record_orphan(daemon, orphan.id, &orphan.database, &failure).await?;
    }
    let failed = OperationState::Failed;
    let ended = daemon
        .store
        .end_operation(orphan.id, failed, None, &Err(failure))
        .await?;
    if ended {
        let (outcome, id) = (AuditOutcome::Failed, orphan.id.to_string());
        daemon
            .store
            .insert_audit_outcome(orphan.audit_entry, outcome, "DAEMON_DIED", &id)
            .await?;
    }
    Ok(())
}

/// Whether the operation came as far as to set the live database aside.
async fn swapped(daemon: &Daemon, orphan: &Orphan) -> bool {
    let name = scratch::replaced_name(orphan.id);
    let asked = async {
        let managed = daemon.managed(&orphan.database)?;
        restore::replaced::standing(daemon, managed).await
    };
    asked
        .await
        .is_ok_and(|standing| standing.iter().any(|replaced| replaced.name == name))
}

//! Recovery: what a killed daemon left is found and put in order, at start and from time to time.
//!
//! 1. Open operations of daemons that are dead are marked failed.
//! 2. What ended operations may have left (`artifacts`) is swept.
//! 3. Maintenance mode is made true again where a crash fell between its record and the server's grants.
//! 4. Replaced databases whose time is up are dropped.
//! 5. The DDL guard is made what the configuration says.
//!
//! And once an hour the stores themselves are looked through for what nobody has noted: what was left by a daemon whose
//! control store is gone.

pub mod deaths;

use std::{sync::Arc, time::Duration};

use chrono::{TimeDelta, Utc};
use futures_util::{StreamExt as _, future::join_all, stream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::deaths::Deaths;
use super::{
    daemon::{Daemon, Managed},
    maintenance,
    migration::guard,
    restore,
};
use crate::{
    model::{
        backup::BackupName,
        failure::{Failure, Kind},
    },
    postgres::scratch,
    state::artifacts::{Artifact, ArtifactKind},
    storage::Marker,
};

/// How often dead daemons are looked for.
const WATCH: Duration = Duration::from_secs(1);

const INTERVAL: Duration = Duration::from_secs(30);

/// Looks at the stores' markers are this many intervals apart: an hour.
const MARKER_INTERVALS: u32 = 120;

/// How long the setting right of one thing in a database may take; then the next round goes on with it.
const PATIENCE: Duration = Duration::from_secs(30);

/// The same where a database is dropped: the server writes all others to disk first.
const DROP_PATIENCE: Duration = Duration::from_mins(15);

/// How many things are swept at once.
const SWEPT_AT_ONCE: usize = 4;

/// A marker of an operation that is not known here is old enough to be swept.
const MARKER_AGE: TimeDelta = TimeDelta::hours(24);

/// What recovery remembers from one round to the next.
#[derive(Debug, Default)]
pub struct Memory {
    told: guard::Told,
    deaths: Deaths,
}

/// Puts in order at the start: what a daemon left that this one may stand in for is found before calls are served.
pub async fn begin(daemon: &Daemon) -> Memory {
    let mut memory = Memory::default();
    log(
        "end the operations of dead daemons",
        memory.deaths.look_for_good(daemon).await,
    );
    recover(daemon, &memory.told).await;
    memory
}

/// Puts in order now. Each part that fails is logged and does not stop the others, nor does a database another one.
async fn recover(daemon: &Daemon, told: &guard::Told) {
    log("sweep what operations left", sweep_leftovers(daemon).await);
    let databases = daemon.databases.values().map(async |managed| {
        reassert(daemon, managed).await;
        let dropping = restore::replaced::drop_expired(daemon, managed);
        log(
            "drop replaced databases whose time is up",
            within(DROP_PATIENCE, dropping).await,
        );
        log(
            "make the DDL guard what the configuration says",
            within(PATIENCE, guard::keep(daemon, managed, told)).await,
        );
    });
    join_all(databases).await;
}

async fn reassert(daemon: &Daemon, managed: &Managed) {
    let reasserting = maintenance::mode::reassert(daemon, managed);
    log(
        "make maintenance mode true",
        within(PATIENCE, reasserting).await,
    );
}

async fn within(
    patience: Duration,
    work: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    tokio::time::timeout(patience, work)
        .await
        .unwrap_or_else(|_| {
            let patience = humantime::format_duration(patience);
            Err(Failure::new(
                Kind::DeadlineExceeded,
                "NO_ANSWER",
                format!("not done within {patience}; trying again with the next round"),
            ))
        })
}

/// Puts in order again and again, until the token is cancelled.
pub async fn run(daemon: Arc<Daemon>, memory: Memory, stop: CancellationToken) {
    let Memory { told, mut deaths } = memory;
    let found = Notify::new();
    tokio::join!(
        watch(&daemon, &mut deaths, &found, &stop),
        tidy(&daemon, &found, &stop),
        rounds(&daemon, &told, &stop)
    );
}

/// Looks for dead daemons, and does nothing else: the looks must not get far apart.
async fn watch(daemon: &Daemon, deaths: &mut Deaths, found: &Notify, stop: &CancellationToken) {
    let mut watching = async || {
        tokio::time::sleep(WATCH).await;
        match deaths.look(daemon).await {
            Ok(false) => {}
            Ok(true) => found.notify_one(),
            Err(failure) => tracing::debug!(%failure, "could not look for dead daemons"),
        }
    };
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = watching() => {}
        }
    }
}

/// Puts in order what dead daemons left as soon as one was found, and not only with the next round.
async fn tidy(daemon: &Daemon, found: &Notify, stop: &CancellationToken) {
    let tidying = async || {
        found.notified().await;
        log("sweep what operations left", sweep_leftovers(daemon).await);
        let databases = daemon.databases.values();
        join_all(databases.map(|managed| reassert(daemon, managed))).await;
    };
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tidying() => {}
        }
    }
}

async fn rounds(daemon: &Daemon, told: &guard::Told, stop: &CancellationToken) {
    for round in 0_u32.. {
        let recovering = async {
            if round % MARKER_INTERVALS == 0 {
                log(
                    "sweep what was left in the stores",
                    sweep_markers(daemon).await,
                );
                log(
                    "forget the schedule's old runs",
                    daemon.store.forget_old_runs().await.map_err(Failure::from),
                );
            }
            tokio::time::sleep(INTERVAL).await;
            recover(daemon, told).await;
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = recovering => {}
        }
    }
}

fn log(what: &str, result: Result<(), Failure>) {
    if let Err(failure) = result {
        tracing::warn!(%failure, "could not {what}");
    }
}

async fn sweep_leftovers(daemon: &Daemon) -> Result<(), Failure> {
    sweep_all(daemon, daemon.store.leftovers().await?).await;
    Ok(())
}

/// Sweeps beside the markers whose makers are dead.
async fn sweep_markers(daemon: &Daemon) -> Result<(), Failure> {
    for marker in daemon.backups.markers().await {
        if is_abandoned(daemon, &marker).await? {
            tracing::info!(store = marker.store, backup = %marker.filename, "sweeping what was left in a store");
            let store = daemon.backups.get(&marker.store)?;
            store.sweep(&marker.filename).await?;
        }
    }
    Ok(())
}

/// An operation that has ended works no more. One that is not known is another daemon's, which may be at work: that is
/// waited for.
async fn is_abandoned(daemon: &Daemon, marker: &Marker) -> Result<bool, Failure> {
    let known = match marker.operation {
        Some(id) => daemon.store.operation(id).await?,
        None => None,
    };
    Ok(match known {
        Some(operation) => operation.end_time.is_some(),
        None => Utc::now() - marker.time > MARKER_AGE,
    })
}

/// Sweeps what this operation may have left, after its work has ended well or badly.
pub async fn sweep_operation(daemon: &Daemon, operation: Uuid) {
    let swept = async {
        sweep_all(daemon, daemon.store.artifacts_of(operation).await?).await;
        Ok(())
    };
    log("list what the operation left", swept.await);
}

/// What cannot be swept now stays noted, and is tried again later; it does not stand in the way of the rest.
///
/// Several at once: to drop a database makes the server write all others to disk, those that are dropped next included.
async fn sweep_all(daemon: &Daemon, artifacts: Vec<Artifact>) {
    let sweeping = async |artifact: Artifact| {
        tracing::info!(name = artifact.name, operation = %artifact.operation, "sweeping what an operation left");
        log(
            "sweep what an operation left",
            sweep(daemon, &artifact).await,
        );
    };
    stream::iter(artifacts)
        .for_each_concurrent(SWEPT_AT_ONCE, sweeping)
        .await;
}

/// Removes one thing if it is there, then strikes it out.
pub(super) async fn sweep(daemon: &Daemon, artifact: &Artifact) -> Result<(), Failure> {
    match artifact.kind {
        ArtifactKind::Archive => {
            // A manifest makes the archive a backup: the store leaves it alone then.
            let name = BackupName::parse(&artifact.name)?;
            daemon.backups.sweep(&name).await?;
        }
        ArtifactKind::Database => {
            let managed = daemon.managed(&artifact.database)?;
            let session = managed.database.server_session("pgsteward sweep").await?;
            scratch::drop(&session, &artifact.name).await?;
            session.close().await;
        }
        ArtifactKind::Indexes => {
            let managed = daemon.managed(&artifact.database)?;
            maintenance::reindex::sweep(managed).await?;
        }
    }
    daemon.store.strike_artifact(artifact).await?;
    Ok(())
}

//! The keeper: moves spooled calls to the audit log, and the anchor on with it, for as long as the daemon runs.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    model::{
        audit::{chain::Head, spooled::collapsed},
        failure::{Failure, Kind},
    },
    ops::daemon::Daemon,
    state::spool::{Lane, Segment, SpoolError},
};

/// How often the spool is brought to disk.
const SYNC: Duration = Duration::from_millis(250);
/// From one move to the next.
const MOVE: Duration = Duration::from_secs(1);
/// Moves between looks for what dead daemons left, and at the log's end.
const LOOK: u32 = 10;
/// Moves for which polls are gathered: about a minute.
const POLLS: u32 = 60;
/// How long the last move may take when the daemon stops.
const LAST_MOVE: Duration = Duration::from_secs(5);

/// Keeps the log until the token is cancelled.
pub async fn run(daemon: Arc<Daemon>, stop: CancellationToken) {
    let keeping = async {
        // Side by side: a control store that stands still must not keep the spool from the disk.
        tokio::join!(bring_to_disk(&daemon), keep_moving(&daemon));
    };
    // What is dropped half-way is done again by the next start: each call is taken once.
    tokio::select! {
        () = stop.cancelled() => {}
        () = keeping => {}
    }
}

async fn bring_to_disk(daemon: &Arc<Daemon>) {
    let mut fails = false;
    loop {
        let synced = on_disk(daemon, |daemon| daemon.spool.sync()).await;
        tell(synced, &mut fails, "bring the audit log's spool to disk");
        tokio::time::sleep(SYNC).await;
    }
}

async fn keep_moving(daemon: &Arc<Daemon>) {
    let (mut move_fails, mut anchor_fails) = (false, false);
    for round in 0_u32.. {
        let (seal_polls, look) = (round % POLLS == POLLS - 1, round % LOOK == 0);
        let moved = move_spool(daemon, seal_polls, look).await;
        tell(
            moved,
            &mut move_fails,
            "move spooled calls to the audit log",
        );
        let moved = move_anchor(daemon, look).await;
        tell(
            moved,
            &mut anchor_fails,
            "compare the audit log with what was seen of it",
        );
        tokio::time::sleep(MOVE).await;
    }
}

/// Moves what is left, once no calls come any more. What cannot be moved is found by the next start.
pub async fn finish(daemon: &Arc<Daemon>) {
    let moving = async {
        if let Err(failure) = move_spool(daemon, true, false).await {
            tracing::warn!(%failure, "spooled calls wait for the next start");
            return;
        }
        if let Err(failure) = move_anchor(daemon, false).await {
            tracing::warn!(%failure, "the anchor of the audit log stays where it is");
        }
    };
    if tokio::time::timeout(LAST_MOVE, moving).await.is_err() {
        tracing::warn!("spooled calls wait for the next start");
    }
}

fn tell(result: Result<(), Failure>, fails: &mut bool, what: &str) {
    match result {
        Ok(()) if std::mem::take(fails) => tracing::info!("it is possible again to {what}"),
        Ok(()) => {}
        Err(failure) => {
            if !std::mem::replace(fails, true) {
                tracing::error!(%failure, reason = failure.reason, "cannot {what}; trying again");
            }
        }
    }
}

/// Runs work on files where it holds up nobody.
async fn on_disk<T, E>(
    daemon: &Arc<Daemon>,
    work: impl FnOnce(&Daemon) -> Result<T, E> + Send + 'static,
) -> Result<T, Failure>
where
    T: Send + 'static,
    E: Into<Failure> + Send + 'static,
{
    let daemon = Arc::clone(daemon);
    match tokio::task::spawn_blocking(move || work(&daemon)).await {
        Ok(result) => result.map_err(Into::into),
        Err(error) => Err(Failure::new(Kind::Internal, "PANIC", error.to_string())),
    }
}

async fn move_spool(
    daemon: &Arc<Daemon>,
    seal_polls: bool,
    look_for_others: bool,
) -> Result<(), Failure> {
    let segments = on_disk(daemon, move |daemon| {
        daemon.spool.seal(Lane::Calls)?;
        if seal_polls {
            daemon.spool.seal(Lane::Polls)?;
        }
        daemon.spool.segments()
    })
    .await?;
    for segment in segments {
        move_segment(daemon, segment).await?;
    }
    if look_for_others {
        for left in on_disk(daemon, |daemon| daemon.spool.abandoned()).await? {
            for segment in left.segments()? {
                move_segment(daemon, segment).await?;
            }
            left.remove()?;
        }
    }
    Ok(())
}

/// Moves one file's calls. A daemon that dies before the file is removed moves them again, and they are taken once: the same
/// file always gives the same records, each with a name of its own.
async fn move_segment(daemon: &Arc<Daemon>, segment: Segment) -> Result<(), Failure> {
    let (read, lane) = (segment.clone(), segment.lane);
    let mut calls = on_disk(daemon, move |daemon| daemon.spool.read(&read)).await?;
    if lane == Lane::Polls {
        calls = collapsed(calls);
    }
    let store = &daemon.store;
    store.insert_spooled_calls(segment.daemon, &calls).await?;
    on_disk(daemon, move |daemon| -> Result<(), SpoolError> {
        daemon.spool.remove(&segment)
    })
    .await
}

/// Moves the anchor on to the last record that was seen, if what it held still is in the log.
async fn move_anchor(daemon: &Arc<Daemon>, look: bool) -> Result<(), Failure> {
    let seen = *daemon.store.audit_seen().borrow();
    let anchor = on_disk(daemon, |daemon| daemon.anchor.read()).await?;
    if seen.number <= anchor.number && !look {
        return Ok(());
    }
    let stored = daemon.store.audit_record(anchor.number).await?;
    if stored != Some(anchor) {
        return Err(lost(daemon, anchor));
    }
    on_disk(daemon, move |daemon| daemon.anchor.advance(seen)).await
}

fn lost(daemon: &Daemon, anchor: Head) -> Failure {
    Failure::new(
        Kind::DataLoss,
        "AUDIT_LOG_DAMAGED",
        format!(
            "record {} of the audit log, which this daemon has seen, is missing or another",
            anchor.number
        ),
    )
    .with_hint(format!(
        "VerifyAudit says what is wrong; where the control store was replaced on purpose, remove {}",
        daemon.anchor.path().display()
    ))
}

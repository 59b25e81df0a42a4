//! The watch on a crew: how far each of its sessions is and for whom it waits, told in the operation's progress.
//!
//! It looks on a connection of its own. That it cannot look is no failure of the work.

use std::{convert::Infallible, time::Duration};

use super::crew::{Craft, Crew};
use crate::{
    model::failure::Failure,
    ops::runner::job::Job,
    postgres::{
        error::PostgresError,
        locks,
        session::Session,
        work_progress::{self, WorkProgress},
    },
};

const LONGEST_INTERVAL: Duration = Duration::from_millis(500);

/// Looks again and again; never ends.
pub(super) async fn watch<C: Craft>(crew: &Crew<C>, job: &Job) -> Infallible {
    // No wait for a lock should pass unseen.
    let interval =
        (crew.craft.lock_timeout() / 4).clamp(Duration::from_millis(20), LONGEST_INTERVAL);
    let mut session = None;
    loop {
        tokio::time::sleep(interval).await;
        if let Err(error) = look(crew, job, &mut session).await {
            let failure = Failure::from(error);
            tracing::debug!(%failure, "cannot see how far the work is");
            session = None;
        }
    }
}

async fn look<C: Craft>(
    crew: &Crew<C>,
    job: &Job,
    session: &mut Option<Session>,
) -> Result<(), PostgresError> {
    let session = match session {
        Some(session) => session,
        None => session.insert(crew.watcher().await?),
    };
    let backends: Vec<i32> = crew.running().keys().copied().collect();
    let progress = work_progress::progress(session, &backends).await?;
    for waiting in work_progress::waiting(session, &backends).await? {
        let blockers = locks::blockers(session, waiting).await?.join(", ");
        if let Some(running) = crew.running().get_mut(&waiting)
            && !blockers.is_empty()
        {
            running.blocked_by = blockers;
        }
    }
    let (mut lines, mut in_work) = (Vec::new(), 0);
    for (backend, running) in crew.running().iter() {
        let name = C::name(&running.piece);
        let Some(progress) = progress.get(backend) else {
            lines.push(if running.blocked_by.is_empty() {
                name
            } else {
                format!("{name}: waits for {}", running.blocked_by)
            });
            continue;
        };
        let part = C::part(
            &running.piece,
            &progress.phase,
            progress.part.unwrap_or_default(),
        );
        in_work += share(C::bytes(&running.piece), part);
        lines.push(format!("{name}: {}", phase(progress)));
    }
    crew.count(job, in_work);
    job.say(lines.join("; "));
    Ok(())
}

/// `vacuuming heap 63 %`.
fn phase(progress: &WorkProgress) -> String {
    match progress.part {
        Some(part) => format!("{} {:.0} %", progress.phase, part * 100.0),
        None => progress.phase.clone(),
    }
}

/// A part of a number of bytes; an estimate, in which fractions do not matter.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
fn share(bytes: u64, part: f64) -> u64 {
    (bytes as f64 * part.clamp(0.0, 1.0)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_reads_with_its_part_where_the_server_counts_it() {
        let progress = |part| WorkProgress {
            phase: "vacuuming heap".to_owned(),
            part,
        };
        assert_eq!(phase(&progress(Some(0.634))), "vacuuming heap 63 %");
        assert_eq!(phase(&progress(None)), "vacuuming heap");
        assert_eq!(share(1000, 0.5), 500);
        assert_eq!(share(1000, 7.0), 1000);
    }
}

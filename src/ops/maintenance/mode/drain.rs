//! The drain: sessions may finish the transaction that they are in; who is between two transactions is ended.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::{
    model::{failure::Failure, maintenance::OtherSession},
    ops::{daemon::Managed, runner::job::Job},
    postgres::{others, session::Session},
};

const POLL: Duration = Duration::from_millis(250);

/// So many of those who are still there are named in the progress.
const NAMED: usize = 5;

/// Waits until everybody has left who can be made to, or until the time is up. Gives how many were ended. Nothing is undone
/// when this is dropped.
pub(super) async fn drain(
    managed: &Managed,
    job: &Job,
    session: &Session,
    until: DateTime<Utc>,
) -> Result<u32, Failure> {
    let database = managed.database.server_name();
    let roles = managed.database.roles();
    let mut ended = 0;
    loop {
        ended += others::end_idle(session, database, &roles).await?;
        let left = others::left(session, database, &roles).await?;
        job.count(ended.into(), u64::from(ended + left), "sessions");
        if left == 0 || Utc::now() >= until {
            job.say("");
            return Ok(ended);
        }
        let (_, sessions) = others::sessions(session, database, &roles).await?;
        job.say(waits_for(left, &sessions));
        tokio::time::sleep(POLL).await;
    }
}

/// Who is waited for.
fn waits_for(left: u32, sessions: &[OtherSession]) -> String {
    let named: Vec<String> = sessions
        .iter()
        .take(NAMED)
        .map(ToString::to_string)
        .collect();
    let noun = if left == 1 { "session" } else { "sessions" };
    format!("waits for {left} {noun}: {}", named.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_are_still_there_are_told_with_what_they_do() {
        let session = |pid| OtherSession {
            pid,
            role: "shop".to_owned(),
            application: "psql".to_owned(),
            state: "idle in transaction".to_owned(),
            since: DateTime::from_timestamp(3_661, 0),
        };
        let sessions: Vec<OtherSession> = (1..=7).map(session).collect();
        let text = waits_for(7, &sessions);
        assert!(text.starts_with(
            "waits for 7 sessions: process 1 of shop (psql) idle in transaction since 01:01:01Z; process 2"
        ));
        assert!(text.contains("process 5") && !text.contains("process 6"));
    }
}
